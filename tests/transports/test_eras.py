"""Every transport in both protocol eras: the same tools, results and errors. The reference is the
in-memory client, which has no transport at all."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client

from mcpdb import Database, FixedTenancy, PlainSetting, Server, Tenant
from shop import newest_day, shop_server
from transports.support import (
    ERAS,
    Era,
    http_client,
    served,
    server_process,
    stdio_client,
    text_of,
)

CALLS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("sales_rows", {"limit": 3}),
    ("sales_rows", {}),
    ("all_sales", {}),
    ("by_item", {"item": "1"}),
    ("by_item", {"item": "no such item"}),
    ("shares", {}),
    ("overview", {}),
)

ERRORS: Final[tuple[tuple[str, dict[str, Any], str], ...]] = (
    (
        "sales_row",
        {},
        "There is no tool of that name. Did you mean sales_rows? [unknown_tool]",
    ),
    (
        "DROP TABLE",
        {},
        (
            "There is no tool of that name. There are: sales_rows, all_sales, by_item, shares,"
            " overview, slow, broken. [unknown_tool]"
        ),
    ),
    (
        "sales_rows",
        {"limitt": 3},
        (
            "Unknown argument 'limitt'. Did you mean 'limit'? This tool takes: limit."
            " [invalid_arguments]"
        ),
    ),
    (
        "sales_rows",
        {"limit": 5_001},
        (
            "The argument 'limit' is not valid: expected an integer from 1 to 5000."
            " This tool takes: limit. [invalid_arguments]"
        ),
    ),
    (
        "sales_rows",
        {"limit": "many"},
        (
            "The argument 'limit' is not valid: expected an integer from 1 to 5000."
            " This tool takes: limit. [invalid_arguments]"
        ),
    ),
    (
        "slow",
        {},
        (
            "The argument 'seconds' is missing: expected a number from 0 to 60."
            " This tool takes: seconds. [invalid_arguments]"
        ),
    ),
    (
        "broken",
        {"divisor": 0},
        (
            "The database could not run the query (SQLSTATE 22012). A value does not fit the"
            " computation: check ranges, divisors and formats. [query_failed]"
        ),
    ),
)


def north(dsn: str) -> Server:
    """The shop's server as the tenant north, on every transport."""
    return shop_server(dsn, tenancy=FixedTenancy(Tenant.of("north")))


@contextlib.asynccontextmanager
async def client_over(transport: str, era: Era, dsn: str, folder: Path) -> AsyncGenerator[Client]:
    """A client over this transport. The child's server has two tools more."""
    async with contextlib.AsyncExitStack() as stack:
        if transport == "memory":
            context = Client(north(dsn).mcp(), mode=era, cache=None)
            yield await stack.enter_async_context(context)
        elif transport == "http":
            address = await stack.enter_async_context(served(north(dsn).http_app()))
            yield await stack.enter_async_context(http_client(f"{address}/mcp", era=era))
        elif transport == "http process":
            child = stack.enter_context(server_process(folder, dsn, transport="http", port=0))
            url = f"{await child.address()}/mcp"
            yield await stack.enter_async_context(http_client(url, era=era))
        else:
            yield await stack.enter_async_context(stdio_client(dsn, era=era))


async def facts(client: Client) -> dict[str, Any]:
    """Everything that a client learns, as JSON."""
    own = ("chatty", "buggy")
    tools = [tool.model_dump() for tool in (await client.list_tools()).tools]
    answers = [await client.call_tool(name, arguments) for name, arguments in CALLS]
    return {
        "tools": [tool for tool in tools if tool["name"] not in own],
        "answers": [answer.structured_content for answer in answers],
        "texts": [text_of(answer) for answer in answers],
    }


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", ["memory", "http", "http process", "stdio"])
async def test_tools_results_and_errors_are_the_same_over_every_transport(
    shop: Callable[..., str], tmp_path: Path, transport: str, era: Era
) -> None:
    async with (
        client_over("memory", "auto", shop(), tmp_path) as reference,
        client_over(transport, era, shop(), tmp_path) as client,
    ):
        modern = client.protocol_version == "2026-07-28"
        assert modern == (era == "auto")
        assert await facts(client) == await facts(reference)
        for name, arguments, said in ERRORS:
            result = await client.call_tool(name, arguments)
            assert result.is_error
            assert result.structured_content is None
            text = text_of(result)
            # A server with more tools names more of them.
            assert text.replace(", chatty, buggy", "") == said


async def test_what_is_published_of_a_tool_is_whole(shop: Callable[..., str]) -> None:
    async with Client(north(shop()).mcp(), cache=None) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == [
        "sales_rows", "all_sales", "by_item", "shares", "overview", "slow", "broken"
    ]  # fmt: skip
    for tool in tools.values():
        assert tool.title == tool.name.replace("_", " ").capitalize()
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.model_dump(exclude_none=True) == {
            "read_only_hint": True,
            "destructive_hint": False,
            "idempotent_hint": True,
            "open_world_hint": False,
        }
        assert tool.input_schema["type"] == "object"
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
    assert tools["slow"].input_schema["required"] == ["seconds"]
    assert tools["sales_rows"].input_schema["properties"]["limit"] == {
        "default": 50,
        "description": "How many rows",
        "maximum": 5_000,
        "minimum": 1,
        "type": "integer",
    }


async def test_text_and_structure_hold_the_same_facts(shop: Callable[..., str]) -> None:
    """And fit the published schema, or the client itself would raise."""
    async with Client(north(shop()).mcp(), cache=None) as client:
        for name, arguments in CALLS:
            result = await client.call_tool(name, arguments)
            assert result.structured_content is not None
            assert json.loads(text_of(result)) == result.structured_content


@pytest.mark.parametrize("era", ERAS)
async def test_several_clients_in_memory_share_one_database(
    shop: Callable[..., str], era: Era
) -> None:
    """The first to leave does not close it for the others."""
    server = north(shop())

    async def use(rounds: int) -> None:
        async with Client(server.mcp(), mode=era, cache=None) as client:
            for _ in range(rounds):
                assert not (await client.call_tool("shares")).is_error

    async with asyncio.TaskGroup() as group:
        for rounds in (1, 2, 4, 8):
            group.create_task(use(rounds))
    await use(1)  # it opens again after all have left


async def test_two_servers_share_one_database(shop: Callable[..., str]) -> None:
    database = Database(
        shop(),
        tenancy=FixedTenancy(Tenant.of("north")),
        isolation=PlainSetting(setting="app.tenant"),
    )
    one, other = Server("one", database), Server("other", database)
    for server in (one, other):
        server.tool()(newest_day)
    async with Client(one.mcp(), cache=None) as first:
        async with Client(other.mcp(), cache=None) as second:
            assert not (await second.call_tool("newest_day")).is_error
        assert not (await first.call_tool("newest_day")).is_error
