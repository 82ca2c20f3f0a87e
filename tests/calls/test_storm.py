"""Calls that are cancelled at random moments do no harm to the calls beside them."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from mcp import Client

from calls.support import (
    ERAS,
    NAP_S,
    Admin,
    Dsn,
    Era,
    StillRunning,
    all_back,
    call,
    client_of,
    intact,
    serving,
    stopped,
)
from mcpdb import PoolConfig, Server, Timeouts
from shop import TENANTS, shop_server

Totals = dict[str, float]

CALLS = 100
LONGEST_S = 0.06


@pytest.fixture
def server(shop: Dsn) -> Server:
    """Few connections, and room for everyone to wait."""
    pool = PoolConfig(size=4, max_waiting=2 * CALLS)
    return shop_server(shop(), pool=pool, timeouts=Timeouts(permit_s=30, deadline_s=60))


@pytest.fixture
async def totals(admin: Admin) -> Totals:
    """The revenue of each tenant, as the superuser sees it."""
    found = await admin.fetch("SELECT tenant, sum(amount) FROM sales GROUP BY tenant")
    return {tenant: float(total) for tenant, total in found}


async def innocent(server: Server, tenant: str, totals: Totals) -> None:
    """A call that must be right."""
    result = await call(server, "shares", tenant=tenant)
    assert result.structured == {"total": totals[tenant], "items": 10}


async def cancelled(server: Server, tenant: str) -> None:
    """A call that is cancelled as asyncio does it: once."""
    calling = asyncio.create_task(call(server, "slow", tenant=tenant, seconds=NAP_S))
    await asyncio.sleep(random.uniform(0, LONGEST_S))
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def abandoned(server: Server, tenant: str) -> None:
    """A call that is cancelled as anyio and the SDK do it: again at every await."""
    with anyio.move_on_after(random.uniform(0, LONGEST_S)) as scope:
        await call(server, "slow", tenant=tenant, seconds=NAP_S)
    assert scope.cancelled_caught


@pytest.mark.parametrize("way", [cancelled, abandoned])
async def test_a_storm_of_cancellations_harms_no_innocent_call(
    server: Server,
    totals: Totals,
    still_running: StillRunning,
    way: Callable[[Server, str], Coroutine[Any, Any, None]],
) -> None:
    """No innocent fails or sees a foreign row, no connection leaks, no transaction stays open."""
    async with server.database:
        crowd = [innocent(server, TENANTS[i % 2], totals) for i in range(CALLS)]
        crowd += [way(server, TENANTS[i % 2]) for i in range(CALLS)]
        random.shuffle(crowd)
        await asyncio.gather(*crowd)
        await stopped(still_running)
        await all_back(server)
        for tenant in TENANTS:
            await intact(server, tenant=tenant, calls=8)
            await innocent(server, tenant, totals)


@pytest.mark.parametrize("era", ERAS)
async def test_a_storm_over_http_harms_no_innocent_call(
    server: Server, totals: Totals, still_running: StillRunning, era: Era
) -> None:
    """The same with the real client, which cancels over the wire."""

    async def right(client: Client, tenant: str) -> None:
        result = await client.call_tool("shares")
        assert result.structured_content == {"total": totals[tenant], "items": 10}

    async def wrong(client: Client, _: str) -> None:
        calling = asyncio.create_task(client.call_tool("slow", {"seconds": NAP_S}))
        await asyncio.sleep(random.uniform(0, 4 * LONGEST_S))
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(server.http_app()))
        clients = {
            tenant: await stack.enter_async_context(client_of(url, era, tenant=tenant))
            for tenant in TENANTS
        }
        callers = [
            way(clients[tenant], tenant)
            for way in (right, wrong)
            for tenant in TENANTS
            for _ in range(CALLS // 2)
        ]
        random.shuffle(callers)
        await asyncio.gather(*callers)
        await stopped(still_running)
        for tenant in TENANTS:
            await intact(server, tenant=tenant, calls=8)
            await right(clients[tenant], tenant)
