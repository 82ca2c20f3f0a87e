"""Serving over standard input and output, and ending cleanly on a signal: the SDK's own loop dies
of SIGTERM without closing the database, and hangs after SIGINT until its client goes away."""

import asyncio
import io
import logging
import os
import select
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from typing_extensions import Buffer, override

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError
from mcpdb.process import done_or_stopped, opened, stop_signals

_log = logging.getLogger("mcpdb")

_CLOSE_S: Final = 8.0
_STDIN, _STDOUT, _STDERR = 0, 1, 2


async def serve_stdio(serve: Callable[[], Coroutine[None, None, None]], database: Database) -> None:
    """Serve until standard input ends, or SIGINT or SIGTERM asks to stop; then close the database.

    Afterwards, as meanwhile, what is printed goes to standard error.

    Args:
        serve: The SDK's loop: it reads `sys.stdin` and takes standard output for itself.
        database: Open meanwhile.

    Raises:
        ConfigurationError: The database cannot be opened, or nobody can be talked to.
    """
    if sys.stdin is None or sys.stdout is None:
        raise ConfigurationError("Standard input or output is closed: a client is at both.")
    if sys.stdin.isatty():
        _log.info("An MCP client is expected on standard input; Ctrl-C ends.")
    with (
        stop_signals() as stop,
        _printing_to_stderr() as handed_over,
        _endable_stdin() as end_input,
    ):
        async with opened(database, stop) as is_open:
            if is_open:
                with handed_over():
                    serving = asyncio.ensure_future(serve())
                    try:
                        await done_or_stopped(serving, stop)
                    finally:
                        end_input()
                        await _finished(serving, database)


async def _finished(serving: "asyncio.Future[None]", database: Database) -> None:
    """Wait for the SDK's loop, which ends with its input and cancels the calls in flight."""
    await asyncio.wait((serving,), timeout=_CLOSE_S)
    if not serving.done():
        # A thread is blocked in writing to a client that does not read, and nothing wakes it.
        _log.warning("The client does not take its answers; ending without it.")
        await database.close()
        os._exit(1)
    try:
        serving.result()
    except* BrokenPipeError:
        _log.info("The client left before its answer.")


@contextmanager
def _printing_to_stderr() -> Generator[Callable[[], AbstractContextManager[None]]]:
    """Keep what anybody prints out of the protocol. The SDK diverts standard output while it
    serves; this does it while the database opens and closes, and when buffers are flushed.

    Yields:
        What gives standard output back for a while, for the SDK to take.
    """
    wire = os.dup(_STDOUT)

    @contextmanager
    def handed_over() -> Generator[None]:
        os.dup2(wire, _STDOUT)
        try:
            yield
        finally:
            os.dup2(_STDERR, _STDOUT)

    os.dup2(_STDERR, _STDOUT)
    reconfigure: Callable[..., None] | None = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)  # which flushes what was printed before
    try:
        yield handed_over
    finally:
        os.close(wire)


@contextmanager
def _endable_stdin() -> Generator[Callable[[], None]]:
    """Let the thread that reads `sys.stdin` be woken, and other programs not read from it.

    Yields:
        What ends the input, as its client would by closing it.
    """
    raw = _EndableInput(os.dup(_STDIN))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    before = sys.stdin
    # Not over descriptor 0, so that the SDK reads this very object and no copy of the descriptor.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8")
    try:
        yield raw.end
    finally:
        sys.stdin = before


class _EndableInput(io.RawIOBase):
    """Bytes of a descriptor, until `end` or their own end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._ended, self._end = os.pipe()

    @override
    def close(self) -> None:
        if not self.closed:
            for descriptor in (self._descriptor, self._ended, self._end):
                os.close(descriptor)
        super().close()

    def end(self) -> None:
        """End the input now, for a thread that waits for it too."""
        os.write(self._end, b"\0")

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        ready, _, _ = select.select([self._descriptor, self._ended], [], [])
        if self._ended in ready:
            return 0
        view = memoryview(buffer)
        data = os.read(self._descriptor, len(view))
        view[: len(data)] = data
        return len(data)
