"""The tool for SQL as a model meets it: what it answers, what it refuses and in which words."""

import json
from typing import Any, Final

import asyncpg
import pytest
from mcp import Client
from mcp_types import CallToolResult

from calls.support import ERAS, Era, said
from isolation.sql_server import CATALOG, ask, database_of, server_of
from isolation.walled import NORTH, SOUTH, Walled, connected
from mcpdb import (
    Catalog,
    ConfigurationError,
    InvalidArguments,
    McpdbError,
    NotAllowed,
    QueryFailed,
    QueryTimeout,
    Relation,
    Request,
    Server,
    SqlRefused,
    SqlToolOptions,
    Tenant,
)


async def _refusal(server: Server, sql: str) -> McpdbError:
    with pytest.raises(McpdbError) as raised:
        await ask(server, sql)
    return raised.value


async def _rows(server: Server, sql: str) -> Any:
    return (await ask(server, sql)).structured["rows"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_gets_rows_and_errors_as_of_any_tool(walled: Walled, era: Era) -> None:
    server = server_of(walled, Tenant.of(SOUTH), tool={"max_rows": 2})
    async with Client(server.mcp(), mode=era, cache=None) as client:
        (tool,) = (await client.list_tools()).tools
        assert tool.name == "query"
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert "shop.orders(id, tenant, amount, canary)" in (tool.description or "")
        assert "secret" not in (tool.description or "")
        assert tool.input_schema["properties"].keys() == {"sql"}

        async def call(sql: str) -> CallToolResult:
            return await client.call_tool("query", {"sql": sql})

        answer = await call("SELECT amount, canary FROM shop.orders ORDER BY amount")
        assert not answer.is_error
        assert answer.structured_content == json.loads(said(answer))
        assert answer.structured_content["rows"] == [[2001, "c102-1"], [2002, "c102-2"]]
        assert answer.structured_content["truncated"] is True
        assert answer.structured_content["columns"] == [
            {"name": "amount", "type": "integer"},
            {"name": "canary", "type": "text"},
        ]
        for sql, code in (
            ("DELETE FROM shop.orders", "sql_refused"),
            ("SELECT amount / 0 FROM shop.orders", "query_failed"),
            ("", "sql_refused"),
        ):
            answer = await call(sql)
            assert answer.is_error
            assert f"[{code}]" in said(answer)
        assert not (await call("SELECT 1")).is_error


async def test_no_more_rows_than_the_tool_has_and_that_is_said(walled: Walled) -> None:
    server = server_of(walled, Tenant.of(NORTH), tool={"max_rows": 40})
    async with server.database:
        whole = (await ask(server, "SELECT id FROM shop.orders")).structured
        assert (whole["row_count"], whole["truncated"]) == (40, False)
        assert whole["notice"] is None
        more = (await ask(server, "SELECT 1 FROM shop.orders UNION ALL SELECT 2")).structured
        assert (more["row_count"], more["truncated"]) == (40, True)
        assert "Only the first 40 rows are shown; there are more." in more["notice"]


async def test_no_more_bytes_than_the_tool_has_and_that_is_said(walled: Walled) -> None:
    """Where the text is too long, and where PostgreSQL has stopped before."""
    server = server_of(walled, Tenant.of(NORTH), tool={"max_rows": 1000, "max_bytes": 2_000})
    async with server.database:
        for length in (30, 300, 1_000):
            found = await ask(
                server, f"SELECT n, repeat('é', {length}) FROM generate_series(1, 900) n"
            )
            assert len(found.text.encode()) <= 2_000
            assert found.structured["truncated"] is True
            assert 0 < found.structured["row_count"] < 100 or length == 1_000
            assert "there are more" in found.structured["notice"] or length == 1_000
        found = await ask(
            server, "SELECT string_agg(repeat('x', 1000), '') FROM generate_series(1, 100)"
        )
        assert found.structured["row_count"] == 0
        assert "the first one alone is longer" in found.structured["notice"]


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT canarry FROM shop.orders", "orders.canary"),
        ("SELECT o.ammount FROM shop.orders o", "o.amount"),
        ("SELECT * FROM shop.order", "shop.orders"),
        ("SELECT * FROM ordres", "shop.orders"),
        ("SELECT strin_agg(canary, ',') FROM shop.orders", "string_agg"),
        ("SELECT amount FROM shop.orders GROUP BY tenant", "GROUP BY"),
        ("SELECT id FROM shop.orders JOIN shop.items USING (tenant)", "alias.column"),
        ("SELECT amount / (amount - amount) FROM shop.orders", "nullif"),
        ("SELECT canary + 1 FROM shop.orders", "cast"),
        ("SELECT 'x'::int", "literal"),
    ],
)
async def test_a_mistake_is_answered_with_what_to_write(
    walled: Walled, sql: str, hint: str
) -> None:
    server = server_of(walled, Tenant.of(NORTH))
    async with server.database:
        error = await _refusal(server, sql)
    assert isinstance(error, SqlRefused | QueryFailed)
    assert hint.lower() in str(error).lower(), str(error)


