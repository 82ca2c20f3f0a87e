"""The way to the rows: one call is one checkout is one short READ ONLY transaction with the tenant
in it, ended by ROLLBACK. Nothing else on the path of a call takes a connection."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import anyio
import asyncpg
from sqlalchemy import ColumnElement, event, func, literal, select
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mcpdb.cells import decode
from mcpdb.config import PoolConfig, Timeouts
from mcpdb.driver import BriefConnection, Connection, decoded, replace_closed
from mcpdb.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    QueryFailed,
    TooManyCalls,
)
from mcpdb.isolation.base import Isolation
from mcpdb.query.base import Query, Rows
from mcpdb.request import Tenant
from mcpdb.result import Fetched
from mcpdb.translate import translated

T = TypeVar("T")

_SHORTEST_MS: Final = 1
_ANSWER_MS: Final = 50
"""How much earlier than the deadline PostgreSQL stops a statement, so that its answer arrives."""
_WATCH: Final = "client_connection_check_interval"
_WATCH_MS: Final = 500
"""How often PostgreSQL looks whether the client of a running statement is still there."""


class Lane:
    """The pool of connections, and the one kind of transaction that is made on them."""

    def __init__(
        self, url: URL, *, isolation: Isolation, pool: PoolConfig, timeouts: Timeouts
    ) -> None:
        self._url = url
        self._isolation = isolation
        self._pool = pool
        self._timeouts = timeouts
        self._engine: AsyncEngine | None = None
        self._is_watched = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._making: set[asyncio.Task[Connection]] = set()

    async def open(self) -> None:
        """Make the pool and prove that PostgreSQL answers.

        Raises:
            ConfigurationError: It cannot be reached or refuses the login.
        """
        self._engine = create_async_engine(
            self._url,
            pool_size=self._pool.size,
            max_overflow=1,  # for `ping` alone: there are as many permits to read as `size`
            pool_recycle=self._pool.max_age_s,
            pool_timeout=self._timeouts.permit_s,
            pool_use_lifo=True,  # the last connection used is the one least likely to be stale
            hide_parameters=True,
            connect_args={
                "timeout": self._timeouts.connect_s,
                "server_settings": {"application_name": self._pool.application_name},
                "connection_class": BriefConnection,
                "async_creator_fn": self._make,
            },
            json_deserializer=decode,
            execution_options={"postgresql_readonly": True},
        )
        event.listen(self._engine.sync_engine, "checkout", replace_closed)
        try:
            self._is_watched = await self._can_watch()
        except DatabaseUnavailable as error:
            await self.close()
            where = self._url.render_as_string(hide_password=True).split("?", 1)[0]
            msg = f"Cannot use the database {where}. {error.message}"
            hint = "Check the host, port, database, user and password, and that it is running."
            raise ConfigurationError(msg, hint=hint, detail=error.detail) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop what still runs, then close the pool's connections."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with anyio.CancelScope(shield=True):
                try:
                    await self._stop(self._tasks)
                    if self._making:
                        await asyncio.wait(self._making, timeout=self._timeouts.cancel_s)
                finally:
                    await engine.dispose()

    async def ping(self, *, timeout_s: float) -> None:
        """Ask PostgreSQL for an answer on one of the pool's connections.

        Raises:
            DatabaseUnavailable: There was none in time.
        """
        await self._ask(select(literal(1)), timeout_s=timeout_s)

    async def read(self, tenant: Tenant, query: Query, *, deadline: float) -> Mapping[str, Fetched]:
        """Run the query's selects in one transaction as this tenant.

        A caller that is cancelled, by a client or by its own deadline, stops them in PostgreSQL.

        Args:
            tenant: Whose rows.
            query: Selects with their limits.
            deadline: By `time.monotonic`; PostgreSQL itself stops a statement just before it.

        Raises:
            QueryTimeout: PostgreSQL stopped a statement.
            QueryFailed: PostgreSQL refused one.
            Unavailable: The connection was lost or could not be made, or the query was in the
                way of something else.
            TooManyCalls: The pool had no connection in time.
        """
        return await self._in_own_task(self._transaction(tenant, query, deadline))

    async def _transaction(
        self, tenant: Tenant, query: Query, deadline: float
    ) -> Mapping[str, Fetched]:
        async with self._connection() as connection:
            # One statement, so one wait. Everything it sets ends with the transaction.
            await connection.execute(
                select(*self._time_limits(deadline), *self._isolation.enter(tenant))
            )
            fetched: dict[str, Fetched] = {}
            for name, statement in query.selects.items():
                with decoded():
                    result = await connection.execute(statement)
                fetched[name] = Fetched(tuple(result.keys()), result.all())
        return fetched

    def _time_limits(self, deadline: float) -> list[ColumnElement[Any]]:
        left_ms = int((deadline - time.monotonic()) * 1_000) - _ANSWER_MS
        limits = [_set_local("statement_timeout", max(_SHORTEST_MS, left_ms))]
        if self._is_watched:
            limits.append(_set_local(_WATCH, _WATCH_MS))
        return limits

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[AsyncConnection]:
        """One of the pool's connections; its transaction is rolled back afterwards."""
        if self._engine is None:
            msg = "The database is not open."
            raise ConfigurationError(msg, hint="Use it within `async with database:`.")
        with translated(connecting=True):
            connection = await self._engine.connect()
        with translated():
            try:
                yield connection
            finally:
                # Not by `async with`: that one would wait for the ROLLBACK's answer for ever, in a
                # task that no cancellation reaches.
                await connection.close()

    async def _make(self, *args: Any, **options: Any) -> Connection:  # noqa: ANN401  # the driver's
        """Make a connection for the pool.

        A caller that is cancelled meanwhile leaves at once, but what it began is finished and then
        closed: abandoned half-way, the driver leaves a future behind that asyncio complains about.
        """
        connecting: Coroutine[Any, Any, Connection] = asyncpg.connect(*args, **options)
        making = asyncio.ensure_future(connecting)
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            await asyncio.wait([making])
        except asyncio.CancelledError:
            making.add_done_callback(_discard)
            raise
        return making.result()

    async def _ask(self, statement: Rows, *, timeout_s: float) -> None:
        async def ask() -> None:
            async with self._connection() as connection:
                await connection.execute(statement)

        try:
            async with asyncio.timeout(timeout_s):
                await self._in_own_task(ask())
        except (TimeoutError, TooManyCalls) as error:
            msg = "The database did not answer in time."
            raise DatabaseUnavailable(msg) from error

    async def _can_watch(self) -> bool:
        """Whether this server can notice that a client is gone: not before 14, nor on Windows."""
        watch = select(_set_local(_WATCH, _WATCH_MS))
        try:
            await self._ask(watch, timeout_s=self._timeouts.connect_s)
        except QueryFailed:
            return False
        return True

    async def _in_own_task(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a unit of work so that a cancelled caller stops it in PostgreSQL too.

        A cancellation through anyio, which is how the MCP SDK cancels, is delivered again at every
        await. It would cut off the driver while that asks the server to stop, and the query would
        run on. So the work has a task of its own, which is cancelled once and then awaited.
        """
        task = asyncio.ensure_future(work)
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

    async def _stop(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        """Cancel tasks, each once, and wait for their end for `cancel_s` at most."""
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        until = time.monotonic() + self._timeouts.cancel_s
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


def _discard(made: asyncio.Task[Connection]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().terminate()


def _set_local(setting: str, value_ms: int) -> ColumnElement[Any]:
    return func.set_config(setting, str(value_ms), True)  # noqa: FBT003  # is_local
