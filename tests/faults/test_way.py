"""Faults on the way to PostgreSQL: what is slow, lost, cut off or overtaken."""

import asyncio
import struct
import time

import pytest

from calls.support import (
    NAP_S,
    Admin,
    StillRunning,
    all_back,
    call,
    checked_out,
    intact,
    outcome,
    rows,
    sleepers,
    stopped,
)
from faults.proxy import Proxy
from mcpdb import (
    DatabaseUnavailable,
    FixedTenancy,
    McpdbError,
    PoolConfig,
    QueryFailed,
    QueryTimeout,
    Result,
    Server,
    Tenant,
    Timeouts,
    Unavailable,
)
from shop import shop_server

NAP = struct.pack("!d", NAP_S)
"""The argument of a nap, as it travels."""
WORDS = (b"BEGIN", b"set_config", b"FROM sales")
GRACE_S = 2.0
READY_S = 1.0


def server_of(dsn: str, *, deadline_s: float = 20) -> Server:
    """The shop with one connection."""
    return shop_server(
        dsn,
        tenancy=FixedTenancy(Tenant.of("north")),
        pool=PoolConfig(size=1),
        timeouts=Timeouts(deadline_s=deadline_s, cancel_s=GRACE_S, ready_s=READY_S),
    )


async def test_a_query_that_its_cancellation_overtakes_is_stopped(
    proxy: Proxy, far_shop: str, admin: Admin, still_running: StillRunning
) -> None:
    """The request to cancel finds nothing yet; the query that then begins stops all the same."""
    server = server_of(far_shop)
    async with server.database:
        await call(server, "slow", seconds=0)  # prepares the statement
        proxy.hold_at = NAP
        calling = asyncio.create_task(call(server, "slow", seconds=NAP_S))
        await proxy.held.wait()
        calling.cancel()
        await asyncio.sleep(0.1)  # the request to cancel has passed
        proxy.release()
        await sleepers(admin)
        with pytest.raises(asyncio.CancelledError):
            await calling
        await stopped(still_running)
        await intact(server, calls=3)


@pytest.mark.parametrize("divisor", [0, 1])
async def test_an_answer_to_rollback_that_never_comes_does_not_hold_the_connection(
    proxy: Proxy, far_shop: str, divisor: int
) -> None:
    """The caller has an answer or an error without it; the pool of one has its place back soon."""
    server = server_of(far_shop, deadline_s=1)
    async with server.database:
        await all_back(server)
        proxy.hold_at = b"ROLLBACK"
        came = await outcome(call(server, "broken", divisor=divisor))
        assert type(came) is (Result if divisor else QueryFailed)
        await proxy.held.wait()
        assert checked_out(server) == 1
        began = time.monotonic()
        await all_back(server)
        assert time.monotonic() - began < GRACE_S + 1
        proxy.hold_at = None
        await intact(server, calls=3)


async def test_a_rollback_that_is_cut_off_costs_no_call(
    proxy: Proxy, far_shop: str, still_running: StillRunning
) -> None:
    """The answer was there before; the connection is replaced unseen."""
    server = server_of(far_shop)
    async with server.database:
        expected = await rows(server, "by_item")
        await all_back(server)
        for _ in range(3):
            proxy.cut_at = b"ROLLBACK"
            assert await rows(server, "by_item") == expected
            await all_back(server)
            proxy.cut_at = None
            assert await rows(server, "by_item") == expected
            await all_back(server)
        await stopped(still_running)


async def test_a_way_that_swallows_everything_ends_the_call_at_its_deadline(
    proxy: Proxy, far_shop: str, still_running: StillRunning
) -> None:
    """Neither the answer comes nor can anything be cancelled; afterwards the service goes on."""
    server = server_of(far_shop, deadline_s=1)
    async with server.database:
        await call(server, "shares")
        await all_back(server)
        proxy.swallows = True
        began = time.monotonic()
        errors = [await outcome(call(server, "shares")) for _ in range(2)]
        assert [type(error) for error in errors] == [QueryTimeout, QueryTimeout]
        assert time.monotonic() - began < 2 * (1 + GRACE_S + 1)
        assert checked_out(server) == 0
        proxy.swallows = False
        await intact(server, calls=3)
        await stopped(still_running)


async def test_readiness_says_in_bounded_time_that_nothing_answers(
    proxy: Proxy, far_shop: str
) -> None:
    """And says that it does as soon as it does."""
    server = server_of(far_shop)
    async with server.database:
        await server.database.ping()
        proxy.swallows = True
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
            await server.database.ping()
        assert time.monotonic() - began < READY_S + GRACE_S + 1
        proxy.swallows = False
        await server.database.ping()


@pytest.mark.parametrize("word", WORDS)
async def test_a_connection_that_is_cut_off_costs_one_retryable_call(
    proxy: Proxy, far_shop: str, still_running: StillRunning, word: bytes
) -> None:
    """Whichever statement it hits, the next call is right."""
    server = server_of(far_shop)
    async with server.database:
        expected = await rows(server, "by_item")
        await cut(proxy)
        proxy.cut_at = word
        error = await outcome(call(server, "by_item"))
        proxy.cut_at = None
        assert isinstance(error, Unavailable)
        assert error.retryable
        assert await rows(server, "by_item") == expected
        await all_back(server)
        await stopped(still_running)


async def cut(proxy: Proxy) -> None:
    """Make the pool connect anew, so that statements travel as text once more."""
    proxy.cut()
    await asyncio.sleep(0.05)


async def test_an_answer_that_is_cut_off_in_the_midst_is_no_answer(
    proxy: Proxy, far_shop: str
) -> None:
    """Half the rows are not taken for all."""
    server = server_of(far_shop)
    async with server.database:
        expected = await rows(server, "all_sales")
        proxy.cut_answer_at = b"north-7"
        error = await outcome(call(server, "all_sales"))
        proxy.cut_answer_at = None
        assert isinstance(error, DatabaseUnavailable)
        assert await rows(server, "all_sales") == expected


async def test_connections_that_were_lost_while_idle_cost_no_call(
    far_shop: str, proxy: Proxy
) -> None:
    """As many as the pool holds: each is replaced before it is used."""
    server = shop_server(
        far_shop, tenancy=FixedTenancy(Tenant.of("north")), pool=PoolConfig(size=4)
    )
    async with server.database:
        for _ in range(2):
            await asyncio.gather(*(call(server, "slow", seconds=0.05) for _ in range(4)))
            await cut(proxy)
        await intact(server, calls=8)


async def test_an_error_that_postgresql_answers_is_no_reason_to_connect_again(
    proxy: Proxy, far_shop: str
) -> None:
    """A failed query leaves its connection usable."""
    server = server_of(far_shop)
    async with server.database:
        await call(server, "shares")
        for _ in range(3):
            assert type(await outcome(call(server, "broken", divisor=0))) is QueryFailed
        assert len(proxy._writers) == 2  # pyright: ignore[reportPrivateUsage]  # one each way
        assert not isinstance(await outcome(call(server, "shares")), McpdbError)
