"""What a value looks like in the answer of the SQL tool: as in that of a tool that a developer
wrote, but for the types in which PostgreSQL's own text says more, or the driver's values say
less."""

from typing import Any, Final

import pytest
from sqlalchemy import literal_column, select

from isolation.sql_lines import run, run_as, sql_login
from isolation.sql_server import CATALOG, ask, database_of, server_of
from isolation.walled import NORTH, Walled, connected, entered
from mcpdb import McpdbError, Request, Rows, Server, SqlToolOptions, Tenant
from mcpdb.query.tool import ToolOptions
from postgres.typed import Named

_SAME: Final = r"""
true
NULL::bool
'-32768'::int2
2147483647
9007199254740992::int8
9007199254740993::int8
'-9223372036854775808'::int8
1234567890123456789012345678901234567890::numeric
0.1234567890123456789012345678901234567890::numeric
1.10::numeric
1.00::numeric
1e-30::numeric
'NaN'::numeric
'-Infinity'::numeric
'NaN'::float8
'Infinity'::float8
1e300::float8
1e16::float8
123456789012345680000::float8
0.1::float8
'a "quoted" \ text'
E'two\nlines\ttab'
'Grüße 日本 🦀'
''
'x'::char(3)
'\xdeadbeef'::bytea
''::bytea
date '2024-02-29'
'9999-12-31'::date
time '23:59:59'
'2024-02-29 12:00:00'::timestamp
'2024-02-29 12:00:00.123456'::timestamp
'2024-02-29 12:00:00+02'::timestamptz
interval '1 day 2 hours 3.5 seconds'
interval '0'
interval '90 minutes'
interval '0.000001 seconds'
'{"b":1,"a":2,"b":3}'::json
'{"b": 1, "a": [1.50, 12345678901234567890, null, "é"]}'::jsonb
'[]'::json
'"text"'::jsonb
'1e400'::jsonb
'null'::jsonb
ARRAY[1,2,NULL]
ARRAY[[1,2],[3,4]]
'{}'::int[]
ARRAY['a','b"c',NULL,'']
ARRAY[1.5,'NaN']::numeric[]
ARRAY[9007199254740993]::int8[]
ARRAY['infinity'::float8]
ARRAY['2024-01-01'::date]
ARRAY['\x00ff'::bytea]
'[0:1]={7,8}'::int[]
int4range(1,5)
'empty'::int4range
numrange(1.5,NULL)
daterange('2024-01-01','2024-02-01')
'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
'10.0.0.1'::inet
'10.0.0.1/8'::inet
'10.0.0.0/8'::cidr
'::1'::inet
'08:00:2b:01:02:03'::macaddr
'1010'::varbit
'12.34'::money
to_tsvector('english','fat cats')
(SELECT p FROM shop.products p WHERE p.id = 1)
ARRAY(SELECT amount FROM shop.orders ORDER BY id LIMIT 2)
NULL
count(*)
sum(1.10::numeric)
""".strip().splitlines()

# The SQL tool's cell, and that of a tool with this column.
_DIFFERENT: Final[dict[str, tuple[Any, Any]]] = {
    # Shorter in the text of PostgreSQL, which has 4 octets in mind.
    "0.1::float4": (0.1, 0.10000000149011612),
    # The same number, of which JSON has one kind.
    "5::float8": (5, 5.0),
    # Exact in either; the driver's has an exponent, PostgreSQL's has not.
    "1e30::numeric": ("1" + 30 * "0", 1e30),
    # Dates that Python cannot hold.
    "'infinity'::date": ("infinity", "9999-12-31"),
    "'-infinity'::timestamptz": ("-infinity", "0001-01-01T00:00:00"),
    "'0044-03-15 BC'::date": ("0044-03-15 BC", "result"),
    "'10000-01-01'::date": ("10000-01-01", "result"),
    "'24:00'::time": ("24:00:00", "result"),
    # Fractions of a second.
    "'2024-02-29 12:00:00.1'::timestamp": ("2024-02-29T12:00:00.1", "2024-02-29T12:00:00.100000"),
    "'12:00+02'::timetz": ("12:00:00+02", "12:00:00+02:00"),
    # The driver counts a month as 30 days.
    "interval '1 month'": ("P1M", "P30D"),
    "interval '1 year 2 months'": ("P1Y2M", "P425D"),
    "interval '-1 day +2 hours'": ("P-1DT2H", "-PT22H"),
    "interval '36 hours'": ("PT36H", "P1DT12H"),
    # PostgreSQL's own text.
    "tsrange('2024-01-01','2024-02-01')": (
        '["2024-01-01 00:00:00","2024-02-01 00:00:00")',
        "[2024-01-01T00:00:00,2024-02-01T00:00:00)",
    ),
    "int4multirange(int4range(1,3),int4range(5,8))": ("{[1,3),[5,8)}", ["[1,3)", "[5,8)"]),
    "point(1,2)": ("(1,2)", [1.0, 2.0]),
    # A row without names.
    "ROW(1,'a',NULL)": ({"f1": 1, "f2": "a", "f3": None}, [1, "a", None]),
}


