"""Two tenants, both directions: a call sees its own tenant's rows, all of them, and no other."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Text, bindparam, func
from typing_extensions import override

from calls.support import (
    ERAS,
    NAP_S,
    Admin,
    Dsn,
    Era,
    StillRunning,
    call,
    client_of,
    reused,
    said,
    serving,
    sleepers,
    stopped,
)
from calls.truth import ARGUMENTS, TRUTHS, Truth, answers_truly, tables_of, truth_of
from mcpdb import (
    Backend,
    FixedTenancy,
    HeaderTenancy,
    Isolation,
    PlainSetting,
    PoolConfig,
    QueryFailed,
    Server,
    Tenant,
    TenantError,
)
from shop import ROWS_PER_TENANT, TENANTS, shop_server

CALLS = [(tool, tenant) for tool in TRUTHS for tenant in TENANTS]


@pytest.fixture
async def truth(admin: Admin) -> Truth:
    """What each tenant must see, and that there is something to tell apart."""
    found = {tenant: await truth_of(admin, tenant) for tenant in TENANTS}
    for tool in TRUTHS:
        assert found["north"][tool] != found["south"][tool]
    return found


@pytest.fixture
def server(shop: Dsn) -> Server:
    """The shop on one connection, so that every call follows another tenant's on it."""
    return shop_server(shop(), pool=PoolConfig(size=1))


async def all_answer_truly(server: Server, truth: Truth) -> None:
    """Every tool as every tenant, one after the other, and again in the other order."""
    for tool, tenant in [*CALLS, *reversed(CALLS)]:
        await answers_truly(server, tool, tenant, truth)


async def test_every_tool_shows_each_tenant_its_own_rows(server: Server, truth: Truth) -> None:
    """Neither one row more nor one row less than the superuser counts, in both directions."""
    assert set(server.tools) == set(TRUTHS), "a tool without a truth is not tested"
    async with server.database:
        await all_answer_truly(server, truth)


async def test_interleaved_calls_of_two_tenants_do_not_mix(shop: Dsn, truth: Truth) -> None:
    """Sixty-four at once, more than there are connections, in a random order."""
    server = shop_server(shop(), pool=PoolConfig(size=5))
    crowd = (CALLS * 5)[:64]
    random.shuffle(crowd)
    async with server.database:
        await asyncio.gather(*(answers_truly(server, *one, truth) for one in crowd))


@pytest.mark.parametrize("era", ERAS)
async def test_interleaved_clients_over_http_do_not_mix(shop: Dsn, truth: Truth, era: Era) -> None:
    """The tenant of each request's own header decides, through the real client and server."""
    server = shop_server(shop(), pool=PoolConfig(size=3))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(server.http_app()))
        clients = {
            tenant: await stack.enter_async_context(client_of(url, era, tenant=tenant))
            for tenant in TENANTS
        }

        async def ask(tool: str, tenant: str) -> None:
            result = await clients[tenant].call_tool(tool, dict(ARGUMENTS.get(tool, {})))
            assert not result.is_error, said(result)
            assert tables_of(result.structured_content) == truth[tenant][tool]

        crowd = CALLS * 2
        random.shuffle(crowd)
        await asyncio.gather(*(ask(*one) for one in crowd))


@pytest.mark.parametrize("first", TENANTS)
async def test_after_an_error_in_mid_transaction_the_next_tenant_sees_its_own(
    server: Server, truth: Truth, first: str
) -> None:
    """On the same connection, where the other tenant's transaction was aborted."""
    second = next(tenant for tenant in TENANTS if tenant != first)
    async with server.database:
        for tool in TRUTHS:
            with pytest.raises(QueryFailed, match="22012"):
                await call(server, "broken", tenant=first, divisor=0)
            await answers_truly(server, tool, second, truth)


@pytest.mark.parametrize("first", TENANTS)
async def test_after_a_cancellation_the_next_tenant_sees_its_own(
    server: Server,
    truth: Truth,
    admin: Admin,
    still_running: StillRunning,
    first: str,
) -> None:
    """The pool of one serves the other tenant at once, and rightly."""
    second = next(tenant for tenant in TENANTS if tenant != first)
    async with server.database:
        for tool in TRUTHS:
            calling = asyncio.create_task(call(server, "slow", tenant=first, seconds=NAP_S))
            await sleepers(admin)
            calling.cancel()
            await asyncio.wait([calling])
            await answers_truly(server, tool, second, truth)
            await stopped(still_running)


