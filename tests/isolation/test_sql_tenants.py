"""Many calls of two tenants at once, some of which fail, are cancelled or take too long: every
answer is of the tenant who asked, and whole."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from calls.support import eventually
from isolation.sql_breaking import url_of
from isolation.sql_server import CATALOG
from isolation.walled import NORTH, SOUTH, Connection, Walled
from mcpdb import (
    Database,
    HeaderTenancy,
    McpdbError,
    PoolConfig,
    QueryFailed,
    QueryTimeout,
    Request,
    Server,
    SqlLogin,
    SqlRefused,
    SqlToolOptions,
    Timeouts,
)

CALLS: Final = 50
FEW: Final = 30
"""So many that with others there are fewer than may wait for the guard, which is 100."""
_FOREIGN: Final = {NORTH: SOUTH, SOUTH: NORTH}
_TRUTH: Final = {NORTH: [40, 40_820, NORTH], SOUTH: [80, 163_240, SOUTH]}
_OWN: Final = (
    "SELECT count(*), sum(amount), min(tenant) FROM shop.orders",
    (
        "SELECT count(*), sum(o.amount), max(o.tenant) FROM shop.orders o"
        " JOIN shop.items i ON i.order_id = o.id"
    ),
    (
        "WITH mine AS MATERIALIZED (SELECT * FROM shop.orders) SELECT count(*), sum(amount),"
        " min(substr(canary, 2, 3)) FROM mine"
    ),
)
_SLOW: Final = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"


def server_of(walled: Walled, **pool: Any) -> Server:
    """A server of which each caller says who it is; and a tool that has little time."""
    config = PoolConfig(size=3, max_waiting=1_000, application_name="mcpdb-sql", **pool)
    database = Database(
        url_of(walled.dsn()),
        tenancy=HeaderTenancy(header="x-tenant"),
        isolation=walled.sealed(),
        pool=PoolConfig(size=1),
        timeouts=Timeouts(permit_s=30),
        sql=SqlLogin(url=url_of(walled.dsn(walled.sql)), pool=config),
    )
    server = Server("shop", database)
    server.sql_tool("query", catalog=CATALOG, options=SqlToolOptions(timeout_s=30))
    server.sql_tool("brief", catalog=CATALOG, options=SqlToolOptions(timeout_s=0.3))
    return server


async def _ask(server: Server, tenant: str, sql: str, *, tool: str = "query") -> Any:
    headers = {"x-tenant": tenant}
    request = Request(tool=tool, arguments={"sql": sql}, headers=headers, peer="127.0.0.1")
    return (await server.database.call(server.tools[tool], request)).structured["rows"]


async def _truly(server: Server, tenant: str, number: int) -> str:
    (row,) = await _ask(server, tenant, _OWN[number % len(_OWN)])
    assert row == _TRUTH[tenant]
    sql = f"SELECT count(*) FROM shop.orders WHERE tenant = '{_FOREIGN[tenant]}'"
    assert await _ask(server, tenant, sql) == [[0]]
    return "answered"


async def _wrongly(server: Server, tenant: str, number: int) -> str:
    """An error, before it runs, while it does, or after it has run for too long."""
    sql, kind, tool = (
        ("SELECT amount / (amount - amount) FROM shop.orders", QueryFailed, "query"),
        ("DELETE FROM shop.orders", SqlRefused, "query"),
        (_SLOW, QueryTimeout, "brief"),
    )[number % 3]
    with pytest.raises(McpdbError) as raised:
        await _ask(server, tenant, sql, tool=tool)
    assert type(raised.value) is kind
    return kind.__name__


async def _cancelled(server: Server, tenant: str, pause_s: float) -> str:
    """A call that its caller leaves, at some moment."""
    calling = asyncio.create_task(_ask(server, tenant, _SLOW))
    await asyncio.wait([calling], timeout=pause_s)
    calling.cancel()
    await asyncio.wait([calling])
    assert calling.cancelled()
    return "cancelled"


@asynccontextmanager
async def _quiet_afterwards(walled: Walled, superuser: Connection) -> AsyncGenerator[None]:
    """No backend of ours runs anything, and none holds a lock."""
    yield

    async def quiet() -> bool:
        running = await superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = ANY ($1) AND state <> 'idle'"
            " AND datname = current_database()",
            [walled.sql, walled.app],
        )
        return bool(running == 0)

    await eventually(quiet, what="nothing runs in PostgreSQL", within_s=5)


@pytest.mark.parametrize("single_flight", [False, True])
async def test_every_answer_is_of_the_tenant_who_asked(
    walled: Walled, superuser: Connection, *, single_flight: bool
) -> None:
    server = server_of(walled, single_flight=single_flight)
    async with server.database, _quiet_afterwards(walled, superuser):
        crowd = [
            _truly(server, tenant, number) for number in range(CALLS) for tenant in (NORTH, SOUTH)
        ]
        async with asyncio.timeout(40):
            came = Counter(await asyncio.gather(*crowd))
    assert came == {"answered": 2 * CALLS}


@pytest.mark.parametrize("single_flight", [False, True])
async def test_also_among_calls_that_fail_are_left_or_take_too_long(
    walled: Walled, superuser: Connection, *, single_flight: bool
) -> None:
    server = server_of(walled, single_flight=single_flight)
    chance = random.Random(7)
    async with server.database, _quiet_afterwards(walled, superuser):
        crowd = [
            _truly(server, tenant, number) for number in range(FEW) for tenant in (NORTH, SOUTH)
        ]
        crowd += [
            _wrongly(server, tenant, number) for number in range(9) for tenant in (NORTH, SOUTH)
        ]
        crowd += [
            _cancelled(server, tenant, chance.uniform(0, 0.4))
            for _ in range(8)
            for tenant in (NORTH, SOUTH)
        ]
        chance.shuffle(crowd)
        async with asyncio.timeout(50):
            came = Counter(await asyncio.gather(*crowd))
        assert came == {
            "answered": 2 * FEW,
            "QueryFailed": 6,
            "SqlRefused": 6,
            "QueryTimeout": 6,
            "cancelled": 16,
        }
        for tenant in (NORTH, SOUTH):
            assert await _truly(server, tenant, 0) == "answered"
