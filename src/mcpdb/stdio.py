"""Serving over standard input and output, and ending cleanly on a signal: the SDK's own loop dies
of SIGTERM without closing the database, and hangs after SIGINT until its client goes away."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from mcpdb.database import Database
from mcpdb.process import one_line_errors

_CLOSE_S: Final = 10.0


def serve_stdio(serve: Callable[[], Awaitable[None]], database: Database) -> None:
    """Serve until standard input ends, or SIGINT or SIGTERM asks to stop; then close the database.

    Exits with 1 and one line on standard error when it cannot start.
    """
    with one_line_errors():
        asyncio.run(_serve(serve, database))


async def _serve(serve: Callable[[], Awaitable[None]], database: Database) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # The SDK's lifespan opens the database once more; it closes with the last of the two.
    async with database:
        serving = asyncio.ensure_future(serve())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if serving.done():
            serving.result()
            return
        serving.cancel()
        await asyncio.wait({serving}, timeout=_CLOSE_S)
    # A thread is still blocked in reading standard input and cannot be woken, and asyncio would
    # wait for it. All that had to be closed is closed.
    sys.stderr.flush()
    os._exit(0)
