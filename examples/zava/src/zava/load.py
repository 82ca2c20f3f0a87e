"""Seeding: schema, rows, indexes and the wall in one transaction, so that a database holds either
all of it or nothing, and an interrupted seed is repaired by the next one."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import asyncpg

from mcpdb import ConfigurationError, DatabaseUnavailable, EmbeddingProvider
from mcpdb.operate import apply_wall
from zava import tables
from zava.access import KEEPER, LOADER, WALL, role_statements
from zava.catalogue import load_catalogue, load_company
from zava.fill import Job, Progress, fill
from zava.generate import GENERATOR_VERSION, Plan
from zava.upgrade import bring_up_to_date

_LOCK: Final = 0x7A617661  # "zava": any number that nothing else in this database locks
_OLDEST_SERVER: Final = 16
_SETTINGS: Final = (
    "SET LOCAL search_path = pg_catalog, public, pg_temp",
    # A seed takes its time; whoever started it can cancel it.
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL maintenance_work_mem = '128MB'",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedInfo:
    """What the data in a database were made from."""

    size: str
    seed: int
    until: date
    catalogue_sha256: str
    embedding_provider: str
    embedding_dimensions: int
    generator_version: int
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """A database that holds what was asked for.

    Attributes:
        info: What its data were made from.
        key: The server's key, where the wall is new. It cannot be asked for again.
    """

    info: SeedInfo
    key: str | None = field(default=None, repr=False)


_LOOK: Final = """
SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = 'retail' AND relname = 'seed_info') AS is_seeded,
  (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'mcpdb') AS keeper
