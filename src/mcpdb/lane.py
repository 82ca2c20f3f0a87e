"""The way to the rows: one call is one checkout is one short READ ONLY transaction with the tenant
in it, ended by ROLLBACK. Nothing else on the path of a call takes a connection."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import asyncpg
from sqlalchemy.engine import URL

from mcpdb.compiled import Bound
from mcpdb.config import PoolConfig, Timeouts
from mcpdb.connector import Connector
from mcpdb.driver import Answer, Connection
from mcpdb.errors import ConfigurationError, DatabaseUnavailable, TooManyCalls
from mcpdb.flight import is_tried
from mcpdb.isolation.base import Backend, Isolation
from mcpdb.opening import TIMEOUT, Server, meet
from mcpdb.pool import Pool
from mcpdb.query.base import Query
from mcpdb.request import Tenant
from mcpdb.result import Fetched
from mcpdb.work import Work

_log = logging.getLogger("mcpdb")

_SHORTEST_MS: Final = 1
_ANSWER_MS: Final = 50
"""How much earlier than the deadline PostgreSQL stops a statement, so that its answer arrives."""


class Lane:
    """The pool of connections, and the one kind of transaction that is made on them.

    Args:
        url: Of the database, with the login.
        isolation: How a tenant gets into a transaction.
        pool: How many connections there are.
        timeouts: How long things may take.
        unlocks: Whether the end of a transaction releases advisory locks too, which nothing but
            SQL that a model wrote takes.
    """

    def __init__(
        self,
        url: URL,
        *,
        isolation: Isolation,
        pool: PoolConfig,
        timeouts: Timeouts,
        unlocks: bool = False,
    ) -> None:
        self._url = url
        self._isolation = isolation
        self._config = pool
        self._timeouts = timeouts
        self._unlocks = unlocks
        self._work = Work(cancel_s=timeouts.cancel_s)
        self._connector: Connector | None = None
        self._pool: Pool | None = None
        self._server: Server | None = None

    async def open(self) -> None:
        """Make the pool, prove that PostgreSQL answers, and compile what every call begins with.

        Raises:
            ConfigurationError: It cannot be reached or refuses the login, or there is a pooler in
                between that was not declared.
        """
        connector = Connector(
            self._url, pool=self._config, timeouts=self._timeouts, unlocks=self._unlocks
        )
        self._connector = connector
        self._pool = Pool(
            connector.connect,
            size=self._config.size,
            max_age_s=self._config.max_age_s,
            wait_s=self._timeouts.permit_s,
            rollback_s=self._timeouts.cancel_s,
        )
        try:
            async with _answering(self._timeouts.connect_s):
                self._server = await self._work.run(
                    meet(
                        connector,
                        self._pool,
                        self._isolation,
                        single_flight=self._is_single_flight(),
                    )
                )
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
        pool, self._pool = self._pool, None
        connector, self._connector = self._connector, None
        self._server = None
        if pool is None or connector is None:
            return
        with anyio.CancelScope(shield=True):
            try:
                await self._work.stop()
                await connector.close(timeout_s=self._timeouts.cancel_s)
            finally:
                await pool.close()

    async def ping(self, *, timeout_s: float) -> None:
        """Ask PostgreSQL for an answer on one of the pool's connections.

        Raises:
            DatabaseUnavailable: There was none in time.
        """

        async def ask() -> None:
            async with self._connection(spare=True):
                pass  # a transaction has begun: PostgreSQL answers

        async with _answering(timeout_s):
            await self._work.run(ask())

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
        return await self._work.run(self._read(tenant, query, deadline))

    async def fetch(
        self, query: str, *arguments: object, tenant: Tenant | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Run one query of our own, for `connect_s` at most; see `Prober`."""

        async def fetch() -> Sequence[Mapping[str, Any]]:
            deadline = time.monotonic() + self._timeouts.connect_s
            async with self._connection() as connection:
                await self._enter(connection, tenant, deadline)
                answer = await connection.run(query, arguments)
            if self._pool is not None:
                await self._pool.settled()  # one look after the other needs one connection
            return [dict(record) for record in answer.records]

        async with _answering(self._timeouts.connect_s):
            return await self._work.run(fetch())

    async def _read(self, tenant: Tenant, query: Query, deadline: float) -> Mapping[str, Fetched]:
        # The code of a tool's author, in the processors of its types, runs before and after the
        # transaction: nothing that it does or raises is in the way of one.
        compiler = self._opened().compiler
        bound = {name: compiler.bind(one) for name, one in query.selects.items()}
        first, *others = bound
        answers: dict[str, Answer] = {}
        async with self._connection(flies=self._flies(bound[first])) as connection:
            answers[first] = await self._first(connection, tenant, bound[first], deadline)
            for name in others:
                answers[name] = await connection.run(bound[name].sql, bound[name].arguments)
        return {name: one.fetched(*answers[name]) for name, one in bound.items()}

    def _flies(self, first: Bound) -> Callable[[Connection], bool]:
        is_on = self._opened().flight is not None
        return lambda connection: is_on and connection.can_fly(first.sql)

    async def _first(
        self, connection: Connection, tenant: Tenant, statement: Bound, deadline: float
    ) -> Answer:
        """Enter the tenant and run a statement, in one flight where that is possible."""
        template = self._opened().flight
        if template is None:
            await self._enter(connection, tenant, deadline)
            return await connection.run(statement.sql, statement.arguments)
        entering = template.bind(self._values(connection, tenant, deadline))
        if not connection.has_begun:
            prefix = connection.prefix(entering)
            if prefix is not None:
                return await connection.fly(prefix, statement)
            await connection.begin()
        await self._enter(connection, tenant, deadline)
        answer = await connection.run(statement.sql, statement.arguments)
        await connection.learn(entering.sql)
        return answer

    async def _enter(self, connection: Connection, tenant: Tenant | None, deadline: float) -> None:
        """Set the time limit and the tenant. What this sets ends with the transaction."""
        server = self._opened()
        template = server.limit if tenant is None else server.enter
        entering = template.bind(self._values(connection, tenant, deadline))
        await connection.run(entering.sql, entering.arguments)  # one statement, so one wait

    def _values(
        self, connection: Connection, tenant: Tenant | None, deadline: float
    ) -> Mapping[str, Any]:
        left_ms = int((deadline - time.monotonic()) * 1_000) - _ANSWER_MS
        values: dict[str, Any] = {TIMEOUT: str(max(_SHORTEST_MS, left_ms))}
        if tenant is not None:
            backend = Backend(database=self._opened().database, pid=connection.pid)
            values |= self._isolation.parameters(tenant, backend)
        return values

    @asynccontextmanager
    async def _connection(
        self, *, spare: bool = False, flies: Callable[[Connection], bool] = lambda _: False
    ) -> AsyncGenerator[Connection]:
        """One of the pool's connections, in a transaction, or where it flies about to be. That is
        rolled back behind the caller's back, who has an answer or an error by then."""
        pool = self._pool
        if pool is None:
            msg = "The database is not open."
            raise ConfigurationError(msg, hint="Use it within `async with database:`.")
        connection = await pool.take(spare=spare, flies=flies)
        try:
            yield connection
        except Exception:
            pool.give_back(connection)
            raise
        except BaseException:
            # Cancelled: what runs has to stop before the caller is told that it did.
            await pool.drop(connection)
            raise
        else:
            pool.give_back(connection)

    def _is_single_flight(self) -> bool:
        if self._config.single_flight and not is_tried():
            msg = "single_flight is off: mcpdb has not been tried with asyncpg %s."
            _log.warning(msg, asyncpg.__version__)
        return self._config.single_flight and is_tried()

    def _opened(self) -> Server:
        if self._server is None:
            msg = "The database is not open."
            raise ConfigurationError(msg, hint="Use it within `async with database:`.")
        return self._server


@asynccontextmanager
async def _answering(timeout_s: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except (TimeoutError, TooManyCalls) as error:
        msg = "The database did not answer in time."
        raise DatabaseUnavailable(msg) from error
