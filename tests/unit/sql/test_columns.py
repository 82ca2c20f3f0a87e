"""Columns with something in front: PostgreSQL takes a.b for the call b(a) where there is no such
column."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.sql import Guard

Refuse = Callable[[str], SqlRefused]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT o.order_id, orders.store_id FROM orders o, orders",
        "SELECT retail.orders.store_id FROM retail.orders",
        "SELECT o.*, retail.orders.* FROM orders o, retail.orders",
        "SELECT o.a, o.ordered_on FROM orders o(a)",
        "SELECT o FROM orders o",
        "SELECT count(o), o.count, o.row_to_json FROM orders o",
        ('SELECT s.sum, s.int4, s.case, s.coalesce, s.x, s."?column?" FROM (SELECT sum(1), 1::int4,'
        " CASE WHEN true THEN 1 END, coalesce(1, 2), 1 AS x, 1 + 1) s"),
        "SELECT v.column1, v.column12 FROM (VALUES (1)) v",
        "SELECT v.a FROM (VALUES (1)) v(a)",
        "SELECT s.o FROM (SELECT o FROM orders o) s",
        "WITH orders AS (SELECT * FROM orders) SELECT orders.store_id, orders.count FROM orders",
        'SELECT s."Days" FROM (SELECT "Days" FROM generate_series(1, 2) "Days") s',
        "WITH t(a) AS (SELECT 1) SELECT t.a, u.a FROM t, t u",
        "SELECT j.store_id, j.total FROM (orders JOIN order_items USING (order_id)) j",
        "SELECT j.a FROM JSON_TABLE('1', '$' COLUMNS (a int, NESTED '$.b' COLUMNS (b int))) j",
        "SELECT json_table.a FROM JSON_TABLE('1', '$' COLUMNS (a int))",
        "SELECT e.key, e.value FROM products p, jsonb_each(p.tags) e",
        "SELECT x.value FROM jsonb_array_elements('[]') x",
        "SELECT jsonb_array_elements.value FROM jsonb_array_elements('[]')",
        ("SELECT g.g, generate_series.generate_series FROM generate_series(1, 2) g,"
        " generate_series(1, 2)"),
        "SELECT g.n, g.ordinality FROM generate_series(1, 2) WITH ORDINALITY g(n)",
        "SELECT r.a, r.b FROM ROWS FROM (abs(1), jsonb_to_record('{}') AS (b text)) r(a)",
        "SELECT r.b FROM ROWS FROM (jsonb_to_record('{}') AS (b text)) r",
        "SELECT x.a FROM jsonb_to_recordset('[]') x(a int, b text)",
        "SELECT x.a FROM CAST('a' AS text) x(a)",
        "SELECT w.lexeme FROM unnest(to_tsvector('a')) w",
        "SELECT g.upper FROM unnest(ARRAY['a']) g",
        "SELECT s.a, s.price, s.total FROM (SELECT *, 1 AS a FROM products, order_items) s",
        "SELECT s.a FROM (SELECT x.* FROM (SELECT 1 AS a) x) s",
        "SELECT s.a FROM (SELECT (SELECT 1 AS a)) s JOIN (SELECT 1 AS b) t ON t.b = s.a",
        "SELECT s.a, s.max FROM (SELECT (SELECT 1 AS a UNION SELECT 2), max(1)::int) s",
        "SELECT 1 FROM (SELECT (VALUES (1))) s",
        "SELECT t.a FROM (SELECT 1 AS a) t UNION SELECT t.b FROM (SELECT 1 AS b) t",
        "SELECT o.order_id FROM orders o WHERE EXISTS (SELECT 1 FROM products o WHERE o.price > 1)",
        "SELECT o.email, (SELECT o.price FROM products o) FROM customers o",
        "SELECT s.revenue FROM (SELECT x.revenue::numeric FROM (SELECT 1 AS revenue) x) s",
        "SELECT s.b FROM (SELECT CASE WHEN true THEN 1 ELSE x.b END FROM (SELECT 1 AS b) x) s",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT r.n + 1 FROM r) SELECT r.n FROM r",
        "WITH a AS (SELECT 1 AS n), b AS (SELECT * FROM a) SELECT x.n FROM (TABLE b) x",
        "SELECT g.n FROM generate_series(1, 2) g(n) UNION SELECT g.order_id FROM orders g",
        "SELECT (jsonb_each('{}')).key, (ROW(1, 2)).f2, (ARRAY[1])[1], ('a').upper",
        "SELECT (o).*, (jsonb_each('{}')).* FROM orders o",
        "SELECT days.d FROM (SELECT day AS d FROM generate_series(1, 2) day) days",
    ],
)  # fmt: skip
def test_a_column_is_read(guard: Guard, sql: str) -> None:
    guard.inspect(sql)


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        ("SELECT (3::float8).pg_sleep", 10),
        ("SELECT ('/etc/passwd'::text).pg_read_file", 22),
        ('SELECT (1)."pg_sleep"', 9),
        ('SELECT (1).U&"\\0070g_sleep"', 9),
        ("SELECT (ARRAY[1])[1].pg_sleep", 9),
        ("SELECT ((1).float8).pg_sleep", 10),
        ("SELECT ((1).f1).pg_sleep.f2", 10),
        ("SELECT (1 + 2).pg_sleep", 11),
        ("SELECT (o).pg_sleep FROM orders o", 9),
        ("SELECT (o).email FROM orders o", 9),
        ("SELECT (o).ctid FROM orders o", 9),
        ("SELECT (o.*).pg_sleep FROM orders o", 9),
        ("SELECT o.store_id[1].pg_sleep FROM orders o", 8),
        ("SELECT (SELECT 3).pg_sleep", 26),
        ("SELECT (g).pg_read_file FROM unnest(ARRAY['a']) g", 9),
        ("SELECT (CASE WHEN true THEN 1 END).pg_sleep", 9),
        ("SELECT (1).tenant", 9),
        ("VALUES ((1).pg_sleep)", 10),
        ("SELECT * FROM abs((1).pg_sleep)", 20),
    ],
)
def test_a_function_behind_parentheses_is_refused(refused: Refuse, sql: str, position: int) -> None:
    error = refused(sql)
    assert "parentheses" in error.message
    assert "alias." in error.hint
    if position != 26:  # a sub-query has no place of its own
        assert error.position == position


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT g.pg_read_file FROM unnest(ARRAY['/etc/passwd']) g",
        "SELECT G.pg_read_file FROM unnest(ARRAY['/etc/passwd']) g",
        "SELECT unnest.pg_read_file FROM unnest(ARRAY['/etc/passwd'])",
        "SELECT unnest.pg_read_file FROM pg_catalog.unnest(ARRAY['/etc/passwd'])",
        "SELECT g.pg_read_file FROM unnest(ARRAY['/etc/passwd']) g(x)",
        "SELECT g.g FROM unnest(ARRAY['/etc/passwd']) g(x)",
        # The alias is the column's name only where the function gives it no other.
        "SELECT pg_read_file.pg_read_file FROM unnest(ARRAY['/etc/passwd']) pg_read_file(x)",
        "SELECT pg_read_file.pg_read_file FROM jsonb_array_elements_text('[]') pg_read_file",
        "SELECT pg_read_file.pg_read_file FROM unnest(to_tsvector('a')) pg_read_file",
        "SELECT pg_read_file.pg_read_file FROM unnest(ARRAY[1], ARRAY[2]) pg_read_file",
        "SELECT pg_read_file.pg_read_file FROM pg_catalog.jsonb_each('{}') pg_read_file",
        "SELECT pg_read_file.pg_read_file FROM json_each_text('{}') pg_read_file",
        "SELECT pg_read_file.pg_read_file FROM ROWS FROM (abs(1), abs(1)) pg_read_file",
        "SELECT pg_read_file.pg_read_file FROM CAST('/etc/passwd' AS text) pg_read_file",
        "SELECT g.pg_sleep FROM abs(3) g ORDER BY g.pg_sleep",
        "SELECT g.pg_sleep FROM CAST(3 AS float8) g",
        "SELECT g.pg_sleep FROM coalesce(3, 4) g",
        "SELECT g.pg_sleep FROM ROWS FROM (abs(3)) g",
        "SELECT 1 FROM orders, LATERAL abs(store_id) g WHERE g.pg_sleep IS NULL",
        "SELECT 1 FROM abs(3) g JOIN orders ON g.pg_sleep IS NULL",
        "SELECT (SELECT g.pg_sleep) FROM abs(3) g",
        "SELECT 1 FROM abs(3) g, LATERAL abs(g.pg_sleep)",
        # Elsewhere the name is given to something else.
        "SELECT g.pg_sleep, s.pg_sleep FROM abs(3) g, (SELECT 1 AS pg_sleep) s",
        "SELECT g.pg_sleep FROM abs(3) g, (SELECT 1 FROM abs(1) g(pg_sleep)) s",
        "SELECT g.pg_sleep FROM abs(3) g, (SELECT g.pg_sleep FROM abs(1) g(pg_sleep)) s",
        "SELECT (SELECT 1 FROM (SELECT 1 AS pg_sleep) g), g.pg_sleep FROM abs(3) g",
        "WITH g AS (SELECT 1 AS pg_sleep) SELECT g.pg_sleep FROM abs(3) g, (SELECT 1 FROM g) s",
        "SELECT g.store_id FROM abs(3) g, (SELECT 1 FROM orders g) s",
        'SELECT "O".pg_sleep FROM abs(3) o, (SELECT 1 AS pg_sleep) "O"',
        f"SELECT {'a' * 63}x.pg_sleep FROM abs(3) {'a' * 63}y, (SELECT 1 AS pg_sleep) z",
    ],
)
def test_a_function_behind_the_alias_of_a_function_is_refused(refused: Refuse, sql: str) -> None:
    assert "declares" in refused(sql).message


def test_one_alias_for_two_things_is_told(refused: Refuse) -> None:
    for sql in (
        "SELECT 1 FROM abs(3) g, LATERAL (SELECT 1 FROM orders JOIN orders g ON g.store_id = 1) s",
        "SELECT (SELECT g.store_id FROM (orders g CROSS JOIN products n) AS j) FROM abs(3) g",
    ):
        assert "give each its own" in refused(sql).hint
    assert "g(pg_sleep)" in refused("SELECT g.pg_sleep FROM abs(3) g").hint


@pytest.mark.parametrize(
    "expression",
    ["CAST('/etc/passwd' AS text)", "coalesce('a')", "current_date", "greatest(1)"],
)
def test_an_expression_in_from_needs_an_alias(refused: Refuse, expression: str) -> None:
    # Its name would be one of PostgreSQL's making, such as text.
    error = refused(f"SELECT text.pg_read_file FROM {expression}")
    assert "alias" in error.message
    assert error.position is not None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT o.pg_sleep FROM orders o",
        "SELECT orders.email FROM orders",
        "SELECT o.pg_sleep FROM orders o, (SELECT 1 AS pg_sleep) s",
        "SELECT o.a FROM orders o, customers c(a)",
        "SELECT o.full_name, 1 FROM orders o, LATERAL (SELECT 1 FROM (SELECT 1 AS full_name) o) s",
        "SELECT retail.orders.pg_sleep FROM retail.orders",
        "SELECT archive.notes.email FROM archive.notes",
        "SELECT s.pg_sleep FROM (SELECT 1) s",
        "SELECT s.column0 FROM (VALUES (1)) s",
        "SELECT s.column1x FROM (VALUES (1)) s",
        "SELECT t.pg_sleep FROM orders o JOIN order_items USING (order_id) AS t",
        "SELECT t.pg_sleep FROM (orders CROSS JOIN order_items) AS t",
        "SELECT t.pg_sleep FROM JSON_TABLE('1', '$' COLUMNS (a int)) t",
        "WITH t AS (SELECT 1) SELECT t.pg_sleep FROM t",
        "SELECT s.pg_sleep FROM (SELECT 1) s, (SELECT 1 AS pg_sleep) t",
        "SELECT s.pg_sleep FROM (SELECT 1 FROM (SELECT 1 AS pg_sleep) s) s",
        "SELECT s.pg_sleep FROM (SELECT 1 AS pg_sleep) s(a)",
        "WITH s(a) AS (SELECT 1 AS pg_sleep) SELECT s.pg_sleep FROM s",
        "SELECT s.pg_sleep FROM (SELECT 1 UNION SELECT 2 AS pg_sleep) s",
        "SELECT s.regclass FROM (SELECT 1) s",
    ],
)
def test_a_column_that_nothing_has_is_refused(refused: Refuse, sql: str) -> None:
    error = refused(sql)
    assert "has no column" in error.message
    assert error.position == (sql.rindex("SELECT") + 8 if sql.startswith("WITH") else 8)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x.order_id FROM orders o",
        "SELECT pg_sleep.x",
        "SELECT public.orders.order_id FROM orders",
        "SELECT shop.retail.orders.order_id FROM retail.orders",
        "SELECT g.g.pg_sleep FROM abs(3) g",
        "SELECT s.g.pg_sleep FROM (SELECT g FROM abs(3) g) s",
    ],
)
def test_what_is_in_front_has_to_be_there(refused: Refuse, sql: str) -> None:
    assert refused(sql).position == 8


@pytest.mark.parametrize("column", ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"])
def test_a_system_column_is_refused(refused: Refuse, column: str) -> None:
    for sql in (
        f"SELECT {column} FROM orders",
        f"SELECT o.{column} FROM orders o",
        f"SELECT retail.orders.{column} FROM retail.orders",
        f"SELECT 1 FROM orders ORDER BY {column}",
        f"SELECT s.{column} FROM (SELECT 1 AS {column}) s",
        f"SELECT 1 FROM orders a JOIN orders b USING ({column})",
        f'SELECT "{column}" FROM orders',
    ):
        assert f"system column {column}" in refused(sql).message


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT o.store FROM orders o", "Near it: o.store_id."),
        ("SELECT o.zzz FROM orders o", "It has: customer_id, order_id, ordered_on, store_id."),
        ("SELECT s.revenu FROM (SELECT 1 AS revenue) s", "Near it: s.revenue."),
        ("SELECT s.zzz FROM (SELECT 1) s", "Name the column where it is made: expression AS name."),
        ("SELECT order.order_id FROM orders", "What begins there: .order_id FROM orders ..."),
        ("SELECT orderz.order_id FROM orders", "Near it: orders."),
    ],
)
def test_the_hint_names_what_is_near(refused: Refuse, sql: str, hint: str) -> None:
    assert refused(sql).hint == hint or "order." in sql
