"""A call ends at its deadline, whatever it is that it waits for, and leaves nothing behind."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence

import pytest
from mcp import Client
from sqlalchemy import Integer, Text, func, select
from typing_extensions import override

from calls.support import (
    NAP_S,
    PATIENCE_S,
    Admin,
    Dsn,
    StillRunning,
    call,
    in_use,
    intact,
    rows,
    said,
    sleepers,
    stopped,
)
from mcpdb import (
    Embedded,
    EmbeddingProvider,
    FixedTenancy,
    PoolConfig,
    QueryTimeout,
    Report,
    Request,
    Rows,
    Server,
    Tenant,
    Timeouts,
)
from shop import sales, shop_server

NORTH = FixedTenancy(Tenant.of("north"))
DEADLINE_S = 0.5


def with_pid(server: Server) -> Server:
    """Add a tool that tells its backend."""

    @server.tool()
    def backend() -> Rows:
        """The process id of the call's backend."""
        return select(func.pg_backend_pid(type_=Integer).label("pid"))

    return server


async def pid_of(server: Server) -> int:
    """The backend that the pool's only connection goes to."""
    ((pid,),) = await rows(server, "backend")
    return int(pid)


async def test_a_call_that_passes_its_deadline_says_so_and_stops(
    shop: Dsn, still_running: StillRunning
) -> None:
    """The model learns that the time was up and what to do; PostgreSQL is idle again."""
    server = shop_server(shop(), tenancy=NORTH, timeouts=Timeouts(deadline_s=DEADLINE_S))
    async with Client(server.mcp(), cache=None) as client:
        result = await client.call_tool("slow", {"seconds": NAP_S})
        assert result.is_error
        assert "stopped" in said(result)
        assert "Ask for a shorter period or fewer rows. [query_timeout]" in said(result)
        await stopped(still_running)
        await intact(server, calls=5)


async def test_a_statement_that_postgresql_stops_costs_no_connection(shop: Dsn) -> None:
    """SQLSTATE 57014 is an answer like any other: the same backend serves the next call."""
    server = with_pid(shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1)))

    @server.tool()
    def hasty() -> Report:
        """Sleeps longer than the limit that it sets."""
        limit = select(func.set_config("statement_timeout", "100", True, type_=Text).label("limit"))
        nap = select(func.pg_sleep(NAP_S, type_=Text).label("nap")).select_from(sales)
        return Report({"limit": limit, "nap": nap})

    async with server.database:
        before = await pid_of(server)
        with pytest.raises(QueryTimeout, match="time was up"):
            await call(server, "hasty")
        assert await pid_of(server) == before


async def test_a_tool_s_own_timeout_is_its_deadline(shop: Dsn) -> None:
    """It does not wait for the server's longer one, and never gets more than that."""
    server = shop_server(shop(), tenancy=NORTH, timeouts=Timeouts(deadline_s=PATIENCE_S))

    def nap() -> Rows:
        """Sleeps."""
        return select(func.pg_sleep(NAP_S, type_=Text).label("nap"))

    server.tool(name="short", timeout_s=DEADLINE_S)(nap)
    async with server.database:
        began = time.monotonic()
        with pytest.raises(QueryTimeout):
            await call(server, "short")
        assert time.monotonic() - began < PATIENCE_S / 2


async def test_a_longer_timeout_of_a_tool_does_not_pass_the_server_s(shop: Dsn) -> None:
    """The operator's limit holds."""
    server = shop_server(shop(), tenancy=NORTH, timeouts=Timeouts(deadline_s=DEADLINE_S))

    @server.tool(timeout_s=NAP_S)
    def patient() -> Rows:
        """Sleeps."""
        return select(func.pg_sleep(NAP_S, type_=Text).label("nap"))

    async with server.database:
        with pytest.raises(QueryTimeout):
            await call(server, "patient")


class Hanging(FixedTenancy, EmbeddingProvider):
    """A directory, or an embedding service, that never answers."""

    name = "hanging"
    dimensions = 4

    def __init__(self) -> None:
        super().__init__(Tenant.of("north"))
        self.cancelled = 0

    async def hang(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    @override
    async def resolve(self, request: Request) -> Tenant:
        await self.hang()
        raise AssertionError

    @override
    async def embed_batch(self, texts: Sequence[str], *, kind: str) -> list[Sequence[float]]:
        await self.hang()
        raise AssertionError


async def test_a_tenancy_provider_that_hangs_is_stopped(shop: Dsn) -> None:
    """The deadline begins when the call arrives; the provider is cancelled."""
    hanging = Hanging()
    timeouts = Timeouts(deadline_s=DEADLINE_S)
    server = shop_server(shop(), tenancy=hanging, timeouts=timeouts)
    async with Client(server.mcp(), cache=None) as client:
        result = await client.call_tool("shares")
        assert "query_timeout" in said(result)
    assert hanging.cancelled == 1


async def test_an_embedding_provider_that_hangs_is_stopped(shop: Dsn) -> None:
    """It holds no connection meanwhile."""
    hanging = Hanging()
    timeouts = Timeouts(deadline_s=DEADLINE_S)
    server = shop_server(shop(), tenancy=NORTH, embeddings=hanging, timeouts=timeouts)

    @server.tool()
    def like(wish: Embedded) -> Rows:
        """Finds what is like a wish."""
        return select(sales.c.id).where(sales.c.item == wish.text)

    async with server.database:
        calling = asyncio.create_task(call(server, "like", wish="north-1"))
        await asyncio.sleep(0)
        assert in_use(server) == 0
        with pytest.raises(QueryTimeout):
            await calling
    assert hanging.cancelled == 1


async def test_waiting_for_a_connection_ends_at_the_deadline(shop: Dsn, admin: Admin) -> None:
    """Also where the permit would be waited for longer."""
    timeouts = Timeouts(deadline_s=PATIENCE_S, permit_s=PATIENCE_S)
    server = shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1), timeouts=timeouts)

    @server.tool(timeout_s=DEADLINE_S)
    def first() -> Rows:
        """The first sale."""
        return select(sales.c.id).limit(1)

    async with server.database:
        busy = asyncio.create_task(call(server, "slow", seconds=NAP_S))
        await sleepers(admin)
        with pytest.raises(QueryTimeout):
            await call(server, "first")
        busy.cancel()
        await asyncio.wait([busy])
        assert await rows(server, "first") != []


async def test_a_frozen_backend_does_not_hold_the_call(
    shop: Dsn, still_running: StillRunning
) -> None:
    """The call ends within the deadline and the grace for cancelling, and the service goes on."""
    timeouts = Timeouts(deadline_s=1, cancel_s=2)
    server = with_pid(
        shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1), timeouts=timeouts)
    )
    async with server.database:
        frozen = await pid_of(server)
        os.kill(frozen, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(QueryTimeout):
                await call(server, "shares")
            assert 1 <= time.monotonic() - began < 1 + 2 + 1
            await intact(server, calls=3)
            assert await pid_of(server) != frozen
        finally:
            os.kill(frozen, signal.SIGCONT)
        await stopped(still_running)
        await intact(server, calls=3)


async def test_closing_does_not_wait_for_a_frozen_backend(shop: Dsn) -> None:
    """A server that stops stops, whatever PostgreSQL does."""
    server = with_pid(shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1)))
    frozen = 0
    try:
        async with asyncio.timeout(PATIENCE_S), server.database:
            frozen = await pid_of(server)
            os.kill(frozen, signal.SIGSTOP)
    finally:
        os.kill(frozen, signal.SIGCONT)