@pytest.mark.parametrize("era", ERAS)
async def test_without_an_identity_nothing_is_shown(server: Server, era: Era) -> None:
    """Every tool refuses in words that hold no row."""
    async with (
        serving(server.http_app()) as url,
        client_of(url, era) as client,
    ):
        for tool in TRUTHS:
            result = await client.call_tool(tool, dict(ARGUMENTS.get(tool, {})))
            assert result.is_error
            assert result.structured_content is None
            assert said(result).startswith("No identity: the header x-tenant is missing.")
            assert "[tenant]" in said(result)


@pytest.mark.parametrize(
    "claimed", ["", " ", "*", "%", "north,south", "north south", "''", "north';--", "nörth\x00"]
)
async def test_a_strange_identity_shows_nothing(shop: Dsn, claimed: str) -> None:
    """A header that means all tenants, or several, where that is not granted, is refused."""
    server = shop_server(shop(), tenancy=HeaderTenancy(header="x-tenant"))
    async with server.database:
        with pytest.raises(TenantError):
            await call(server, "shares", tenant=claimed)


@pytest.mark.parametrize("name", ["*", "north,south"])
async def test_a_tenant_whose_id_reads_as_others_is_refused(shop: Dsn, name: str) -> None:
    """A directory that hands out such an id does not open the shop to it."""
    server = shop_server(shop(), tenancy=FixedTenancy(Tenant.of(name)))
    async with server.database:
        with pytest.raises(TenantError, match="cannot be told apart"):
            await call(server, "shares")


async def test_an_unknown_tenant_sees_nothing_and_head_office_sees_all(server: Server) -> None:
    """An absence is never a grant; all tenants are seen by an explicit one only."""
    async with server.database:
        for tenant, count in (("nobody", 0), ("*", sum(ROWS_PER_TENANT.values()))):
            result = await call(server, "slow", tenant=tenant, seconds=0)
            assert result.structured["rows"] == [[count, 1]]


class Sticky(Isolation):
    """What not to do: it keeps something of a call, and so gives it to the next one."""

    def __init__(self) -> None:
        self._right = PlainSetting(setting="app.tenant")
        self._kept = Tenant.of("north")

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        return self._right.expressions()

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        entered = self._right.parameters(self._kept, backend)
        self._kept = tenant
        return entered


class Session(Isolation):
    """What not to do: it sets the tenant for the session."""

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        return (func.set_config("app.tenant", bindparam("tenant", type_=Text), False),)

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        return {"tenant": tenant.text.partition(":")[2]}


async def test_these_tests_see_a_leak(shop: Dsn, truth: Truth) -> None:
    """The control: with an isolation that mixes tenants up, the same check fails on a leak."""
    leaky = shop_server(shop(), isolation=Sticky(), pool=PoolConfig(size=1))
    async with leaky.database:
        with pytest.raises(AssertionError, match="as south"):
            await all_answer_truly(leaky, truth)
        await call(leaky, "shares", tenant="north")
        leaked = await call(leaky, "by_item", tenant="south")
        assert tables_of(leaked.structured) == truth["north"]["by_item"]


async def test_a_tenant_set_for_the_session_does_not_outlive_its_call(
    shop: Dsn, truth: Truth
) -> None:
    """ROLLBACK takes it back; with COMMIT, the look at the connection shows it: it can fail."""
    careless = shop_server(shop(), isolation=Session(), pool=PoolConfig(size=1))
    left = "SELECT current_setting('app.tenant', true)"
    async with careless.database:
        await all_answer_truly(careless, truth)
        async with reused(careless) as connection:
            assert await connection.fetchval(left) in {None, ""}
            await connection.execute("SELECT set_config('app.tenant', 'north', false)")
            await connection.execute("COMMIT")
        async with reused(careless) as connection:
            assert await connection.fetchval(left) == "north"
