"""Zava's small data set on the run's PostgreSQL: one database to read, clones of it to change."""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from datetime import date

import asyncpg
import pytest
import pytest_asyncio
from typing_extensions import override

from mcpdb import EmbeddingProvider, EmbeddingsUnavailable, HashedEmbeddings
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.embeddings import EmbeddingKind, Vector
from mcpdb.operate import apply_wall
from stores import Connect, CreateDatabase, key_of
from zava.access import WALL
from zava.generate import Plan
from zava.load import seed

_LOCK = 7_225_002
_DIMENSIONS = 16


@pytest.fixture(scope="session")
def plan() -> Plan:
    """What the databases of the tests hold."""
    return Plan(size="small", until=date(2026, 10, 31))


@pytest.fixture(scope="session")
def embeddings() -> HashedEmbeddings:
    return HashedEmbeddings(dimensions=_DIMENSIONS)


class _OutOfOrder(EmbeddingProvider):
    name = "out-of-order"
    dimensions = 8

    @override
    async def embed_batch(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:
        raise EmbeddingsUnavailable("The service does not answer.")


@pytest.fixture
def out_of_order() -> EmbeddingProvider:
    """A provider whose service does not answer."""
    return _OutOfOrder()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def zava_template(
    postgres: EmbeddedPostgres, plan: Plan, embeddings: HashedEmbeddings
) -> str:
    """The name of a seeded database to be cloned: nobody may stay connected to it."""
    admin = await _connect(postgres, "postgres", "postgres")
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        if not await _exists(admin, "zava_template"):
            await admin.execute("DROP DATABASE IF EXISTS zava_building")
            await admin.execute("CREATE DATABASE zava_building")
            connection = await _connect(postgres, "zava_building", "postgres")
            await seed(connection, plan, embeddings=embeddings)
            await connection.close()
            await admin.execute("ALTER DATABASE zava_building RENAME TO zava_template")
    finally:
        await admin.close()  # and so the lock
    return "zava_template"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def zava(postgres: EmbeddedPostgres, zava_template: str) -> str:
    """The name of a seeded database that all tests share, to be read only."""
    admin = await _connect(postgres, "postgres", "postgres")
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        if not await _exists(admin, "zava_shared"):
            await admin.execute("DROP DATABASE IF EXISTS zava_cloning")
            await admin.execute(f"CREATE DATABASE zava_cloning TEMPLATE {zava_template}")
            connection = await _connect(postgres, "zava_cloning", "postgres")
            await apply_wall(connection, WALL)  # a clone lacks the settings of its logins
            await connection.close()
            await admin.execute("ALTER DATABASE zava_cloning RENAME TO zava_shared")
    finally:
        await admin.close()
    return "zava_shared"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def key(postgres: EmbeddedPostgres, zava: str) -> str:
    """The key of the servers of the shared database, and of all clones of the template."""
    admin = await _connect(postgres, zava, "postgres")
    try:
        return await key_of(admin)
    finally:
        await admin.close()


@pytest.fixture
async def create_database(postgres: EmbeddedPostgres) -> AsyncGenerator[CreateDatabase]:
    """Call it for the name of a fresh database: empty, or a clone of a template."""
    admin = await _connect(postgres, "postgres", "postgres")
    names: list[str] = []

    async def create(template: str = "template1", *, owner: str = "postgres") -> str:
        name = f"z_{uuid.uuid4().hex}"
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}")
        names.append(name)
        return name

    yield create
    for name in names:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def empty(create_database: CreateDatabase) -> str:
    """The name of an empty database."""
    return await create_database()


@pytest.fixture
async def connect(
    postgres: EmbeddedPostgres,
    create_database: CreateDatabase,  # noqa: ARG001  # so that connections end before databases
) -> AsyncGenerator[Connect]:
    """Call it for a connection to a database, by default as the server's login."""
    async with AsyncExitStack() as stack:

        async def open_connection(database: str, user: str = "zava_app") -> asyncpg.Connection:
            connection = await _connect(postgres, database, user)
            stack.callback(connection.terminate)
            return connection

        yield open_connection


async def _connect(server: EmbeddedPostgres, database: str, user: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(server.socket_dir), port=server.port, database=database, user=user
    )


async def _exists(admin: asyncpg.Connection, database: str) -> bool:
    return bool(await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database))
