"""Which functions, operators and types may be used, and with what."""

from collections.abc import Callable

import pytest

from mcpdb import ConfigurationError, SqlRefused
from mcpdb.query.catalog import Catalog
from mcpdb.sql import Guard
from mcpdb.sql.parser import Parser

Refuse = Callable[[str], SqlRefused]

_PLACES = [
    "SELECT {}",
    "SELECT 1 AS a, (({}))",
    "SELECT abs({})",
    "SELECT 1 FROM orders WHERE {} IS NULL",
    "SELECT 1 GROUP BY {}",
    "SELECT 1 GROUP BY GROUPING SETS (({}), ())",
    "SELECT 1 HAVING {} IS NULL",
    "SELECT 1 ORDER BY {} DESC",
    "SELECT 1 LIMIT {}",
    "SELECT 1 OFFSET {}",
    "SELECT DISTINCT ON ({}) 1",
    "SELECT count(*) FILTER (WHERE {} IS NULL)",
    "SELECT sum(1) OVER (PARTITION BY {})",
    "SELECT sum(1) OVER (ORDER BY {})",
    "SELECT sum(1) OVER (ROWS {} PRECEDING)",
    "SELECT 1 WINDOW w AS (ORDER BY {})",
    "SELECT string_agg('a', 'b' ORDER BY {})",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {})",
    "SELECT make_interval(days => {})",
    "SELECT concat(VARIADIC ARRAY[{}])",
    "SELECT * FROM {} f",
    "SELECT * FROM {}",
    "SELECT * FROM ROWS FROM (abs(1), {}) f",
    "SELECT * FROM orders, LATERAL {} f",
    "SELECT * FROM abs({}) f",
    "SELECT * FROM {} AS f(a int)",
    "SELECT * FROM orders a JOIN orders b ON {} IS NULL",
    "VALUES (1), ({})",
    "SELECT CASE WHEN {} IS NULL THEN 1 END",
    "SELECT CASE {} WHEN 1 THEN 1 ELSE 2 END",
    "SELECT CASE 1 WHEN 1 THEN 1 ELSE {} END",
    "SELECT coalesce(1, {})",
    "SELECT greatest(1, {})",
    "SELECT nullif(1, {})",
    "SELECT ROW({}, 1)",
    "SELECT ARRAY[[{}]]",
    "SELECT (ARRAY[1])[{}]",
    "SELECT (ARRAY[1])[{}:2]",
    "SELECT ({}).f1",
    "SELECT CAST({} AS text)",
    'SELECT {}::text COLLATE "C"',
    "SELECT 1 IN ({}, 2)",
    "SELECT {} = ANY (ARRAY[1])",
    "SELECT ({}, 1) IN (SELECT 1, 2)",
    "SELECT 1 BETWEEN {} AND 2",
    "SELECT 'a' LIKE 'b' ESCAPE {}",
    "SELECT now() AT TIME ZONE {}",
    "SELECT extract(year FROM {})",
    "SELECT {} IS TRUE",
    "SELECT NOT {} AND true OR false",
    "SELECT grouping({})",
    "WITH a AS MATERIALIZED (SELECT {}) SELECT 1",
    "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT {} FROM a) SELECT 1",
    "SELECT 1 EXCEPT SELECT {}",
]


@pytest.mark.parametrize("place", _PLACES)
def test_a_function_is_held_against_the_list_wherever_it_stands(guard: Guard, place: str) -> None:
    guard.inspect(place.format("abs(1)"))
    for name in ("pg_sleep", "pg_catalog.set_config", 'U&"\\0070g_sleep"'):
        with pytest.raises(SqlRefused, match="not among those that may be called") as caught:
            guard.inspect(place.format(f"{name}(1)"))
        assert caught.value.position == place.index("{") + 1


