"""What is refused before it is read, and what is too deep to be."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from mcpdb import SqlRefused
from mcpdb.query.catalog import Catalog
from mcpdb.sql import Guard
from mcpdb.sql.guard import MOST_CHARACTERS
from mcpdb.sql.parser import Parser

Refuse = Callable[[str], SqlRefused]


@pytest.mark.parametrize("sql", [None, 1, b"SELECT 1", ["SELECT 1"]])
def test_what_is_not_a_text_is_refused(refused: Callable[[Any], SqlRefused], sql: object) -> None:
    assert refused(sql).message == "The SQL is not a text."


@pytest.mark.parametrize(
    "sql", ["\0", "SELECT 1\0", "SELECT 1 \0; DROP TABLE orders", "SELECT '\0'"]
)
def test_nul_is_refused_because_the_parser_would_stop_there(refused: Refuse, sql: str) -> None:
    error = refused(sql)
    assert "NUL" in error.message
    assert error.position == sql.index("\0") + 1


@pytest.mark.parametrize("sql", ["SELECT '\ud800'", "\udfff", "SELECT '\ud83d' || '\ude00'"])
def test_half_of_a_character_is_refused(refused: Refuse, sql: str) -> None:
    assert "surrogate" in refused(sql).message


def test_the_length_is_counted_in_characters(guard: Guard, refused: Refuse) -> None:
    longest = "SELECT '" + "é" * (MOST_CHARACTERS - 9) + "'"
    assert len(longest) == MOST_CHARACTERS == 20_000
    guard.inspect(longest)
    assert "20,001 characters" in refused(longest + " ").message
    assert refused("x" * 10_000_000).position is None


def test_a_long_plain_query_is_read(guard: Guard) -> None:
    guard.inspect("SELECT 1 WHERE 1 IN (" + "1," * 9_900 + "1)")
    guard.inspect("SELECT 1 WHERE " + " AND ".join(["order_id = 1"] * 1_100))
    guard.inspect("SELECT " + " || ".join(["'a'"] * 200))
    guard.inspect(" UNION ALL ".join(["SELECT 1"] * 200))


def _filled(before: str, unit: str, middle: str = "", after: str = "") -> str:
    """A statement of this shape that is as long as may be."""
    room = MOST_CHARACTERS - len(before) - len(middle)
    times = room // (len(unit) + len(after))
    sql = before + unit * times + middle + after * times
    return sql + " " * (MOST_CHARACTERS - len(sql))


DEEP = {
    "parentheses": _filled("SELECT ", "(", "1", ")"),
    "open parentheses": _filled("SELECT ", "("),
    "plus": _filled("SELECT 1", "+1"),
    "minus": _filled("SELECT ", "- ", "1"),
    "prefix": _filled("SELECT ", "@ ", "1"),
    "not": _filled("SELECT ", "NOT ", "true"),
    "and": _filled("SELECT true", " AND true"),
    "nested and": _filled("SELECT ", "(true AND ", "true", ")"),
    "case": _filled("SELECT ", "CASE WHEN true THEN ", "1 ", "END "),
    "union": _filled("SELECT 1", " UNION SELECT 1"),
    "nested union": _filled("", "(SELECT 1 UNION ", "SELECT 1", ")"),
    "values": _filled("VALUES (1)", " EXCEPT VALUES (1)"),
    "arrays": _filled("SELECT ARRAY", "[", "1", "]"),
    "rows": _filled("SELECT ", "ROW(", "1", ")"),
    "calls": _filled("SELECT ", "abs(", "1", ")"),
    "casts": _filled("SELECT 1", "::int"),
    "subscripts": _filled("SELECT (a)", "[1]"),
    "fields": _filled("SELECT (a)", ".f1"),
    "names": _filled("SELECT a", ".a"),
    "sub-queries": _filled("SELECT ", "(SELECT ", "1", ")"),
    "sub-queries in FROM": _filled("SELECT 1 FROM ", "(SELECT 1 FROM ", "orders ", ") a"),
    "joins": _filled("SELECT 1 FROM orders", " CROSS JOIN orders"),
    "nested joins": _filled("SELECT 1 FROM ", "(orders CROSS JOIN ", "orders", ")"),
    "with": _filled("", "WITH a AS (", "SELECT 1", ") SELECT 1"),
    "collations": _filled("SELECT 'a'", ' COLLATE "C"'),
    "tests": _filled("SELECT 1", " IS NULL"),
    "json": _filled("SELECT ", "json_array(", "1", ")"),
    "comments": _filled("SELECT 1 ", "/*", "", "*/"),
    "statements": _filled("SELECT 1", ";"),
}  # fmt: skip


@contextmanager
def _thread_stack(size: int) -> Generator[None]:
    before = threading.stack_size(size)
    try:
        yield
    finally:
        threading.stack_size(before)


def _outcomes(run: Callable[[str], object]) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    for name, sql in DEEP.items():
        try:
            run(sql)
            outcomes[name] = "accepted"
        except SqlRefused as error:
            outcomes[name] = error.message
    return outcomes


@pytest.fixture(scope="module")
def plain_outcomes(guard: Guard) -> dict[str, str]:
    return _outcomes(guard.inspect)


def test_what_is_too_deep_is_refused(plain_outcomes: dict[str, str]) -> None:
    accepted = {name for name, outcome in plain_outcomes.items() if outcome == "accepted"}
    assert accepted <= {"and", "subscripts", "fields", "comments", "statements", "nested and"}
    assert "could not be read safely" in plain_outcomes["plus"]
    assert "memory exhausted" in plain_outcomes["parentheses"]


def test_it_is_refused_alike_where_stacks_are_small(
    catalog: Catalog, parser: Parser, plain_outcomes: dict[str, str]
) -> None:
    found: dict[str, str] = {}
    guard = Guard(catalog, parser=parser)

    def run() -> None:
        found.update(_outcomes(lambda sql: asyncio.run(guard.check(sql))))

    small = 256 * 1024
    with _thread_stack(small):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(timeout=30)
        assert threading.stack_size() == small
    assert found == plain_outcomes


_CHECKED_ALONE = """
import asyncio, threading
from mcpdb import SqlRefused
from mcpdb.query.catalog import Catalog, Relation
from mcpdb.sql import Guard
from mcpdb.sql.{module} import {name}

