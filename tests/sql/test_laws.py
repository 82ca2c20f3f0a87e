"""Queries that nobody has written: from a grammar, and from the corpus with its words shuffled.
Whatever they are, the process lives, nothing of another tenant comes out, and what the guard lets
through PostgreSQL runs as the one query that the guard took it for."""

import re
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from isolation.walled import NORTH, SOUTH
from mcpdb.errors import SqlRefused
from mcpdb.sql import Guard
from sql.configurations import Configuration, Guarded, SqlLane
from sql.outcomes import Outcome, canaries, numbers
from sql.shop_sql import CATALOG, EMAIL
from sql.statements import Target, honest, hostile
from sql.worlds import Worlds, truths_of

_LIMIT_MS: Final = 250
# No query: a cursor cannot be opened for it, or it writes. The guard must have seen that.
_NOT_READING: Final = frozenset({"42P11", "25006", "25001", "0A000", "2F003"})
_DEATH: Final = frozenset({"57P01", "57P02", "client", "hung", "XX000", "XX001"})
_TARGET: Final = Target(
    setting="mcpdb.ctx",
    foreign=SOUTH,
    foreign_text=f"3:{SOUTH}",
    foreign_email=EMAIL[SOUTH],
    victim_pid="1",
    all="*",
)
_WORDS: Final = re.compile(
    r"\$\w*\$.*?\$\w*\$|'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*\n|/\*.*?\*/|\w+|\s+|[^\w\s]", re.DOTALL
)
_HONEST: Final = [each.sql(_TARGET) for each in honest() if not each.needs_vector]
_HOSTILE: Final = [each.sql(_TARGET) for each in hostile() if each.aim != "resource"]


@dataclass(frozen=True, slots=True)
class Ways:
    """To the shop, as each tenant, with the guard and without."""

    portal: BlockingPortal
    guard: Guard
    guarded: Mapping[str, Configuration]
    bare: Mapping[str, Configuration]
    truth: dict[str, Counter[str]]

    def hold(self, sql: str, *, tenant: str) -> None:
        """Fail if it tells this tenant anything of the other."""
        try:
            self.portal.call(self.guard.check, sql)
        except SqlRefused:
            event("refused")
            self._quiet(self._run(self.bare, sql, tenant), sql, tenant)
            return
        found = self._run(self.guarded, sql, tenant)
        event(f"accepted: {'rows' if not found.code else 'error'}")
        self._quiet(found, sql, tenant)
        assert found.code not in _NOT_READING | _DEATH, found

    def _run(self, ways: Mapping[str, Configuration], sql: str, tenant: str) -> Outcome:
        async def run() -> Outcome:
            return await ways[tenant].run(sql, limit_ms=_LIMIT_MS)

        return self.portal.call(run)

    def _quiet(self, found: Outcome, sql: str, tenant: str) -> None:
        # PostgreSQL repeats what the query itself says.
        assert "c10" in sql or not canaries(found, tenant=tenant), found
        # The oids in a catalog may be any number.
        assert "pg_" in sql or not numbers(found, tenant=tenant, truth=self.truth), found
        assert not found.killed


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def truth(worlds: Worlds) -> AsyncGenerator[dict[str, Counter[str]]]:
    """The large numbers of each tenant."""
    yield await truths_of(worlds.usual)


@pytest.fixture(scope="module")
def ways(worlds: Worlds, truth: dict[str, Counter[str]]) -> Generator[Ways]:
    """All of them, in an event loop of their own: Hypothesis is not asynchronous."""
    with start_blocking_portal() as portal:
        guard = Guard(CATALOG)
        guarded = {each: Guarded(worlds.usual, each, guard) for each in (NORTH, SOUTH)}
        bare = {each: SqlLane(worlds.usual, each) for each in (NORTH, SOUTH)}
        yield Ways(portal, guard, guarded, bare, truth)
        for one in (*guarded.values(), *bare.values()):
            portal.call(one.close)


