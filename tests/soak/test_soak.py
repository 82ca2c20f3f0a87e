"""The soak in small: the same crowd, in seconds."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from mcpdb.embedded import EmbeddedPostgres
from mcpdb.isolation import Sealed
from poolers import pgbouncer
from servers import Cluster, Fresh, fresh_database
from soak.crowd import EACH, TENANTS, make_database, make_server, plain_entries, soak
from soak.mutant import SessionSetting, committing

ROWS = 300_000


@pytest.fixture
async def walled(postgres: EmbeddedPostgres) -> AsyncGenerator[tuple[Fresh, str]]:
    """A database, and the server's key to it."""
    async with fresh_database(await Cluster.of(postgres)) as database:
        connection = await asyncpg.connect(database.dsn())
        app, keeper = database.role("app"), database.role("keeper")
        key = await make_database(connection, app=app, keeper=keeper)
        await connection.execute(f"GRANT SELECT ON plain_entries TO {database.admin}")
        await connection.close()
        yield database, key


@asynccontextmanager
async def way(database: Fresh, user: str, folder: Path, *, pooled: bool) -> AsyncGenerator[str]:
    """A DSN, direct or through PgBouncer with two server connections."""
    if not pooled:
        yield database.dsn(user)
        return
    cluster = database.cluster
    async with pgbouncer(
        socket_dir_or_host=cluster.socket_dir,
        port=cluster.port,
        databases={"soaked": database.name},
        folder=folder,
    ) as pooler:
        yield pooler.dsn("soaked", user)


@pytest.mark.parametrize("single_flight", [False, True], ids=["three waits", "single flight"])
@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pgbouncer"])
async def test_no_tenant_sees_a_row_of_another(
    walled: tuple[Fresh, str], tmp_path: Path, *, pooled: bool, single_flight: bool
) -> None:
    database, key = walled
    async with way(database, database.role("app"), tmp_path, pooled=pooled) as dsn:
        sealed = Sealed(key=key)
        server = make_server(dsn, sealed, pooler=pooled, single_flight=single_flight)
        outcome = await soak(server, rows=ROWS)
    assert (outcome.wrong, outcome.errors) == ([], [])
    assert outcome.rows >= ROWS
    assert outcome.calls * EACH == outcome.rows
    assert outcome.cancelled >= len(TENANTS), "calls are cut off, or nothing is shown"


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pgbouncer"])
async def test_the_soak_sees_a_setting_of_the_session(
    walled: tuple[Fresh, str], tmp_path: Path, *, pooled: bool
) -> None:
    database, _ = walled
    mutant = SessionSetting()
    async with way(database, database.admin, tmp_path, pooled=pooled) as dsn:
        with committing():
            server = make_server(dsn, mutant, pooler=pooled, table=plain_entries)
            outcome = await soak(server, rows=ROWS)
    assert "foreign" in outcome.wrong
