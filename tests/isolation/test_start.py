"""A server starts on a database with the wall, and on none where it would not hold."""

import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, select

from isolation.walled import NORTH, SOUTH, Walled, connected
from mcpdb import (
    Database,
    DatabaseUnavailable,
    FixedTenancy,
    Isolation,
    IsolationError,
    PoolConfig,
    Request,
    Rows,
    Server,
    Tenant,
)
from mcpdb.operate import remove_wall, rotate_keys

orders: Final = Table(
    "orders",
    MetaData(schema="shop"),
    Column("tenant", Text),
    Column("amount", Integer),
    Column("canary", Text),
)


def server(dsn: str, isolation: Isolation, tenant: str = NORTH) -> Server:
    """One tool over the orders."""
    pool = PoolConfig(size=2)
    tenancy = FixedTenancy(Tenant.of(tenant))
    made = Server("shop", Database(dsn, tenancy=tenancy, isolation=isolation, pool=pool))

    @made.tool()
    def whose() -> Rows:
        """Whose orders there are."""
        return select(orders.c.tenant, func.count().label("orders")).group_by(orders.c.tenant)

    return made


async def answer(made: Server) -> Any:
    """What the tool says."""
    asked = Request(tool="whose", arguments={})
    return (await made.database.call(made.tools["whose"], asked)).structured["rows"]


async def refused(dsn: str, isolation: Isolation) -> list[str]:
    """The codes of what keeps a server from starting; each is named, and what mends it."""
    with pytest.raises(IsolationError) as raised:
        await server(dsn, isolation).database.open()
    lines = str(raised.value).splitlines()
    assert len(lines) == len(raised.value.findings)
    assert all("To mend it:" in line for line in lines)
    return [finding.code for finding in raised.value.findings]


@pytest.mark.parametrize(("tenant", "count"), [(NORTH, 40), (SOUTH, 80)])
async def test_it_starts_with_the_wall(walled: Walled, tenant: str, count: int) -> None:
    made = server(walled.dsn(), walled.sealed(), tenant)
    async with made.database:
        assert await answer(made) == [[tenant, count]]


async def test_it_does_not_start_as_a_superuser(walled: Walled) -> None:
    assert await refused(walled.superuser_dsn, walled.sealed()) == ["login_superuser"]


async def test_it_does_not_start_as_the_owner(walled: Walled) -> None:
    found = await refused(walled.admin_dsn, walled.sealed())
    assert {"login_powerful", "login_owner"} <= set(found)


async def test_it_does_not_start_without_a_wall(own_walled: Walled) -> None:
    async with connected(own_walled.superuser_dsn) as superuser:
        await superuser.execute("DROP SCHEMA mcpdb CASCADE")
    found = await refused(own_walled.dsn(), own_walled.sealed())
    assert "no_wall" in found
    assert own_walled.key not in str(found)


HALF: Final = {
    "a policy is gone": ("DROP POLICY mcpdb_tenant ON shop.orders", "table_without_tenant"),
    "row security is off": (
        "ALTER TABLE shop.items DISABLE ROW LEVEL SECURITY",
        "table_without_rls",
    ),
    "the owner is free": (
        "ALTER TABLE shop.items NO FORCE ROW LEVEL SECURITY",
        "table_without_force",
    ),
    "a function is another": (
        (
            "CREATE OR REPLACE FUNCTION mcpdb.tenant() RETURNS text LANGUAGE plpgsql STABLE"
            " SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN '*'; END $$"
        ),
        "function_altered",
    ),
    "a policy asks only whether there is a tenant": (
        "ALTER POLICY mcpdb_tenant ON shop.orders USING ((SELECT mcpdb.tenant()) IS NOT NULL)",
        "policy_altered",
    ),
    "a policy fails for nobodies": (
        (
            "ALTER POLICY mcpdb_tenant ON shop.orders"
            " USING (1 / (length((SELECT mcpdb.ids())[1]) - 36) <> 7)"
        ),
        "table_not_attacked",
    ),
    "a copy of what a function returns": (
        (
            "CREATE FUNCTION shop.all_orders() RETURNS SETOF shop.orders LANGUAGE sql"
            " AS 'TABLE shop.orders'; CREATE MATERIALIZED VIEW shop.copy AS"
            " SELECT * FROM shop.all_orders(); GRANT SELECT ON shop.copy TO PUBLIC"
        ),
        "materialized_view",
    ),
    "a view of what a function returns": (
        (
            "CREATE FUNCTION shop.all_orders() RETURNS SETOF shop.orders LANGUAGE sql"
            " AS 'TABLE shop.orders'; CREATE VIEW shop.seen AS SELECT * FROM shop.all_orders();"
            " GRANT SELECT ON shop.seen TO PUBLIC"
        ),
        "view_without_invoker",
    ),
    "an aggregate of a definer function": (
        (
            "CREATE FUNCTION shop.step(text, text) RETURNS text LANGUAGE sql SECURITY DEFINER"
            " AS 'SELECT string_agg(canary, '','') FROM shop.orders';"
            " CREATE AGGREGATE shop.peek(text) (SFUNC = shop.step, STYPE = text);"
            " REVOKE ALL ON FUNCTION shop.step FROM PUBLIC"
        ),
        "definer_function",
    ),
    "samples of all values": ("GRANT SELECT ON pg_statistic TO PUBLIC", "catalog_readable"),
    "a table has children": (
        "CREATE TABLE shop.old_shifts () INHERITS (shop.shifts)",
        "table_inherited",
    ),
    "a policy lets all in": (
        (
            "DROP POLICY mcpdb_tenant ON shop.orders; CREATE POLICY mcpdb_tenant ON shop.orders"
            " AS RESTRICTIVE FOR SELECT USING ((SELECT mcpdb.ids()) IS NOT NULL)"
        ),
        "nobody_sees_rows",
    ),
}


