"""What the tests of the transports have in common: servers in this process and in others, clients
of both protocol eras, and waiting for states."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import asyncpg
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent
from starlette.types import ASGIApp

from mcpdb.http_server import listen, serve_app
from shop import APP_ROLE

PATIENCE_S: Final = 20.0
CHILD: Final = Path(__file__).with_name("child.py")
CHILD_ENVIRONMENT: Final = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(sys.path),
    "PYTHONUNBUFFERED": "",
}

Era = Literal["auto", "legacy"]
ERAS: Final[tuple[Era, ...]] = ("auto", "legacy")


async def eventually(check: Callable[[], Awaitable[object]], what: Callable[[], str]) -> None:
    """Ask until the answer is true, or fail."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not await check():  # noqa: ASYNC110  # states of other processes
                await asyncio.sleep(0.02)
            return
    raise AssertionError(f"within {PATIENCE_S} s it did not happen: {what()}")


async def until(check: Callable[[], object], what: Callable[[], str]) -> None:
    """`eventually` for what needs no waiting itself."""

    async def ask() -> object:
        return check()

    await eventually(ask, what)


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str]:
    """The application, on a port of the loopback interface; its address."""
    listener = listen("127.0.0.1", 0)
    stop = asyncio.Event()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.create_task(serve_app(app, listener, stop))
    try:
        yield address
    finally:
        stop.set()
        await serving


@contextlib.asynccontextmanager
async def http_client(
    url: str, *, era: Era = "auto", headers: dict[str, str] | None = None
) -> AsyncGenerator[Client]:
    """An MCP client over HTTP that sends these headers."""
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=era, cache=None) as client:
            yield client


async def post(
    http: httpx2.AsyncClient,
    address: str,
    *headers: tuple[str, str],
    method: str = "tools/list",
    params: dict[str, Any] | None = None,
    padding: str = "",
) -> httpx2.Response:
    """The response to one raw request of the protocol of 2026-07-28."""
    params = params or {}
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "padding": padding,
    }
    return await http.post(
        f"{address}/mcp",
        headers=[
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
            *([("mcp-name", params["name"])] if "name" in params else []),
            *headers,
        ],
        json={"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}},
    )


def text_of(result: CallToolResult) -> str:
    """The one text of a result."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def stdio_client(dsn: str, *, era: Era = "auto", **options: Any) -> Client:
    """An MCP client of a server process over stdio."""
    command = StdioServerParameters(
        command=sys.executable,
        args=[str(CHILD), dsn, json.dumps(options)],
        env=CHILD_ENVIRONMENT,
    )
    return Client(command, mode=era, cache=None)


@dataclass
class Child:
    """A server process. What it writes is in two files."""

    process: "subprocess.Popen[bytes]"
    stdout: Path
    stderr: Path

    @property
    def log(self) -> str:
        """Its standard error so far."""
        return self.stderr.read_text()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Its standard output so far, which has to be lines of JSON."""
        whole, _, _ = self.stdout.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def write(self, *messages: dict[str, Any]) -> None:
        """Send JSON-RPC messages to its standard input."""
        assert self.process.stdin is not None
        for message in messages:
            self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    async def answer(self, number: int) -> dict[str, Any]:
        """The response to the request of this number."""

        def find() -> list[dict[str, Any]]:
            return [message for message in self.messages if message.get("id") == number]

        await until(find, lambda: f"an answer to {number}; {self.log}")
        return find()[0]

    async def says(self, text: str) -> None:
        """Wait until its log holds this."""
        await until(lambda: text in self.log, lambda: f"{text!r} in the log: {self.log}")

    async def address(self) -> str:
        """Where it listens, by its log."""
        await self.says("listens at")
        found = re.search(r"listens at (http://\S+)/mcp", self.log)
        assert found is not None
        return found[1]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def close_stdin(self) -> None:
        """What a client does that leaves."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def ends(self) -> int:
        """Its exit code. Negative ones stand for signals."""
        await until(
            lambda: self.process.poll() is not None, lambda: f"the end; the log is: {self.log}"
        )
        return self.process.returncode


@contextlib.contextmanager
def server_process(
    folder: Path,
    dsn: str,
    *command: str,
    stdin: int = subprocess.PIPE,
    stdout: int | None = None,
    **options: Any,
) -> Generator[Child]:
    """A server process with these options of child.py, or of another command."""
    arguments = command or (str(CHILD), dsn, json.dumps(options))
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=stdin,
            stdout=out_file if stdout is None else stdout,
            stderr=err_file,
            env=CHILD_ENVIRONMENT,
        )
    try:
        yield Child(process, out, err)
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


def initialize(number: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two messages that open a legacy session."""
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    }
    return (
        {"id": number, "method": "initialize", "params": params},
        {"method": "notifications/initialized"},
    )


def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    """The message that calls a tool."""
    return {
        "id": number,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }


async def sleeping(admin: asyncpg.Connection) -> None:
    """Wait until a call of the tool `slow` has arrived in PostgreSQL."""

    async def asleep() -> bool:
        found = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'"
            " AND datname = current_database()",
            APP_ROLE,
        )
        return bool(found)

    await eventually(asleep, lambda: "a query sleeps in PostgreSQL")


async def no_sessions(admin: asyncpg.Connection) -> None:
    """Wait until the server has no session in PostgreSQL. A query that nobody has cancelled would
    keep its own for as long as it runs."""

    async def gone() -> bool:
        count = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"
            " AND datname = current_database()",
            APP_ROLE,
        )
        return bool(count == 0)

    await eventually(gone, lambda: "no session is left in PostgreSQL")


def ended_cleanly(child: Child) -> None:
    """The database was closed, Python ran to its end, and nobody saw a traceback."""
    assert "tenancy closed" in child.log
    assert "ran to its end" in child.log
    assert "Traceback" not in child.log
    assert "Error" not in child.log
