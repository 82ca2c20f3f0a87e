"""PostgreSQL is killed, stopped and started again under a running server, which is not."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client
from sqlalchemy import Integer, func, select

from calls.support import (
    NAP_S,
    PATIENCE_S,
    call,
    checked_out,
    eventually,
    intact,
    outcome,
    rows,
    said,
    sleepers,
)
from faults.outage import Cluster
from mcpdb import (
    DatabaseUnavailable,
    FixedTenancy,
    McpdbError,
    PoolConfig,
    Result,
    Rows,
    Server,
    Tenant,
    Timeouts,
    Unavailable,
)
from shop import ROWS_PER_TENANT, TENANTS, shop_server

SIZE = 4


def server_of(cluster: Cluster, **options: Any) -> Server:
    """The shop, its tenants told by the header."""
    timeouts = Timeouts(deadline_s=PATIENCE_S, connect_s=5)
    server = shop_server(cluster.dsn(), pool=PoolConfig(size=SIZE), timeouts=timeouts, **options)

    @server.tool()
    def backend() -> Rows:
        """The process id of the call's backend."""
        return select(func.pg_backend_pid(type_=Integer).label("pid"))

    return server


async def fill(server: Server) -> None:
    """Let the pool make all its connections."""
    naps = (call(server, "slow", tenant="north", seconds=0.1) for _ in range(SIZE))
    await asyncio.gather(*naps)


def may_be_repeated(error: Result | McpdbError) -> bool:
    """Whether this is an error that says so, in words of ours."""
    return isinstance(error, Unavailable) and error.retryable and "The " in error.message


class Traffic:
    """Callers of both tenants who never stop asking, and what they got."""

    def __init__(self, server: Server) -> None:
        self.right = 0
        self.failed: list[McpdbError] = []
        self._server = server

    async def caller(self, tenant: str) -> None:
        while True:
            came = await outcome(call(self._server, "slow", tenant=tenant, seconds=0))
            if isinstance(came, Result):
                assert came.structured["rows"] == [[ROWS_PER_TENANT[tenant], 1]]
                self.right += 1
            else:
                self.failed.append(came)
            await asyncio.sleep(0.005)

    async def flows(self) -> None:
        """Wait until calls are answered, from now on."""
        wanted = self.right + 20

        async def enough() -> bool:
            return self.right >= wanted

        await eventually(enough, what="calls are answered")


async def under_traffic(traffic: Traffic, fault: Callable[[], Any]) -> None:
    """Let a fault happen while ten callers ask, and wait until they are answered again."""
    callers = [asyncio.create_task(traffic.caller(TENANTS[i % 2])) for i in range(10)]
    try:
        await traffic.flows()
        await fault()
        await traffic.flows()
        for task in callers:
            assert not task.done() or task.result()
    finally:
        for task in callers:
            task.cancel()
        await asyncio.wait(callers)


async def test_a_server_that_is_stopped_at_once_and_started_again_is_used_again(
    cluster: Cluster,
) -> None:
    """`pg_ctl stop -m immediate`: errors say that they pass, nobody sees a foreign row."""
    server = server_of(cluster)
    traffic = Traffic(server)

    async def restart() -> None:
        await cluster.stop(signal.SIGQUIT)
        down = await outcome(call(server, "shares", tenant="north"))
        assert may_be_repeated(down), down
        assert "cannot be reached" in str(down)
        with pytest.raises(DatabaseUnavailable):
            await server.database.ping()
        await cluster.start()
        await server.database.ping()

    async with server.database:
        await fill(server)
        await under_traffic(traffic, restart)
        assert all(map(may_be_repeated, traffic.failed))
        await intact(server, tenant="south", calls=2 * SIZE)


async def test_a_backend_that_is_killed_costs_the_calls_in_flight_and_no_more(
    cluster: Cluster,
) -> None:
    """kill -9 makes PostgreSQL recover: as soon as it answers, every call is answered."""
    server = server_of(cluster)
    traffic = Traffic(server)

    async def kill() -> None:
        ((pid,),) = await rows(server, "backend", tenant="north")
        os.kill(pid, signal.SIGKILL)
        await cluster.answers()

    async with server.database:
        await fill(server)
        await under_traffic(traffic, kill)
        assert all(map(may_be_repeated, traffic.failed))
        await intact(server, tenant="south", calls=2 * SIZE)


async def test_after_a_restart_no_idle_connection_costs_a_call(cluster: Cluster) -> None:
    """The first call is answered, not only the one after as many as the pool holds."""
    server = server_of(cluster)
    async with server.database:
        await fill(server)
        await cluster.stop(signal.SIGINT)
        await cluster.start()
        for tenant in TENANTS:
            await call(server, "shares", tenant=tenant)
        await intact(server, tenant="north", calls=2 * SIZE)


async def test_terminated_backends_cost_the_call_in_flight_only(cluster: Cluster) -> None:
    """An operator ends every connection: idle ones are replaced unseen."""
    server = server_of(cluster)
    async with Client(server.mcp(), cache=None) as client, cluster.admin() as admin:
        await fill(server)
        calling = asyncio.create_task(outcome(call(server, "slow", tenant="north", seconds=NAP_S)))
        await sleepers(admin)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop_app'"
        )
        assert may_be_repeated(await calling)
        await intact(server, tenant="south", calls=2 * SIZE)
        assert "No identity" in said(await client.call_tool("shares"))


async def test_a_database_without_a_connection_left_is_weather(cluster: Cluster) -> None:
    """SQLSTATE 53300 while the pool grows: those calls may be repeated, the others are served."""
    server = server_of(cluster)
    async with cluster.admin() as admin:
        await admin.execute("ALTER ROLE shop_app CONNECTION LIMIT 1")
        async with server.database:
            callers = (call(server, "slow", tenant="north", seconds=0.5) for _ in range(SIZE))
            came = await asyncio.gather(*(outcome(caller) for caller in callers))
            failed = [one for one in came if isinstance(one, McpdbError)]
            assert len(failed) == SIZE - 1
            assert all(map(may_be_repeated, failed))
            assert all("it has no connection left (SQLSTATE 53300)" in str(e) for e in failed)
            await admin.execute("ALTER ROLE shop_app CONNECTION LIMIT -1")
            await intact(server, tenant="north", calls=2 * SIZE)
            assert checked_out(server) == 0


async def test_a_client_is_told_of_an_outage_in_words_of_ours(cluster: Cluster) -> None:
    """No address, no user, no driver's word: that it is down, and that it may pass."""
    server = server_of(cluster, tenancy=FixedTenancy(Tenant.of("north")))
    async with Client(server.mcp(), cache=None) as client:
        await cluster.stop()
        result = await client.call_tool("shares")
        assert result.is_error
        assert said(result) == (
            "The database cannot be reached: nothing listens there. Try again in a few seconds."
            " [database_unavailable; the same call may succeed later]"
        )
        await cluster.start()
        assert not (await client.call_tool("shares")).is_error
