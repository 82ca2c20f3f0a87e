"""Whatever goes wrong in a call: the next tenant on its connection sees its own rows."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import pytest
from sqlalchemy import ColumnElement, Date, Integer, Text, TypeDecorator, cast, literal, select
from sqlalchemy.engine import Dialect
from typing_extensions import override

from calls.support import all_back, call, checked_out, pool, reused, rows
from faults.proxy import Proxy
from mcpdb import Backend, McpdbError, PlainSetting, PoolConfig, Report, Rows, Server, Tenant
from mcpdb.driver import Connection
from shop import TENANTS, sales, shop_server

LEFT: Final = "SELECT current_setting('app.tenant', true)"
OTHER: Final = {"north": "south", "south": "north"}
FLIGHTS: Final = 4
"""Of a call whose statements are prepared, with its ROLLBACK."""
FIRST_FLIGHTS: Final = 6
"""Of the first call on a connection that is there: two statements are prepared."""


class Breaking(PlainSetting):
    """Gives the driver a value that it cannot encode, where it is told to."""

    is_broken = False

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        return {"mcpdb_tenant": 5.5 if self.is_broken else tenant.text.partition(":")[2]}


class Unbindable(TypeDecorator[str]):
    """An author's type that fails before the query."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str:
        raise KeyError(value)


class Unreadable(TypeDecorator[str]):
    """An author's type that fails on a row."""

    impl = Text
    cache_ok = True

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> str:
        raise KeyError(value)


def failing(name: str) -> Rows:
    """A select that fails in one way."""
    ways: dict[str, ColumnElement[Any]] = {
        "encoding": literal("no number", Integer),
        "range": literal(2**40, Integer),
        "bind processor": literal("x", Unbindable),
        "driver's decoder": cast(literal("20000-01-01", Text), Date),
        "result processor": cast(sales.c.item, Unreadable),
        "server": sales.c.amount / 0,
        "time": literal(dt.date(2024, 1, 1), Text),
    }
    return select(ways[name].label("never"), sales.c.id).limit(3)


WAYS: Final = (
    "encoding",
    "range",
    "bind processor",
    "driver's decoder",
    "result processor",
    "server",
    "time",
)


def server_of(
    dsn: str, isolation: PlainSetting | None = None, *, single_flight: bool = False
) -> Server:
    """The shop with one connection, and tools that show whose rows they see, or fail."""
    pool = PoolConfig(size=1, single_flight=single_flight)
    server = shop_server(dsn, pool=pool, isolation=isolation)
    mine = select(sales.c.tenant).distinct()

    @server.tool()
    def whose() -> Rows:
        """The tenants of all rows."""
        return mine

    @server.tool(columns="dynamic")
    def fails(way: str = "") -> Rows:
        """Fails."""
        return failing(way) if way else mine

    @server.tool(columns="dynamic")
    def fails_second(way: str = "") -> Report:
        """Fails when it has read rows."""
        return Report({"first": mine, "second": failing(way) if way else mine})

    return server


async def nothing_is_left(server: Server, other: str) -> None:
    """The connection shows nothing of the former tenant, nor do calls of the other one."""
    async with reused(server) as connection:
        assert await connection.fetchval(LEFT) in {None, ""}
    for _ in range(2):
        assert await rows(server, "whose", tenant=other) == [[other]]


async def prepared(server: Server) -> None:
    """Let the connection have prepared what `whose` needs, for a tenant of no rows."""
    await call(server, "whose", tenant="nobody")
    await all_back(server)


@pytest.mark.parametrize("single_flight", [False, True])
@pytest.mark.parametrize("tool", ["fails", "fails_second"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tenant", TENANTS)
async def test_after_a_failure_in_any_select(
    far_shop: str, tenant: str, way: str, tool: str, *, single_flight: bool
) -> None:
    """Of the driver's, the author's or the server's, before or after rows were read."""
    server = server_of(far_shop, single_flight=single_flight)
    async with server.database:
        for _ in range(3):
            with pytest.raises((McpdbError, KeyError)):
                await call(server, tool, tenant=tenant, way=way)
            await nothing_is_left(server, OTHER[tenant])


@pytest.mark.parametrize("single_flight", [False, True])
@pytest.mark.parametrize("tenant", TENANTS)
async def test_after_a_tenant_that_cannot_be_encoded(
    far_shop: str, tenant: str, *, single_flight: bool
) -> None:
    """It never gets in, and neither does it get out with the rows of the one before."""
    isolation = Breaking(setting="app.tenant")
    server = server_of(far_shop, isolation, single_flight=single_flight)
    async with server.database:
        for _ in range(2):
            await call(server, "whose", tenant=tenant)
            isolation.is_broken = True
            with pytest.raises(McpdbError):
                await call(server, "whose", tenant=tenant)
            isolation.is_broken = False
            await nothing_is_left(server, OTHER[tenant])


@pytest.mark.parametrize("fault", ["cut_at", "cut_answer_at", "hold_at"])
@pytest.mark.parametrize("tenant", TENANTS)
async def test_after_a_rollback_that_is_not_confirmed(
    proxy: Proxy, far_shop: str, tenant: str, fault: str
) -> None:
    """Whether it was lost on its way there or back, or is late: the connection is cut off."""
    server = server_of(far_shop)
    async with server.database:
        for _ in range(2):
            await prepared(server)
            (before,) = pool(server)._idle  # pyright: ignore[reportPrivateUsage]
            setattr(proxy, fault, b"ROLLBACK")
            assert await rows(server, "whose", tenant=tenant) == [[tenant]]
            await all_back(server)
            setattr(proxy, fault, None)
            proxy.release()
            assert before.is_closed
            await nothing_is_left(server, OTHER[tenant])


@pytest.mark.parametrize("is_released_first", [False, True])
@pytest.mark.parametrize(
    ("is_first", "flight"),
    [(False, flight) for flight in range(FLIGHTS)]
    + [(True, flight) for flight in range(FIRST_FLIGHTS)],
)
async def test_after_a_cancellation_at_any_flight(
    proxy: Proxy, far_shop: str, flight: int, *, is_first: bool, is_released_first: bool
) -> None:
    """Whether what is held passes before or after the call has ended."""
    server = server_of(far_shop)
    async with server.database:
        for tenant in TENANTS:
            proxy.cut()
            if not is_first:
                await prepared(server)
            else:
                async with reused(server):
                    pass
            proxy.held.clear()
            proxy.flights.clear()
            proxy.hold_flight = flight
            calling = asyncio.create_task(call(server, "whose", tenant=tenant))
            await proxy.held.wait()
            if is_released_first:
                proxy.release()
            calling.cancel()
            await asyncio.wait([calling])
            is_in_rollback = flight == (FIRST_FLIGHTS if is_first else FLIGHTS) - 1
            assert is_in_rollback or checked_out(server) == 0
            proxy.release()
            await nothing_is_left(server, OTHER[tenant])


@pytest.mark.parametrize("tenant", TENANTS)
async def test_these_tests_see_what_is_left(
    far_shop: str, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the ROLLBACK the same look finds the former tenant."""

    async def careless(*_: object, **__: object) -> bool:
        return True

    server = server_of(far_shop)
    async with server.database:
        monkeypatch.setattr(Connection, "rollback", careless)
        await call(server, "whose", tenant=tenant)
        with pytest.raises(AssertionError):
            await nothing_is_left(server, OTHER[tenant])