@pytest.mark.parametrize("case", HALF)
async def test_it_does_not_start_with_half_a_wall(own_walled: Walled, case: str) -> None:
    breaks, code = HALF[case]
    async with connected(own_walled.superuser_dsn) as superuser:
        await superuser.execute(breaks)
    assert code in await refused(own_walled.dsn(), own_walled.sealed())


@pytest.mark.parametrize("off_s", [-9.0, 9.0])
async def test_it_does_not_start_with_a_clock_that_is_off(walled: Walled, off_s: float) -> None:
    isolation = walled.sealed(clock=lambda: time.time() + off_s)
    assert await refused(walled.dsn(), isolation) == ["clock_off"]


@pytest.mark.parametrize("off_s", [-3.0, 0.0, 3.0])
async def test_clocks_may_differ_by_seconds(walled: Walled, off_s: float) -> None:
    made = server(walled.dsn(), walled.sealed(clock=lambda: time.time() + off_s))
    async with made.database:
        assert await answer(made) == [[NORTH, 40]]


async def test_a_clock_that_goes_wrong_later_refuses_calls(walled: Walled) -> None:
    off_s = 0.0
    clock: Callable[[], float] = lambda: time.time() + off_s  # noqa: E731  # it sees the variable
    made = server(walled.dsn(), walled.sealed(clock=clock))
    async with made.database:
        off_s = 60.0
        with pytest.raises(DatabaseUnavailable, match="MD002"):
            await answer(made)
        off_s = 0.0
        assert await answer(made) == [[NORTH, 40]]


async def test_keys_change_under_a_running_server(own_walled: Walled) -> None:
    """It goes on with the old key for as long as the keys overlap, beside one with the new."""
    old = server(own_walled.dsn(), own_walled.sealed())
    async with old.database, connected(own_walled.superuser_dsn) as admin:
        key = await rotate_keys(admin, overlap_s=3_600)
        new = server(own_walled.dsn(), Walled(own_walled.fresh, own_walled.name, key).sealed())
        async with new.database:
            assert await answer(old) == await answer(new) == [[NORTH, 40]]
            await admin.execute(
                "UPDATE mcpdb.keys SET not_after = now() WHERE purpose = 'enter' AND number = 1"
            )
            with pytest.raises(DatabaseUnavailable, match="MD001"):
                await answer(old)
            assert await answer(new) == [[NORTH, 40]]
    assert await refused(own_walled.dsn(), own_walled.sealed()) == ["key_refused"]


async def test_after_the_wall_came_down_nothing_is_served(own_walled: Walled) -> None:
    made = server(own_walled.dsn(), own_walled.sealed())
    async with made.database:
        assert await answer(made) == [[NORTH, 40]]
        async with connected(own_walled.superuser_dsn) as admin:
            await remove_wall(admin)
        with pytest.raises(Exception, match=r"SQLSTATE|changed|lost"):
            await answer(made)
