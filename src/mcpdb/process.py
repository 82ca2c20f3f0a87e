"""A server process of our own: its log, its signals and its end. An error that its operator can
mend is one line, not a traceback."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Final

from typing_extensions import override

from mcpdb.database import Database
from mcpdb.errors import McpdbError

_log = logging.getLogger("mcpdb")

_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def server_process() -> Generator[None]:
    """Log to standard error, and turn an `McpdbError` into one line there and the exit code 1."""
    log_to_stderr()
    try:
        yield
    except McpdbError as error:
        _log.debug("%s: %s", error.code, error.detail)
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        raise SystemExit(1) from None


def log_to_stderr() -> None:
    """Send warnings and mcpdb's own news to standard error, unless the program logs already."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine(_FORMAT))
    root.addHandler(handler)
    if _log.level == logging.NOTSET:
        _log.setLevel(logging.INFO)


class _OneLine(logging.Formatter):
    """One line for a message; a traceback follows it. A driver's words may repeat what a client
    sent, and a line break in it must not begin a record of its own."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record).rstrip()
        return line.replace("\r", "\\r").replace("\n", "\\n")


@contextmanager
def stop_signals() -> Generator[asyncio.Event]:
    """Set an event at the first SIGINT or SIGTERM; at the second, end the process at once.

    Outside the main thread, which alone gets signals, the event is never set.
    """
    stop = asyncio.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    loop = asyncio.get_running_loop()
    asked = False

    # Python's own handlers and not the loop's: the second signal must also end a process whose
    # loop is blocked.
    def handle(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)  # as a shell reports a process that a signal has ended
        asked = True
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


async def done_or_stopped(work: "asyncio.Future[None]", stop: asyncio.Event) -> None:
    """Wait for one of the two."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


@asynccontextmanager
async def opened(database: Database, stop: asyncio.Event) -> AsyncGenerator[bool]:
    """Have the database open; False if the waiting for it was stopped.

    The transports open it once more, in their lifespan. This first time makes a database that is
    down an error of ours, which the frameworks would wrap in their tracebacks.
    """
    opening = asyncio.ensure_future(database.open())
    try:
        await done_or_stopped(opening, stop)
    finally:
        if not opening.done():
            opening.cancel()
            await asyncio.wait([opening])
    if opening.cancelled():
        yield False
        return
    opening.result()
    try:
        yield True
    finally:
        await database.close()
