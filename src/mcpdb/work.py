"""Units of work, each in a task of its own, so that a caller who leaves stops what it began."""

import asyncio
import time
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

import anyio

from mcpdb.errors import DatabaseUnavailable

T = TypeVar("T")


class Work:
    """What runs at this moment.

    Args:
        cancel_s: How long a cancelled unit is waited for.
    """

    def __init__(self, *, cancel_s: float) -> None:
        self._cancel_s = cancel_s
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, unit: Coroutine[Any, Any, T]) -> T:
        """Run a unit of work so that a cancelled caller stops it in PostgreSQL too.

        A cancellation through anyio, which is how the MCP SDK cancels, is delivered again at every
        await. It would cut off the driver while that asks the server to stop, and the query would
        run on. So the work has a task of its own, which is cancelled once and then awaited.
        """
        task = asyncio.ensure_future(unit)
        self._tasks.add(task)  # asyncio itself holds on to a task only weakly
        task.add_done_callback(self._forget)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            await self._stop([task])
            raise
        if task.cancelled():
            msg = "The database was closed during the call."
            raise DatabaseUnavailable(msg)
        return task.result()

    async def stop(self) -> None:
        """Cancel everything that runs, and wait for its end for `cancel_s` at most."""
        await self._stop(self._tasks)

    async def _stop(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        until = time.monotonic() + self._cancel_s
        interrupted: asyncio.CancelledError | None = None
        with anyio.CancelScope(shield=True):
            while (left_s := until - time.monotonic()) > 0:
                left = [task for task in tasks if not task.done()]
                if not left:
                    break
                try:
                    await asyncio.wait(left, timeout=left_s)
                except asyncio.CancelledError as error:
                    # Cancelled again, by the deadline or at the end of the event loop. To leave
                    # now would give the permit back before the connection.
                    interrupted = error
        if interrupted is not None:
            raise interrupted

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio reports that of an abandoned task
