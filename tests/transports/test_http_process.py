"""A server process over HTTP: where it listens, what it refuses, and how it ends."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from mcp import MCPError

from mcpdb import FixedTenancy, Tenant
from shop import shop_server
from transports.support import (
    ERAS,
    Era,
    ended_cleanly,
    http_client,
    no_sessions,
    server_process,
    sleeping,
    until,
)

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
GAVE_UP = "timeout graceful shutdown exceeded"


@BOTH
async def test_a_signal_ends_an_idle_server(
    tmp_path: Path, shop: Callable[..., str], admin: asyncpg.Connection, number: signal.Signals
) -> None:
    with server_process(tmp_path, shop(), transport="http", port=0) as child:
        async with httpx2.AsyncClient() as http:  # whose connection is kept alive
            answer = await http.get(f"{await child.address()}/health/ready")
            assert answer.json() == {"status": "ready"}
            child.signal(number)
            assert await child.ends() == 0
    ended_cleanly(child)
    assert GAVE_UP not in child.log
    assert "printed before serving" in child.stdout.read_text()  # which is nobody's wire here
    await no_sessions(admin)


@contextlib.asynccontextmanager
async def legacy_notifications(address: str) -> AsyncGenerator[httpx2.Response]:
    """The stream that a client of 2025-11-25 holds open, of a session of its own."""
    accept = {"accept": "application/json, text/event-stream"}
    opening = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"},
        },
    }
    async with httpx2.AsyncClient(timeout=20) as http:
        answer = await http.post(f"{address}/mcp", headers=accept, json=opening)
        session = {"mcp-session-id": answer.headers["mcp-session-id"]}
        async with http.stream("GET", f"{address}/mcp", headers={**accept, **session}) as stream:
            assert stream.status_code == 200
            yield stream


async def test_an_open_stream_of_a_legacy_session_does_not_hold_up_the_end(
    tmp_path: Path, shop: Callable[..., str], admin: asyncpg.Connection
) -> None:
    with server_process(tmp_path, shop(), transport="http", port=0, grace_s=600) as child:
        async with legacy_notifications(await child.address()) as stream:
            child.signal(signal.SIGTERM)
            # Its end is the proper one, and not a connection that breaks.
            assert [chunk async for chunk in stream.aiter_bytes()] == []
            assert await child.ends() == 0
    ended_cleanly(child)
    assert GAVE_UP not in child.log
    await no_sessions(admin)


async def test_an_open_subscription_does_not_hold_up_the_end(
    tmp_path: Path, shop: Callable[..., str]
) -> None:
    with server_process(tmp_path, shop(), transport="http", port=0, grace_s=600) as child:
        url = f"{await child.address()}/mcp"
        async with http_client(url) as client, client.listen(tools_list_changed=True):
            child.signal(signal.SIGTERM)
            assert await child.ends() == 0
    ended_cleanly(child)
    assert GAVE_UP not in child.log


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_in_flight_may_finish_within_the_grace(
    tmp_path: Path, shop: Callable[..., str], admin: asyncpg.Connection, era: Era
) -> None:
    with server_process(tmp_path, shop(), transport="http", port=0, grace_s=600) as child:
        async with http_client(f"{await child.address()}/mcp", era=era) as client:
            await client.list_tools()  # or it would ask for the schema when the server has gone
            calling = asyncio.create_task(client.call_tool("slow", {"seconds": 2}))
            await sleeping(admin)
            child.signal(signal.SIGTERM)
            result = await calling
            assert await child.ends() == 0
    assert not result.is_error
    assert result.structured_content is not None
    assert result.structured_content["rows"] == [[1_500, 1]]
    ended_cleanly(child)
    await no_sessions(admin)


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_outlasts_the_grace_is_stopped_in_postgresql(
    tmp_path: Path, shop: Callable[..., str], admin: asyncpg.Connection, era: Era
) -> None:
    with server_process(tmp_path, shop(), transport="http", port=0, grace_s=1) as child:
        async with http_client(f"{await child.address()}/mcp", era=era) as client:
            calling = asyncio.create_task(client.call_tool("slow", {"seconds": 60}))
            await sleeping(admin)
            child.signal(signal.SIGTERM)
            with pytest.raises(MCPError):
                await calling
            assert await child.ends() == 0
    ended_cleanly(child)
    assert GAVE_UP not in child.log
    await no_sessions(admin)


def the_line(written: str) -> str:
    """The one line that a server says which cannot start, apart from its log and from prints."""
    lines = [
        line
        for line in written.splitlines()
        if not line.startswith("printed") and " WARNING " not in line
    ]
    assert len(lines) == 1, written
    assert lines[0].startswith("error: ")
    return lines[0]


async def test_a_port_that_is_taken_is_one_line(tmp_path: Path, shop: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with server_process(tmp_path, shop(), transport="http", port=port) as child:
            assert await child.ends() == 1
    said = the_line(child.log)
    assert said == f"error: Cannot listen on 127.0.0.1:{port}: another program has this port."


async def test_a_database_that_is_down_is_one_line_over_stdio(tmp_path: Path) -> None:
    dsn = f"postgresql://someone:secret@127.0.0.1:{unused_port()}/shop"
    with server_process(tmp_path, dsn) as child:
        assert await child.ends() == 1
    said = the_line(child.log)
    assert "postgresql+asyncpg://someone:***@127.0.0.1:" in said
    assert "secret" not in child.log


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "postgresql+asyncpg://someone:***@127.0.0.1:"),  # the database is down
        ({"host": "192.0.2.1", "allowed_hosts": ["h"]}, "it is not an address of this machine."),
        ({"host": "no.such.host.invalid", "allowed_hosts": ["h"]}, "There is no host"),
        ({"host": "0.0.0.0"}, 'Give them as allowed_hosts=["api.example.org"].'),
        ({"host": "no.such.host.invalid"}, "say by which names clients reach this server"),
        ({"port": 70_000}, "70000 is not a port"),
        ({"path": "mcp"}, "begins with /"),
        ({"transport": "sse"}, "There is no transport 'sse', but stdio and http."),
    ],
)
def test_what_cannot_be_served_is_one_line(
    options: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = shop_server(f"postgresql://someone:secret@127.0.0.1:{unused_port()}/shop")
    given: dict[str, Any] = {"transport": "http", "port": 0, **options}
    with pytest.raises(SystemExit) as ended:
        server.run(**given)
    assert ended.value.code == 1
    assert said in the_line(capsys.readouterr().err)


async def test_a_server_for_the_network_says_by_which_names_it_is_reached(
    tmp_path: Path, shop: Callable[..., str]
) -> None:
    with server_process(
        tmp_path,
        shop(),
        transport="http",
        host="0.0.0.0",
        port=0,
        path="/shop/mcp",
        allowed_hosts=["localhost"],
    ) as child:
        await child.says("listens at http://0.0.0.0:")
        port = child.log.partition("0.0.0.0:")[2].partition("/")[0]
        async with http_client(f"http://localhost:{port}/shop/mcp") as client:
            assert (await client.list_tools()).tools
        child.signal(signal.SIGTERM)
        assert await child.ends() == 0


async def test_a_server_in_a_task_ends_cleanly_when_the_task_is_cancelled(
    shop: Callable[..., str], admin: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """As in an application that serves beside other work."""
    before = signal.getsignal(signal.SIGTERM)
    caplog.set_level(logging.INFO, logger="mcpdb")
    server = shop_server(shop(), tenancy=FixedTenancy(Tenant.of("north")))
    serving = asyncio.create_task(server.serve("http", port=0))
    await until(lambda: "listens at" in caplog.text, lambda: caplog.text)
    url = caplog.text.partition("listens at ")[2].split()[0]
    async with http_client(url) as client:
        assert not (await client.call_tool("shares")).is_error
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    await no_sessions(admin)
    assert signal.getsignal(signal.SIGTERM) is before
