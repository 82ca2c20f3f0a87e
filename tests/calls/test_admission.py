"""How many calls run, wait and are refused when there are more than there are connections."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable

import pytest
from mcp import Client

from calls.support import (
    NAP_S,
    PATIENCE_S,
    Admin,
    Dsn,
    StillRunning,
    all_back,
    call,
    intact,
    outcome,
    said,
    sleepers,
    stopped,
)
from mcpdb import (
    FixedTenancy,
    McpdbError,
    PoolConfig,
    Result,
    Server,
    Tenant,
    Timeouts,
    TooManyCalls,
)
from shop import shop_server

SIZE = 2
CALLERS = 50


def server_of(dsn: str, *, max_waiting: int, permit_s: float = PATIENCE_S) -> Server:
    """The shop with two connections."""
    return shop_server(
        dsn,
        tenancy=FixedTenancy(Tenant.of("north")),
        pool=PoolConfig(size=SIZE, max_waiting=max_waiting),
        timeouts=Timeouts(permit_s=permit_s),
    )


async def all_of(callers: list[Awaitable[Result]]) -> Counter[type]:
    """What came of all callers, none of whom may hang."""
    async with asyncio.timeout(PATIENCE_S):
        outcomes = await asyncio.gather(*(outcome(caller) for caller in callers))
    return Counter(type(one) for one in outcomes)


async def test_fifty_callers_of_two_connections_all_get_an_answer(shop: Dsn) -> None:
    """Where there is room to wait, each waits for its turn."""
    server = server_of(shop(), max_waiting=CALLERS)
    async with server.database:
        came = await all_of([call(server, "slow", seconds=0.02) for _ in range(CALLERS)])
        assert came == {Result: CALLERS}
        await all_back(server)


async def test_more_callers_than_may_wait_are_refused_at_once(
    shop: Dsn, admin: Admin, still_running: StillRunning
) -> None:
    """Those who are served and those who wait are not disturbed; the others do not wait at all."""
    server = server_of(shop(), max_waiting=10)
    async with Client(server.mcp(), cache=None) as client:
        busy = [asyncio.create_task(call(server, "slow", seconds=NAP_S)) for _ in range(SIZE)]
        await sleepers(admin, SIZE)
        waiting = [asyncio.create_task(call(server, "shares")) for _ in range(10)]
        await asyncio.sleep(0)
        refused = await all_of([call(server, "shares") for _ in range(CALLERS - SIZE - 10)])
        assert refused == {TooManyCalls: CALLERS - SIZE - 10}
        result = await client.call_tool("shares")
        assert "All 2 database connections are busy and 10 calls wait." in said(result)
        assert "[too_many_calls; the same call may succeed after 1 s]" in said(result)
        assert not any(task.done() for task in (*waiting, *busy))
        for task in busy:
            task.cancel()
        assert await all_of(list(waiting)) == {Result: 10}
        await stopped(still_running)
        await intact(server, calls=SIZE + 10)


async def test_nobody_waits_longer_than_the_limit_for_a_permit(shop: Dsn, admin: Admin) -> None:
    """Whoever has waited `permit_s` is refused, and is told that another try makes sense."""
    server = server_of(shop(), max_waiting=CALLERS, permit_s=0.3)
    async with server.database:
        busy = [asyncio.create_task(call(server, "slow", seconds=NAP_S)) for _ in range(SIZE)]
        await sleepers(admin, SIZE)
        began = time.monotonic()
        came = await all_of([call(server, "shares") for _ in range(CALLERS - SIZE)])
        assert came == {TooManyCalls: CALLERS - SIZE}
        assert time.monotonic() - began >= 0.3
        for task in busy:
            task.cancel()
        await asyncio.wait(busy)
        await intact(server, calls=SIZE)


async def test_a_call_that_fails_gives_its_permit_back(shop: Dsn) -> None:
    """However often, and whatever the reason was."""
    server = server_of(shop(), max_waiting=0)
    async with server.database:
        for _ in range(3 * SIZE):
            for calling in (
                call(server, "broken", divisor=0),
                call(server, "broken", divisor=99),
                call(server, "broken", unknown=1),
            ):
                with pytest.raises(McpdbError):
                    await calling
        await intact(server, calls=SIZE)


async def test_readiness_does_not_wait_for_a_connection_that_calls_hold(
    shop: Dsn, admin: Admin
) -> None:
    """A server whose every connection is busy is busy, and not out of order; it grows by one."""
    server = server_of(shop(), max_waiting=0)
    async with server.database:
        busy = [asyncio.create_task(call(server, "slow", seconds=NAP_S)) for _ in range(SIZE)]
        await sleepers(admin, SIZE)
        for _ in range(3):
            await server.database.ping()
        for task in busy:
            task.cancel()
        await asyncio.wait(busy)
        await server.database.ping()
        await intact(server, calls=SIZE)
        backends = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        assert backends <= SIZE + 1
