"""Which relations may be read, and where a WITH query is one."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.query.catalog import Catalog, Relation
from mcpdb.sql import Guard
from mcpdb.sql.parser import Parser

Refuse = Callable[[str], SqlRefused]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM orders",
        "SELECT * FROM ONLY retail.orders, orders *",
        'SELECT * FROM "retail"."orders" AS o (a, b)',
        "SELECT * FROM RETAIL.Orders",
        "SELECT * FROM retail.notes JOIN archive.notes a USING (note_id)",
        "TABLE retail.orders",
        "SELECT (SELECT count(*) FROM orders)",
    ],
)
def test_a_relation_of_the_catalog_is_read(guard: Guard, sql: str) -> None:
    guard.inspect(sql)


@pytest.mark.parametrize(
    "name",
    [
        "pg_authid",
        "pg_catalog.pg_class",
        "pg_stat_activity",
        "information_schema.tables",
        "public.orders",
        "mcpdb.keys",
        "notes",
        '"Orders"',
        '"retail.orders"',
        "orders2",
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        "SELECT * FROM {}",
        "TABLE {}",
        "SELECT * FROM ONLY {}",
        "SELECT 1 FROM orders JOIN ({} x CROSS JOIN orders o) ON true",
        "SELECT (SELECT 1 FROM {} LIMIT 1)",
        "SELECT 1 WHERE EXISTS (TABLE {})",
        "SELECT * FROM orders, LATERAL (SELECT * FROM {}) x",
        "WITH a AS (SELECT * FROM {}) SELECT 1",
        "SELECT 1 UNION SELECT 1 FROM {}",
        "SELECT 1 ORDER BY (SELECT 1 FROM {})",
        "SELECT 1 LIMIT (SELECT 1 FROM {})",
        "SELECT count(*) FILTER (WHERE 1 IN (SELECT 1 FROM {}))",
        "SELECT sum(1) OVER (PARTITION BY (SELECT 1 FROM {}))",
        "SELECT ARRAY(SELECT 1 FROM {})",
        "SELECT * FROM unnest(ARRAY(SELECT 1 FROM {})) u",
        "VALUES ((SELECT 1 FROM {}))",
        "SELECT (ARRAY[1])[(SELECT 1 FROM {})]",
    ],
)
def test_another_one_is_refused_wherever_it_stands(refused: Refuse, name: str, where: str) -> None:
    error = refused(where.format(name))
    assert "not among those that may be read" in error.message
    assert error.position == where.index("{") + 1


def test_a_database_in_front_is_refused(refused: Refuse) -> None:
    error = refused("SELECT * FROM shop.retail.orders")
    assert "database in front" in error.message
    assert error.position == 15


def test_few_relations_are_listed_and_many_are_searched(catalog: Catalog, parser: Parser) -> None:
    with pytest.raises(SqlRefused) as few:
        Guard(catalog, parser=parser).inspect("SELECT * FROM ordrs")
    assert "archive.notes" in few.value.hint
    many = Catalog([*catalog.relations, *(Relation("s", f"t{i}", ("a",)) for i in range(20))])
    with pytest.raises(SqlRefused) as near:
        Guard(many, parser=parser).inspect("SELECT * FROM ordrs")
    assert near.value.hint.startswith("Near it: retail.orders")
    with pytest.raises(SqlRefused, match="catalog"):
        Guard(many, parser=parser).inspect("SELECT * FROM qqqqqqqq")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "WITH x AS (SELECT 1), y AS (SELECT * FROM x) SELECT * FROM y",
        "WITH x AS (SELECT 1) SELECT (SELECT 1 FROM (SELECT 1 WHERE EXISTS (TABLE x)) a)",
        "WITH x AS (SELECT 1) SELECT 1 UNION SELECT 1 FROM x",
        "WITH x AS (SELECT 1), y AS (WITH z AS (TABLE x) TABLE z) TABLE y",
        "WITH RECURSIVE x AS (SELECT 1 UNION SELECT 1 FROM x) TABLE x",
        "WITH RECURSIVE x AS (TABLE y), y AS (SELECT 1) TABLE x",
        "WITH orders AS (SELECT * FROM orders) SELECT * FROM orders",
        "WITH pg_class AS (SELECT 1) SELECT * FROM pg_class",
        "WITH x AS (SELECT 1) SELECT * FROM (WITH x AS (TABLE x) TABLE x) a",
        "WITH x AS (SELECT 1) SELECT * FROM orders, LATERAL (TABLE x) a",
        "SELECT * FROM (WITH x AS (SELECT 1) TABLE x) a",
        "(WITH x AS (SELECT 1) TABLE x) UNION (WITH x AS (SELECT 2) TABLE x)",
        "WITH x AS (SELECT 1) (SELECT 1 EXCEPT TABLE x) ORDER BY (SELECT 1 FROM x)",
        "WITH x AS (SELECT 1) VALUES ((SELECT 1 FROM x))",
    ],
)
def test_a_with_query_is_seen_where_postgresql_sees_it(guard: Guard, sql: str) -> None:
    guard.inspect(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (TABLE x) TABLE orders",
        "WITH x AS (SELECT 1 UNION SELECT 1 FROM x) TABLE x",
        "WITH y AS (TABLE x), x AS (SELECT 1) TABLE y",
        "SELECT * FROM (WITH x AS (SELECT 1) SELECT 1) a, x",
        "SELECT * FROM x, (WITH x AS (SELECT 1) SELECT 1) a",
        "(WITH x AS (SELECT 1) TABLE x) UNION TABLE x",
        "TABLE x UNION (WITH x AS (SELECT 1) TABLE x)",
        "WITH y AS (WITH x AS (SELECT 1) SELECT 1) TABLE x",
        "WITH y AS (WITH x AS (SELECT 1) SELECT 1), z AS (TABLE x) SELECT 1",
        "WITH x AS (SELECT 1) SELECT * FROM public.x",
        'WITH x AS (SELECT 1) SELECT * FROM "X"',
        "SELECT 1 FROM orders x WHERE EXISTS (TABLE x)",
    ],
)
def test_a_with_query_is_not_seen_elsewhere(refused: Refuse, sql: str) -> None:
    error = refused(sql)
    assert "not among those that may be read" in error.message


def test_a_with_query_out_of_sight_does_not_cover_a_relation_of_postgresql(refused: Refuse) -> None:
    error = refused("SELECT * FROM (WITH pg_authid AS (SELECT 1) SELECT 1) x, pg_authid")
    assert "pg_authid" in error.message
    refused("WITH pg_authid AS (SELECT * FROM pg_authid) SELECT 1")
    refused("WITH a AS (SELECT * FROM pg_authid), pg_authid AS (SELECT 1) SELECT 1")
