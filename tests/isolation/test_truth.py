"""What tenants see is exactly what a superuser says is theirs: in counts and in every byte."""

import re

import asyncpg
import pytest

from isolation.walled import (
    EAST,
    NORTH,
    OWN,
    SOUTH,
    TENANTS,
    Connection,
    Walled,
    enter,
    entered,
    rolled_back,
    seen,
    token,
    truth,
)
from mcpdb import Tenant

_WHO = [(NORTH,), (SOUTH,), (EAST,), (NORTH, EAST), TENANTS, ()]
_PARALLEL = {
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "0",
    "min_parallel_index_scan_size": "0",
    "max_parallel_workers_per_gather": "4",
}


@pytest.mark.parametrize("ids", _WHO, ids=lambda ids: "+".join(ids) or "all")
async def test_everyone_sees_exactly_its_own(
    walled: Walled, app: Connection, superuser: Connection, ids: tuple[str, ...]
) -> None:
    for table in OWN:
        expected = await truth(superuser, table, ids)
        assert expected[0] > 0
        async with entered(walled, app, *ids):
            assert await seen(app, table) == expected, table


async def test_what_one_sees_the_other_does_not(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    owned = {t: await truth(superuser, "shop.orders", (t,)) for t in TENANTS}
    assert len(set(owned.values())) == len(TENANTS)
    for tenant in (*TENANTS, *reversed(TENANTS)):
        async with entered(walled, app, tenant):
            assert await seen(app, "shop.orders") == owned[tenant]
            for foreign in set(TENANTS) - {tenant}:
                for table, condition in OWN.items():
                    if table in {"shop.products", "shop.stores", "shop.transfers"}:
                        continue
                    found = await seen(app, table, condition.format(ids=f"'{foreign}'"))
                    assert found == (0, None), table


async def test_a_tenant_that_owns_nothing_sees_nothing_but_what_is_shared(
    walled: Walled, app: Connection
) -> None:
    async with entered(walled, app, "999"):
        found = {table: (await seen(app, table))[0] for table in OWN}
    assert found == dict.fromkeys(OWN, 0) | {"shop.products": 9}


async def test_nobody_sees_not_even_what_is_shared(app: Connection) -> None:
    for table in OWN:
        async with rolled_back(app):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="no tenant is sealed"):
                await seen(app, table)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT secret FROM shop.stores",
        "SELECT * FROM shop.stores",
        "SELECT s FROM shop.stores s",
        "SELECT id FROM shop.stores WHERE secret LIKE 'secret%'",
        "SELECT id FROM shop.stores ORDER BY secret",
        "SELECT row_to_json(s) FROM shop.stores s",
        "SELECT (s).secret FROM shop.stores s",
        "SELECT manager FROM shop.managers",
        "SELECT * FROM shop.tenants",
        "SELECT * FROM mcpdb.keys",
        "SELECT ipad FROM mcpdb.keys",
        "SELECT mcpdb.new_key('enter')",
        "SELECT mcpdb.ids_of('3:101')",
        "COPY mcpdb.keys TO STDOUT",
    ],
)
async def test_what_is_not_granted_is_not_readable(
    walled: Walled, app: Connection, query: str
) -> None:
    async with entered(walled, app, NORTH):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await app.fetch(query)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO shop.orders (tenant, amount, canary) VALUES ('101', 1, 'x')",
        "UPDATE shop.orders SET amount = 0",
        "DELETE FROM shop.orders",
        "TRUNCATE shop.orders",
        "LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE",
        "SELECT * FROM shop.orders FOR UPDATE",
        "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
        "DROP POLICY mcpdb_tenant ON shop.orders",
        "CREATE TABLE shop.mine (x int)",
        "CREATE TABLE mcpdb.mine (x int)",
        "CREATE FUNCTION mcpdb.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SELECT nextval('shop.items_id_seq')",
        "DELETE FROM mcpdb.keys",
        "UPDATE mcpdb.keys SET not_after = 'infinity'",
        "ALTER FUNCTION mcpdb.tenant() SECURITY INVOKER",
        "COMMENT ON SCHEMA mcpdb IS 'x'",
    ],
)
async def test_the_servers_login_cannot_change_anything(
    walled: Walled, app: Connection, statement: str
) -> None:
    # Also where it has set its transactions to writing.
    async with rolled_back(app, readonly=False):
        await app.execute("SET LOCAL transaction_read_only = off")
        await enter(app, token(walled.sealed(), Tenant.of(NORTH), app, walled.name))
        with pytest.raises(asyncpg.PostgresError) as refusal:
            await app.execute(statement)
        assert refusal.value.sqlstate == "42501"


