"""The differential oracle: the statements of one tenant run in two worlds, which differ in nothing
but the rows of the other tenant. Whatever differs in the outcomes tells something about those."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from isolation.walled import NORTH, SOUTH, Connection, Walled, connected, seal
from mcpdb import Tenant
from sql.configurations import Configuration
from sql.outcomes import Outcome, canaries, difference, numbers, truths
from sql.shop_sql import EMAIL, SUPER
from sql.statements import Statement, Target

DIRECTIONS: Final = ((NORTH, SOUTH), (SOUTH, NORTH))
_SIGNAL_S: Final = 0.02
"""A signal to the other session has arrived by then."""
_PATIENCE_S: Final = 10.0
# The notice is sent at once, and then it is known that others see this.
_LASTING: Final = """DO $$ BEGIN RAISE NOTICE 'begun'; PERFORM pg_sleep(600); END $$ /* {says} */"""

Make = Callable[[Walled, str], Configuration]


@dataclass(frozen=True, slots=True)
class Worlds:
    """The databases.

    Attributes:
        usual: The shop.
        changed: By tenant, the shop in which that tenant has other rows.
    """

    usual: Walled
    changed: Mapping[str, Walled]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one statement has told its sender about the other tenant.

    Attributes:
        statement: Of the corpus.
        value: A row, or a value of one, of the other tenant; or empty.
        metadata: Anything else that depends on the other tenant's rows.
        effect: What it did although READ ONLY transactions of a tenant are to do nothing.
        killed: Whether the other tenant's session has ended.
        outcome: The answer.
    """

    statement: Statement
    value: str
    metadata: str
    effect: str
    killed: bool
    outcome: Outcome

    @property
    def opens(self) -> bool:
        """Whether it is one of those that the database leaves open."""
        return bool(self.metadata or self.effect)