@pytest.mark.parametrize(
    "call",
    [
        "abs(1)",
        "ABS(1)",
        "pg_catalog.abs(1)",
        '"abs"(1)',
        'U&"\\0061bs"(1)',
        "random()",
        "l2_distance(embedding, embedding)",
        "to_tsvector(name)",
        "gen_random_uuid()",
    ],
)
def test_a_function_of_the_list_is_called(guard: Guard, call: str) -> None:
    guard.inspect(f"SELECT {call} FROM products")


@pytest.mark.parametrize(
    "call",
    [
        '"ABS"(1)',
        "public.abs(1)",
        "mcpdb.tenant()",
        "mcpdb.enter('a', 1, 'b', 'c')",
        "a.b.abs(1)",
        "pg_catalog.abs.pg_sleep(1)",
        '"pg_catalog.abs"(1)',
        "pg_catalog.l2_distance('[1]', '[1]')",
        "set_config('app.tenant', '1', true)",
        "current_setting('app.tenant')",
        "ts_stat('SELECT 1')",
        "ts_rewrite('a', 'SELECT 1')",
        "query_to_xml('SELECT 1', true, true, '')",
        "dblink('a', 'b')",
        "pg_read_file('/etc/passwd')",
        "lo_import('/etc/passwd')",
        "nextval('s')",
        "currtid2('orders', '(0,1)')",
        "pg_advisory_lock(1)",
        "pg_notify('a', 'b')",
        "txid_current()",
        "version()",
        "current_database()",
        "current_schemas(true)",
        "inet_server_addr()",
        "has_table_privilege('orders', 'SELECT')",
        "obj_description(1)",
        "format_type(1, 1)",
        "to_regclass('orders')",
        "regclass('orders')",
        "array_fill(0, ARRAY[1000000])",
        "setseed(1)",
        "pg_stat_get_xact_tuples_fetched(1)",
        "textin('a')",
        "textcat('a', 'b')",
        "pg_column_toast_chunk_id(1)",
        "pg_typeof(1)",
        "pg_catalog.pg_typeof(1)",
        "array_append(ARRAY[pg_typeof(1)], 'mcpdb.keys')",
        "ctid(orders)",
        "xpath('/a', '<a/>')",
        "system_user",
        "xmlexists('a' PASSING 'b')",
    ],
)
def test_another_function_is_refused(refused: Refuse, call: str) -> None:
    assert "not among those that may be called" in refused(f"SELECT {call} FROM orders").message


@pytest.mark.parametrize("name", ["current_user", "session_user", "current_role", "user"])
def test_who_asks_is_not_told(refused: Refuse, name: str) -> None:
    assert refused(f"SELECT {name}").message == f"{name} may not be read (at character 8)."
    refused(f"SELECT * FROM {name} AS x(a)")


@pytest.mark.parametrize("name", ["current_catalog", "current_schema"])
def test_where_one_is_is_not_told(refused: Refuse, name: str) -> None:
    assert name in refused(f"SELECT {name}").message


def test_functions_and_types_of_the_application_are_added(catalog: Catalog, parser: Parser) -> None:
    guard = Guard(
        catalog, functions=["shop.margin", "fold"], types=["shop.grade", "mood"], parser=parser
    )
    guard.inspect("SELECT shop.margin(1), fold(2), 'a'::shop.grade, 'b'::mood[], (orders).fold")
    guard.inspect("SELECT s.margin, s.grade FROM (SELECT shop.margin(1), 'a'::shop.grade) s")
    assert {"shop.margin", "fold", "abs", "l2_distance"} <= guard.functions
    assert guard.catalog is catalog
    for call in ("margin(1)", "other.margin(1)", "shop.fold(1)", '"shop.margin"(1)', "s.h.x(1)"):
        with pytest.raises(SqlRefused, match="not among"):
            guard.inspect(f"SELECT {call}")
    for name in ("grade", "shop.mood", '"shop.grade"'):
        with pytest.raises(SqlRefused, match="not among"):
            guard.inspect(f"SELECT 'a'::{name}")