_TABLES: Final = {one.name: one.columns for one in CATALOG.relations}
_ALIASES: Final = ("a", "b", "c")
_SCALARS: Final = (
    *("{0}::text", "upper({0}::text)", "coalesce({0}, {0})", "({0}) IS NULL", "md5({0}::text)"),
    *("CASE WHEN {0} IS NULL THEN 'none' ELSE {0}::text END", "length({0}::text) + 1", "{0}"),
    *("to_json({0})", "({0}::text || '-')", "{0} IS DISTINCT FROM {0}", "nullif({0}, {0})"),
)
_FOLDS: Final = ("count({0})", "max({0}::text)", "count(DISTINCT {0})", "min(length({0}::text))")
_HOSTILE_PARTS: Final = (
    *(
        "pg_sleep(9)",
        "set_config('mcpdb.ctx', '*', true)",
        "({0}).pg_sleep",
        "a.ctid",
        "current_user",
    ),
    *(
        "({0})::regclass",
        "(SELECT secret FROM shop.stores LIMIT 1)",
        "lo_get(1)",
        "$1",
        "version()",
    ),
    *("(SELECT count(*) FROM pg_class)", "(SELECT x.x FROM unnest(ARRAY['1']) x)", "1 / 0"),
    *("ts_stat('SELECT 1')", "(SELECT g.pg_read_file FROM unnest(ARRAY['/etc/passwd']) g)"),
)


@st.composite
def _queries(draw: st.DrawFn, depth: int = 2) -> str:
    sources: list[str] = []
    columns: list[str] = []
    for alias in _ALIASES[: draw(st.integers(1, 2))]:
        source, names = draw(_sources(depth))
        sources.append(f"{source} {alias}")
        columns += [f"{alias}.{name}" for name in names]
    column = st.sampled_from(columns)
    parts = st.sampled_from((*_SCALARS, *_SCALARS, *_HOSTILE_PARTS))
    value = st.builds(str.format, parts, column)
    chosen = ", ".join(draw(st.lists(value, min_size=1, max_size=3)))
    condition = draw(st.builds("{} IS NOT NULL".format, value))
    query = f"SELECT {chosen} FROM {', '.join(sources)} WHERE {condition}"
    kind = draw(st.integers(0, 4))
    if kind == 0:
        fold = draw(st.builds(str.format, st.sampled_from(_FOLDS), column))
        one = draw(column)
        query = f"SELECT {one}, {fold} FROM {', '.join(sources)} GROUP BY {one}"
    elif kind == 1:
        query = f"WITH w AS ({query}), v AS (TABLE w) SELECT count(*) FROM v"
    elif kind == 2 and depth:
        query = f"SELECT count(*) FROM ({query} LIMIT 9) x, ({draw(_queries(depth - 1))} LIMIT 9) y"
    return query


@st.composite
def _sources(draw: st.DrawFn, depth: int) -> tuple[str, Sequence[str]]:
    kind = draw(st.integers(0, 9))
    if kind == 0 and depth:
        return f"(SELECT n FROM ({draw(_queries(depth - 1))} LIMIT 5) AS q(n))", ("n",)
    if kind == 1:
        return draw(st.sampled_from(("pg_class", "mcpdb.keys", "pg_catalog.pg_stats"))), ("oid",)
    if kind == 2:
        return "generate_series(1, 3)", ("generate_series", "pg_sleep")
    table = draw(st.sampled_from(sorted(_TABLES)))
    return f"shop.{table}", [name for name in _TABLES[table] if name != "group"]


@st.composite
def _mutants(draw: st.DrawFn, lines: Sequence[str]) -> str:
    words: list[str] = _WORDS.findall(draw(st.sampled_from(lines)))
    others: list[str] = _WORDS.findall(draw(st.sampled_from([*_HONEST, *_HOSTILE])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(words)))
        beginning = draw(st.integers(0, len(others)))
        piece = others[beginning : beginning + draw(st.integers(0, 12))]
        words[at : at + draw(st.integers(0, 3))] = piece
    return "".join(words)


_many = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_tenants = st.sampled_from((NORTH, SOUTH))


@_many
@given(sql=_queries(), tenant=_tenants)
def test_no_query_of_a_grammar_tells_anything(ways: Ways, sql: str, tenant: str) -> None:
    ways.hold(sql, tenant=tenant)


@_many
@given(sql=_mutants(_HONEST), tenant=_tenants)
def test_no_honest_query_becomes_a_leak(ways: Ways, sql: str, tenant: str) -> None:
    ways.hold(sql, tenant=tenant)


@_many
@given(sql=_mutants(_HOSTILE), tenant=_tenants)
def test_no_hostile_query_becomes_a_leak(ways: Ways, sql: str, tenant: str) -> None:
    ways.hold(sql, tenant=tenant)
