"""The seal through the life of a transaction: savepoints, changed settings, and changed keys."""

import hashlib
import struct

import asyncpg
import pytest

from isolation.walled import (
    NORTH,
    SOUTH,
    Connection,
    Walled,
    connected,
    enter,
    entered,
    rolled_back,
    seen,
    token,
    truth,
)
from mcpdb import ConfigurationError, Tenant
from mcpdb.isolation import Sealed
from mcpdb.operate import rotate_keys


async def _sealed(superuser: Connection, app: Connection, **changes: bytes) -> str:
    """A seal as the database makes it, with its own key, but for these fields."""
    key = await superuser.fetchrow(
        "SELECT number, ipad, opad FROM mcpdb.keys WHERE purpose = 'seal'"
    )
    assert key is not None
    name = str(await app.fetchval("SELECT current_database()")).encode()
    fields = {
        "database": name,
        "pid": struct.pack(">i", app.get_server_pid()),
        "began": bytes(await app.fetchval("SELECT timestamptz_send(now())")),
        "tenant": Tenant.of(NORTH).text.encode(),
    } | changes
    database = struct.pack(">i", len(fields["database"])) + fields["database"]
    message = b"mcpdb-seal-1" + database + fields["pid"] + fields["began"] + fields["tenant"]
    inner = hashlib.sha256(key["ipad"] + message).digest()
    mac = hashlib.sha256(key["opad"] + inner).hexdigest()
    return f"{mac}{key['number']}:{Tenant.of(NORTH).text}"


async def test_a_seal_is_bound_to_each_of_its_fields(
    walled: Walled, app: Connection, other: Connection, superuser: Connection
) -> None:
    """Two backends rarely begin in one microsecond, so this takes the key and makes such seals."""
    pid = struct.pack(">i", other.get_server_pid())
    async with entered(walled, app, NORTH):
        own = await app.fetchval("SELECT current_setting('mcpdb.ctx')")
        assert await _sealed(superuser, app) == own
        began = int.from_bytes(await app.fetchval("SELECT timestamptz_send(now())")) - 1
        for changes in (
            {"pid": pid},
            {"began": began.to_bytes(8)},
            {"database": b"other"},
            {"tenant": Tenant.of(SOUTH).text.encode()},
        ):
            forged = await _sealed(superuser, app, **changes)
            await app.execute("SELECT set_config('mcpdb.ctx', $1, true)", forged)
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="no tenant is sealed"):
                async with app.transaction():
                    await seen(app, "shop.orders")
        await app.execute("SELECT set_config('mcpdb.ctx', $1, true)", own)
        assert await seen(app, "shop.orders") == await truth(superuser, "shop.orders", (NORTH,))


async def _enters(walled: Walled, key: str) -> str:
    """The SQLSTATE with which this key is refused; nothing, where it is not."""
    async with connected(walled.dsn()) as app, rolled_back(app):
        try:
            await enter(app, token(Sealed(key=key), Tenant.of(NORTH), app, walled.name))
        except asyncpg.PostgresError as error:
            return str(error.sqlstate)
        assert await app.fetchval("SELECT count(*) FROM shop.orders") == 40
    return ""


