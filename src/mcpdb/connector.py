"""Makes the lane's connections, from a URL as SQLAlchemy reads it, and the dialect that compiles
for them. What runs on them is not decided here."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import asyncpg
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from mcpdb.cells import decode
from mcpdb.codecs import Driver, set_codecs
from mcpdb.config import PoolConfig, Timeouts
from mcpdb.driver import BriefConnection, Connection, Schema
from mcpdb.translate import translated

_STATEMENTS: Final = 200
"""Prepared statements that a connection keeps, where the URL does not say otherwise."""


class Connector:
    """Makes connections to one database with one login.

    Args:
        url: Of the database, with the login.
        pool: What the connections are called, and whether a pooler is in between.
        timeouts: How long making one may take.
        unlocks: See `Connection`.
    """

    def __init__(
        self, url: URL, *, pool: PoolConfig, timeouts: Timeouts, unlocks: bool = False
    ) -> None:
        self._is_pooled = pool.pooler is not None
        self._unlocks = unlocks
        own: dict[str, Any] = {
            "timeout": timeouts.connect_s,
            "server_settings": {"application_name": pool.application_name},
            "connection_class": BriefConnection,
        }
        if self._is_pooled:
            # Statements without names, parsed anew in the flight that runs them: a named one
            # would be looked for on whichever server connection the next transaction gets.
            own["statement_cache_size"] = 0
        self._url = url
        _, options = url.get_dialect()().create_connect_args(url)
        self._statements: int = options.pop("prepared_statement_cache_size", _STATEMENTS)
        self._options: dict[str, Any] = {**options, **own}
        self._schema = Schema()
        self._making: set[asyncio.Task[Driver]] = set()

    async def dialect(self, connection: Connection) -> Dialect:
        """SQLAlchemy's dialect, after it has met the server on this connection.

        Raises:
            DatabaseUnavailable: The connection was lost meanwhile.
        """

        async def given(*_: Any, **__: Any) -> Driver:  # noqa: ANN401  # what a creator gets
            return connection.driver

        with translated(connecting=True):
            engine = create_async_engine(
                self._url,
                poolclass=StaticPool,  # it leaves the connection open, and is not disposed of
                hide_parameters=True,
                connect_args={"async_creator_fn": given},
                json_deserializer=decode,
            )
            async with engine.connect():
                return engine.dialect

    async def connect(self) -> Connection:
        """Make a connection.

        Raises:
            DatabaseUnavailable: It cannot be made.
        """
        with translated(connecting=True):
            driver = await self._make(**self._options)
            await set_codecs(driver)
        return Connection(
            driver,
            schema=self._schema,
            statements=self._statements,
            is_pooled=self._is_pooled,
            unlocks=self._unlocks,
        )

    async def close(self, *, timeout_s: float) -> None:
        """Wait for what is still being made, which is closed as soon as it is."""
        if self._making:
            await asyncio.wait(self._making, timeout=timeout_s)

    async def _make(self, *args: Any, **options: Any) -> Driver:  # noqa: ANN401  # the driver's
        """Make a connection of the driver's.

        A caller that is cancelled meanwhile leaves at once, but what it began is finished and then
        closed: abandoned half-way, the driver leaves a future behind that asyncio complains about.
        """
        coroutine: Coroutine[Any, Any, Driver] = asyncpg.connect(*args, **options)
        making = asyncio.ensure_future(coroutine)
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            await asyncio.wait([making])
        except asyncio.CancelledError:
            making.add_done_callback(_discard)
            raise
        return making.result()


def _discard(made: asyncio.Task[Driver]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().terminate()
