"""Configuration 1: the guard in front of the SQL lane, with either parser."""

import re
from collections.abc import Sequence
from typing import Any, Final

import pytest
import pytest_asyncio
from typing_extensions import override

from isolation.walled import NORTH, SOUTH, Connection
from mcpdb.errors import SqlRefused
from mcpdb.sql import Guard
from mcpdb.sql.parser import Parser
from mcpdb.sql.pgparse_parser import PgparseParser
from mcpdb.sql.postgast_parser import PostgastParser
from sql.configurations import Guarded, QueryLogin, cells
from sql.judged import Verdicts, both_ways, failed, on, opened, told
from sql.outcomes import difference
from sql.shop_sql import CATALOG, EMAIL
from sql.statements import Statement, Target, honest, hostile
from sql.worlds import Worlds

_PARSERS: Final[dict[str, type[PgparseParser | PostgastParser]]] = {
    "pgparse": PgparseParser,
    "postgast": PostgastParser,
}
_TARGET: Final = Target(
    setting="mcpdb.ctx",
    foreign=SOUTH,
    foreign_text=f"3:{SOUTH}",
    foreign_email=EMAIL[SOUTH],
    victim_pid="4711",
    all="*",
)
_END: Final = re.compile(r";\s*((?:--[^\n']*)?\s*)\Z")
_AFTER: Final = r"\n\1"


@pytest.fixture(scope="session", params=[*_PARSERS])
def guard(request: pytest.FixtureRequest) -> Guard:
    """The guard of the shop, with each parser in turn."""
    parser: Parser = _PARSERS[str(request.param)]()
    return Guard(CATALOG, parser=parser)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def verdicts(worlds: Worlds, guard: Guard) -> Verdicts:
    """Of the corpus, with that guard."""
    return await both_ways(lambda walled, tenant: Guarded(walled, tenant, guard), worlds)


def test_no_statement_gets_a_row_or_a_value_of_another_tenant(verdicts: Verdicts) -> None:
    assert told(verdicts) == {}


def test_nothing_is_left_open(verdicts: Verdicts) -> None:
    """No estimates, no activity, no counters, no plans, and nothing that outlasts the query."""
    assert opened(verdicts) == {}


def test_no_session_of_another_tenant_is_killed(verdicts: Verdicts) -> None:
    assert not [each.statement.name for found in verdicts.values() for each in found if each.killed]


def test_every_honest_statement_passes(verdicts: Verdicts) -> None:
    assert failed(verdicts) == {}


async def test_both_parsers_refuse_the_same() -> None:
    one, two = (Guard(CATALOG, parser=parser()) for parser in _PARSERS.values())
    every = [*hostile(), *honest()]
    differ = [each.name for each in every if await _passes(one, each) != await _passes(two, each)]
    assert differ == []


async def _passes(guard: Guard, statement: Statement) -> bool:
    try:
        await guard.check(statement.sql(_TARGET))
    except SqlRefused:
        return False
    return True


class _Direct(QueryLogin):
    """The query login, whose answers are written as the function `run` writes them."""

    @override
    async def answer(self, connection: Connection, statement: str) -> Sequence[Sequence[Any]]:
        await connection.execute("SET LOCAL IntervalStyle = iso_8601")
        query = f"SELECT row_to_json(q)::text FROM (\n{_END.sub(_AFTER, statement)}\n) AS q"
        return [cells(row[0]) for row in await connection.fetch(query)]


async def test_honest_statements_give_the_rows_that_the_login_gets(
    worlds: Worlds, guard: Guard
) -> None:
    every = [each for each in on(worlds.usual.fresh.cluster, honest()) if not each.varies]
    for tenant in (NORTH, SOUTH):
        guarded, direct = Guarded(worlds.usual, tenant, guard), _Direct(worlds.usual, tenant)
        try:
            for each in every:
                found, expected = await guarded.run(each.sql()), await direct.run(each.sql())
                assert (expected.code, expected.text) == ("", ""), each.name
                assert difference(found, expected) == "", each.name
        finally:
            await guarded.close()
            await direct.close()
