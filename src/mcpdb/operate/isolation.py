"""Putting a wall up and taking it down again, changing its keys, and saying what would be done."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from mcpdb.errors import ConfigurationError, Unavailable
from mcpdb.isolation.plan import Plan, make_plan, make_removal
from mcpdb.isolation.script import LOCK, LOCK_TIMEOUT, Script
from mcpdb.isolation.snapshot import Snapshot, read
from mcpdb.isolation.state import noted
from mcpdb.isolation.wall import Wall, declared_tables
from mcpdb.operate.connect import Administrator, Connection, explained

_SEAL_S: Final = 60.0
_WAIT: Final = f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"
_NEW_KEY: Final = "SELECT mcpdb.new_key('enter')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was done.

    Attributes:
        plan: The statements that were run; none, where all was as declared.
        key: The server's key, where the wall is new. It cannot be asked for again.
    """

    plan: Plan
    key: str | None = field(repr=False)


async def plan_wall(connection: Connection, wall: Wall) -> Plan:
    """What `apply_wall` would do. Changes nothing.

    Args:
        connection: Of an administrator: the tables' owner with CREATEROLE, or a superuser.
        wall: The declaration.

    Raises:
        ConfigurationError: The login may not look.
    """
    async with _looking(connection):
        return make_plan(wall, await _snapshot(connection, wall))


async def apply_wall(connection: Connection, wall: Wall) -> Applied:
    """Add what is missing, all of it in one transaction, or a part of the one that is open.

    Done twice, it does nothing the second time.

    Raises:
        ConfigurationError: The declaration does not fit the database or does not say what is to
            become of a role, or the login lacks a privilege. Nothing was changed.
        Unavailable: A table was in use for too long. Nothing was changed.
    """
    with explained():
        async with connection.transaction(), _settings_kept(connection):
            await _alone(connection)
            plan = await plan_wall(connection, wall)
            if plan.refusals:
                raise ConfigurationError(
                    "The wall does not stand on this database as it is declared.\n"
                    + "\n".join(plan.refusals)
                )
            return Applied(plan=plan, key=await _run(connection, plan.statements))


async def plan_removal(connection: Connection) -> Plan:
    """What `remove_wall` would do. Changes nothing.

    Raises:
        ConfigurationError: The database has no wall.
    """
    async with _looking(connection):
        return make_removal(await _standing(connection))


async def remove_wall(connection: Connection) -> Plan:
    """Take away everything that the wall has added, in one transaction.

    Raises:
        ConfigurationError: The database has no wall, or the login lacks a privilege.
        Unavailable: A table was in use for too long. Nothing was changed.
    """
    with explained():
        async with connection.transaction(), _settings_kept(connection):
            await _alone(connection)
            plan = await plan_removal(connection)
            if plan.refusals:
                raise ConfigurationError(
                    "The wall cannot come down as the database is.\n" + "\n".join(plan.refusals)
                )
            await _run(connection, plan.statements)
            return plan


async def rotate_keys(connection: Connection, *, overlap_s: float) -> str:
    """Make new keys. Servers with the old one go on for a while, so that none has to stop.

    Args:
        connection: Of an administrator.
        overlap_s: Seconds for which the old key of servers is still good.

    Returns:
        The servers' new key. It cannot be asked for again.

    Raises:
        ConfigurationError: The database has no wall, or the login lacks a privilege.
    """
    if not 0 <= overlap_s <= 366 * 86_400:
        raise ConfigurationError("Keys overlap for 0 s to a year.")
    with explained():
        async with connection.transaction():
            async with _looking(connection):
                snapshot = await _standing(connection)
            key = await _run(connection, _rotation(snapshot, overlap_s))
    assert key is not None
    return key


def _rotation(snapshot: Snapshot, overlap_s: float) -> Sequence[str]:
    # A seal key is for transactions that run now, which are short; but it may be the one that has
    # become known, and then it ends with the other.
    def ends(purpose: str, after_s: float) -> str:
        return (
            "UPDATE mcpdb.keys SET not_after = least(not_after, clock_timestamp()"
            f" + interval '{after_s:f} s') WHERE purpose = '{purpose}'"
        )

    statements = [
        ends("seal", min(overlap_s, _SEAL_S)),
        ends("enter", overlap_s),
        "SELECT mcpdb.new_key('seal')",
        _NEW_KEY,
        # Last: a new key must not get the number of one that has just ended.
        "DELETE FROM mcpdb.keys WHERE not_after < clock_timestamp()",
    ]
    script = Script(snapshot)
    script.run(statements, role=snapshot.schema_owner)
    # Not behind a lock that any login could hold: keys are changed in a hurry at times.
    return script.finish(waits=False)


@asynccontextmanager
async def _looking(connection: Connection) -> AsyncGenerator[None]:
    """Names in expressions are written out, and nothing of this stays."""
    transaction = connection.transaction()
    with explained():
        await transaction.start()
        try:
            await connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            yield
        finally:
            await transaction.rollback()


async def _alone(connection: Connection) -> None:
    """Wait until no other of these changes the database.

    Raises:
        Unavailable: Somebody holds the lock for too long; any login could.
    """
    await connection.execute(_WAIT)
    try:
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
    except asyncpg.LockNotAvailableError as error:
        holders = await connection.fetch(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            " AND classid = 0 AND objid = $1::bigint::oid",
            LOCK,
        )
        pids = ", ".join(str(row["pid"]) for row in holders) or "a session that has just gone"
        raise Unavailable(
            f"Another session holds the lock of these commands: process {pids}. Nothing was"
            " changed.",
            hint="Wait for it, or end it: SELECT pg_terminate_backend(...).",
        ) from error


@asynccontextmanager
async def _settings_kept(connection: Connection) -> AsyncGenerator[None]:
    """What a script sets for its transaction does not outlive it in one that goes on."""
    before = await connection.fetchrow(
        "SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS wait"
    )
    yield
    assert before is not None
    await connection.execute(
        "SELECT set_config('search_path', $1, true), set_config('lock_timeout', $2, true)", *before
    )


async def _snapshot(connection: Connection, wall: Wall) -> Snapshot:
    roles = wall.roles
    others = [*wall.writers, *wall.readers, *wall.shut_out]
    if wall.owner is not None:
        others.append(wall.owner)
    administrator = Administrator(connection)
    state = await noted(administrator)
    tables = dict.fromkeys([*declared_tables(wall), *state.tables])
    types = [lookup.type for lookup in wall.lookups]
    return await read(administrator, tables=list(tables), own=roles.own, others=others, types=types)


async def _standing(connection: Connection) -> Snapshot:
    """The database with the wall that it has.

    Raises:
        ConfigurationError: It has none.
    """
    administrator = Administrator(connection)
    state = await noted(administrator)
    if not state.made:
        raise ConfigurationError("This database has no wall of mcpdb.")
    return await read(administrator, tables=state.tables, own=[], others=[])


async def _run(connection: Connection, statements: Sequence[str]) -> str | None:
    """Run statements; returns the key that one of them makes."""
    key: str | None = None
    for statement in statements:
        if statement == _NEW_KEY:
            # As a result: parameters may be logged, and so would be the text of a statement.
            key = await connection.fetchval(statement)
        else:
            await connection.execute(statement)
    return key