async def test_rolling_back_to_before_the_entry_leaves_nobody(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    async with rolled_back(app):
        await app.execute("SAVEPOINT before")
        await enter(app, token(walled.sealed(), Tenant.of(NORTH), app, walled.name))
        assert await seen(app, "shop.orders") == await truth(superuser, "shop.orders", (NORTH,))
        await app.execute("ROLLBACK TO before")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with app.transaction():
                await seen(app, "shop.orders")
        # Nobody is in, so another may come.
        await enter(app, token(walled.sealed(), Tenant.of(SOUTH), app, walled.name))
        assert await seen(app, "shop.orders") == await truth(superuser, "shop.orders", (SOUTH,))


async def test_rolling_back_to_after_the_entry_keeps_it(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    expected = await truth(superuser, "shop.orders", (NORTH,))
    async with entered(walled, app, NORTH):
        await app.execute("SAVEPOINT after")
        await app.execute("SELECT set_config('mcpdb.ctx', 'x', false)")
        await app.execute("ROLLBACK TO after")
        assert await seen(app, "shop.orders") == expected
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with app.transaction():
                await app.execute("SELECT 1 / 0")
        assert await seen(app, "shop.orders") == expected


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_nothing_of_the_tenant_outlives_its_transaction(
    walled: Walled, app: Connection, ending: str
) -> None:
    await app.execute("BEGIN READ ONLY")
    await enter(app, token(walled.sealed(), Tenant.of(NORTH), app, walled.name))
    await app.execute(ending)
    assert await app.fetchval("SELECT coalesce(current_setting('mcpdb.ctx', true), '')") == ""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await seen(app, "shop.orders")


# What a query could change before it reads. None of it may change whose rows it gets, nor what the
# next transaction on the connection gets.
_SETTINGS = {
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "on",
    "search_path": "pg_temp, shop, public",
    "DateStyle": "German, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Pacific/Kiritimati",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "array_nulls": "off",
    "quote_all_identifiers": "on",
    "client_encoding": "LATIN1",
    "row_security": "off",
    "role": "none",
    "plan_cache_mode": "force_generic_plan",
    "transform_null_equals": "on",
    "xmlbinary": "hex",
    "check_function_bodies": "off",
    "statement_timeout": "0",
    "from_collapse_limit": "1",
    "enable_seqscan": "off",
    "lc_numeric": "C",
    "default_transaction_isolation": "serializable",
    "debug_parallel": "on",
}


@pytest.mark.parametrize("how", ["set_config", "SET LOCAL", "before"])
@pytest.mark.parametrize("setting", _SETTINGS)
async def test_no_setting_changes_whose_rows_one_gets(
    walled: Walled, app: Connection, superuser: Connection, setting: str, how: str
) -> None:
    value = _SETTINGS[setting]
    name = setting
    if setting == "debug_parallel":
        new = walled.fresh.cluster.version >= 16
        name = "debug_parallel_query" if new else "force_parallel_mode"
    expected = {t: await truth(superuser, "shop.orders", (t,)) for t in (NORTH, SOUTH)}
    # On a fresh connection: the functions are parsed first after the setting was changed.
    for tenant in (NORTH, SOUTH, NORTH):
        async with rolled_back(app):
            parameters = token(walled.sealed(), Tenant.of(tenant), app, walled.name)
            if how == "before":
                await app.execute("SELECT set_config($1, $2, true)", name, value)
                await enter(app, parameters)
            elif how == "set_config":
                await enter(app, parameters)
                await app.execute("SELECT set_config($1, $2, true)", name, value)
            else:
                await enter(app, parameters)
                to = value if name == "search_path" else f"'{value}'"
                await app.execute(f"SET LOCAL {name} = {to}")
            if setting == "row_security":
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                    await seen(app, "shop.orders")
            else:
                assert await seen(app, "shop.orders") == expected[tenant]
    for tenant in (NORTH, SOUTH):
        async with entered(walled, app, tenant):
            assert await seen(app, "shop.orders") == expected[tenant]


@pytest.mark.parametrize("name", ["role", "session_authorization"])
async def test_a_query_becomes_nobody_else(walled: Walled, app: Connection, name: str) -> None:
    for target in ("postgres", walled.fresh.admin, walled.fresh.role("keeper")):
        async with entered(walled, app, NORTH):
            with pytest.raises(asyncpg.PostgresError):
                await app.fetch(
                    "SELECT set_config($1, $2, false), canary FROM shop.orders", name, target
                )
    async with entered(walled, app, SOUTH):
        assert await app.fetchval("SELECT current_user::text") == walled.app


async def test_a_temporary_table_is_not_made_nor_taken_for_ours(
    walled: Walled, app: Connection
) -> None:
    async with rolled_back(app, readonly=False):
        await app.execute("CREATE TEMP TABLE keys (purpose text, number int, ipad bytea)")
        await app.execute("CREATE TEMP TABLE orders AS SELECT 'fake' AS canary")
        await app.execute("SET LOCAL search_path = pg_temp, shop, mcpdb")
        await enter(app, token(walled.sealed(), Tenant.of(NORTH), app, walled.name))
        assert await app.fetchval("SELECT count(*) FROM shop.orders") == 40


async def test_rotation_without_overlap_ends_the_old_key(own_walled: Walled) -> None:
    async with connected(own_walled.admin_dsn) as admin:
        new = await rotate_keys(admin, overlap_s=0)
    assert new != own_walled.key
    assert await _enters(own_walled, own_walled.key) == "MD001"
    assert await _enters(own_walled, new) == ""


async def test_rotation_with_overlap_keeps_the_old_key_for_a_while(own_walled: Walled) -> None:
    async with connected(own_walled.admin_dsn) as admin:
        new = await rotate_keys(admin, overlap_s=3_600)
        newest = await rotate_keys(admin, overlap_s=60)
    assert len({own_walled.key, new, newest}) == 3
    for key in (own_walled.key, new, newest):
        assert await _enters(own_walled, key) == ""
    async with connected(own_walled.superuser_dsn) as superuser:
        ends = await superuser.fetch(
            "SELECT extract(epoch FROM not_after - clock_timestamp())::float8 AS left"
            " FROM mcpdb.keys WHERE purpose = 'enter' AND not_after < 'infinity' ORDER BY number"
        )
        assert [round(row["left"] / 60) for row in ends] == [1, 1]  # never longer than asked
        await superuser.execute(
            "UPDATE mcpdb.keys SET not_after = now() - interval '1 s' WHERE not_after < 'infinity'"
        )
    for key in (own_walled.key, new):
        assert await _enters(own_walled, key) == "MD001"
    assert await _enters(own_walled, newest) == ""


async def test_a_rotation_does_not_break_into_an_open_transaction(own_walled: Walled) -> None:
    async with (
        connected(own_walled.admin_dsn) as admin,
        connected(own_walled.dsn()) as app,
        entered(own_walled, app, NORTH),
    ):
        await rotate_keys(admin, overlap_s=30)
        assert await app.fetchval("SELECT count(*) FROM shop.orders") == 40


async def test_a_rotation_without_overlap_ends_all_that_was_sealed_before(
    own_walled: Walled,
) -> None:
    """The key of seals may be what has become known."""
    async with (
        connected(own_walled.admin_dsn) as admin,
        connected(own_walled.dsn()) as app,
        entered(own_walled, app, NORTH),
    ):
        await rotate_keys(admin, overlap_s=0)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.fetchval("SELECT count(*) FROM shop.orders")
    async with connected(own_walled.superuser_dsn) as superuser:
        assert await superuser.fetchval("SELECT count(*) FROM mcpdb.keys") == 2


async def test_every_key_has_a_number_of_its_own(own_walled: Walled) -> None:
    keys = [own_walled.key]
    async with connected(own_walled.admin_dsn) as admin:
        keys += [await rotate_keys(admin, overlap_s=overlap_s) for overlap_s in (60, 0, 0)]
    numbers = [key.split("-")[2] for key in keys]
    assert len(set(numbers)) == len(numbers), numbers


@pytest.mark.parametrize("overlap_s", [-1, float("nan"), float("inf"), 400 * 86_400])
async def test_keys_overlap_for_a_time_that_makes_sense(
    own_walled: Walled, overlap_s: float
) -> None:
    async with connected(own_walled.admin_dsn) as admin:
        with pytest.raises(ConfigurationError, match="overlap"):
            await rotate_keys(admin, overlap_s=overlap_s)
    assert await _enters(own_walled, own_walled.key) == ""


async def test_the_administrator_keeps_no_way_to_the_keys(own_walled: Walled) -> None:
    async with connected(own_walled.admin_dsn) as admin:
        await rotate_keys(admin, overlap_s=60)
        for statement in (
            "SELECT * FROM mcpdb.keys",
            "SELECT mcpdb.new_key('enter')",
            f"SET ROLE {own_walled.fresh.role('keeper')}",
            f"SET ROLE {own_walled.fresh.role('app')}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await admin.execute(statement)
