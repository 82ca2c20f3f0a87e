"""The lane through a PgBouncer that pools by transaction: many clients, few server connections."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from typing_extensions import override

from calls.support import (
    NAP_S,
    Admin,
    Dsn,
    StillRunning,
    all_back,
    call,
    outcome,
    rows,
    sleepers,
    stopped,
)
from calls.truth import TRUTHS, answers_truly, truth_of
from faults.proxy import Proxy
from mcpdb import (
    Backend,
    ConfigurationError,
    FixedTenancy,
    PlainSetting,
    PoolConfig,
    Server,
    Tenant,
    Unavailable,
)
from mcpdb.embedded import EmbeddedPostgres
from poolers import Pooler, pgbouncer
from shop import APP_ROLE, TENANTS, shop_server

ALIAS: Final = "the-alias"
POOL: Final = PoolConfig(size=6, pooler="pgbouncer-transaction")


@pytest.fixture
async def pooler(
    postgres: EmbeddedPostgres, admin: Admin, tmp_path: Path
) -> AsyncGenerator[Pooler]:
    """Two server connections to the test's shop, under another name."""
    async with pgbouncer(
        socket_dir_or_host=postgres.socket_dir,
        port=postgres.port,
        databases={ALIAS: str(await admin.fetchval("SELECT current_database()"))},
        folder=tmp_path,
    ) as made:
        yield made


@pytest.fixture
def server(pooler: Pooler) -> Server:
    """The shop through the pooler."""
    return shop_server(pooler.dsn(ALIAS, APP_ROLE), pool=POOL)


async def test_two_tenants_at_once_see_their_own_rows(server: Server, admin: Admin) -> None:
    """On server connections that both get in turn."""
    truth = {tenant: await truth_of(admin, tenant) for tenant in TENANTS}
    async with server.database:
        for _ in range(3):
            crowd = [
                answers_truly(server, tool, tenant, truth) for tool in TRUTHS for tenant in TENANTS
            ]
            await asyncio.gather(*crowd)


async def test_nothing_stays_on_a_server_connection(server: Server, pooler: Pooler) -> None:
    """No tenant, no setting and no prepared statement."""
    async with server.database:
        calls = [call(server, "overview", tenant=tenant) for tenant in TENANTS * 4]
        await asyncio.gather(*calls)
        await all_back(server)
        client = await asyncpg.connect(pooler.dsn(ALIAS, APP_ROLE), statement_cache_size=0)
        try:
            for _ in range(4):
                found = await client.fetchrow(
                    "SELECT current_setting('app.tenant', true) AS tenant,"
                    " current_setting('statement_timeout') AS timeout,"
                    " current_setting('jit') = (SELECT reset_val FROM pg_settings"
                    " WHERE name = 'jit') AS jit,"
                    " (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') AS statements"
                )
                assert found is not None
                assert found["tenant"] in {None, ""}
                assert (found["timeout"], found["jit"], found["statements"]) == ("0", True, 0)
        finally:
            client.terminate()


@pytest.mark.parametrize(("tool", "selects"), [("all_sales", 1), ("overview", 2)])
async def test_a_repeated_call_waits_twice_more_than_its_selects(
    pooler: Pooler, tool: str, selects: int
) -> None:
    """Its statements have no name, and travel in the flights that run them."""
    async with Proxy.before(pooler) as proxy:
        dsn = proxy.dsn(ALIAS, pooler.dsn(ALIAS, APP_ROLE))
        one = PoolConfig(size=1, pooler="pgbouncer-transaction")
        server = shop_server(dsn, pool=one)
        async with server.database:
            await call(server, tool, tenant="north")
            await all_back(server)
            proxy.flights.clear()
            await call(server, tool, tenant="south")
            await all_back(server)
            assert len(proxy.flights) == 2 + selects + 1
            assert b"ROLLBACK" in proxy.flights[-1]
            assert all(b"SELECT" in flight for flight in proxy.flights[1:-1])


async def test_a_pooler_that_was_not_declared_is_refused(pooler: Pooler) -> None:
    """By comparing the process that the connection names with the one that answers."""
    server = shop_server(pooler.dsn(ALIAS, APP_ROLE))
    with pytest.raises(ConfigurationError) as refused:
        await server.database.open()
    assert 'PoolConfig(pooler="pgbouncer-transaction")' in str(refused.value)


class Looking(PlainSetting):
    """Remembers what it was bound to."""

    def __init__(self) -> None:
        super().__init__(setting="app.tenant")
        self.seen: list[Backend] = []

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        self.seen.append(backend)
        return super().parameters(tenant, backend)


async def test_what_an_isolation_is_told_of_the_backend(
    pooler: Pooler, shop: Dsn, admin: Admin
) -> None:
    """The database's own name; a process only where it stays the same."""
    name = await admin.fetchval("SELECT current_database()")
    for dsn, pool in ((pooler.dsn(ALIAS, APP_ROLE), POOL), (shop(), PoolConfig(size=1))):
        isolation = Looking()
        server = shop_server(dsn, isolation=isolation, pool=pool)
        async with server.database:
            await call(server, "shares", tenant="north")
            (row,) = await server.database._lane.fetch(  # pyright: ignore[reportPrivateUsage]
                "SELECT pg_backend_pid() AS pid", tenant=Tenant.of("north")
            )
            pid = None if pool.pooler else row["pid"]
            assert isolation.seen == [Backend(database=name, pid=pid)] * 2


async def test_a_cancelled_query_stops(
    server: Server, admin: Admin, still_running: StillRunning
) -> None:
    """PgBouncer passes the request on; the calls that follow are right."""
    async with server.database:
        for tenant in TENANTS:
            calling = asyncio.create_task(call(server, "slow", tenant=tenant, seconds=NAP_S))
            await sleepers(admin)
            calling.cancel()
            await asyncio.wait([calling])
            await stopped(still_running)
            other = next(one for one in TENANTS if one != tenant)
            found = await rows(server, "by_item", tenant=other)
            assert {row[0].partition("-")[0] for row in found} == {other}


async def test_a_changed_table_costs_one_call_that_may_be_repeated(
    pooler: Pooler, admin: Admin
) -> None:
    """The server says nothing of it: the answer no longer fits the types that were described."""
    one = PoolConfig(size=1, pooler="pgbouncer-transaction")
    tenancy = FixedTenancy(Tenant.of("north"))
    server = shop_server(pooler.dsn(ALIAS, APP_ROLE), pool=one, tenancy=tenancy)
    async with server.database:
        expected = await rows(server, "all_sales")
        await admin.execute("ALTER TABLE sales ALTER COLUMN id TYPE bigint")
        error = await outcome(call(server, "all_sales"))
        assert type(error) is Unavailable
        assert await rows(server, "all_sales") == expected
