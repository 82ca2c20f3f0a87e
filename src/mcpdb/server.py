"""The MCP edge: functions become tools, an MCP call becomes a `Request`, a `Result` or an error
becomes what the protocol carries. Nothing else on the path of a call knows about MCP."""

import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.tools import Tool as SdkTool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import PrivateAttr
from starlette.applications import Starlette
from typing_extensions import override

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError, McpdbError
from mcpdb.http import health_routes, serve_http, transport_security
from mcpdb.query.base import Report, Rows
from mcpdb.query.tool import Tool, ToolOptions
from mcpdb.request import Request
from mcpdb.result import Result
from mcpdb.stdio import serve_stdio

_log = logging.getLogger("mcpdb")

F = TypeVar("F", bound=Callable[..., Rows] | Callable[..., Report])

_READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


class Server:
    """An MCP server whose tools read one database.

    Args:
        name: What clients call this server.
        database: Opened when the server starts, closed when it stops.
        title: For people.
        version: Of your application.
        instructions: For the model, in a few sentences: what the data is, and how to use the tools.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        *,
        title: str | None = None,
        version: str = "0",
        instructions: str = "",
    ) -> None:
        self.name = name
        self.database = database
        self._title = title
        self._version = version
        self._instructions = instructions
        self._tools: dict[str, Tool] = {}

    def tool(  # noqa: PLR0913  # the keywords are ToolOptions, spelled out for the editor
        self,
        *,
        name: str | None = None,
        title: str | None = None,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        timeout_s: float | None = None,
        columns: Literal["fixed", "dynamic"] = "fixed",
        notice: Callable[[], Rows] | None = None,
    ) -> Callable[[F], F]:
        """Make a tool of a function that returns a select (`-> Rows`) or a `Report`.

        The function is called once, here, with example arguments: its columns and their types
        become the published output schema. For the keywords see `ToolOptions`.

        Raises:
            ConfigurationError: The function cannot be a tool; the message says why.
        """
        options = ToolOptions(
            name=name,
            title=title,
            max_rows=max_rows,
            max_bytes=max_bytes,
            timeout_s=timeout_s,
            columns=columns,
            notice=notice,
        )

        def register(function: F) -> F:
            self.add_tool(function, options)
            return function

        return register

    def add_tool(
        self,
        function: Callable[..., Rows] | Callable[..., Report],
        options: ToolOptions | None = None,
    ) -> None:
        """What `tool` does, for functions that are made in a loop or live in another module.

        Raises:
            ConfigurationError: The function cannot be a tool, or there is one of its name.
        """
        embeddings = self.database.embeddings
        tool = Tool(
            function,
            options or ToolOptions(),
            limits=self.database.limits,
            dimensions=embeddings.dimensions if embeddings else None,
        )
        if tool.name in self._tools:
            msg = f"There is a tool {tool.name} already."
            raise ConfigurationError(msg)
        self._tools[tool.name] = tool

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The registered tools by name."""
        return self._tools

    def mcp(self) -> MCPServer[None]:
        """An `MCPServer` of the SDK with these tools, whose lifespan opens the database."""

        @asynccontextmanager
        async def lifespan(_: MCPServer[None]) -> AsyncGenerator[None]:
            async with self.database:
                yield

        return MCPServer(
            self.name,
            title=self._title,
            version=self._version,
            instructions=self._instructions or None,
            tools=list(self._sdk_tools()),
            lifespan=lifespan,
            log_level="WARNING",
        )

    def attach(self, mcp: MCPServer[Any]) -> None:
        """Put the tools on an `MCPServer` that has a life of its own.

        They have the same names, schemas, results and errors there. That server's lifespan opens
        and closes the database: `async with database: yield`.

        Raises:
            ConfigurationError: It has a tool of the same name.
        """
        registry = _registry(mcp)
        for tool in self._sdk_tools():
            if tool.name in registry:
                msg = f"The server {mcp.name} has a tool {tool.name} already."
                raise ConfigurationError(msg, hint="Register one of them under another name.")
            registry[tool.name] = tool

    def http_app(
        self,
        *,
        path: str = "/mcp",
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
    ) -> Starlette:
        """The server as an ASGI application, with `/health/live` and `/health/ready` beside it.

        Args:
            path: Where MCP is spoken.
            allowed_hosts: `Host` headers to accept, such as `api.example.org` or
                `api.example.org:*`; by default those of the loopback interface only.
            allowed_origins: `Origin` headers to accept from browsers.
        """
        mcp = self.mcp()
        for route, endpoint in health_routes(self.database).items():
            mcp.custom_route(route, methods=["GET"])(endpoint)
        return mcp.streamable_http_app(
            streamable_http_path=path,
            transport_security=transport_security(allowed_hosts, allowed_origins),
        )

    def run(
        self,
        transport: Literal["stdio", "http"] = "stdio",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
    ) -> None:
        """Serve until the client leaves, or SIGINT or SIGTERM asks to stop; then clean up.

        A server that cannot start says why in one line on standard error and exits with 1.
        """
        if transport == "http":
            serve_http(self.http_app(), self.database, host=host, port=port)
        else:
            serve_stdio(self.mcp().run_stdio_async, self.database)

    def _sdk_tools(self) -> list[SdkTool]:
        return [_DatabaseTool.of(tool, self.database) for tool in self._tools.values()]


