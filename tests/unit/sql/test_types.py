"""Which operators may be used, and which types may be cast to."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.sql import Guard

Refuse = Callable[[str], SqlRefused]


@pytest.mark.parametrize("name", ["<=>", "public.<=>", "pg_catalog.+", "@@", "||", "->>", "<->"])
def test_an_operator_of_the_list_is_used(guard: Guard, name: str) -> None:
    guard.inspect(f"SELECT 1 OPERATOR({name}) 2")
    guard.inspect(f"SELECT 1 OPERATOR({name}) ANY (ARRAY[1])")
    guard.inspect(f"SELECT 1 OPERATOR({name}) ALL (SELECT 1)")
    guard.inspect(f"SELECT 1 ORDER BY 1 USING OPERATOR({name})")


@pytest.mark.parametrize("name", ["public.+", "pg_catalog.<=>", "shop.<=>", "<<<", "a.b.+", "%%"])
def test_another_operator_is_refused(refused: Refuse, name: str) -> None:
    for sql in (
        f"SELECT 1 OPERATOR({name}) 2",
        f"SELECT 1 OPERATOR({name}) ANY (ARRAY[1])",
        f"SELECT 1 OPERATOR({name}) ALL (SELECT 1)",
        f"SELECT 1 ORDER BY 1 USING OPERATOR({name})",
    ):
        assert "operator" in refused(sql).message
    assert "operator" in refused("SELECT <<< 1").message


@pytest.mark.parametrize(
    "name",
    [
        "int", "integer", "bigint", "smallint", "numeric(10, 2)", "decimal", "real", "float(3)",
        "double precision", "text", "varchar", "varchar(3)", "character varying", "char", "char(3)",
        "pg_catalog.bpchar", "boolean", "date", "time", "time(3) with time zone", "timestamp",
        "timestamptz(3)", "interval", "interval day to second(3)", "uuid", "json", "jsonb",
        "jsonpath", "bytea", "bit(3)", "bit varying", "inet", "cidr", "macaddr", "point", "box",
        "circle", "int4range", "tstzmultirange", "tsvector", "tsquery", "money", "vector(3)",
        "halfvec", "sparsevec", "int[]", "text[][3]", "text array", "pg_catalog.text",
    ],
)  # fmt: skip
def test_a_type_of_the_list_is_cast_to(guard: Guard, name: str) -> None:
    guard.inspect(f"SELECT CAST('1' AS {name}), x.a FROM jsonb_to_record('{{}}') AS x(a {name})")


@pytest.mark.parametrize(
    "name",
    [
        "regclass", "regproc", "regprocedure", "regtype", "regrole", "regnamespace", "regconfig",
        "pg_catalog.regclass", '"regclass"', "regclass[]", "oid", "xid", "xid8", "cid", "tid",
        "pg_lsn", "aclitem", "name", '"char"', 'pg_catalog."char"', "xml", "txid_snapshot",
        "record", "orders", "retail.orders", "cstring", "internal", "refcursor", "_text", "unknown",
        "public.text", "a.b.text",
        "pg_catalog.text.regclass", "anyelement", "serial", "string", "datetime",
    ],
)  # fmt: skip
def test_another_type_is_refused_wherever_it_stands(refused: Refuse, name: str) -> None:
    for sql in (
        f"SELECT CAST('1' AS {name})",
        f"SELECT '1'::{name}",
        f"SELECT x.a FROM jsonb_to_record('{{}}') AS x(a {name})",
        f"SELECT 1 FROM ROWS FROM (jsonb_to_record('{{}}') AS (a {name})) x",
        f"SELECT json_value('1', '$' RETURNING {name})",
        f"SELECT * FROM JSON_TABLE('1', '$' COLUMNS (a {name})) t",
    ):
        error = refused(sql)
        assert "not among those that may be cast to" in error.message
        assert error.position is not None


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT regclass 'orders'", "regclass"),
        ("SELECT CAST(1 AS orders.store_id%TYPE)", "not valid SQL"),
        ("SELECT CAST(1 AS SETOF int)", "SETOF"),
        ("SELECT 1::geography(point, 4326)", "geography"),
        ("SELECT 1::vector(x)", "not a number"),
        ("SELECT '1'::vector((SELECT 1))", "not a number"),
        ("SELECT TREAT(1 AS regclass)", "regclass"),
        ("SELECT 'a' COLLATE shop.\"x\"", "collation"),
        ("SELECT 'a' COLLATE a.pg_catalog.\"x\"", "collation"),
    ],
)
def test_types_and_collations_are_plain(refused: Refuse, sql: str, words: str) -> None:
    assert words in refused(sql).message
