"""One PostgreSQL for the whole run, shared by its processes; one database for each test."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from mcpdb.embedded import EmbeddedPostgres
from shop import APP_ROLE, make_shop

_TEMPLATE = "shop_template"
_LOCK = 7_225_001


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncGenerator[EmbeddedPostgres]:
    """The server. Processes of one run find the same folder, and so share it.

    Not within pytest's own folder: another run of the same user closes that to others as it
    starts, and so to the server's system user.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    folder = Path(tempfile.gettempdir()) / f"mcpdb-tests-{run}"
    settings = {"fsync": "off", "max_connections": "300", "shared_buffers": "64MB"}
    async with EmbeddedPostgres(folder, settings=settings) as server:
        yield server
    if not (folder / "cluster" / "postmaster.pid").exists():  # the last of the run's processes
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop_template(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the shop of `shop.py`, to be cloned."""
    admin = await asyncpg.connect(_plain(postgres.dsn(database="postgres")))
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        exists = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _TEMPLATE)
        if not exists:
            building = f"{_TEMPLATE}_building"
            await admin.execute(f"DROP DATABASE IF EXISTS {building}")
            await admin.execute(f"CREATE DATABASE {building}")
            await make_shop(_plain(postgres.dsn(database=building)))
            await admin.execute(f"ALTER DATABASE {building} RENAME TO {_TEMPLATE}")
    finally:
        await admin.close()  # and so the lock
    return _TEMPLATE


@pytest.fixture
async def shop(
    postgres: EmbeddedPostgres, shop_template: str
) -> AsyncGenerator[Callable[..., str]]:
    """A fresh database of the shop: call it for a DSN, by default of the server's login role."""
    name = f"t_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(_plain(postgres.dsn(database="postgres")))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {shop_template}")

    def dsn(user: str = APP_ROLE) -> str:
        return postgres.dsn(database=name, user=user)

    yield dsn
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def admin(shop: Callable[..., str]) -> AsyncGenerator[asyncpg.Connection]:
    """A superuser's connection to the test's database: the truth that tests compare with."""
    connection = await asyncpg.connect(_plain(shop(user="postgres")))
    yield connection
    await connection.close()


@pytest.fixture
def still_running(admin: asyncpg.Connection) -> Callable[[], Awaitable[int]]:
    """How many of the server's backends run something at this moment in the test's database."""

    async def count() -> int:
        found = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = $1 AND state <> 'idle'",
            APP_ROLE,
        )
        return int(found)

    return count


def _plain(dsn: str) -> str:
    return dsn.replace("postgresql+asyncpg://", "postgresql://", 1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the developer's environment reaches a test."""
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "no-pgpass"))