def _registry(mcp: MCPServer[Any]) -> dict[str, SdkTool]:
    # The SDK's public `add_tool` takes a function and checks its arguments itself, in words that
    # repeat the caller's values; a finished tool can be given to the constructor only. So this is
    # the one place that reaches into the SDK.
    try:
        return mcp._tool_manager._tools  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    except AttributeError as error:
        msg = "This version of the MCP SDK keeps its tools elsewhere."
        raise ConfigurationError(msg, hint="Use mcp >= 2.3, < 3.") from error


class _DatabaseTool(SdkTool):
    """A tool in the SDK's registry whose calls go to the database."""

    _tool: Tool = PrivateAttr()
    _database: Database = PrivateAttr()

    @classmethod
    def of(cls, tool: Tool, database: Database) -> "_DatabaseTool":
        made = cls(
            fn=_unused,
            name=tool.name,
            title=tool.title,
            description=tool.description,
            parameters=tool.input_schema,
            # A schema without a model: it is published, and the result is not validated again.
            fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=tool.output_schema),
            is_async=True,
            context_kwarg=None,
            annotations=_READS,
        )
        made._tool = tool
        made._database = database
        return made

    @override
    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,
    ) -> CallToolResult:
        request = _request(self._tool.name, arguments, context)
        try:
            return _answer(await self._database.call(self._tool, request))
        except McpdbError as error:
            _log.info("%s: %s: %s %s", self._tool.name, error.code, error.message, error.detail)
            return _failure(error)
        except Exception:  # noqa: BLE001  # the edge: whatever else it is, it is a bug
            incident = secrets.token_hex(4)
            _log.exception("incident %s in the tool %s", incident, self._tool.name)
            return _error(f"The server failed (incident {incident}); its log says more.")


def _unused() -> None:  # pragma: no cover
    """Stands where the SDK wants a function; `_DatabaseTool.run` never calls it."""


def _request(tool: str, arguments: dict[str, Any], context: Context[Any, Any]) -> Request:
    http = context.request_context.request
    if http is None:
        return Request(tool=tool, arguments=arguments)
    peer = http.client.host if http.client else None
    return Request(tool=tool, arguments=arguments, headers=dict(http.headers), peer=peer)


def _answer(result: Result) -> CallToolResult:
    text = TextContent(type="text", text=result.text)
    return CallToolResult(content=[text], structured_content=result.structured)


def _failure(error: McpdbError) -> CallToolResult:
    """All facts of the error as text: some hosts show the model nothing else of an error."""
    facts = error.code
    if error.retryable:
        after = "" if error.retry_after_s is None else f" after {error.retry_after_s:g} s"
        facts = f"{facts}; the same call may succeed{after or ' later'}"
    return _error(f"{error} [{facts}]")


def _error(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
