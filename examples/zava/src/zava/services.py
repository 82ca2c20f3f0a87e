"""What the commands do: have a seeded database at hand, serve it, show it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import asyncpg

from mcpdb import ConfigurationError, Server, TenancyProvider
from mcpdb.embedded import EmbeddedPostgres
from zava.access import APP_ROLE
from zava.app import embeddings, make_server
from zava.fill import Progress
from zava.generate import Plan
from zava.load import SeedInfo, seed, seeded

Bars: TypeAlias = Callable[[], AbstractContextManager[Progress]]
"""Shows the progress of a seeding while it lasts."""

DATABASE: Final = "zava"
# Dirty pages of a seed are written once; more memory for them than PostgreSQL's default helps.
_SETTINGS: Final = {"shared_buffers": "256MB", "max_wal_size": "2GB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the data are: in a folder with an embedded PostgreSQL, or on a server of the user's.

    Raises:
        ConfigurationError: Neither is named, or both are.
    """

    data: Path | None
    dsn: str | None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.dsn is None):
            raise ConfigurationError("Say where the data are: either --data FOLDER or --dsn URL.")


def cluster_folder(data: Path) -> Path:
    """Where in the data folder the embedded PostgreSQL is."""
    return data / "postgres"


async def seed_place(place: Place, plan: Plan, *, replace: bool, bars: Bars) -> SeedInfo:
    """Seed what is at this place, unless it holds what is asked for.

    Raises:
        ConfigurationError: It holds something else, or the login may not seed.
    """
    if place.dsn is not None:
        return await _seed(place.dsn, plan, replace=replace, bars=bars)
    async with _embedded(place) as postgres:
        return await _seed(await _database(postgres), plan, replace=replace, bars=bars)


@asynccontextmanager
async def seeded_place(place: Place, plan: Plan | None, *, bars: Bars) -> AsyncGenerator[str]:
    """A database that is ready to be served; a folder is seeded first where it is empty.

    Args:
        place: Where.
        plan: What it must hold. None: whatever it holds, or else the full data.
        bars: Of the seeding.

    Yields:
        The DSN of the server's login.

    Raises:
        ConfigurationError: It holds something else than the plan, or the DSN is not of the
            server's login or not of a seeded database.
    """
    if place.dsn is not None:
        if plan is not None:
            raise ConfigurationError("--size is for --data: a --dsn is served as it was seeded.")
        await _require_servable(place.dsn)
        yield place.dsn
        return
    async with _embedded(place) as postgres:
        admin = await _database(postgres)
        if plan is not None or not await _is_complete(admin):
            await _seed(admin, plan or Plan(), replace=False, bars=bars)
        yield postgres.dsn(database=DATABASE, user=APP_ROLE)


async def serve(
    dsn: str, tenancy: TenancyProvider, transport: Literal["stdio", "http"], *, port: int
) -> None:
    """Serve until the client leaves or a signal asks to stop."""
    await make_server(dsn, tenancy=tenancy).serve(transport, port=port)


@asynccontextmanager
async def serving(server: Server, *, port: int) -> AsyncGenerator["asyncio.Task[None]"]:
    """Serve over HTTP in the background, from when it takes connections to the end of the block."""
    task = asyncio.create_task(server.serve("http", port=port))
    try:
        await _until_listening(task, port)
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until_listening(task: "asyncio.Task[None]", port: int) -> None:
    while True:
        # First, so that a port that is taken is an error and not another program's answer.
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return


@asynccontextmanager
async def _embedded(place: Place) -> AsyncGenerator[EmbeddedPostgres]:
    assert place.data is not None
    async with EmbeddedPostgres(cluster_folder(place.data), settings=_SETTINGS) as postgres:
        yield postgres


async def _database(postgres: EmbeddedPostgres) -> str:
    """The superuser's DSN of the database, which is made if missing."""
    admin = await _connect(postgres.dsn(database="postgres"))
    try:
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await admin.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await admin.close()
    return postgres.dsn(database=DATABASE)


async def _require_servable(dsn: str) -> None:
    """Refuse a login that the policies do not hold, such as the one that has seeded."""
    connection = await _connect(dsn)
    try:
        login = await connection.fetchval("SELECT session_user::text")
        if login != APP_ROLE:
            raise ConfigurationError(
                f"The server logs in as {APP_ROLE}, for whom the policies are made.",
                hint=f"Give a --dsn with the user {APP_ROLE}.",
            )
        if not await connection.fetchval("SELECT to_regclass('retail.seed_info') IS NOT NULL"):
            raise ConfigurationError(
                "This database holds no Zava.", hint="Seed it first with `zava seed --dsn`."
            )
    finally:
        await connection.close()


async def _is_complete(admin_dsn: str) -> bool:
    connection = await _connect(admin_dsn)
    try:
        found = await seeded(connection)
    finally:
        await connection.close()
    if found is not None and found.embedding_provider != embeddings().name:
        raise ConfigurationError(
            f"The data were embedded by {found.embedding_provider}, "
            f"and questions would be by {embeddings().name}.",
            hint="Seed again with `zava seed --replace`.",
        )
    return found is not None


async def _seed(admin_dsn: str, plan: Plan, *, replace: bool, bars: Bars) -> SeedInfo:
    connection = await _connect(admin_dsn)
    try:
        with bars() as progress:
            return await seed(
                connection, plan, embeddings=embeddings(), replace=replace, progress=progress
            )
    finally:
        await connection.close()


async def _connect(dsn: str) -> asyncpg.Connection:
    plain = dsn.replace("postgresql+asyncpg://", "postgresql://", 1)
    try:
        return await asyncpg.connect(plain, timeout=10)
    except (
        OSError,
        TimeoutError,
        ValueError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ) as error:
        raise ConfigurationError(
            f"PostgreSQL does not answer as asked ({type(error).__name__}).",
            hint="Check the host, port, database, user and password of --dsn.",
            detail=str(error),
        ) from error
