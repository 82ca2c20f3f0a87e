"""The two parsers: one tree, one refusal, and a sentence where one is missing."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any, cast

import pytest

from mcpdb import ConfigurationError, SqlRefused
from mcpdb.query.catalog import Catalog
from mcpdb.sql import Guard
from mcpdb.sql.nodes import Tree
from mcpdb.sql.parser import Parser
from mcpdb.sql.pgparse_parser import PgparseParser
from mcpdb.sql.postgast_parser import PostgastParser

# PostgreSQL 18 keeps where a list begins and ends, and has a statement begin after its blanks.
_ONLY_IN_18 = {"rexpr_list_start", "rexpr_list_end", "list_start", "list_end"}
_OTHERWISE_IN_18 = {"stmt_location", "stmt_len"}

_STATEMENTS = (
    "SELECT 1, 0, -1, 5000000000, 1.5, '', 'é', NULL, true, false, B'1', X'F'",
    "SELECT 1 IN (1, 2), ARRAY[[1], [2]]::int[], (a.b).c[1:2], f(x => 1, VARIADIC y)",
    "SELECT DISTINCT * FROM a, b JOIN c USING (d) AS e, LATERAL f() WITH ORDINALITY g(h)",
    "SELECT * FROM ROWS FROM (f() AS (a int), g()) x, s.t, c.s.t, ONLY u, (VALUES (1)) v(w)",
    (
        "WITH RECURSIVE a AS NOT MATERIALIZED (SELECT 1) SEARCH BREADTH FIRST BY x SET y"
        " CYCLE x SET c USING p TABLE a"
    ),
    (
        "SELECT count(*) FILTER (WHERE a) OVER (PARTITION BY b ROWS 1 PRECEDING) FROM t GROUP BY"
        " GROUPING SETS (ROLLUP (a), CUBE (b), ()) HAVING a ORDER BY 1 USING < LIMIT 1 OFFSET 2"
    ),
    (
        "SELECT json_object('a' VALUE 1), json_query(a, '$' WITH WRAPPER), a IS JSON FROM"
        " JSON_TABLE('1', '$' PASSING 1 AS x COLUMNS (a int PATH '$' DEFAULT 1 ON EMPTY)) j"
    ),
    "SELECT a FROM t FOR UPDATE; INSERT INTO t VALUES (1)",
    "SELECT current_date, now() AT TIME ZONE 'a', extract(year FROM b), x::numeric(1, 2)",
    "",
)


def _common(node: Any) -> Any:
    if isinstance(node, dict):
        fields = cast("Tree", node)
        return {
            key: _common(value)
            for key, value in fields.items()
            if key not in _ONLY_IN_18 | _OTHERWISE_IN_18
        }
    if isinstance(node, list):
        return list(map(_common, cast("Sequence[object]", node)))
    return node


@pytest.mark.parametrize("sql", _STATEMENTS)
def test_both_parsers_make_one_tree(sql: str) -> None:
    assert _common(PgparseParser().parse(sql)) == _common(PostgastParser().parse(sql))


@pytest.mark.parametrize("sql", ["SELECT 'é' a b c", "SELECT 'a", "SELECT 1 +", "SELECT ((("])
def test_both_parsers_tell_one_error(sql: str) -> None:
    told: list[tuple[str, str, int | None]] = []
    for parser in (PgparseParser(), PostgastParser()):
        with pytest.raises(SqlRefused) as caught:
            parser.parse(sql)
        told.append((caught.value.message, caught.value.hint, caught.value.position))
    assert told[0] == told[1]


class _Spy:
    """Notes what a parser of its class is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, parser: type[Parser]) -> None:
        self.seen: list[str] = []
        own = parser.parse

        def parse(this: Parser, sql: str) -> Sequence[Tree]:
            self.seen.append(sql)
            return own(this, sql)

        monkeypatch.setattr(parser, "parse", parse)


def test_pgparse_is_taken_where_there_is_no_choice(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = _Spy(monkeypatch, PgparseParser)
    Guard(catalog).inspect("SELECT 1")
    assert spy.seen == ["SELECT 1"]


def _missing(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def test_postgast_is_taken_where_pgparse_is_missing(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = _Spy(monkeypatch, PostgastParser)
    _missing(monkeypatch, "pgparse")
    Guard(catalog).inspect("SELECT 2")
    assert spy.seen[-1] == "SELECT 2"


def test_a_missing_parser_is_named(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    _missing(monkeypatch, "pgparse", "postgast.native")
    with pytest.raises(ConfigurationError) as nothing:
        Guard(catalog)
    assert nothing.value.hint == "pip install 'mcpdb[sql]'"
    with pytest.raises(ConfigurationError) as pgparse:
        PgparseParser()
    assert pgparse.value.hint == "pip install 'mcpdb[sql]'"
    with pytest.raises(ConfigurationError) as postgast:
        PostgastParser()
    assert postgast.value.hint == "pip install postgast"


class _Library:
    """What postgast's inside could become."""

    def __init__(self, lib: object) -> None:
        self.lib = lib


@pytest.mark.parametrize("lib", [None, object()])
def test_a_changed_postgast_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, lib: object
) -> None:
    monkeypatch.setitem(sys.modules, "postgast.native", cast("Any", _Library(lib)))
    with pytest.raises(ConfigurationError, match="does not fit"):
        PostgastParser()


def test_importing_the_guard_imports_no_parser() -> None:
    code = (
        "import sys, mcpdb.sql\n"
        "sys.exit(any(m.split('.')[0] in {'pgparse', 'postgast'} for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)


class _Other:
    """A parser of one's own."""

    def __init__(self) -> None:
        self._parser = PgparseParser()

    def parse(self, sql: str) -> Sequence[Tree]:
        return self._parser.parse(sql)


def test_a_parser_of_ones_own_is_used(catalog: Catalog) -> None:
    parser: Parser = _Other()
    guard = Guard(catalog, parser=parser)
    guard.inspect("SELECT 1")
    with pytest.raises(SqlRefused, match="pg_sleep"):
        guard.inspect("SELECT pg_sleep(1)")
