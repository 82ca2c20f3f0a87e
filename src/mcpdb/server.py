"""The server that users write: functions become tools, and tools are served over stdio or HTTP, or
put on a server of the MCP SDK that is there already."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, redirect_stdout
from typing import Any, Literal, TypeVar

from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError
from mcpdb.http import check_reachable, make_app
from mcpdb.http_server import serve_http
from mcpdb.process import server_process
from mcpdb.protocol import DatabaseTool, OwnMcpServer, logging_left_alone, registry
from mcpdb.query.base import AnyTool, Report, Rows
from mcpdb.query.catalog import Catalog
from mcpdb.query.tool import Tool, ToolOptions
from mcpdb.sql.options import SqlToolOptions
from mcpdb.stdio import serve_stdio

_log = logging.getLogger("mcpdb")

F = TypeVar("F", bound=Callable[..., Rows] | Callable[..., Report])


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
        self._tools: dict[str, AnyTool] = {}

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
        # The function is called: what it prints must not be the first thing on a stdio client's
        # wire.
        with redirect_stdout(sys.stderr):
            tool = Tool(
                function,
                options or ToolOptions(),
                limits=self.database.limits,
                dimensions=embeddings.dimensions if embeddings else None,
            )
        self._add(tool)

    def sql_tool(
        self, name: str, *, catalog: Catalog, options: SqlToolOptions | None = None
    ) -> None:
        """Make a tool by which a model asks in SQL of its own.

        Its text goes through a guard, which lets pass what the catalog and a list of functions
        allow, and runs by the login of `Database(sql=...)`, which PostgreSQL itself holds to one
        SELECT of the tenant's rows.

        Raises:
            ConfigurationError: The database has no login for SQL, the extra `sql` is not
                installed, or there is a tool of this name.
        """
        from mcpdb.sql.tool import SqlTool  # noqa: PLC0415  # nothing else needs the extra

        self.database.require_sql(tool=name)
        given = options or SqlToolOptions()
        self._add(SqlTool(name, catalog=catalog, options=given, limits=self.database.limits))

    def _add(self, tool: AnyTool) -> None:
        if tool.name in self._tools:
            msg = f"There is a tool {tool.name} already."
            raise ConfigurationError(msg)
        self._tools[tool.name] = tool

    @property
    def tools(self) -> Mapping[str, AnyTool]:
        """The registered tools by name."""
        return self._tools

    def mcp(self) -> MCPServer[None]:
        """An `MCPServer` of the SDK with these tools, whose lifespan opens the database.

        `run`, `serve` and `http_app` serve what this returns: a subclass that overrides it can add
        prompts and resources.
        """

        @asynccontextmanager
        async def lifespan(_: MCPServer[None]) -> AsyncGenerator[None]:
            async with self.database:
                yield

        with logging_left_alone():
            return OwnMcpServer(
                self.name,
                title=self._title,
                version=self._version,
                instructions=self._instructions or None,
                tools=list(self._sdk_tools()),
                lifespan=lifespan,
            )

    def attach(self, mcp: MCPServer[Any]) -> None:
        """Put the tools that are registered by now on an `MCPServer` that has a life of its own.

        They have the same names, schemas, results and errors there. That server's lifespan opens
        and closes the database: `async with database: yield`.

        Raises:
            ConfigurationError: It has a tool of the same name; none of the tools is put there. Or
                there are no tools yet.
        """
        there = registry(mcp)
        tools = self._sdk_tools()
        if not tools:
            raise ConfigurationError(
                f"The server {self.name} has no tools to attach.", hint="Register them before."
            )
        for tool in tools:
            if tool.name in there:
                raise ConfigurationError(
                    f"The server {mcp.name} has a tool {tool.name} already.",
                    hint="Register one of them under another name.",
                )
        there.update({tool.name: tool for tool in tools})

    def http_app(
        self,
        *,
        path: str = "/mcp",
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
    ) -> Starlette:
        """The server as an ASGI application, with `/health/live` and `/health/ready` beside it.

        Within another application, mount it and enter its lifespan, which opens the database:

            app = server.http_app(path="/")
            outer = Starlette(
                routes=[Mount("/shop", app)], lifespan=app.router.lifespan_context
            )

        It answers no CORS preflight, and refuses bodies over 4 MiB. With several worker processes
        each has a pool of its own; a client of a protocol before 2026-07-28 has a session in one
        of them, to which the balancer must bring it back by its `Mcp-Session-Id`. A Uvicorn of
        your own needs a `timeout_graceful_shutdown`, or it waits for open subscriptions for ever.

        Args:
            path: Where MCP is spoken.
            allowed_hosts: `Host` headers to accept: `api.example.org` for any port,
                `api.example.org:8443` for one. By default those of the loopback interface.
            allowed_origins: `Origin` headers to accept from browsers, such as
                `https://app.example.org`. By default none, and those of the loopback interface
                where `allowed_hosts` is not given.

        Raises:
            ConfigurationError: The path, a host or an origin cannot be one.
        """
        return make_app(
            self.mcp(),
            self.database,
            path=path,
            allowed_hosts=allowed_hosts,
            allowed_origins=allowed_origins,
        )

    def run(  # noqa: PLR0913  # those of `serve`
        self,
        transport: Literal["stdio", "http"] = "stdio",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        path: str = "/mcp",
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
    ) -> None:
        """Be a server process: `serve` until the end, with a log on standard error.

        A server that cannot start says why in one line there and exits with 1.
        """
        with server_process():
            asyncio.run(
                self.serve(
                    transport,
                    host=host,
                    port=port,
                    path=path,
                    allowed_hosts=allowed_hosts,
                    allowed_origins=allowed_origins,
                )
            )

    async def serve(  # noqa: PLR0913  # those of `http_app`, and where to listen
        self,
        transport: Literal["stdio", "http"] = "stdio",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        path: str = "/mcp",
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
    ) -> None:
        """Serve until the client leaves (over stdio), or SIGINT or SIGTERM asks to stop.

        Calls in flight are then stopped in PostgreSQL; over HTTP they first have 4 seconds to
        finish. A second signal ends the process at once.

        Args:
            transport: `stdio` for the one client that started this process, or `http`.
            host: The interface to listen on. One that others can reach needs `allowed_hosts`.
            port: The port to listen on; 0 for any that is free.
            path: See `http_app`.
            allowed_hosts: See `http_app`.
            allowed_origins: See `http_app`.

        Raises:
            ConfigurationError: The address cannot be listened on, or the database not be opened.
        """
        if transport == "stdio":
            await serve_stdio(self.mcp().run_stdio_async, self.database)
        elif transport == "http":
            check_reachable(host, allowed_hosts)
            app = self.http_app(
                path=path, allowed_hosts=allowed_hosts, allowed_origins=allowed_origins
            )

            def tell(address: str) -> None:
                _log.info("%s listens at %s%s", self.name, address, path)

            await serve_http(app, self.database, host=host, port=port, on_listening=tell)
        else:
            raise ConfigurationError(f"There is no transport {transport!r}, but stdio and http.")

    def _sdk_tools(self) -> list[DatabaseTool]:
        return [DatabaseTool.of(tool, self.database) for tool in self._tools.values()]
