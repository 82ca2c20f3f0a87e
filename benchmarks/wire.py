"""The smallest client of the 2026-07-28 wire: a `tools/call` as one HTTP request, so that what is
measured is the server and not a client's validation."""

import asyncio
import json
from typing import Any, Final

from starlette.types import ASGIApp, Message

PROTOCOL: Final = "2026-07-28"


def headers(tool: str) -> dict[str, str]:
    """The request headers of a call of this tool."""
    return {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": PROTOCOL,
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }


def body(tool: str, arguments: dict[str, Any]) -> bytes:
    """The request body of a call."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    ).encode()


async def call_asgi(app: ASGIApp, tool: str, arguments: dict[str, Any]) -> bytes:
    """The response body of a call of an application in this process."""
    sent: list[bytes] = []
    waiting = [body(tool, arguments)]
    raw_headers = [(name.encode(), value.encode()) for name, value in headers(tool).items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"127.0.0.1:80"), *raw_headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        await asyncio.Event().wait()  # a client that stays; the server cancels this at the end
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            sent.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(sent)
