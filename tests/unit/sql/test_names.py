"""Names that a database in an encoding of one byte reads otherwise than the parser."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.sql import Guard

Refuse = Callable[[str], SqlRefused]

# With é of two bytes: 59 and 60.
_FITS, _TOO_LONG = "é" * 29 + "a", "é" * 30
_GIVEN = (
    "SELECT 1 FROM orders {a}, (SELECT 1) {b}",
    "SELECT 1 FROM orders {a}, (SELECT 1 FROM abs(3) {b}) s",
    "SELECT 1 FROM (SELECT 1) {a}, abs(3) {b}",
    "WITH {a} AS (SELECT 1), {b} AS (SELECT 2) SELECT 1",
    "WITH {a} AS (SELECT 1) SELECT 1 FROM {a}, orders {b}",
    "SELECT (SELECT 1 FROM orders {a}) FROM (orders CROSS JOIN products) AS {b}",
    "SELECT 1 FROM orders {a} JOIN order_items USING (order_id) AS {b}",
    "SELECT 1 FROM products {a}, JSON_TABLE('1', '$' COLUMNS (a int)) {b}",
    "SELECT 1 FROM orders {a} UNION SELECT 1 FROM ROWS FROM (abs(3)) {b}",
)


@pytest.mark.parametrize("sql", _GIVEN)
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ('"é"', '"É"'),
        ("Ä", "ä"),
        ("größe", "GRÖSSE"),
        ('"e\u0301"', "e"),
        ("\u017f", "s"),
        ("\u0130", "i"),
        ("x\uff11", "x1"),
        ('"Д"', '"д"'),
    ],
)
def test_two_names_that_may_be_one_are_refused(refused: Refuse, sql: str, a: str, b: str) -> None:
    error = refused(sql.format(a=a, b=b))
    assert "may be one to the server" in error.message
    assert error.position is not None


@pytest.mark.parametrize("sql", _GIVEN)
@pytest.mark.parametrize(("a", "b"), [("订单", "产品"), ("é", "b"), ("o", '"O"'), (_FITS, "x")])
def test_other_names_are_not(guard: Guard, sql: str, a: str, b: str) -> None:
    guard.inspect(sql.format(a=a, b=b))


def test_one_name_may_be_there_twice(guard: Guard) -> None:
    guard.inspect("WITH 订单 AS (SELECT 1 AS n) SELECT 订单.n, o.n FROM 订单, 订单 o")
    guard.inspect("SELECT é.price FROM products é WHERE EXISTS (SELECT é.email FROM customers é)")
    guard.inspect('SELECT 1 AS "Größe", 2 AS größe')


@pytest.mark.parametrize("sql", _GIVEN)
def test_a_long_name_is_refused(refused: Refuse, sql: str) -> None:
    for name in (_TOO_LONG, "a" * 58 + "é", "产" * 20, "产" * 40):
        assert "is too long" in refused(sql.format(a=name, b="b")).message
        assert "is too long" in refused(sql.format(a="a", b=name)).message


def test_so_is_a_long_column_that_is_referred_to(guard: Guard, refused: Refuse) -> None:
    for name in (_TOO_LONG, "é" * 40):
        guard.inspect(f"SELECT 1 AS {name}, 2 AS {name}x")
        guard.inspect(f"SELECT {name} FROM (SELECT 1 AS {name}) s")
        error = refused(f"SELECT s.{name} FROM (SELECT 1 AS {name}) s")
        assert "is too long" in error.message
        assert error.position == 8
    guard.inspect(f"SELECT s.{_FITS} FROM (SELECT 1 AS {_FITS}) s")
    guard.inspect(f"SELECT s.{'a' * 63} FROM (SELECT 1 AS {'a' * 63}) s")