"""


async def seeded(connection: asyncpg.Connection) -> SeedInfo | None:
    """What the database holds; None where it was not seeded.

    Args:
        connection: Of the login that seeded, or a superuser.

    Raises:
        ConfigurationError: The login may not look, or the data have no wall.
    """
    is_seeded, keeper = await connection.fetchrow(_LOOK) or (False, None)
    if not is_seeded:
        return None
    if keeper is None:
        raise without_wall()
    # Rolled back, so that the role is what it was before, also within a transaction.
    transaction = connection.transaction()
    async with _watched(connection):
        await transaction.start()
        try:
            await connection.execute(f"SET LOCAL ROLE {LOADER}")
            row = await connection.fetchrow("SELECT * FROM retail.seed_info")
        finally:
            await transaction.rollback()
    assert row is not None
    return SeedInfo(**{name: value for name, value in row.items() if name != "only_row"})


def without_wall() -> ConfigurationError:
    """The error of data in which nothing keeps the stores apart as this release does."""
    return ConfigurationError(
        "This database holds Zava without a wall: an earlier release has seeded it, or the wall "
        "was taken down.",
        hint="Seed again with `zava seed --replace`.",
    )


async def seed(
    connection: asyncpg.Connection,
    plan: Plan,
    *,
    embeddings: EmbeddingProvider,
    replace: bool = False,
    progress: Progress = lambda _step, _done, _total: None,
) -> Seeded:
    """Fill the database, unless it already holds what is asked for.

    Everything happens in one transaction. A second seed at the same time waits, and then finds
    the work done.

    Args:
        connection: Of a superuser, or of a role with CREATEROLE that owns the database, where the
            extension `vector` exists. Not within a transaction.
        plan: What to generate.
        embeddings: Makes the vectors of the products. Not opened or closed here.
        replace: Drop what was seeded before, and seed again. A wall and its key stay.
        progress: Called often, from the event loop; an exception in it ends the seeding.

    Raises:
        ConfigurationError: The database holds something else than is asked for, the login may not
            seed, or the server is not fit for it.
        DatabaseUnavailable: The connection was lost; the database holds all or nothing of it.
        EmbeddingsUnavailable: The provider cannot be reached; the database is as it was.
    """
    if connection.is_in_transaction():
        raise ConfigurationError("Seeding needs a connection that is not within a transaction.")
    async with _watched(connection), connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        is_seeded, keeper = await connection.fetchrow(_LOOK) or (False, None)
        if keeper not in {None, KEEPER}:
            raise ConfigurationError(
                "The database has a wall that is not Zava's.", hint="Use another database."
            )
        found = None if replace else await seeded(connection)
        if found is not None:
            _require_same(found, plan, embeddings)
            await bring_up_to_date(connection)
            return Seeded(info=found)
        await _prepare(connection, dimensions=embeddings.dimensions, drop=is_seeded)
        job = Job(
            connection=connection,
            plan=plan,
            catalogue=plan.catalogue or load_catalogue(),
            until=plan.until or await connection.fetchval("SELECT current_date"),
            company=load_company(),
            embeddings=embeddings,
            progress=progress,
        )
        await fill(job)
        key = await _finish(job)
        info = await seeded(connection)
    assert info is not None
    return Seeded(info=info, key=key)


@asynccontextmanager
async def _watched(connection: asyncpg.Connection) -> AsyncGenerator[None]:
    """End the body when the connection is lost, and turn driver errors into ours.

    asyncpg notices the loss, but a COPY that waits for the socket to take more waits on for ever.
    """
    lost = asyncio.timeout(None)

    def stop(_connection: object) -> None:
        with suppress(RuntimeError):  # it is called a turn later, when the body may have ended
            lost.reschedule(0)

    connection.add_termination_listener(stop)
    try:
        async with lost:
            yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            f"The login lacks a privilege: {error.args[0]}.",
            hint="Seed as a superuser, or as a role with CREATEROLE that owns the database.",
            detail=str(error),
        ) from error
    except Exception as error:
        # What is raised then depends on what asyncpg was just doing.
        if not connection.is_closed():
            raise
        raise DatabaseUnavailable(
            "The connection to PostgreSQL was lost. Seed again: nothing is half done.",
            detail=repr(error),
        ) from error
    finally:
        connection.remove_termination_listener(stop)


def _require_same(found: SeedInfo, plan: Plan, embeddings: EmbeddingProvider) -> None:
    asked: dict[str, object] = {
        "size": plan.size,
        "seed": plan.seed,
        "embedding_provider": embeddings.name,
        "embedding_dimensions": embeddings.dimensions,
    }
    if plan.until is not None:
        asked["until"] = plan.until
    if plan.catalogue is not None:
        asked["catalogue_sha256"] = plan.catalogue.sha256
    differences = [
        f"{name} {getattr(found, name)} instead of {value}"
        for name, value in asked.items()
        if getattr(found, name) != value
    ]
    if differences:
        raise ConfigurationError(
            f"The database holds other data than asked for: {', '.join(differences)}.",
            hint="Use another folder with --data, or another database, or `zava seed --replace`,"
            " which drops the schema retail and seeds again.",
        )


async def _prepare(connection: asyncpg.Connection, *, dimensions: int, drop: bool) -> None:
    """Roles, and the tables without rows; from here on the transaction runs as their owner."""
    if connection.get_server_version() < (_OLDEST_SERVER,):
        raise ConfigurationError(f"Zava needs PostgreSQL {_OLDEST_SERVER} or newer.")
    await _run(connection, _SETTINGS)
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    except (asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError) as error:
        raise ConfigurationError(
            "The database lacks the extension vector (pgvector).",
            hint="Install it on the server, and let a superuser CREATE EXTENSION vector here.",
            detail=str(error),
        ) from error
    schema = await connection.fetchval(
        "SELECT nspname FROM pg_namespace n JOIN pg_extension ON extnamespace = n.oid"
        " WHERE extname = 'vector'"
    )
    if schema != "public":
        raise ConfigurationError(
            f"The extension vector is in the schema {schema}.",
            hint="Zava's login looks for it in public: ALTER EXTENSION vector SET SCHEMA public.",
        )
    await _run(connection, role_statements())
    if drop:
        await _run(
            connection,
            ("SET LOCAL ROLE zava_owner", "DROP SCHEMA retail CASCADE", "RESET ROLE"),
        )
    try:
        await connection.execute("CREATE SCHEMA retail AUTHORIZATION zava_owner")
    except asyncpg.DuplicateSchemaError as error:
        raise ConfigurationError(
            "The database has a schema retail that is not Zava's.", hint="Use another database."
        ) from error
    await connection.execute("SET LOCAL ROLE zava_owner")
    await _run(connection, tables.create_tables(dimensions=dimensions))


async def _finish(job: Job) -> str | None:
    """Mark the seed, give the planner its statistics, and close the tables to all but the app.

    Returns the server's key, where the wall is new.
    """
    await job.connection.execute(
        "INSERT INTO retail.seed_info VALUES (true, $1, $2, $3, $4, $5, $6, $7, clock_timestamp())",
        job.plan.size,
        job.plan.seed,
        job.until,
        job.catalogue.sha256,
        job.embeddings.name,
        job.embeddings.dimensions,
        GENERATOR_VERSION,
    )
    names = [str(table) for table in tables.metadata.sorted_tables]
    await _run(job.connection, [f"ANALYZE {name}" for name in names])
    # Before the wall, so that whoever it does not name sees nothing, as long as the tables stand.
    for flag in ("ENABLE", "FORCE"):
        await _run(
            job.connection, [f"ALTER TABLE {name} {flag} ROW LEVEL SECURITY" for name in names]
        )
    await job.connection.execute("RESET ROLE")
    return (await apply_wall(job.connection, WALL)).key


async def _run(connection: asyncpg.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        await connection.execute(statement)
