"""What the commands do: have a seeded database at hand, serve it, show it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import asyncpg

from mcpdb import ConfigurationError, Server, TenancyProvider
from mcpdb.embedded import EmbeddedPostgres
from zava.access import APP_ROLE, SQL_ROLE
from zava.app import embeddings, make_server
from zava.fill import Progress
from zava.generate import Plan
from zava.key import kept_key
from zava.load import Seeded, SeedInfo, seed, seeded, without_wall
from zava.upgrade import bring_up_to_date

Bars: TypeAlias = Callable[[], AbstractContextManager[Progress]]
"""Shows the progress of a seeding while it lasts."""

DATABASE: Final = "zava"
_LOCK: Final = 0x7A6B6579  # held from looking at a folder's data to having their key
# Dirty pages of a seed are written once; more memory for them than PostgreSQL's default helps.
_SETTINGS: Final = {"shared_buffers": "256MB", "max_wal_size": "2GB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the data are: in a folder with an embedded PostgreSQL, or on a server of the user's.

    Attributes:
        data: The folder.
        dsn: Of the server: with its administrator to seed, and with `zava_app` to serve.
        key: To serve what is at `dsn`. A folder holds its own.
        sql_dsn: To serve what is at `dsn` with a tool for SQL: with `zava_sql`.

    Raises:
        ConfigurationError: Neither is named, or both are.
    """

    data: Path | None
    dsn: str | None
    key: str | None = field(default=None, repr=False)
    sql_dsn: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.sql_dsn is not None and self.dsn is None:
            raise ConfigurationError("--sql-dsn is for --dsn: a folder has its own.")
        if (self.data is None) == (self.dsn is None):
            raise ConfigurationError("Say where the data are: either --data FOLDER or --dsn URL.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A database that can be served: the DSNs of the server's logins, and the server's key."""

    dsn: str = field(repr=False)  # there may be a password in it
    key: str = field(repr=False)
    sql_dsn: str | None = field(default=None, repr=False)


def cluster_folder(data: Path) -> Path:
    """Where in the data folder the embedded PostgreSQL is."""
    return data / "postgres"


async def seed_place(place: Place, plan: Plan, *, replace: bool, bars: Bars) -> Seeded:
    """Seed what is at this place, unless it holds what is asked for.

    Raises:
        ConfigurationError: It holds something else, or the login may not seed.
    """
    if place.dsn is None:
        async with _embedded(place) as (postgres, data):
            admin = await _database(postgres)
            return await _filled(admin, data, plan, replace=replace, bars=bars)
    async with _connected(place.dsn) as connection:
        return await _seed(connection, plan, replace=replace, bars=bars)


@asynccontextmanager
async def seeded_place(place: Place, plan: Plan | None, *, bars: Bars) -> AsyncGenerator[Ready]:
    """A database that is ready to be served; a folder is seeded first where it is empty.

    Args:
        place: Where.
        plan: What it must hold. None: whatever it holds, or else the full data.
        bars: Of the seeding.

    Raises:
        ConfigurationError: It holds something else than the plan, or the DSN is not of the
            server's login or not of a seeded database, or comes without a key.
    """
    if place.dsn is not None:
        if plan is not None:
            raise ConfigurationError("--size is for --data: a --dsn is served as it was seeded.")
        yield await _servable(place.dsn, place.key, sql_dsn=place.sql_dsn)
        return
    async with _embedded(place) as (postgres, data):
        found = await _filled(await _database(postgres), data, plan, replace=False, bars=bars)
        assert found.key is not None
        yield Ready(
            dsn=postgres.dsn(database=DATABASE, user=APP_ROLE),
            key=found.key,
            sql_dsn=postgres.dsn(database=DATABASE, user=SQL_ROLE),
        )


async def serve(
    ready: Ready, tenancy: TenancyProvider, transport: Literal["stdio", "http"], *, port: int
) -> None:
    """Serve until the client leaves or a signal asks to stop."""
    server = make_server(ready.dsn, key=ready.key, tenancy=tenancy, sql_dsn=ready.sql_dsn)
    await server.serve(transport, port=port)


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
async def _embedded(place: Place) -> AsyncGenerator[tuple[EmbeddedPostgres, Path]]:
    assert place.data is not None
    async with EmbeddedPostgres(cluster_folder(place.data), settings=_SETTINGS) as postgres:
        yield postgres, place.data


async def _database(postgres: EmbeddedPostgres) -> str:
    """The superuser's DSN of the database, which is made if missing."""
    async with _connected(postgres.dsn(database="postgres")) as admin:
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await admin.execute(f"CREATE DATABASE {DATABASE}")
    return postgres.dsn(database=DATABASE)


async def _servable(dsn: str, key: str | None, *, sql_dsn: str | None) -> Ready:
    """Refuse a login that the policies do not hold, such as the one that has seeded."""
    if key is None:
        raise ConfigurationError(
            "Serving a --dsn needs the key of its database in the environment, as ZAVA_KEY.",
            hint="`zava seed --dsn` has printed it. To get a new one, run `mcpdb isolation "
            "rotate-keys --dsn ...` as the administrator.",
        )
    async with _connected(dsn) as connection:
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
        if not await connection.fetchval("SELECT to_regnamespace('mcpdb') IS NOT NULL"):
            raise without_wall()
    if sql_dsn is not None:
        async with _connected(sql_dsn) as connection:
            login = await connection.fetchval("SELECT session_user::text")
        if login != SQL_ROLE:
            raise ConfigurationError(
                f"SQL of a model runs as {SQL_ROLE}, which may read nothing by itself.",
                hint=f"Give a --sql-dsn with the user {SQL_ROLE}.",
            )
    return Ready(dsn=dsn, key=key, sql_dsn=sql_dsn)


async def _filled(
    admin_dsn: str, data: Path, plan: Plan | None, *, replace: bool, bars: Bars
) -> Seeded:
    """What is in the folder, seeded where it is empty, with the key that fits."""
    async with _connected(admin_dsn) as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)  # until it is closed
        info = None if plan is not None else await _complete(connection)
        made: str | None = None
        if info is not None:
            await bring_up_to_date(connection)
        else:
            done = await _seed(connection, plan or Plan(), replace=replace, bars=bars)
            info, made = done.info, done.key
        return Seeded(info=info, key=await kept_key(connection, data, made=made))


async def _complete(connection: asyncpg.Connection) -> SeedInfo | None:
    found = await seeded(connection)
    if found is not None and found.embedding_provider != embeddings().name:
        raise ConfigurationError(
            f"The data were embedded by {found.embedding_provider}, "
            f"and questions would be by {embeddings().name}.",
            hint="Seed again with `zava seed --replace`.",
        )
    return found


async def _seed(connection: asyncpg.Connection, plan: Plan, *, replace: bool, bars: Bars) -> Seeded:
    with bars() as progress:
        return await seed(
            connection, plan, embeddings=embeddings(), replace=replace, progress=progress
        )


@asynccontextmanager
async def _connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    plain = dsn.replace("postgresql+asyncpg://", "postgresql://", 1)
    try:
        connection = await asyncpg.connect(plain, timeout=10)
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
    try:
        yield connection
    finally:
        await connection.close()