_PREFIXES: Final = ("", "/* Grüße 日本 🦀 */ ", "SELECT 'é🦀' AS x UNION ALL ", "\n\n\t")


@pytest.mark.parametrize("prefix", _PREFIXES)
async def test_a_place_is_counted_in_characters(walled: Walled, prefix: str) -> None:
    """By the guard and by PostgreSQL, which both begin at 1."""
    server = server_of(walled, Tenant.of(NORTH))
    async with server.database:
        sql = f"{prefix}SELECT canary = 5 FROM shop.orders"
        if "UNION" in prefix:
            sql = f"{prefix}SELECT ('é' || canary = 5)::text FROM shop.orders"
        error = await _refusal(server, sql)
        assert isinstance(error, QueryFailed)
        assert error.sqlstate == "42883"
        assert error.position == sql.index("= 5") + 1
        assert "near =" in error.message
        sql = f"{prefix}SELECT current_setting('x') FROM shop.orders"
        error = await _refusal(server, sql)
        assert isinstance(error, SqlRefused)
        assert error.position == sql.index("current_setting") + 1


async def test_no_error_repeats_a_value_of_a_row_or_words_of_postgresql(walled: Walled) -> None:
    """Whatever language its messages are in."""
    queries = (
        "SELECT canary::int FROM shop.orders",
        "SELECT (canary || 'T')::timestamptz FROM shop.orders",
        "SELECT (body || '-')::jsonb FROM public.notes",
        "SELECT to_date(canary, 'YYYY') FROM shop.orders",
        "SELECT canary::uuid FROM shop.orders",
        "SELECT (SELECT canary FROM shop.orders)",
        "SELECT amount::int2 * amount::int2 * 1000::int2 FROM shop.orders",
        "SELECT regexp_replace('x', canary || '(', '') FROM shop.orders",
        "SELECT ('{' || canary)::int[] FROM shop.orders",
        "SELECT 1 / (amount - amount) FROM shop.orders",
        "SELECT sqrt(-amount) FROM shop.orders",
        "SELECT canary::inet FROM shop.orders",
    )
    server = server_of(walled, Tenant.of(NORTH))
    async with server.database:
        for sql in queries:
            error = await _refusal(server, sql)
            assert isinstance(error, QueryFailed), (sql, error)
            told = str(error)
            assert error.sqlstate
            assert error.sqlstate in told
            assert "c101" not in told, told
            assert not any(word in told for word in ("invalid input", "DETAIL", "HINT", "CONTEXT"))
            assert not any(word in told for word in ("PL/pgSQL", "mcpdb.run", "portal", "FETCH"))
            assert error.detail  # for the log


_LANGUAGES: Final = ("de_DE.UTF-8", "de_DE.utf8", "fr_FR.utf8", "C")


async def test_errors_are_the_same_in_another_language(own_walled: Walled) -> None:
    """Of those that this machine has, which may be one."""
    told: list[str] = []
    async with connected(own_walled.superuser_dsn) as superuser:
        for language in _LANGUAGES:
            try:
                await superuser.execute(
                    f"ALTER DATABASE {own_walled.name} SET lc_messages = '{language}'"
                )
            except asyncpg.InvalidParameterValueError:
                continue
            server = server_of(own_walled, Tenant.of(NORTH))
            async with server.database:
                told.append(str(await _refusal(server, "SELECT canary::int FROM shop.orders")))
    expected = (
        "PostgreSQL refuses the query: a text is not of the type that it is taken for"
        " (SQLSTATE 22P02). Check the literal."
    )
    assert set(told) == {expected}


