"""A server process over stdio: what it writes, and how it ends."""

import asyncio
import os
import pty
import select
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from transports.support import (
    call,
    ended_cleanly,
    initialize,
    no_sessions,
    server_process,
    sleeping,
    until,
)

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


async def test_only_the_protocol_is_on_standard_output_whatever_is_printed(
    tmp_path: Path, shop: Callable[..., str]
) -> None:
    with server_process(tmp_path, shop()) as child:
        child.write(*initialize(), call(2, "chatty"))
        answer = await child.answer(2)
        child.close_stdin()
        assert await child.ends() == 0

    assert answer["result"]["structuredContent"]["rows"] == [["fine"]]
    assert [message["id"] for message in child.messages] == [1, 2]
    for text in (
        "printed before serving",
        "printed while opening",
        "printed by a tool",
        "written to descriptor 1",
        "echoed by a program",
        "printed while closing",
        "printed after serving",
    ):
        assert text in child.log
    ended_cleanly(child)


async def test_the_end_of_standard_input_ends_the_server(
    tmp_path: Path, shop: Callable[..., str], admin: asyncpg.Connection
) -> None:
    with server_process(tmp_path, shop()) as child:
        child.write(*initialize())
        await child.answer(1)
        child.close_stdin()
        assert await child.ends() == 0
    ended_cleanly(child)
    await no_sessions(admin)


@BOTH
async def test_a_signal_ends_an_idle_server_whose_client_stays(
    tmp_path: Path,
    shop: Callable[..., str],
    admin: asyncpg.Connection,
    number: signal.Signals,
) -> None:
    with server_process(tmp_path, shop()) as child:
        child.write(*initialize())
        await child.answer(1)
        child.signal(number)
        assert await child.ends() == 0
    ended_cleanly(child)
    await no_sessions(admin)


async def test_a_signal_ends_a_server_that_nobody_has_spoken_to(
    tmp_path: Path, shop: Callable[..., str]
) -> None:
    with server_process(tmp_path, shop()) as child:
        await child.says("tenancy opened")
        child.signal(signal.SIGTERM)
        assert await child.ends() == 0
    ended_cleanly(child)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, "end of input"])
async def test_a_call_in_flight_is_stopped_in_postgresql_when_the_server_ends(
    tmp_path: Path,
    shop: Callable[..., str],
    admin: asyncpg.Connection,
    how: Any,
) -> None:
    with server_process(tmp_path, shop()) as child:
        child.write(*initialize(), call(2, "slow", seconds=60))
        await sleeping(admin)
        if isinstance(how, signal.Signals):
            child.signal(how)
        else:
            child.close_stdin()
        assert await child.ends() == 0
    ended_cleanly(child)
    await no_sessions(admin)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_second_signal_ends_a_server_that_cannot_close(
    tmp_path: Path, shop: Callable[..., str], transport: str
) -> None:
    with server_process(tmp_path, shop(), transport=transport, port=0, close="never") as child:
        await (child.says("tenancy opened") if transport == "stdio" else child.address())
        child.signal(signal.SIGINT)
        await child.says("tenancy closing")
        child.signal(signal.SIGINT)
        assert await child.ends() == 128 + signal.SIGINT
    assert "Traceback" not in child.log


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_signal_ends_the_waiting_for_a_database_that_does_not_answer(
    tmp_path: Path, transport: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(20)
        dsn = f"postgresql://somebody@127.0.0.1:{mute.getsockname()[1]}/shop?ssl=disable"
        with server_process(tmp_path, dsn, transport=transport, port=0, connect_s=600) as child:
            peer, _ = await asyncio.to_thread(mute.accept)
            child.signal(signal.SIGTERM)
            assert await child.ends() == 0
            peer.close()
    assert "Traceback" not in child.log
    assert "ran to its end" in child.log


async def test_a_client_that_leaves_without_its_answer_is_no_error(
    tmp_path: Path, shop: Callable[..., str], admin: asyncpg.Connection
) -> None:
    """Both pipes go at once, as when the host is killed."""
    reading, writing = os.pipe()
    with server_process(tmp_path, shop(), stdout=writing) as child:
        os.close(writing)
        child.write(*initialize(), *(call(n, "sales_rows", limit=500) for n in range(2, 40)))
        assert await asyncio.to_thread(os.read, reading, 10)
        os.close(reading)
        child.write(call(40, "sales_rows"))
        child.close_stdin()
        assert await child.ends() == 0
    ended_cleanly(child)
    await no_sessions(admin)


async def test_a_client_that_does_not_read_cannot_keep_the_server(
    tmp_path: Path, shop: Callable[..., str], admin: asyncpg.Connection
) -> None:
    reading, writing = os.pipe()
    with server_process(tmp_path, shop(), stdout=writing, close_s=0.5) as child:
        child.write(*initialize(), *(call(n, "all_sales") for n in range(2, 12)))
        await until(
            lambda: not select.select([], [writing], [], 0)[1], lambda: f"it is full; {child.log}"
        )
        child.signal(signal.SIGTERM)
        assert await child.ends() == 1
    os.close(writing)
    os.close(reading)
    assert "The client does not take its answers" in child.log
    assert "Traceback" not in child.log
    await no_sessions(admin)


async def test_a_header_identity_is_refused_where_there_are_no_headers(
    tmp_path: Path, shop: Callable[..., str]
) -> None:
    with server_process(tmp_path, shop(), by_header=True) as child:
        child.write(*initialize(), call(2, "shares"))
        answer = await child.answer(2)
    assert answer["result"]["isError"]
    assert answer["result"]["content"][0]["text"].endswith("[tenant]")


async def test_a_closed_standard_input_is_one_line(tmp_path: Path) -> None:
    program = (
        "import sys; sys.stdin = None; from shop import shop_server; shop_server(sys.argv[1]).run()"
    )
    with server_process(tmp_path, "", "-c", program, "postgresql://nowhere/shop") as child:
        assert await child.ends() == 1
    assert child.log == "error: Standard input or output is closed: a client is at both.\n"


async def test_a_person_at_a_terminal_is_told_what_it_waits_for(
    tmp_path: Path, shop: Callable[..., str]
) -> None:
    outside, inside = pty.openpty()
    with server_process(tmp_path, shop(), stdin=inside) as child:
        os.close(inside)
        await child.says("tenancy opened")
        os.write(outside, b"\x04")  # Ctrl-D, the end of input
        assert await child.ends() == 0
        os.close(outside)
    assert "INFO mcpdb: An MCP client is expected on standard input; Ctrl-C ends." in child.log
    ended_cleanly(child)