async def test_the_servers_login_becomes_nobody_else(walled: Walled, app: Connection) -> None:
    roles = await app.fetch(
        "SELECT quote_ident(rolname) AS name FROM pg_roles WHERE rolname <> user"
    )
    assert len(roles) > 10
    for role in roles:
        if not await app.fetchval(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE quote_ident(rolname) = $1)", role["name"]
        ):
            continue  # another test's, and gone
        for statement in ("SET ROLE {}", "SET SESSION AUTHORIZATION {}"):
            with pytest.raises(
                (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)
            ):
                await app.execute(statement.format(role["name"]))
    assert await app.fetchval("SELECT current_user::text") == walled.app


async def test_parallel_plans_tell_the_truth(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    parallel = (
        "debug_parallel_query" if walled.fresh.cluster.version >= 16 else "force_parallel_mode"
    )
    used = 0
    for ids in _WHO:
        for table in OWN:
            expected = await truth(superuser, table, ids)
            async with entered(walled, app, *ids):
                for name, value in (_PARALLEL | {parallel: "on"}).items():
                    await app.execute(f"SET LOCAL {name} = {value}")
                assert await seen(app, table) == expected, table
                plan = await app.fetch(f"EXPLAIN SELECT count(*) FROM {table}")
                used += any("Gather" in row[0] for row in plan)
                await app.execute(f"SET LOCAL {parallel} = off")
                assert await seen(app, table) == expected, table
    assert used, "No plan was parallel: this proves nothing"


async def test_one_prepared_statement_serves_tenants_in_turn(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    query = (
        "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM {} t"
    )
    for mode in ("auto", "force_generic_plan", "force_custom_plan"):
        await app.execute(f"SET plan_cache_mode = {mode}")
        for table in ("shop.orders", "shop.shifts", "shop.transfers"):
            prepared = await app.prepare(query.format(table))
            for ids in [*_WHO, ("999",), (SOUTH, EAST)] * 2:
                expected = await truth(superuser, table, ids)
                async with entered(walled, app, *ids):
                    row = await prepared.fetchrow()
                    assert row is not None
                    assert tuple(row) == expected, (table, ids)


async def test_a_prepared_statement_without_a_tenant_fails_after_it_has_worked(
    walled: Walled, app: Connection
) -> None:
    prepared = await app.prepare("SELECT count(*) FROM shop.orders")
    for _ in range(7):  # beyond the five custom plans
        async with entered(walled, app, NORTH):
            assert await prepared.fetchval() == 40
    async with rolled_back(app):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await prepared.fetchval()


@pytest.mark.parametrize(
    ("table", "conditions"),
    [("shop.orders", 1), ("shop.shifts", 1), ("shop.transfers", 2), ("shop.stores", 1)],
)
async def test_the_tenant_is_asked_for_once_in_a_query(
    walled: Walled, app: Connection, table: str, conditions: int
) -> None:
    async with entered(walled, app, EAST):
        lines = await app.fetch(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT count(*) FROM {table}"
        )
    plan = "\n".join(row[0] for row in lines)
    init = re.findall(r"InitPlan.*\n.*?loops=(\d+)", plan)
    assert init, plan
    assert len(init) <= conditions
    assert set(init) == {"1"}, plan
    # Nothing in a filter calls a function of ours for each row.
    assert not re.search(r"(Filter|Cond):.*mcpdb\.", plan), plan


async def test_policies_use_the_index(walled: Walled, app: Connection) -> None:
    async with entered(walled, app, NORTH):
        await app.execute("SET LOCAL enable_seqscan = off")
        lines = await app.fetch(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT canary FROM shop.orders"
        )
    plan = "\n".join(row[0] for row in lines)
    assert "orders_tenant" in plan, plan
    assert re.search(r"Index Cond: \(tenant = ANY", plan), plan