@pytest.mark.parametrize("name", ["margin", "shop.margin", "m", ""])
def test_one_name_is_not_a_collection_of_names(catalog: Catalog, parser: Parser, name: str) -> None:
    with pytest.raises(ConfigurationError, match="a collection"):
        Guard(catalog, functions=name, parser=parser)
    with pytest.raises(ConfigurationError, match="a collection"):
        Guard(catalog, types=name, parser=parser)


def test_the_types_of_columns_are_in_the_result(refused: Refuse) -> None:
    assert refused("SELECT pg_typeof(1)").hint == "The types of columns are in the result."
    assert "pg_typeof" in refused("SELECT (1).pg_typeof").message


@pytest.mark.parametrize("name", ["", "a.b.c", ".a", "a."])
def test_a_malformed_name_is_a_mistake(catalog: Catalog, parser: Parser, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be allowed"):
        Guard(catalog, functions=[name], parser=parser)
    with pytest.raises(ConfigurationError, match="cannot be allowed"):
        Guard(catalog, types=[name], parser=parser)


@pytest.mark.parametrize(
    "call",
    [
        "repeat('a', 1000)",
        "repeat('a', 10::int)",
        "repeat('a', -1)",
        "lpad('a', 10)",
        "rpad('a', 10, 'b')",
        "repeat(repeat('a', 1000), 1000)",
        "lpad(rpad('a', 1000), 1000)",
    ],
)
def test_a_text_is_made_longer_by_a_number(guard: Guard, call: str) -> None:
    guard.inspect(f"SELECT {call}")


@pytest.mark.parametrize(
    "call",
    [
        "repeat('a', 1001)",
        "repeat('a', 5000000000)",
        "pg_catalog.repeat('a', 1001)",
        "repeat('a', 10 * 10)",
        "repeat('a', store_id)",
        "repeat('a', (SELECT 1))",
        "repeat('a', NULL)",
        "repeat('a')",
        "repeat(VARIADIC ARRAY['a', 'b'])",
        "repeat('a', number => 3)",
        "lpad('a', 1001)",
        "rpad('a', 1e9::int, 'b')",
    ],
)
def test_a_text_is_not_made_longer_by_anything_else(refused: Refuse, call: str) -> None:
    assert "whole number up to 1000" in refused(f"SELECT {call} FROM orders").message


def test_a_text_is_not_made_long_in_steps(refused: Refuse) -> None:
    for sql in (
        "SELECT repeat(repeat(repeat('a', 1000), 1000), 2)",
        (
            "WITH a AS (SELECT repeat('a', 1000) AS b), c AS (SELECT repeat(b, 1000) AS b FROM a)"
            " SELECT repeat(b, 1000) FROM c"
        ),
    ):
        assert "together" in refused(sql).message


@pytest.mark.parametrize(
    "bounds",
    [
        "1, 1000001",
        "-5, 5",
        "1, 10, 2",
        "10, 1, -1",
        "0, 100000000, 1000",
        "1, store_id",
        "1, 10, store_id",
        "date '2024-01-01', date '2025-01-01', interval '1 day'",
        "1, 2, 0",
    ],
)
def test_a_series_may_be_long(guard: Guard, bounds: str) -> None:
    guard.inspect(f"SELECT n FROM orders, generate_series({bounds}) n")


@pytest.mark.parametrize(
    "bounds",
    [
        "1, 1000002",
        "1, 5000000000",
        "1, 1000000000::bigint",
        "'1'::int, CAST('10000000' AS int)",
        "-600000, 600000",
        "10000000, 1, -1",
        "0, 1e12, 0.5",
        "0, 1e999",
        "1e999, 1e999",
        "0, 0x7FFFFFFFFF",
        "0, 1_000_000_000",
        "0.0, 1000.0, 0.0001",
    ],
)
def test_a_series_may_not_be_endless(refused: Refuse, bounds: str) -> None:
    for sql in (
        f"SELECT generate_series({bounds})",
        f"TABLE orders UNION SELECT * FROM pg_catalog.generate_series({bounds})",
    ):
        assert "1,000,000 rows" in refused(sql).message
