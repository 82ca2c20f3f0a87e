"""mcpdb's tools on an MCP server that is somebody else's."""

import importlib.metadata
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.server.mcpserver import MCPServer

from mcpdb import ConfigurationError, FixedTenancy, Server, Tenant
from mcpdb.protocol import registry
from shop import shop_server
from transports.support import (
    CHILD_ENVIRONMENT,
    ERAS,
    Era,
    http_client,
    served,
    text_of,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "existing_server.py"
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sales_rows", {"limit": 3}),
    ("by_item", {"item": "1"}),
    ("shares", {}),
    ("overview", {}),
    ("sales_rows", {"limit": 0}),
    ("sales_rows", {"limit": "many"}),
    ("sales_rows", {"limitt": 3}),
    ("slow", {}),
    ("broken", {"divisor": 0}),
)


class Host:
    """An MCP server with a tool, a resource and a lifespan, and a database's tools attached."""

    def __init__(self, server: Server) -> None:
        self.events: list[str] = []

        @asynccontextmanager
        async def lifespan(_: MCPServer[str]) -> AsyncGenerator[str]:
            self.events.append("starts")
            async with server.database:
                yield "the host's own state"
            self.events.append("ends")

        self.mcp = MCPServer("host", lifespan=lifespan)

        @self.mcp.tool()
        def add(a: int, b: int) -> int:
            """The host's own tool."""
            return a + b

        server.attach(self.mcp)


def north(dsn: str) -> Server:
    return shop_server(dsn, tenancy=FixedTenancy(Tenant.of("north")))


@asynccontextmanager
async def client_of(host: Host, transport: str, era: Era) -> AsyncGenerator[Client]:
    if transport == "memory":
        async with Client(host.mcp, mode=era, cache=None) as client:
            yield client
    else:
        async with (
            served(host.mcp.streamable_http_app()) as address,
            http_client(f"{address}/mcp", era=era) as client,
        ):
            yield client


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", ["memory", "http"])
async def test_attached_tools_are_the_same_as_on_a_server_of_their_own(
    shop: Callable[..., str], transport: str, era: Era
) -> None:
    host = Host(north(shop()))
    async with (
        Client(north(shop()).mcp(), mode=era, cache=None) as reference,
        client_of(host, transport, era) as client,
    ):
        own = [tool.model_dump() for tool in (await reference.list_tools()).tools]
        there = [tool.model_dump() for tool in (await client.list_tools()).tools]
        assert [tool for tool in there if tool["name"] != "add"] == own
        assert len(there) == len(own) + 1
        for name, arguments in CALLS:
            expected = await reference.call_tool(name, arguments)
            result = await client.call_tool(name, arguments)
            assert text_of(result) == text_of(expected)
            assert result.structured_content == expected.structured_content
            assert result.is_error == expected.is_error
        added = await client.call_tool("add", {"a": 2, "b": 3})
        assert added.structured_content == {"result": 5}
    assert host.events == ["starts", "ends"]


def test_a_tool_of_the_same_name_is_refused_and_nothing_attached() -> None:
    server = shop_server("postgresql://nowhere/shop")
    mcp = MCPServer("host")

    @mcp.tool()
    def shares() -> str:
        """The host's own tool, in the middle of ours."""
        return "mine"

    with pytest.raises(ConfigurationError, match="The server host has a tool shares already"):
        server.attach(mcp)
    assert list(registry(mcp)) == ["shares"]


def test_to_attach_before_there_are_tools_is_refused() -> None:
    server = Server("empty", shop_server("postgresql://nowhere/shop").database)
    with pytest.raises(ConfigurationError, match="The server empty has no tools to attach"):
        server.attach(MCPServer("host"))


async def test_without_the_database_in_the_hosts_lifespan_a_call_says_so(
    shop: Callable[..., str],
) -> None:
    mcp = MCPServer("host")
    north(shop()).attach(mcp)
    async with Client(mcp, cache=None) as client:
        result = await client.call_tool("shares")
    assert result.is_error
    assert "not open" in text_of(result)


def test_an_sdk_that_keeps_its_tools_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    mcp = MCPServer("host")
    monkeypatch.setattr(mcp, "_tool_manager", object())
    server = shop_server("postgresql://nowhere/shop")
    with pytest.raises(ConfigurationError, match="keeps its tools elsewhere"):
        server.attach(mcp)
    assert importlib.metadata.version("mcp").startswith("2.")


async def test_a_tool_that_was_attached_can_be_removed_by_the_host(
    shop: Callable[..., str],
) -> None:
    """The registry is the SDK's own: its public methods see our tools."""
    host = Host(north(shop()))
    host.mcp.remove_tool("shares")
    async with Client(host.mcp, cache=None) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    assert "shares" not in names
    assert "by_item" in names


def example(**environment: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=[str(EXAMPLE)], env={**CHILD_ENVIRONMENT, **environment}
    )


async def use_example(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["greeting", "readable_tables"]
    assert tools["readable_tables"].output_schema is not None
    greeting = await client.call_tool("greeting", {"name": "you"})
    assert greeting.structured_content == {"result": "Hello, you!"}
    result = await client.call_tool("readable_tables")
    assert result.structured_content is not None
    assert len(result.structured_content["rows"]) == 100
    refused = await client.call_tool("readable_tables", {"schema": "x"})
    assert text_of(refused) == (
        "Unknown argument 'schema'. This tool takes no arguments. [invalid_arguments]"
    )


@pytest.mark.parametrize("era", ERAS)
async def test_the_example_runs_on_a_database_that_is_there(
    shop: Callable[..., str], era: Era
) -> None:
    async with Client(example(DATABASE_URL=shop()), mode=era, cache=None) as client:
        await use_example(client)


async def test_the_example_runs_on_a_database_of_its_own() -> None:
    async with Client(example(), cache=None, read_timeout_seconds=50) as client:
        await use_example(client)


def test_the_example_is_short_and_uses_public_names_only() -> None:
    text = EXAMPLE.read_text()
    assert len(text.splitlines()) < 50
    imports = [line for line in text.splitlines() if "mcpdb" in line and "import" in line]
    assert [line.split()[1] for line in imports] == ["mcpdb", "mcpdb.embedded"]
