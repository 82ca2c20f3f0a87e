"""Neither key nor token stands where others can read: not in SQL, the log, the activity, a dump."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from isolation.walled import (
    NORTH,
    Connection,
    Walled,
    connected,
    dump,
    enter,
    entered,
    make_application,
    rolled_back,
    token,
    wall_of,
)
from mcpdb import Tenant
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.operate import apply_wall, rotate_keys
from servers import Cluster, Fresh, fresh_database


def _forms(secret: bytes) -> Generator[str]:
    """As it could be written somewhere."""
    yield secret.hex()
    yield repr(secret)[2:-1]
    yield "".join(f"\\{byte:03o}" for byte in secret)


def _free_of(text: str, *, keys: list[str], tokens: list[bytes]) -> bool:
    parts = [key.split("-", 3)[3] for key in keys]
    return not any(
        form in text for form in [*parts, *(form for each in tokens for form in _forms(each))]
    )


async def test_the_plan_and_its_statements_hold_no_key(unwalled: Fresh) -> None:
    async with connected(unwalled.dsn()) as admin:
        applied = await apply_wall(admin, wall_of(unwalled))
    assert applied.key is not None
    assert _free_of(applied.plan.sql + repr(applied), keys=[applied.key], tokens=[])
    assert "mcpdb-key-" not in applied.plan.sql.replace("'mcpdb-key-' ||", "")


async def test_neither_activity_nor_prepared_statements_show_the_token(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    parameters = token(walled.sealed(), Tenant.of(NORTH), app, walled.name)
    query = "SELECT query FROM pg_stat_activity WHERE pid = $1"
    async with rolled_back(app):
        await enter(app, parameters)
        shown = await superuser.fetchval(query, app.get_server_pid())
        assert "mcpdb.enter($1" in shown
        prepared = await app.fetch("SELECT statement FROM pg_prepared_statements")
    texts = shown + "".join(row[0] for row in prepared)
    assert _free_of(texts, keys=[walled.key], tokens=[parameters["mcpdb_token"]])
    assert NORTH not in texts


async def test_an_ordinary_dump_leaves_the_keys_out_when_told_to(
    own_walled: Walled,
) -> None:
    async with connected(own_walled.superuser_dsn) as superuser:
        pads = await superuser.fetch(
            "SELECT encode(ipad, 'hex'), encode(opad, 'hex') FROM mcpdb.keys"
        )
    secrets = [pad for row in pads for pad in row]
    assert len(secrets) == 4
    fresh = own_walled.fresh
    whole = await dump(fresh, name=own_walled.name)
    assert all(pad in whole for pad in secrets)  # which is why it has to be told
    without = await dump(fresh, "--exclude-table-data=mcpdb.keys", name=own_walled.name)
    assert not any(pad in without for pad in secrets)
    assert "CREATE TABLE mcpdb.keys" in without


@asynccontextmanager
async def _logging(folder: Path, **settings: str) -> AsyncGenerator[tuple[Fresh, Path]]:
    """A database of a server of its own, and the server's log."""
    usual = {"fsync": "off", "logging_collector": "off"}
    async with EmbeddedPostgres(folder, settings=usual | settings) as server:
        cluster = await Cluster.of(server)
        async with fresh_database(cluster) as fresh:
            yield fresh, folder


def _log(folder: Path) -> str:
    logs = [path for path in folder.rglob("*log*") if path.is_file() and path.suffix != ".sql"]
    return "\n".join(path.read_text(errors="replace") for path in logs if "pg_wal" not in str(path))


@pytest.fixture
def folder() -> Generator[Path]:
    """Beside pytest's own, which the server's system user may not pass."""
    made = Path(tempfile.mkdtemp(prefix="mcpdb-log-"))
    yield made
    shutil.rmtree(made)


_ALL = {"log_statement": "all", "log_min_duration_statement": "0", "log_min_messages": "debug1"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("settings", "may_log_tokens"),
    [
        ({}, False),
        (_ALL | {"log_parameter_max_length": "0"}, False),
        (
            _ALL | {"log_parameter_max_length": "-1", "log_parameter_max_length_on_error": "-1"},
            True,
        ),
    ],
    ids=["defaults", "statements", "parameters"],
)
async def test_the_servers_log_holds_no_secret(
    folder: Path, settings: dict[str, str], may_log_tokens: bool
) -> None:
    tokens: list[bytes] = []
    async with _logging(folder / "data", **settings) as (fresh, place):
        await make_application(fresh)
        async with connected(fresh.dsn()) as admin:
            applied = await apply_wall(admin, wall_of(fresh))
            assert applied.key is not None
            keys = [applied.key, await rotate_keys(admin, overlap_s=60)]
        walled = Walled(fresh, fresh.name, keys[1])
        async with connected(walled.dsn()) as app:
            parameters = token(walled.sealed(), Tenant.of(NORTH), app, fresh.name)
            tokens.append(parameters["mcpdb_token"])
            async with rolled_back(app):
                await enter(app, parameters)
                await app.fetch("SELECT count(*) FROM shop.orders")
            async with entered(walled, app, NORTH):
                with pytest.raises(Exception, match="division"):
                    await app.fetch("SELECT 1 / 0")
        log = await asyncio.to_thread(_log, place)
    assert _free_of(log, keys=keys, tokens=[])
    if settings:
        assert "mcpdb.enter($1" in log
        assert "new_key" in log
        assert not re.search(r"mcpdb-key-\d+-[A-Za-z0-9_-]{20}", log)
    else:
        assert "mcpdb.enter" not in log
        assert "division by zero" in log
    if may_log_tokens:  # documented: parameters are logged by whoever turns that on
        assert tokens[0].hex() in log
    else:
        assert _free_of(log, keys=[], tokens=tokens)