def _select(expression: str) -> Rows:
    return select(literal_column(expression, Named("any")).label("v"))


async def _typed(server: Server, expression: str) -> Any:
    """The cell of a tool with this column."""

    def typed() -> Rows:
        """One value."""
        return _select(expression)

    name = f"typed{len(server.tools)}"
    server.add_tool(typed, ToolOptions(name=name, columns="dynamic"))
    request = Request(tool=name, arguments={})
    return (await server.database.call(server.tools[name], request)).structured["rows"][0][0]


async def _cell(server: Server, expression: str) -> Any:
    return (await ask(server, f"SELECT {expression} AS v")).structured["rows"][0][0]


def _server(walled: Walled, **options: Any) -> Server:
    server = Server("shop", database_of(walled, Tenant.of(NORTH)))
    server.sql_tool("query", catalog=CATALOG, options=SqlToolOptions(**options))
    return server


async def test_cells_are_those_of_other_tools(walled: Walled) -> None:
    server = _server(walled)
    async with server.database:
        found = {each: (await _cell(server, each), await _typed(server, each)) for each in _SAME}
    assert {each: both for each, both in found.items() if repr(both[0]) != repr(both[1])} == {}


async def test_cells_that_differ_differ_as_they_are_meant_to(walled: Walled) -> None:
    async def typed(server: Server, expression: str) -> Any:
        try:
            return await _typed(server, expression)
        except McpdbError as error:
            return error.code

    server = _server(walled)
    async with server.database:
        found = {
            each: (await _cell(server, each), await typed(server, each)) for each in _DIFFERENT
        }
    assert found == _DIFFERENT


async def test_enums_and_vectors_are_those_of_other_tools(own_walled: Walled) -> None:
    async with connected(own_walled.superuser_dsn) as superuser:
        await superuser.execute("CREATE TYPE shop.mood AS ENUM ('sad', 'so so')")
        expressions = ["'so so'::shop.mood", "ARRAY['sad', NULL]::shop.mood[]"]
        if own_walled.fresh.cluster.has_vector:
            await superuser.execute("CREATE EXTENSION vector SCHEMA public")
            expressions += ["'[1,2.5,-3]'::vector", "NULL::vector", "'{1:1,3:2}/5'::sparsevec"]
    server = _server(own_walled, types=["shop.mood"])
    async with server.database:
        found = {each: await _cell(server, each) for each in expressions}
    assert list(found.values())[:2] == ["so so", ["sad", None]]
    if own_walled.fresh.cluster.has_vector:
        assert list(found.values())[2:] == [[1, 2.5, -3], None, "{1:1,3:2}/5"]


_NAMES: Final = (
    "x",
    "?column?",
    'a ""quoted"" name',
    "Grüße 日本 🦀",
    " ",
    "two\nlines",
    "\\",
    "f1",
    "63 " + "é" * 30,
    "}",
    ":p $1 %s",
)