threading.stack_size(256 * 1024)
guard = Guard(Catalog([Relation("s", "t", ("a",))]), parser={name}())
try:
    asyncio.run(guard.check("SELECT 1" + "+1" * 9_996))
except SqlRefused as error:
    print(error.message)
"""


def test_its_stack_is_deep_in_a_process_whose_stacks_are_small(parser: Parser) -> None:
    # In a process of its own: a new thread may get the larger stack of one that has ended.
    code = _CHECKED_ALONE.format(
        module=type(parser).__module__.rpartition(".")[2], name=type(parser).__name__
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=50, capture_output=True, text=True
    )
    assert told.stdout == "This SQL could not be read safely.\n"


class _Surprising:
    """A parser that fails, or returns what no parser does."""

    def __init__(self, surprise: object) -> None:
        self._surprise = surprise

    def parse(self, sql: str) -> Sequence[dict[str, Any]]:
        assert sql
        if isinstance(self._surprise, Exception):
            raise self._surprise
        return cast("Sequence[dict[str, Any]]", self._surprise)


_SURPRISES: list[object] = [
    RecursionError(),
    MemoryError(),
    KeyError("stmt"),
    UnicodeDecodeError("utf-8", b"", 0, 1, ""),
    ValueError("/secret/path"),
    None,
    [None],
    [{}],
    [{"stmt": {}}],
    [{"stmt": {"SelectStmt": None}}],
    [{"stmt": {"SelectStmt": {"targetList": [None, 1]}}}],
    [{"stmt": {"SelectStmt": {"targetList": [{"ResTarget": {"val": "x"}}]}}}],
    [{"stmt": {"SelectStmt": {"targetList": [{"A_Star": {}, "FuncCall": {}}]}}}],
    [{"stmt": {"SelectStmt": {"fromClause": [{"RangeVar": {}}]}}}],
    [{"stmt": {"SelectStmt": {"larg": []}}}],
]


@pytest.mark.parametrize("surprise", _SURPRISES)
def test_whatever_surprises_is_refused(catalog: Catalog, surprise: object) -> None:
    with pytest.raises(SqlRefused) as caught:
        Guard(catalog, parser=_Surprising(surprise)).inspect("SELECT 1")
    assert "secret" not in str(caught.value)
    if surprise is not None:
        assert caught.value.message == "This SQL could not be read safely."


@pytest.mark.parametrize(
    "query",
    [
        {"targetList": [{"NewNode": {"location": 7}}]},
        {"newClause": [{"A_Const": {"location": 7}}]},
        {"whereClause": {"A_Const": {"newField": {"location": 7}}}},
        {"whereClause": {"ColumnRef": {"newField": [{"A_Const": {"location": 7}}]}}},
        {"fromClause": [{"RangeVar": {"newField": {"A_Const": {"location": 7}}}}]},
        {"withClause": {"ctes": [], "newField": {"A_Const": {"location": 7}}}},
        {"limitOption": {"A_Const": {"location": 7}}},
        {"whereClause": {"TypeCast": {"typeName": {"newField": {"location": 7}}}}},
        {"fromClause": [{"RangeVar": {"relname": "orders", "alias": {"new": {"location": 7}}}}]},
    ],
)  # fmt: skip
def test_a_node_or_a_field_that_is_not_known_is_refused(
    catalog: Catalog, query: dict[str, Any]
) -> None:
    guard = Guard(catalog, parser=_Surprising([{"stmt": {"SelectStmt": query}}]))
    with pytest.raises(SqlRefused, match="What PostgreSQL calls") as caught:
        guard.inspect("SELECT 1 FROM orders")
    assert caught.value.position == 8


def test_a_temporary_relation_is_refused(catalog: Catalog) -> None:
    relation = {"RangeVar": {"relname": "orders", "relpersistence": "t", "location": 7}}
    surprise = [{"stmt": {"SelectStmt": {"fromClause": [relation]}}}]
    with pytest.raises(SqlRefused, match="temporary"):
        Guard(catalog, parser=_Surprising(surprise)).inspect("SELECT 1")
