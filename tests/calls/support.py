"""What the tests of whole calls have in common: calls, clients, and waiting with a bound."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import asyncpg
import httpx2
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent
from starlette.applications import Starlette

from mcpdb import McpdbError, Request, Result, Server
from mcpdb.pool import Pool

Dsn = Callable[..., str]
StillRunning = Callable[[], Awaitable[int]]
Admin: TypeAlias = "asyncpg.Connection[Any]"
Era = Literal["auto", "legacy"]
Transport = Literal["memory", "http", "stdio"]
Connect = Callable[[], AbstractAsyncContextManager[Client]]

ERAS: Final[tuple[Era, ...]] = ("auto", "legacy")
TRANSPORTS: Final[tuple[Transport, ...]] = ("memory", "http", "stdio")
PATIENCE_S: Final = 20.0
STOPS_S: Final = 2.0
"""In which a query is gone after its client."""
NAP_S: Final = 50.0
"""How long a query runs that is to be stopped: much longer than anything waits."""


async def eventually(
    condition: Callable[[], Awaitable[bool]], *, what: str, within_s: float = PATIENCE_S
) -> None:
    """Wait for a state, and fail with what it was if it does not come."""
    until = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < until, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.005)


def request(tool: str, arguments: Mapping[str, object], tenant: str | None) -> Request:
    """A call as it comes over HTTP from this machine, with the tenant in its header."""
    headers = {} if tenant is None else {"x-tenant": tenant}
    return Request(tool=tool, arguments=arguments, headers=headers, peer="127.0.0.1")


async def call(server: Server, tool: str, *, tenant: str | None = None, **arguments: Any) -> Result:
    """Call a tool without a transport."""
    asked = request(tool, arguments, tenant)
    async with asyncio.timeout(PATIENCE_S):
        return await server.database.call(server.tools[tool], asked)


async def rows(server: Server, tool: str, *, tenant: str | None = None, **arguments: Any) -> Any:
    """The rows of a tool of one table."""
    result = await call(server, tool, tenant=tenant, **arguments)
    return result.structured["rows"]


async def outcome(awaitable: Awaitable[Result]) -> Result | McpdbError:
    """The result or the error, whichever comes; anything else is a bug and is raised."""
    try:
        return await awaitable
    except McpdbError as error:
        return error


def said(result: CallToolResult) -> str:
    """All text of a tool's answer."""
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


def pool(server: Server) -> Pool:
    """The lane's connections: what tests look at, and nothing else does."""
    found = server.database._lane._pool  # pyright: ignore[reportPrivateUsage]
    assert found is not None
    return found


def checked_out(server: Server) -> int:
    """How many of the pool's connections are in use, or on their way back."""
    return pool(server).out


def in_use(server: Server) -> int:
    """How many of the pool's connections are with a call that may still use them."""
    return pool(server).out - len(pool(server)._returning)  # pyright: ignore[reportPrivateUsage]


async def all_back(server: Server) -> None:
    """Wait until every transaction has ended and its connection is in the pool."""

    async def none_out() -> bool:
        return checked_out(server) == 0

    await eventually(none_out, what="every connection is back in the pool")


@asynccontextmanager
async def reused(server: Server) -> AsyncGenerator[Admin]:
    """The connection that the next call gets, as the last one left it, in a new transaction."""
    await all_back(server)
    connection = await pool(server).take()
    try:
        yield connection.driver
    finally:
        pool(server).give_back(connection)
        await all_back(server)


async def sleepers(admin: Admin, count: int = 1) -> None:
    """Wait until this many queries sleep in PostgreSQL in the test's database."""

    async def asleep() -> bool:
        found = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        return bool(found == count)

    await eventually(asleep, what=f"{count} sleeping queries")


async def stopped(still_running: Callable[[], Awaitable[int]]) -> None:
    """Wait until no backend of the server runs anything or is in a transaction."""

    async def nothing() -> bool:
        return await still_running() == 0

    await eventually(nothing, what="no query runs in PostgreSQL", within_s=STOPS_S)


async def no_backends(admin: Admin) -> None:
    """Wait until the server has no connection left, busy or idle."""

    async def none() -> bool:
        found = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return bool(found == 0)

    await eventually(none, what="no backend of the server", within_s=STOPS_S)


async def intact(server: Server, *, tenant: str | None = None, calls: int) -> None:
    """Wait until nothing is checked out; then this many calls at once work."""

    await all_back(server)
    await asyncio.gather(*(call(server, "shares", tenant=tenant) for _ in range(calls)))
    await all_back(server)


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # they are pytest's


@asynccontextmanager
async def serving(app: Starlette) -> AsyncGenerator[str]:
    """Serve an ASGI application on a free port of the loopback; yields its MCP URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=2
        )
        server = _Uvicorn(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:

            async def up() -> bool:
                if task.done():
                    task.result()
                return server.started

            await eventually(up, what="the HTTP server started")
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.should_exit = True
            async with asyncio.timeout(PATIENCE_S):
                await task


@asynccontextmanager
async def client_of(url: str, era: Era, *, tenant: str | None = None) -> AsyncGenerator[Client]:
    """A client over HTTP, with the tenant in a header."""
    headers = {} if tenant is None else {"x-tenant": tenant}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=era, cache=None) as client,
    ):
        yield client


@asynccontextmanager
async def reachable(
    server: Server, transport: Transport, era: Era, *, dsn: str
) -> AsyncGenerator[Connect]:
    """Serve over a transport; yields how to connect. In memory and over stdio the server lives as
    long as its client, and over HTTP it stays."""
    if transport == "stdio":
        program = str(Path(__file__).with_name("stdio_server.py"))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = StdioServerParameters(
            command=sys.executable, args=["-W", "error", program, dsn], env=environment
        )
        yield lambda: Client(process, mode=era, cache=None)
    elif transport == "http":
        async with serving(server.http_app()) as url:
            yield lambda: client_of(url, era)
    else:
        yield lambda: Client(server.mcp(), mode=era, cache=None)
