"""A call that nobody waits for any more stops in PostgreSQL, whatever way the client left."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import psutil
import pytest
from mcp import Client, MCPError

from calls.support import (
    ERAS,
    NAP_S,
    PATIENCE_S,
    TRANSPORTS,
    Admin,
    Dsn,
    Era,
    StillRunning,
    Transport,
    call,
    checked_out,
    intact,
    no_backends,
    reachable,
    said,
    sleepers,
    stopped,
)
from mcpdb import FixedTenancy, PoolConfig, Server, Tenant
from shop import shop_server

POOL = 3


@pytest.fixture
def server(shop: Dsn) -> Server:
    """The shop as its northern tenant: in memory and over stdio there are no headers."""
    tenancy = FixedTenancy(Tenant.of("north"))
    return shop_server(shop(), tenancy=tenancy, pool=PoolConfig(size=POOL))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_call_whose_task_is_cancelled_stops(
    server: Server,
    shop: Dsn,
    admin: Admin,
    still_running: StillRunning,
    *,
    transport: Transport,
    era: Era,
) -> None:
    """The query is gone, every connection is back, and the same client goes on."""
    async with reachable(server, transport, era, dsn=shop()) as connect, connect() as client:
        for _ in range(2):
            calling = asyncio.create_task(client.call_tool("slow", {"seconds": NAP_S}))
            await sleepers(admin)
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            await stopped(still_running)
        for _ in range(POOL + 1):
            assert not (await client.call_tool("shares")).is_error
        if transport != "stdio":
            await intact(server, calls=POOL)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_call_that_its_client_stops_waiting_for_stops(
    server: Server,
    shop: Dsn,
    admin: Admin,
    still_running: StillRunning,
    *,
    transport: Transport,
    era: Era,
) -> None:
    """A read timeout of the client's ends the query as well as the wait."""
    async with reachable(server, transport, era, dsn=shop()) as connect, connect() as client:
        calling = asyncio.create_task(
            client.call_tool("slow", {"seconds": NAP_S}, read_timeout_seconds=2)
        )
        await sleepers(admin)
        with pytest.raises(MCPError, match="imed out"):
            await calling
        await stopped(still_running)
        for _ in range(POOL + 1):
            assert not (await client.call_tool("shares")).is_error
        if transport != "stdio":
            await intact(server, calls=POOL)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_calls_of_a_client_that_leaves_stop(
    server: Server,
    shop: Dsn,
    admin: Admin,
    still_running: StillRunning,
    *,
    transport: Transport,
    era: Era,
) -> None:
    """All of them, at once; the next client finds every connection."""
    async with reachable(server, transport, era, dsn=shop()) as connect:
        async with connect() as client:
            left = [
                asyncio.create_task(client.call_tool("slow", {"seconds": NAP_S}))
                for _ in range(POOL)
            ]
            await sleepers(admin, POOL)
        async with asyncio.timeout(PATIENCE_S):
            outcomes = await asyncio.gather(*left, return_exceptions=True)
        assert all(isinstance(one, BaseException) or one.is_error for one in outcomes)
        await stopped(still_running)
        async with connect() as client:
            assert not (await client.call_tool("shares")).is_error
            if transport != "stdio":
                await intact(server, calls=POOL)


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_that_stops_ends_its_calls_and_its_connections(
    server: Server, admin: Admin, era: Era
) -> None:
    """The last client's leave closes the database: no backend remains, busy or idle."""
    async with Client(server.mcp(), mode=era, cache=None) as client:
        for _ in range(2):
            await client.call_tool("shares")
        left = asyncio.create_task(client.call_tool("slow", {"seconds": NAP_S}))
        await sleepers(admin)
        assert not left.done()
    await no_backends(admin)
    (outcome,) = await asyncio.gather(left, return_exceptions=True)
    assert isinstance(outcome, BaseException) or "database was closed" in said(outcome)


async def cancelled_once(calling: Coroutine[Any, Any, object], admin: Admin) -> None:
    """Cancel a call in its query as asyncio does it, and wait for its end."""
    task = asyncio.create_task(calling)
    await sleepers(admin)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_again_and_again(calling: Coroutine[Any, Any, object], admin: Admin) -> None:
    """Cancel a call in its query as anyio and the SDK do it, and wait for its end."""
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: calling)
        await sleepers(admin)
        group.cancel_scope.cancel()


async def cancelled_twice(calling: Coroutine[Any, Any, object], admin: Admin) -> None:
    """Cancel a call that is being cancelled, as a deadline and the end of the loop do."""
    task = asyncio.create_task(calling)
    await sleepers(admin)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_from_within(calling: Coroutine[Any, Any, object], admin: Admin) -> None:
    """Cancel the task of the query and then the call, as the end of `asyncio.run` may."""
    task = asyncio.create_task(calling)
    await sleepers(admin)
    for other in asyncio.all_tasks() - {asyncio.current_task(), task}:
        other.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "way", [cancelled_once, cancelled_again_and_again, cancelled_twice, cancelled_from_within]
)
async def test_a_cancelled_call_ends_when_its_query_has_ended(
    server: Server,
    admin: Admin,
    still_running: StillRunning,
    monkeypatch: pytest.MonkeyPatch,
    *,
    way: Callable[[Coroutine[Any, Any, object], Admin], Awaitable[None]],
) -> None:
    """PostgreSQL is asked to stop, not left to notice; by then the pool has its place back."""
    monkeypatch.setattr("mcpdb.opening._WATCH", "no_such_setting")
    async with server.database:
        for _ in range(3):
            await way(call(server, "slow", seconds=NAP_S), admin)
            assert checked_out(server) == 0
            await stopped(still_running)


async def test_a_server_process_that_is_killed_leaves_no_query_behind(
    server: Server, shop: Dsn, admin: Admin, still_running: StillRunning
) -> None:
    """Nobody is left to ask for it: PostgreSQL itself notices that its client is gone."""
    async with reachable(server, "stdio", "auto", dsn=shop()) as connect, connect() as client:
        calling = asyncio.create_task(client.call_tool("slow", {"seconds": NAP_S}))
        await sleepers(admin)
        (process,) = (
            child for child in psutil.Process().children() if "stdio_server" in str(child.cmdline())
        )
        process.kill()
        with pytest.raises(MCPError):
            await calling
        await stopped(still_running)


async def test_a_cancelled_call_in_the_queue_gives_its_place_back(
    server: Server, admin: Admin, still_running: StillRunning
) -> None:
    """Callers that leave while they wait for a connection do not count as waiting any more."""
    async with server.database:
        busy = [asyncio.create_task(call(server, "slow", seconds=NAP_S)) for _ in range(POOL)]
        await sleepers(admin, POOL)
        waiting = [asyncio.create_task(call(server, "shares")) for _ in range(5)]
        await asyncio.sleep(0)
        for task in (*waiting, *busy):
            task.cancel()
        outcomes = await asyncio.gather(*waiting, *busy, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in outcomes)
        await stopped(still_running)
        await intact(server, calls=2 * POOL)
