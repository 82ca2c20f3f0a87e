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
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp

from mcpdb.http_server import listen, serve_app

PATIENCE_S: Final = 20.0
CHILD: Final = Path(__file__).with_name("child.py")
CHILD_ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

Era = Literal["auto", "legacy"]
ERAS: Final[tuple[Era, ...]] = ("auto", "legacy")


async def eventually(check: Callable[[], Any], what: str) -> Any:
    """What `check` answers (or what it returns comes to) once that is true, or fail."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = check()
                if isinstance(found, Awaitable):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.02)
    raise AssertionError(f"within {PATIENCE_S} s it did not happen: {what}")


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str]:
    """The application, on a port of the loopback interface; its address."""
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.create_task(serve_app(app, listener))
    try:
        yield address
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
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

        def find() -> dict[str, Any] | None:
            return next((m for m in self.messages if m.get("id") == number), None)

        found: dict[str, Any] = await eventually(find, f"an answer to {number}; {self.log}")
        return found

    async def says(self, text: str) -> None:
        """Wait until its log holds this."""
        await eventually(lambda: text in self.log, f"{text!r} in the log, which is: {self.log}")

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
        await eventually(
            lambda: self.process.poll() is not None, f"the process ended; its log is: {self.log}"
        )
        return self.process.returncode


@contextlib.asynccontextmanager
async def server_process(
    folder: Path, dsn: str, *command: str, stdout: int | None = None, **options: Any
) -> AsyncGenerator[Child]:
    """A server process with these options of child.py, or of another command."""
    arguments = command or (str(CHILD), dsn, json.dumps(options))
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=out_file if stdout is None else stdout,
            stderr=err_file,
            env=CHILD_ENVIRONMENT,
        )
    try:
        yield Child(process, out, err)
    finally:
        if process.poll() is None:
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