_TWENTY: Final = "SELECT 1 -- "


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        ({}, InvalidArguments, "'sql' is missing"),
        ({"query": "SELECT 1"}, InvalidArguments, "Unknown argument 'query'"),
        ({"sql": "SELECT 1", "tenant": SOUTH}, InvalidArguments, "Unknown argument 'tenant'"),
        ({"sql": 7}, InvalidArguments, "'sql' is not valid"),
        ({"sql": None}, InvalidArguments, "'sql' is not valid"),
        ({"sql": ["SELECT 1"]}, InvalidArguments, "'sql' is not valid"),
        ({"sql": "SELECT 1\0"}, InvalidArguments, "cannot store"),
        ({"sql": "SELECT '\ud800'"}, InvalidArguments, "'sql' is not valid"),
        ({"sql": _TWENTY + "x" * (20_001 - len(_TWENTY))}, InvalidArguments, "20000"),
        ({"sql": ""}, SqlRefused, "no SQL"),
        ({"sql": " \n\t "}, SqlRefused, "no SQL"),
        ({"sql": "-- nothing"}, SqlRefused, "no SQL"),
        ({"sql": ";"}, SqlRefused, "no SQL"),
    ],
)
async def test_what_is_no_text_of_sql_is_refused(
    walled: Walled, arguments: dict[str, Any], kind: type[McpdbError], says: str
) -> None:
    server = server_of(walled, Tenant.of(NORTH))
    async with server.database:
        with pytest.raises(McpdbError) as raised:
            await server.database.call(
                server.tools["query"], Request(tool="query", arguments=arguments)
            )
        assert type(raised.value) is kind
        assert says in str(raised.value)
        assert len(str(raised.value)) < 500
        longest = _TWENTY + "x" * (20_000 - len(_TWENTY))
        assert await _rows(server, longest) == [[1]]
        assert await _rows(server, " SELECT 1 ; ") == [[1]]


async def test_a_tool_is_what_its_options_say(own_walled: Walled) -> None:
    async with connected(own_walled.superuser_dsn) as superuser:
        await superuser.execute(
            "CREATE TYPE shop.mood AS ENUM ('sad'); CREATE FUNCTION shop.twice(int) RETURNS int"
            " LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1'; CREATE FUNCTION shop.memory() RETURNS text"
            " LANGUAGE sql STABLE AS $$ SELECT current_setting('work_mem') $$;"
            "CREATE FUNCTION shop.nap(float8) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep($1)'"
        )
    options = SqlToolOptions(
        parameter="statement",
        title="Ask",
        description="Ask in SQL.",
        functions=["shop.twice", "shop.memory", "shop.nap"],
        types=["shop.mood"],
        work_mem_mb=7,
        timeout_s=0.5,
    )
    server = Server("shop", database_of(own_walled, Tenant.of(NORTH)))
    server.sql_tool("ask", catalog=CATALOG, options=options)
    server.sql_tool("query", catalog=CATALOG)
    tool = server.tools["ask"]
    assert (tool.title, tool.description, tool.timeout_s) == ("Ask", "Ask in SQL.", 0.5)
    assert tool.input_schema["properties"].keys() == {"statement"}

    async def asked(sql: str) -> Any:
        request = Request(tool="ask", arguments={"statement": sql})
        return (await server.database.call(tool, request)).structured["rows"]

    async with server.database:
        query = "SELECT shop.twice(4), 'sad'::shop.mood, shop.memory()"
        assert await asked(query) == [[8, "sad", "7MB"]]
        with pytest.raises(QueryTimeout) as raised:
            await asked("SELECT shop.nap(20)")
        assert "shorter period" in raised.value.hint
        for part in ("shop.twice(4)", "'sad'::shop.mood", "shop.nap(0)"):
            assert isinstance(await _refusal(server, f"SELECT {part}"), SqlRefused)
    with pytest.raises(ConfigurationError, match="already"):
        server.sql_tool("ask", catalog=CATALOG)


async def test_what_the_wall_forbids_is_explained_with_what_may_be_read(walled: Walled) -> None:
    """Where a catalog promises more than the reader may: PostgreSQL is asked, and says no."""
    catalog = Catalog([Relation("shop", "stores", ("id", "name", "secret"))])
    server = Server("shop", database_of(walled, Tenant.of(NORTH)))
    server.sql_tool("query", catalog=catalog)
    async with server.database:
        error = await _refusal(server, "SELECT secret FROM shop.stores")
    assert isinstance(error, NotAllowed)
    assert error.sqlstate == "42501"
    assert "does not allow this query (SQLSTATE 42501)" in str(error)
