"""The socket that HTTP is served on."""

import asyncio
import socket

import pytest

from mcpdb import ConfigurationError
from mcpdb.http_server import listen


async def test_answers_are_sent_at_once() -> None:
    """With Nagle's algorithm an answer in two parts takes 40 ms more; the loop turns it off only
    for sockets that name their protocol."""
    no_delay: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def served(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        no_delay.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = listen("127.0.0.1", 0)
    async with await asyncio.start_server(served, sock=listener), asyncio.timeout(10):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await no_delay == 1
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("port", [-1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ConfigurationError, match="not a port"):
        listen("127.0.0.1", port)