@pytest.mark.parametrize("where", ["", " WHERE false"], ids=["a row", "no row"])
async def test_columns_are_named_and_typed_whatever_they_are_called(
    walled: Walled, where: str
) -> None:
    """Also where there is no row, and where several have one name."""
    listed = ", ".join(f'1.5 AS "{name}", now() AS "{name}", NULL AS "{name}"' for name in _NAMES)
    names = [name.replace('""', '"') for name in _NAMES for _ in range(3)]
    async with sql_login(walled) as sql:
        found = await run_as(walled, sql, f"SELECT {listed} FROM shop.products{where}", NORTH)
    kinds = ["numeric", "timestamp with time zone", "text"] * len(_NAMES)
    assert found.columns == list(zip(names, kinds, strict=True))
    assert len(found.rows) == (0 if where else 9)
    assert all(len(row) == len(names) for row in found.values)


async def test_values_of_columns_of_one_name_keep_their_places(walled: Walled) -> None:
    server = _server(walled)
    query = "SELECT 1 AS a, 'x' AS a, NULL AS b, '{\"a\": {\"a\": 1}}'::jsonb AS a, ARRAY[2] AS b"
    async with server.database:
        found = (await ask(server, query)).structured
    assert [column["name"] for column in found["columns"]] == ["a", "a", "b", "a", "b"]
    assert found["rows"] == [[1, "x", None, {"a": {"a": 1}}, [2]]]


async def test_a_query_without_columns_has_rows_without_values(walled: Walled) -> None:
    async with sql_login(walled) as sql:
        found = await run_as(walled, sql, "SELECT FROM shop.products", NORTH)
        assert (found.columns, found.values) == ([], [[]] * 9)
        assert (await run_as(walled, sql, "SELECT WHERE false", NORTH)).rows == []
    server = _server(walled)
    async with server.database:
        found_too = (await ask(server, "SELECT FROM shop.products")).structured
    assert (found_too["columns"], found_too["rows"]) == ([], [[]] * 9)


async def test_as_many_columns_as_postgresql_has(walled: Walled) -> None:
    listed = ", ".join(f"{n} AS c{n}" for n in range(1600))
    async with sql_login(walled) as sql:
        found = await run_as(walled, sql, f"SELECT {listed}", NORTH)
    assert found.columns == [(f"c{n}", "integer") for n in range(1600)]
    assert found.values == [list(range(1600))]


async def test_what_an_administrator_has_set_does_not_change_how_values_are_written(
    walled: Walled,
) -> None:
    """For the database or the login: bytea as it was, digits of floats, dates in ranges."""
    query = (
        r"SELECT '\xff00'::bytea AS b, 0.1::float8 + 0.2 AS f, 1::float4 / 3::float4 AS g,"
        " daterange('2024-01-02', '2024-02-01') AS r, interval '1 day' AS i,"
        " date '2024-01-02' AS d, ARRAY[ROW(date '2024-01-02')] AS x"
    )
    async with sql_login(walled) as sql:
        async with entered(walled, sql, NORTH):
            usual = await run(sql, query)
        for name, value in (
            ("bytea_output", "escape"),
            ("extra_float_digits", "-5"),
            ("DateStyle", "SQL, DMY"),
            ("IntervalStyle", "postgres_verbose"),
        ):
            await sql.execute("SELECT set_config($1, $2, false)", name, value)
        async with entered(walled, sql, NORTH):
            assert await run(sql, query) == usual
    assert usual.values[0][:4] == [
        "\\xff00",
        0.30000000000000004,
        0.33333334,
        "[2024-01-02,2024-02-01)",
    ]


async def test_a_value_that_is_nested_too_deeply_is_an_error_of_its_own(walled: Walled) -> None:
    """Whether its column's name is the only one of its kind or not."""
    deep = "('" + "[" * 3_000 + "]" * 3_000 + "')::json"
    server = server_of(walled, Tenant.of(NORTH))
    async with server.database:
        for columns in ("{0} AS x", "{0} AS x, 1 AS x"):
            with pytest.raises(McpdbError, match="nested"):
                await ask(server, f"SELECT {columns.format(deep)}")
        medium = "('" + "[" * 900 + "]" * 900 + "')::json"
        for columns in ("{0} AS x", "{0} AS x, {0} AS x"):
            await ask(server, f"SELECT {columns.format(medium)}")