class Victim:
    """A session of the other tenant's, in the middle of a statement.

    Args:
        configuration: Of that tenant.
        says: What stands in its statement, as other values do.
    """

    def __init__(self, configuration: Configuration, says: str) -> None:
        self._configuration = configuration
        self._says = says
        self._connection: Connection | None = None
        self._task: asyncio.Task[str] | None = None
        self.seal = ""

    @property
    def pid(self) -> int:
        """Its backend's."""
        assert self._connection is not None
        return self._connection.get_server_pid()

    async def begin(self) -> None:
        """Begin the statement, which does not end."""
        connection = await self._configuration.connect()
        await connection.execute("BEGIN READ ONLY; SET LOCAL statement_timeout = 0")
        if self._configuration.setting == "mcpdb.ctx":
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await self._configuration.seal_in(connection, self._configuration.tenant)
        self.seal = await seal(connection)
        self._connection = connection
        running = asyncio.Event()

        def begun(*_: object) -> None:
            running.set()

        connection.add_log_listener(begun)
        self._task = asyncio.create_task(connection.execute(_LASTING.format(says=self._says)))
        await asyncio.wait_for(running.wait(), timeout=_PATIENCE_S)

    async def is_killed(self, *, soon: bool) -> bool:
        """Whether the statement has ended, or ends `soon`; if so, it begins anew."""
        assert self._task is not None
        if soon:
            await asyncio.wait({self._task}, timeout=_SIGNAL_S)
        if not self._task.done():
            return False
        await self.end()
        await self.begin()
        return True

    async def end(self) -> None:
        """End the session."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, asyncpg.PostgresError, OSError):
                await self._task
        if self._connection is not None:
            self._connection.terminate()


@asynccontextmanager
async def _scene(
    make: Make, walled: Walled, *, own: str, other: str, world: str
) -> AsyncGenerator[tuple[Configuration, Victim]]:
    attacker = make(walled, own)
    victim = Victim(make(walled, other), f"activity {world}: {EMAIL[other]}")
    try:
        await victim.begin()
        yield attacker, victim
    finally:
        await attacker.close()
        await victim.end()


def targets(
    configuration: Configuration, statement: Statement, victim: Victim, other: str
) -> Iterable[Target]:
    """What is worth a try in a statement."""
    text = Tenant.of(other).text
    is_plain = configuration.setting != "mcpdb.ctx"
    everyone = SUPER if is_plain else "*"
    values = [other]
    if statement.is_forgery:
        values += [everyone] if is_plain else [text, everyone, victim.seal]
    for value in values:
        yield Target(
            setting=configuration.setting,
            foreign=value,
            foreign_text=text,
            foreign_email=EMAIL[other],
            victim_pid=str(victim.pid),
            all=everyone,
        )


async def outcomes(
    make: Make,
    walled: Walled,
    statements: Sequence[Statement],
    *,
    own: str,
    other: str,
    world: str = "usual",
) -> list[list[Outcome]]:
    """For each statement what comes of it, with each target that is worth a try."""
    found: list[list[Outcome]] = []
    async with _scene(make, walled, own=own, other=other, world=world) as (attacker, victim):
        for statement in statements:
            each: list[Outcome] = []
            for target in [*targets(attacker, statement, victim, other)]:
                outcome = await attacker.run(statement.sql(target))
                killed = await victim.is_killed(soon=statement.signals)
                # Its number, which the statement itself has named, is another in each world.
                text = outcome.text.replace(target.victim_pid, "<pid>")
                each.append(replace(outcome, text=text, killed=killed))
            found.append(each)
    return found


async def judge(
    make: Make, worlds: Worlds, statements: Sequence[Statement], *, own: str, other: str
) -> list[Verdict]:
    """What each statement tells `own` about `other`."""
    changed = worlds.changed[other]
    one, two = await asyncio.gather(
        outcomes(make, worlds.usual, statements, own=own, other=other),
        outcomes(make, changed, statements, own=own, other=other, world="changed"),
    )
    first, second = await truths_of(worlds.usual), await truths_of(changed)
    verdicts: list[Verdict] = []
    for statement, usual, otherwise in zip(statements, one, two, strict=True):
        said = [
            *(_foreign(each, own, first) for each in usual),
            *(_foreign(each, own, second) for each in otherwise),
        ]
        differs = "" if statement.varies else _differs(usual, otherwise)
        verdicts.append(_verdict(statement, [*usual, *otherwise], said, differs))
    return verdicts


async def truths_of(walled: Walled) -> dict[str, Counter[str]]:
    """The numbers of that world, as its superuser sees them."""
    async with connected(walled.superuser_dsn) as superuser:
        return await truths(superuser)


def _foreign(
    outcome: Outcome, own: str, truth: dict[str, Counter[str]]
) -> tuple[Sequence[str], Sequence[str]]:
    return canaries(outcome, tenant=own), numbers(outcome, tenant=own, truth=truth)


def _differs(usual: Sequence[Outcome], changed: Sequence[Outcome]) -> str:
    found = (difference(*pair) for pair in zip(usual, changed, strict=True))
    return next(filter(None, found), "")


def _did(statement: Statement, outcome: Outcome) -> bool:
    # A signal that is sent to no one returns no row; utility statements have none to return.
    answered = not outcome.code and (bool(outcome.rows) or not statement.signals)
    return outcome.killed or answered


def _verdict(
    statement: Statement,
    all_of_it: Sequence[Outcome],
    said: Sequence[tuple[Sequence[str], Sequence[str]]],
    differs: str,
) -> Verdict:
    texts = [each for texts, _ in said for each in texts]
    # Those of a statement that varies, such as numbers of processes, may be equal by chance.
    figures = [each for _, figures in said for each in figures if not statement.varies]
    other = differs or ("numbers " + ", ".join(figures[:3]) if figures else "")
    is_metadata = statement.aim == "metadata"
    value = ", ".join(texts[:3]) or ("" if is_metadata else other)
    effects = [str(each) for each in all_of_it if _did(statement, each)]
    return Verdict(
        statement=statement,
        value=value,
        metadata=other if is_metadata else "",
        effect=effects[0] if effects and statement.aim == "side-effect" else "",
        killed=any(each.killed for each in all_of_it),
        outcome=all_of_it[0],
    )
