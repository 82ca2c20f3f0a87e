"""How much is done for one SQL: in proportion to its length, and never without end."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.query.catalog import Catalog, Relation
from mcpdb.sql.budget import MOST_STEPS, Budget
from mcpdb.sql.checks import CHECKS
from mcpdb.sql.guard import MOST_CHARACTERS, Guard
from mcpdb.sql.outputs import MOST_COLUMNS
from mcpdb.sql.parser import Parser
from mcpdb.sql.rules import Rules
from mcpdb.sql.walk import Walk
from mcpdb.sql.words import Text

Steps = Callable[[str], int]
_TOO_LARGE = "This SQL is too large to be read: simplify it."


@pytest.fixture
def steps(catalog: Catalog, parser: Parser) -> Steps:
    """How many steps the inspection of a statement takes."""

    def count(sql: str) -> int:
        assert len(sql) <= MOST_CHARACTERS
        budget = Budget()
        query = parser.parse(sql)[0]["stmt"]["SelectStmt"]
        Walk(Rules(catalog, (), ()), Text(sql), CHECKS, budget).run(query)
        return MOST_STEPS - budget.left

    return count


def _nested(before: str, middle: str, after: str, depth: int) -> str:
    opened = "".join(before.format(n=n) for n in range(depth))
    return opened + middle + "".join(after.format(n=n) for n in reversed(range(depth)))


def _each(unit: str, number: int, between: str = ", ") -> str:
    return between.join(unit.format(n=n, before=n - 1) for n in range(1, number + 1))


SHAPES: dict[str, Callable[[int], str]] = {
    "stars": lambda n: _nested("SELECT *, * FROM (", "SELECT 1 AS a", ") a", n),
    "stars of a table": lambda n: _nested("SELECT *, * FROM (", "TABLE orders", ") a", n),
    "stars of an alias": lambda n: _nested("SELECT a.*, a.* FROM (", "SELECT 1 AS a", ") a", n),
    "nested WITH": lambda n: _nested(
        "WITH a{n} AS (", "SELECT 1 AS a", ") SELECT *, * FROM a{n}, a{n} b", n
    ),
    "WITH in a chain": lambda n: (
        "WITH a0 AS (SELECT 1 AS a), "
        + _each("a{n} AS (SELECT *, * FROM a{before}, a{before} b)", n)
        + " SELECT 1"
    ),
    "WITH RECURSIVE": lambda n: (
        "WITH RECURSIVE a0 AS (SELECT 1 AS a), "
        + _each("a{n} AS (SELECT *, * FROM a{before}, a{before} b)", n)
        + " SELECT 1"
    ),
    "joins with aliases": lambda n: (
        "SELECT *, * FROM " + _nested("(", "orders", " CROSS JOIN orders) AS a{n}", n)
    ),
    "joins USING": lambda n: "SELECT *, * FROM orders" + " JOIN orders USING (order_id)" * n,
    "a UNION": lambda n: f"SELECT * FROM (TABLE orders{' UNION TABLE orders' * n}) s",
    "nested UNION": lambda n: _nested("(SELECT 1 AS a UNION ", "SELECT 1", ")", n),
    "scalar sub-queries": lambda n: _nested("SELECT (SELECT * FROM (", "SELECT 1", ") a)", n),
    "sub-queries named by sub-queries": lambda n: (
        f"SELECT * FROM ({_nested('SELECT (', 'SELECT 1', ')', n)}) s"
    ),
    "JSON_TABLE": lambda n: (
        "SELECT * FROM JSON_TABLE('1', '$' COLUMNS ("
        + _nested("a{n} int, NESTED '$' COLUMNS (", "a int", ")", n)
        + ")) j"
    ),
    "patterns": lambda n: "SELECT 1 WHERE 'a' LIKE 'b'" + " || 'b'" * n,
    "contained in each other": lambda n: "SELECT 1" + " @> 1" * n,
    "replaced in each other": lambda n: (
        "SELECT " + _nested("replace(", "'a'", ", lower('b'), 'c')", n)
    ),
    "attributes": lambda n: "SELECT (ROW(1))" + ".f1" * n,
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_the_steps_are_in_proportion_to_the_length(steps: Steps, shape: str) -> None:
    one, two = SHAPES[shape](25), SHAPES[shape](50)
    # What does not grow with it makes it less; twice two would be its square.
    assert steps(two) < 2.2 * steps(one), shape
    assert steps(two) < 20 * len(two)


def test_a_star_is_looked_at_once(steps: Steps, guard: Guard) -> None:
    sql = _nested("SELECT *,* FROM (", "SELECT 1", ") a", 40)
    assert len(sql) < 1_000
    assert steps(sql) < 500
    guard.inspect(sql)


def test_what_would_take_too_many_steps_is_refused(
    guard: Guard, refused: Callable[[str], SqlRefused]
) -> None:
    # The square of what fits: each reference may be any of the aliases.
    many = "SELECT " + "o.order_id, " * 1_000 + "1 FROM " + _each("orders o", 600)
    assert refused(many).message == _TOO_LARGE
    guard.inspect("SELECT " + "o.order_id, " * 1_000 + "1 FROM orders o")


def test_there_are_steps_enough_for_the_longest(steps: Steps) -> None:
    for sql in (
        "SELECT 1 WHERE 1 IN (" + "1," * 9_900 + "1)",
        "SELECT " + ",".join("o.order_id" for _ in range(1_600)) + " FROM orders o",
        "WITH a AS (TABLE orders) SELECT * FROM a" + ", a" * 4_000,
    ):
        assert steps(sql) < MOST_STEPS / 4


def _wide(parser: Parser, columns: int) -> Guard:
    names = tuple(f"column_{n}" for n in range(columns))
    return Guard(Catalog([Relation("s", "wide", names)]), parser=parser)


def test_a_star_stands_for_as_many_columns_as_postgresql_has(parser: Parser) -> None:
    guard = _wide(parser, MOST_COLUMNS)
    guard.inspect("SELECT s.column_7 FROM (SELECT * FROM wide) s")
    with pytest.raises(SqlRefused) as caught:
        guard.inspect("SELECT s.column_7 FROM (SELECT * FROM wide, (SELECT 1 AS more) m) s")
    assert caught.value.message == _TOO_LARGE


def test_many_wide_stars_are_too_large(parser: Parser) -> None:
    guard = _wide(parser, 1_600)
    with pytest.raises(SqlRefused, match="too large"):
        guard.inspect("SELECT * FROM (SELECT * FROM " + ", ".join(["wide"] * 2_000) + ") s")


def test_the_budget_ends() -> None:
    budget = Budget(3)
    budget.spend()
    budget.spend(2)
    with pytest.raises(SqlRefused, match="too large to be read") as caught:
        budget.spend()
    assert caught.value.hint
