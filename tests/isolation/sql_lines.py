"""Queries through `mcpdb.run`, as the login for a model's SQL has them run, without any guard."""

import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Integer, Text, bindparam, func, select
from sqlalchemy.engine import make_url

from isolation.walled import Connection, Walled, connected, entered
from mcpdb import PoolConfig, Tenant, Timeouts
from mcpdb.isolation import Isolation
from mcpdb.lane import Lane
from mcpdb.query.base import Query

RUN: Final = "SELECT line FROM mcpdb.run($1, $2, $3, $4) AS line"


@dataclass(frozen=True, slots=True)
class Lines:
    """What the function returned.

    Attributes:
        columns: Each with its name and its type.
        rows: Objects, as they were written.
        is_cut: Whether the last line says that there would have been too many bytes.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[str]
    is_cut: bool

    @property
    def values(self) -> list[list[Any]]:
        """The values of each row, as Python reads them."""
        return [
            [value for _, value in json.loads(row, object_pairs_hook=list)] for row in self.rows
        ]

    @property
    def only(self) -> Any:
        """The value of a query that has one."""
        ((value,),) = self.values
        return value


async def run(
    connection: Connection,
    query: str,
    *,
    max_rows: int = 10_000,
    max_bytes: int = 10_000_000,
    memory: str | None = None,
) -> Lines:
    """Have a query run, in the transaction that there is."""
    header, *lines = [
        row["line"] for row in await connection.fetch(RUN, query, max_rows, max_bytes, memory)
    ]
    is_cut = bool(lines) and lines[-1] is None
    rows = lines[:-1] if is_cut else lines
    assert all(rows)
    return Lines([(name, kind) for name, kind in json.loads(header)], rows, is_cut)


async def run_as(walled: Walled, connection: Connection, query: str, *ids: str) -> Lines:
    """Have a query run, in a transaction of this tenant; without ids, of all."""
    async with entered(walled, connection, *ids):
        return await run(connection, query)


@asynccontextmanager
async def sql_login(walled: Walled) -> AsyncGenerator[Connection]:
    """A connection of the login for a model's SQL."""
    async with connected(walled.dsn(walled.sql)) as connection:
        yield connection


@asynccontextmanager
async def lane_at(
    dsn: str, isolation: Isolation, *, pool: PoolConfig, unlocks: bool = True
) -> AsyncGenerator[Lane]:
    """The lane for a model's SQL itself, so that no guard is in the way."""
    url = make_url(dsn.replace("postgresql://", "postgresql+asyncpg://", 1))
    lane = Lane(url, isolation=isolation, pool=pool, timeouts=Timeouts(), unlocks=unlocks)
    await lane.open()
    try:
        yield lane
    finally:
        await lane.close()


async def through(
    lane: Lane, query: str, tenant: str = "101", *, within_s: float = 10
) -> Sequence[str]:
    """The rows of a query that goes all the way but through the guard."""
    call = func.mcpdb.run(
        bindparam("query", query, type_=Text),
        bindparam("max_rows", 100, type_=Integer),
        bindparam("max_bytes", 100_000, type_=Integer),
        bindparam("memory", None, type_=Text),
        type_=Text,
    )
    one = Query(selects={"lines": select(call.label("line"))}, lane="sql")
    deadline = time.monotonic() + within_s
    fetched = await lane.read(Tenant.of(tenant), one, deadline=deadline)
    _, *rows = fetched["lines"].rows
    return [line for (line,) in rows]


async def settled(lane: Lane) -> None:
    """Wait for connections on their way back."""
    pool = lane._pool  # pyright: ignore[reportPrivateUsage]
    assert pool is not None
    await pool.settled()
