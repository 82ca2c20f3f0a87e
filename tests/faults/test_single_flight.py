"""A transaction that begins in the flight of its first select: one wait, and nothing of it for the
next tenant, whatever goes wrong."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg
import pytest
from sqlalchemy import ColumnElement, Double, bindparam
from typing_extensions import override

from calls.support import all_back, call, checked_out, reused, rows
from faults.proxy import Proxy
from faults.test_next_tenant import OTHER, nothing_is_left, prepared, server_of
from faults.test_waits import words
from mcpdb import (
    Backend,
    DatabaseUnavailable,
    PlainSetting,
    PoolConfig,
    QueryFailed,
    Server,
    Tenant,
    driver,
)
from shop import ROWS_PER_TENANT, TENANTS, shop_server

BEGIN: Final = "BEGIN READ ONLY"


@pytest.fixture
def server(far_shop: str) -> Server:
    """The shop with one connection, and tools that show whose rows they see."""
    return server_of(far_shop, single_flight=True)


async def flights(proxy: Proxy, server: Server, tool: str, tenant: str) -> list[str]:
    """What a call waits for, in order."""
    await all_back(server)
    proxy.flights.clear()
    await call(server, tool, tenant=tenant)
    await all_back(server)
    return words(proxy.flights)


@pytest.mark.parametrize(("tool", "selects"), [("all_sales", 1), ("overview", 2)])
async def test_a_call_waits_as_often_as_it_has_selects(
    proxy: Proxy, server: Server, tool: str, selects: int
) -> None:
    async with server.database:
        await call(server, tool, tenant="north")
        for tenant in TENANTS:
            expected = [BEGIN, *[""] * (selects - 1), "ROLLBACK"]
            assert await flights(proxy, server, tool, tenant) == expected


async def test_the_first_call_of_a_select_begins_in_a_flight_of_its_own(
    proxy: Proxy, server: Server
) -> None:
    async with server.database:
        await prepared(server)
        begun = await flights(proxy, server, "all_sales", "north")
        assert begun[0] == BEGIN
        assert len(begun) > 3
        assert await flights(proxy, server, "all_sales", "north") == [BEGIN, "ROLLBACK"]


async def test_a_connection_that_was_idle_is_tried_by_begin_alone(
    proxy: Proxy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.database:
        await prepared(server)
        monkeypatch.setattr(driver, "_FRESH_S", 0.0)
        assert len(await flights(proxy, server, "whose", "north")) == 4


@pytest.mark.parametrize("tenant", TENANTS)
async def test_arguments_that_cannot_be_encoded_leave_nothing_behind(
    far_shop: str, tenant: str
) -> None:
    """The beginning is on its way by then: whoever came next would run in it."""
    server = server_of(far_shop, single_flight=True)
    async with server.database:
        for _ in range(3):
            with pytest.raises(QueryFailed):
                await call(server, "fails", tenant=tenant, way="range")
            await nothing_is_left(server, OTHER[tenant])


@pytest.mark.parametrize("is_released_first", [False, True])
@pytest.mark.parametrize("at", [b"BEGIN READ ONLY", b"__asyncpg", b"ROLLBACK"])
async def test_a_cancellation_at_any_part_of_the_flight(
    proxy: Proxy, server: Server, at: bytes, *, is_released_first: bool
) -> None:
    """Also where the beginning has arrived and the select has not."""
    async with server.database:
        for tenant in TENANTS:
            await prepared(server)
            proxy.held.clear()
            proxy.hold_at = at
            calling = asyncio.create_task(call(server, "whose", tenant=tenant))
            await proxy.held.wait()
            if is_released_first:
                proxy.release()
            calling.cancel()
            await asyncio.wait([calling])
            assert at == b"ROLLBACK" or checked_out(server) == 0
            proxy.release()
            await nothing_is_left(server, OTHER[tenant])


@pytest.mark.parametrize("fault", ["cut_at", "cut_answer_at"])
async def test_a_connection_that_is_lost_within_the_flight(
    proxy: Proxy, server: Server, fault: str
) -> None:
    async with server.database:
        await prepared(server)
        setattr(proxy, fault, b"BEGIN READ ONLY" if fault == "cut_at" else b"north")
        with pytest.raises(DatabaseUnavailable):
            await call(server, "whose", tenant="north")
        setattr(proxy, fault, None)
        await nothing_is_left(server, "south")


async def test_a_driver_that_was_not_tried_takes_the_usual_way(
    proxy: Proxy, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asyncpg, "__version__", "0.99.0")
    with caplog.at_level(logging.WARNING, "mcpdb"):
        async with server.database:
            await prepared(server)
            assert len(await flights(proxy, server, "whose", "north")) == 4
    assert "0.99.0" in caplog.text


class Floating(PlainSetting):
    """Has a value that cannot be written into a flight."""

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        return (*super().expressions(), bindparam("half", type_=Double))

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        return {**super().parameters(tenant, backend), "half": 0.5}


async def test_an_isolation_with_other_values_takes_the_usual_way(
    proxy: Proxy, far_shop: str
) -> None:
    server = server_of(far_shop, Floating(setting="app.tenant"), single_flight=True)
    async with server.database:
        await prepared(server)
        for tenant in TENANTS:
            assert await rows(server, "whose", tenant=tenant) == [[tenant]]
            assert len(await flights(proxy, server, "whose", tenant)) == 4


async def test_interleaved_tenants_see_their_own_rows(shop: Callable[..., str]) -> None:
    server = shop_server(shop(), pool=PoolConfig(size=3, single_flight=True))

    async def one(tenant: str) -> None:
        for _ in range(20):
            found: Any = await rows(server, "all_sales", tenant=tenant)
            assert len(found) == min(1_000, ROWS_PER_TENANT[tenant])
            assert {item.partition("-")[0] for _, item, _ in found} == {tenant}

    async with server.database:
        await asyncio.gather(*(one(tenant) for tenant in TENANTS * 4))
        async with reused(server) as connection:
            assert await connection.fetchval("SELECT current_setting('app.tenant', true)") == ""
