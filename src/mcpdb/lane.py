"""The way to the rows: one call is one checkout is one short READ ONLY transaction with the tenant
in it, ended by ROLLBACK. Nothing else on the path of a call takes a connection."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

import anyio
from sqlalchemy import func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mcpdb.config import PoolConfig, Timeouts
from mcpdb.errors import ConfigurationError, DatabaseUnavailable
from mcpdb.isolation.base import Isolation
from mcpdb.query.base import Query
from mcpdb.request import Tenant
from mcpdb.result import Fetched
from mcpdb.translate import translate

T = TypeVar("T")

_SHORTEST_MS: Final = 1
_ANSWER_MS: Final = 50
"""How much earlier than the deadline PostgreSQL stops a statement, so that its answer arrives."""


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

    async def open(self) -> None:
        """Make the pool and prove that PostgreSQL answers.

        Raises:
            ConfigurationError: It cannot be reached or refuses the login.
        """
        engine = create_async_engine(
            self._url,
            pool_size=self._pool.size,
            max_overflow=0,
            pool_recycle=self._pool.max_age_s,
            pool_timeout=self._timeouts.permit_s,
            pool_use_lifo=True,  # the last connection used is the one least likely to be stale
            hide_parameters=True,
            connect_args={
                "timeout": self._timeouts.connect_s,
                "server_settings": {"application_name": self._pool.application_name},
            },
            execution_options={"postgresql_readonly": True},
        )
        self._engine = engine
        try:
            await self.ping(timeout_s=self._timeouts.connect_s)
        except DatabaseUnavailable as error:
            await self.close()
            where = self._url.render_as_string(hide_password=True).split("?", 1)[0]
            msg = f"PostgreSQL does not answer at {where}: {error.message}"
            hint = "Check the host, port, database, user and password, and that it is running."
            raise ConfigurationError(msg, hint=hint, detail=error.detail) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the pool's connections."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    async def ping(self, *, timeout_s: float) -> None:
        """Ask PostgreSQL for an answer on one of the pool's connections.

        Raises:
            DatabaseUnavailable: There was none in time.
        """

        async def ask() -> None:
            async with self._connect() as connection:
                await connection.execute(text("SELECT 1"))

        try:
            async with asyncio.timeout(timeout_s):
                await self._in_own_task(ask())
        except TimeoutError as error:
            msg = "The database did not answer in time."
            raise DatabaseUnavailable(msg) from error

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
            DatabaseUnavailable: The connection was lost or could not be made.
        """
        return await self._in_own_task(self._transaction(tenant, query, deadline))

    async def _transaction(
        self, tenant: Tenant, query: Query, deadline: float
    ) -> Mapping[str, Fetched]:
        async with self._connect() as connection:
            left_ms = int((deadline - time.monotonic()) * 1_000) - _ANSWER_MS
            await connection.execute(
                # One statement, so one wait. Everything it sets ends with the transaction.
                select(
                    func.set_config("statement_timeout", str(max(_SHORTEST_MS, left_ms)), True),  # noqa: FBT003
                    *self._isolation.enter(tenant),
                )
            )
            fetched: dict[str, Fetched] = {}
            for name, statement in query.selects.items():
                result = await connection.execute(statement)
                fetched[name] = Fetched(tuple(result.keys()), result.all())
            await connection.rollback()
        return fetched

    def _connect(self) -> AsyncConnection:
        if self._engine is None:
            msg = "The database is not open."
            raise ConfigurationError(msg, hint="Use it within `async with database:`.")
        return self._engine.connect()

    async def _in_own_task(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a unit of work so that a cancelled caller stops it in PostgreSQL too.

        A cancellation through anyio, which is how the MCP SDK cancels, is delivered again at every
        await. It would cut off the driver while that asks the server to stop, and the query would
        run on. So the work has a task of its own, which is cancelled once and then awaited.
        """
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self._stop(task)
            raise
        except Exception as error:
            raise translate(error) or error from error

    async def _stop(self, task: "asyncio.Task[Any]") -> None:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task], timeout=self._timeouts.cancel_s)
        if task.done() and not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as forgotten
