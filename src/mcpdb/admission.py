"""Who may go on: the deadline of a call, and its permit to use one of a pool's connections.
It refuses at once or within a bounded time, and never queues for ever."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcpdb.config import PoolConfig, Timeouts
from mcpdb.errors import QueryTimeout, TooManyCalls


class Admission:
    """Gives each call its deadline.

    Args:
        timeouts: How long calls may take.
    """

    def __init__(self, *, timeouts: Timeouts) -> None:
        self._timeouts = timeouts

    @asynccontextmanager
    async def admit(self, timeout_s: float | None) -> AsyncGenerator[float]:
        """Run a call under its deadline, which every wait within it respects.

        Yields:
            The deadline, by `time.monotonic`.

        Raises:
            QueryTimeout: The deadline passed. What the call was waiting for has been cancelled.
        """
        most = self._timeouts.deadline_s
        allowed_s = min(most, timeout_s or most)
        timeout = asyncio.timeout(allowed_s)
        try:
            async with timeout:
                yield time.monotonic() + allowed_s
        except TimeoutError as error:
            if not timeout.expired():
                raise
            msg = f"The call was stopped at its deadline of {allowed_s:g} s."
            raise QueryTimeout(msg, hint="Ask for a shorter period or fewer rows.") from error


class Permits:
    """Gives as many calls at once a permit as a pool has connections."""

    def __init__(self, *, pool: PoolConfig, timeouts: Timeouts) -> None:
        self._size = pool.size
        self._max_waiting = pool.max_waiting
        self._wait_s = timeouts.permit_s
        self._permits = asyncio.Semaphore(pool.size)
        self._waiting = 0

    @asynccontextmanager
    async def permit(self) -> AsyncGenerator[None]:
        """Hold one of the pool's connections' worth of concurrency.

        Raises:
            TooManyCalls: Too many calls wait already, or none finished in time.
        """
        await self._acquire()
        try:
            yield
        finally:
            self._permits.release()

    async def _acquire(self) -> None:
        if not self._permits.locked():
            await self._permits.acquire()
            return
        if self._waiting >= self._max_waiting:
            raise self._refusal()
        self._waiting += 1
        timeout = asyncio.timeout(self._wait_s)
        try:
            async with timeout:
                await self._permits.acquire()
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise self._refusal() from error
        finally:
            self._waiting -= 1

    def _refusal(self) -> TooManyCalls:
        msg = f"All {self._size} database connections are busy and {self._waiting} calls wait."
        return TooManyCalls(msg, hint="Try again in a few seconds.", retry_after_s=1.0)
