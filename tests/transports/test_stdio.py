"""A server process over stdio: what it writes, and how it ends."""

import asyncio
import os
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
        os.close(writing)
        child.write(*initialize(), *(call(n, "sales_rows", limit=500) for n in range(2, 40)))
        assert await asyncio.to_thread(os.read, reading, 10)
        child.signal(signal.SIGTERM)
        assert await child.ends() == 1
        os.close(reading)
    assert "The client does not take its answers" in child.log
    assert "Traceback" not in child.log
    await no_sessions(admin)
