"""The connections of a lane: made when they are needed, handed out last in, first out, and given to
the next call only after PostgreSQL has confirmed the end of the last one's transaction.

Not the driver's own pool: that one invalidates prepared statements whenever a connection comes
back, so that every select would be prepared anew.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from mcpdb.driver import Connection
from mcpdb.errors import DatabaseUnavailable, TooManyCalls

_TURN_S: Final = 0.1
"""How long tasks that were cancelled may take to notice, before they are left behind."""


class Pool:
    """At most `size` connections for calls, and one more for `ping`.

    Args:
        connect: Makes a connection, in bounded time.
        size: How many calls have one at once. A connection counts until it is back.
        max_age_s: One that is older is closed instead of handed out.
        wait_s: How long a call waits for a connection to be free.
        rollback_s: How long the end of a transaction may take, before the connection is cut off.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        size: int,
        max_age_s: float,
        wait_s: float,
        rollback_s: float,
    ) -> None:
        self._connect = connect
        self._max_age_s = max_age_s
        self._wait_s = wait_s
        self._rollback_s = rollback_s
        self._places = asyncio.Semaphore(size)
        self._spare = asyncio.Semaphore(1)
        self._idle: list[Connection] = []
        self._out: dict[Connection, asyncio.Semaphore] = {}
        self._returning: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def out(self) -> int:
        """How many connections are with a call, or on their way back from one."""
        return len(self._out)

    def adopt(self, connection: Connection) -> None:
        """Keep a connection that was made elsewhere, and that no transaction is on."""
        self._idle.append(connection)

    async def take(
        self, *, spare: bool = False, flies: Callable[[Connection], bool] = lambda _: False
    ) -> Connection:
        """A connection on which a READ ONLY transaction has just begun, or is about to.

        One that the server has closed while it was idle is replaced, also if it only turns out
        now: nothing of a call was done on it.

        Args:
            spare: Where all are in use, take the one more.
            flies: Whether the call itself will begin the transaction on this connection.

        Raises:
            TooManyCalls: None was free in time.
            DatabaseUnavailable: None could be made.
        """
        places = self._spare if spare and self._places.locked() else self._places
        await self._place(places)
        try:
            connection = await self._begun(flies)
        except BaseException:
            places.release()
            raise
        self._out[connection] = places
        if self._is_closed:
            await self.drop(connection)
            msg = "The database was closed during the call."
            raise DatabaseUnavailable(msg)
        return connection

    def give_back(self, connection: Connection) -> None:
        """End the connection's transaction and keep it, without being waited for."""
        returning = asyncio.ensure_future(self._return(connection))
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)

    async def settled(self) -> None:
        """Wait for the connections that are on their way back now."""
        if self._returning:
            await asyncio.wait(self._returning)

    async def drop(self, connection: Connection) -> None:
        """Close a connection of which nothing is known any more, and give its place back."""
        try:
            await connection.close()
        finally:
            self._leave(connection)

    async def close(self) -> None:
        """Wait for connections on their way back, for `rollback_s` at most; close all."""
        self._is_closed = True
        if self._returning:
            _, late = await asyncio.wait(self._returning, timeout=self._rollback_s)
            for returning in late:
                returning.cancel()
            if late:
                await asyncio.wait(late, timeout=_TURN_S)
        left = [*self._idle, *self._out]
        self._idle.clear()
        await asyncio.gather(*(connection.close() for connection in left))

    async def _place(self, places: asyncio.Semaphore) -> None:
        timeout = asyncio.timeout(self._wait_s)
        try:
            async with timeout:
                await places.acquire()
        except TimeoutError as error:
            if not timeout.expired():
                raise
            msg = "All database connections are in use."
            raise TooManyCalls(msg, hint="Try again in a few seconds.") from error

    async def _begun(self, flies: Callable[[Connection], bool]) -> Connection:
        # The last one that came back first: it is the one least likely to be stale.
        while self._idle:
            connection = self._idle.pop()
            if flies(connection) and not self._is_old(connection):
                return connection
            if not connection.is_closed and not self._is_old(connection):
                with suppress(DatabaseUnavailable):
                    return await self._begin(connection)
            await connection.close()
        return await self._begin(await self._connect())

    async def _begin(self, connection: Connection) -> Connection:
        try:
            await connection.begin()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _return(self, connection: Connection) -> None:
        is_kept = False
        try:
            if await connection.rollback(timeout_s=self._rollback_s):
                is_kept = not self._is_closed and not self._is_old(connection)
            if not is_kept:
                await connection.close()
        finally:
            self._leave(connection)
            if is_kept:
                self._idle.append(connection)
            else:
                connection.cut()

    def _leave(self, connection: Connection) -> None:
        places = self._out.pop(connection, None)
        if places is not None:
            places.release()

    def _is_old(self, connection: Connection) -> bool:
        return time.monotonic() - connection.made_at > self._max_age_s
