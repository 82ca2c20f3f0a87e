"""Who sees which rows, over the server's own login. The truth comes from a superuser's."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from mcpdb import Tenant
from stores import (
    EVERY_STORE,
    IDENTITIES,
    READABLE,
    REDMOND,
    SEATTLE,
    STORES,
    Connect,
    Fingerprint,
    acting_as,
    enter,
    fingerprint_of,
    seen,
    truth,
)
from zava.identity import HEAD_OFFICE

# Whom a server lets in, with the right key, but who has no store. The first two are uuids.
NOBODIES = {
    "an id of nobody": ("11111111-1111-4111-8111-111111111111",),
    "head office": (HEAD_OFFICE,),
    "head office without dashes": (HEAD_OFFICE.replace("-", ""),),
    "blank": (" ",),
    "a comma": (",",),
    "garbage": ("garbage",),
    "a star": ("*",),
    "a store's name": ("Seattle",),
    "a store's number": ("1",),
    "an id and garbage": (SEATTLE, "garbage"),
    "an id and nothing": (f"{SEATTLE},",),
    "two ids as one": (f"{SEATTLE},{REDMOND}",),
    "a sealed id": (f"36:{SEATTLE}",),
    "an id cut short": (SEATTLE[:-1],),
    "an array": (f"{{{SEATTLE},{REDMOND}}}",),
    "a quote": ("' OR true --",),
}
UUIDS = {"an id of nobody", "head office", "head office without dashes"}
# What one who may run SQL could put where the tenant is, or once was.
FORGERIES = {
    "an id": SEATTLE,
    "an id as it is sealed": Tenant.of(SEATTLE).text,
    "head office": HEAD_OFFICE,
    "all": "*",
    "empty": "",
    "blank": " ",
    "a seal of zeros": f"{'0' * 64}1:{Tenant.of(SEATTLE).text}",
    "a seal of zeros for all": f"{'0' * 64}1:*",
}


@pytest.fixture
async def app(connect: Connect, zava: str) -> asyncpg.Connection:
    return await connect(zava)


@pytest.fixture
async def admin(connect: Connect, zava: str) -> asyncpg.Connection:
    return await connect(zava, "postgres")


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_an_identity_sees_exactly_the_rows_of_its_stores(
    app: asyncpg.Connection, admin: asyncpg.Connection, identity: str, key: str
) -> None:
    tenant, stores = IDENTITIES[identity]
    async with acting_as(app, tenant, key):
        assert await app.fetchval("SELECT mcpdb.stores()") == sorted(stores)
        for table in READABLE:
            assert await seen(app, table) == await truth(admin, table, stores), table


async def test_the_truths_of_two_stores_differ_so_that_the_test_above_can_fail(
    admin: asyncpg.Connection,
) -> None:
    for table in ("retail.orders", "retail.order_items", "retail.inventory", "retail.customers"):
        stores = ([STORES["Seattle"].store_id], [STORES["Redmond"].store_id], EVERY_STORE)
        truths = {await truth(admin, table, each) for each in stores}
        assert len(truths) == 3
        assert all(rows > 0 for rows, _ in truths)


@pytest.mark.parametrize(("mine", "other"), [("Seattle", "Redmond"), ("Redmond", "Seattle")])
async def test_a_manager_cannot_reach_the_rows_of_another_store_by_asking_for_them(
    app: asyncpg.Connection, admin: asyncpg.Connection, mine: str, other: str, key: str
) -> None:
    of_other = STORES[other].store_id
    order = await admin.fetchval(
        "SELECT min(order_id) FROM retail.orders WHERE store_id = $1", of_other
    )
    async with acting_as(app, Tenant.of(str(STORES[mine].rls_user_id)), key):
        for table in ("retail.orders", "retail.order_items", "retail.inventory"):
            asked = f"SELECT count(*) FROM {table} WHERE store_id = $1"
            assert await app.fetchval(asked, of_other) == 0
            assert await app.fetchval(asked, STORES[mine].store_id) > 0
        for table in ("retail.orders", "retail.order_items"):
            asked = f"SELECT count(*) FROM {table} WHERE order_id = $1"
            assert await app.fetchval(asked, order) == 0
            assert await admin.fetchval(asked, order) > 0


async def test_customers_are_seen_by_the_store_of_their_orders_as_well_as_by_their_own(
    app: asyncpg.Connection, admin: asyncpg.Connection, key: str
) -> None:
    store = STORES["Redmond"].store_id
    visible = "SELECT array_agg(customer_id ORDER BY customer_id) FROM retail.customers"
    own = set(await admin.fetchval(f"{visible} WHERE primary_store_id = $1", store))
    ordered = await admin.fetchval(
        f"{visible} WHERE customer_id IN (SELECT customer_id FROM retail.orders WHERE store_id=$1)",
        store,
    )
    async with acting_as(app, Tenant.of(REDMOND), key):
        assert set(await app.fetchval(visible)) == own | set(ordered)
    assert own - set(ordered)
    assert set(ordered) - own


@pytest.mark.parametrize("nobody", NOBODIES)
async def test_an_identity_that_has_no_store_sees_no_row_of_any_table(
    app: asyncpg.Connection, key: str, nobody: str
) -> None:
    for table in READABLE:
        try:
            async with acting_as(app, Tenant.of(*NOBODIES[nobody]), key):
                assert await seen(app, table) == (0, 0), table
            assert nobody in UUIDS or table == "retail.product_image_embeddings"
        except asyncpg.InvalidTextRepresentationError:
            assert nobody not in UUIDS


async def is_closed(connection: asyncpg.Connection, table: str) -> bool:
    """Whether the policies of a table raise. They are not asked for one that has no rows."""
    try:
        rows = await seen(connection, table)
    except asyncpg.InsufficientPrivilegeError as error:
        return "no tenant is sealed" in str(error)
    return table == "retail.product_image_embeddings" and rows == (0, 0)


async def test_without_an_identity_no_table_can_be_read(app: asyncpg.Connection) -> None:
    for table in READABLE:
        assert await is_closed(app, table), table


@pytest.mark.parametrize("setting", ["app.current_rls_user_id", "mcpdb.ctx"])
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_setting_is_not_an_identity(
    app: asyncpg.Connection, setting: str, forgery: str
) -> None:
    for table in READABLE:
        transaction = app.transaction()
        await transaction.start()
        await app.execute("SELECT set_config($1, $2, true)", setting, FORGERIES[forgery])
        assert await is_closed(app, table), table
        await transaction.rollback()


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_an_identity_cannot_be_exchanged_for_another_one(
    app: asyncpg.Connection, key: str, forgery: str
) -> None:
    for table in READABLE:
        transaction = app.transaction()
        await transaction.start()
        await enter(app, Tenant.of(REDMOND), key)
        assert (await seen(app, "retail.orders"))[0] > 0
        await app.execute("SELECT set_config('mcpdb.ctx', $1, true)", FORGERIES[forgery])
        assert await is_closed(app, table), table
        await transaction.rollback()


async def test_nobody_enters_twice_nor_with_the_key_of_another_database(
    app: asyncpg.Connection, key: str
) -> None:
    with pytest.raises(asyncpg.PostgresError, match="has a tenant already"):
        async with acting_as(app, Tenant.of(REDMOND), key):
            await enter(app, Tenant.of(SEATTLE), key)
    other = f"{key[:-10]}{key[-10:].swapcase()}"
    with pytest.raises(asyncpg.PostgresError, match="the tenant is refused"):
        await enter(app, Tenant.of(SEATTLE), other)


async def test_the_old_setting_changes_nothing_beside_an_identity(
    app: asyncpg.Connection, admin: asyncpg.Connection, key: str
) -> None:
    for value in (SEATTLE, HEAD_OFFICE):
        async with acting_as(app, Tenant.of(REDMOND), key):
            await app.execute("SELECT set_config('app.current_rls_user_id', $1, true)", value)
            for table in READABLE:
                expected = await truth(admin, table, [STORES["Redmond"].store_id])
                assert await seen(app, table) == expected


async def test_an_identity_ends_with_its_transaction_even_after_an_error(
    app: asyncpg.Connection, key: str
) -> None:
    with suppress(asyncpg.DivisionByZeroError):
        async with acting_as(app, Tenant.all(), key):
            assert await app.fetchval("SELECT count(*) FROM retail.orders") > 0
            await app.fetchval("SELECT count(*) / 0 FROM retail.orders")
            pytest.fail("There was no error.")
    assert await app.fetchval("SELECT current_setting('mcpdb.ctx', true)") == ""
    for table in READABLE:
        assert await is_closed(app, table), table


async def test_one_prepared_statement_serves_each_tenant_its_own_rows(
    app: asyncpg.Connection, admin: asyncpg.Connection, key: str
) -> None:
    expected = {
        name: await truth(admin, "retail.orders", stores)
        for name, (_, stores) in IDENTITIES.items()
    }
    # More often than the five custom plans after which PostgreSQL may take a generic one.
    for _ in range(8):
        for name, (tenant, _) in IDENTITIES.items():
            async with acting_as(app, tenant, key):
                assert await seen(app, "retail.orders") == expected[name]


async def test_tenants_on_connections_side_by_side_see_their_own_rows(
    connect: Connect, zava: str, admin: asyncpg.Connection, key: str
) -> None:
    async def ask(name: str) -> set[Fingerprint]:
        connection = await connect(zava)
        answers: set[Fingerprint] = set()
        for _ in range(10):
            async with acting_as(connection, IDENTITIES[name][0], key):
                answers.add(await seen(connection, "retail.order_items"))
        return answers

    answers = await asyncio.gather(*map(ask, IDENTITIES))
    for (_, stores), answer in zip(IDENTITIES.values(), answers, strict=True):
        assert answer == {await truth(admin, "retail.order_items", stores)}


async def test_parallel_workers_see_the_tenant_of_their_leader(
    app: asyncpg.Connection, admin: asyncpg.Connection, key: str
) -> None:
    few_rows = {"retail.product_image_embeddings", "retail.seed_info"}  # the leader reads these
    for tenant, stores in (IDENTITIES["Redmond"], IDENTITIES["Puget Sound"]):
        async with acting_as(app, tenant, key):
            for setting in (
                "parallel_setup_cost = 0",
                "parallel_tuple_cost = 0",
                "min_parallel_table_scan_size = 0",
                "min_parallel_index_scan_size = 0",
                "debug_parallel_query = on",
            ):
                await app.execute(f"SET LOCAL {setting}")
            for table in READABLE:
                plan = await app.fetch(f"EXPLAIN {fingerprint_of(table)}")
                assert table in few_rows or any("Gather" in line[0] for line in plan), table
                assert await seen(app, table) == await truth(admin, table, stores)


async def test_the_visible_stores_are_looked_up_once_for_a_query_not_for_each_row(
    app: asyncpg.Connection, key: str
) -> None:
    async with acting_as(app, Tenant.of(SEATTLE), key):
        for table in READABLE:
            plan = [line[0] for line in await app.fetch(f"EXPLAIN VERBOSE {fingerprint_of(table)}")]
            filters = [line for line in plan if "Filter:" in line or "Cond:" in line]
            assert filters
            assert not any("mcpdb." in line for line in filters)
            assert any("InitPlan" in line for line in plan)


async def test_the_operators_of_vectors_are_within_the_logins_reach(
    app: asyncpg.Connection, key: str
) -> None:
    async with acting_as(app, Tenant.of(SEATTLE), key):
        nearest = await app.fetchval(
            "SELECT a.product_id FROM retail.product_description_embeddings a,"
            " retail.product_description_embeddings b WHERE b.product_id = 7"
            " ORDER BY a.description_embedding <=> b.description_embedding LIMIT 1"
        )
    assert nearest == 7
