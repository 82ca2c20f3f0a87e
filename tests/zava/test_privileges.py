"""What the roles may do, and that nothing the server's login can do changes what it sees."""

import asyncpg
import pytest

from stores import (
    READABLE,
    REDMOND,
    SEATTLE,
    STORES,
    Connect,
    CreateDatabase,
    acting_as,
    truth,
)
from zava import tables
from zava.access import APP_ROLE, HEAD_OFFICE, PROTECTED


@pytest.fixture
async def app(connect: Connect, zava: str) -> asyncpg.Connection:
    return await connect(zava)


@pytest.fixture
async def admin(connect: Connect, zava: str) -> asyncpg.Connection:
    return await connect(zava, "postgres")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT rls_user_id FROM retail.stores",
        "SELECT * FROM retail.stores",
        "SELECT stores FROM retail.stores",
        "SELECT 1 FROM retail.stores ORDER BY rls_user_id",
        f"SELECT 1 FROM retail.stores WHERE rls_user_id = '{SEATTLE}'",
        "SELECT count(*) FROM retail.store_access",
        "SELECT * FROM retail.orders FOR UPDATE",
        "COPY retail.stores TO STDOUT",
        "SET ROLE zava_owner",
        "SET ROLE zava_keeper",
        "CREATE TABLE retail.mine ()",
        "CREATE TABLE public.mine ()",
        "CREATE OR REPLACE FUNCTION retail.visible_stores() RETURNS int[] RETURN ARRAY[1]",
        "ALTER FUNCTION retail.visible_stores() RESET ALL",
        "DROP POLICY stores ON retail.orders",
        "ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
        "SET row_security = off; SELECT count(*) FROM retail.orders",
        "ALTER ROLE zava_app BYPASSRLS",
        *(f"INSERT INTO {table} SELECT * FROM {table}" for table in PROTECTED),
        *(f"DELETE FROM {table}" for table in PROTECTED),
        *(f"TRUNCATE {table} CASCADE" for table in PROTECTED),
        "UPDATE retail.orders SET store_id = store_id",
        "UPDATE retail.stores SET rls_user_id = rls_user_id",
        "UPDATE retail.inventory SET stock_level = 0",
    ],
)
async def test_the_login_may_not_even_when_it_leaves_read_only_mode(
    app: asyncpg.Connection, statement: str
) -> None:
    await app.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with acting_as(app, HEAD_OFFICE):
            await app.execute(statement)


@pytest.mark.parametrize("statement", ["DELETE FROM retail.orders", "CREATE TEMP TABLE mine ()"])
async def test_the_login_is_read_only_by_default(app: asyncpg.Connection, statement: str) -> None:
    with pytest.raises((asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError)):
        await app.execute(statement)
    assert await app.fetchval("SHOW transaction_read_only") == "on"


async def test_temporary_objects_cannot_stand_in_for_what_the_function_reads(
    connect: Connect, create_database: CreateDatabase, zava_template: str
) -> None:
    database = await create_database(zava_template)  # a clone has PUBLIC's TEMPORARY again
    app, admin = await connect(database), await connect(database, "postgres")
    await app.execute("SET default_transaction_read_only = off")
    await app.execute(
        f"""
        CREATE TEMP TABLE store_access AS
          SELECT '{REDMOND}'::uuid AS rls_user_id, generate_series(1, 8) AS store_id;
        CREATE TEMP TABLE stores AS SELECT generate_series(1, 8) AS store_id;
        CREATE FUNCTION pg_temp.visible_stores() RETURNS int[]
          LANGUAGE sql AS 'SELECT ARRAY[1,2,3,4,5,6,7,8]';
        CREATE FUNCTION pg_temp.current_setting(text, boolean) RETURNS text
          LANGUAGE sql AS $$SELECT '{HEAD_OFFICE}'$$;
        CREATE FUNCTION pg_temp.string_to_array(text, text) RETURNS text[]
          LANGUAGE sql AS $$SELECT ARRAY['{SEATTLE}']$$;
        CREATE FUNCTION pg_temp.always(text, text) RETURNS boolean
          LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.always);
        SET search_path = pg_temp, retail, pg_catalog, public;
        """
    )
    async with acting_as(app, REDMOND):
        assert await app.fetchval("SELECT retail.visible_stores()") == [STORES["Redmond"].store_id]
        for table in READABLE:
            expected = await truth(admin, table, [STORES["Redmond"].store_id])
            rows = f"SELECT count(*) FROM {table}"
            assert await app.fetchval(rows) == expected[0]


async def test_every_table_of_the_schema_has_forced_row_level_security(
    admin: asyncpg.Connection,
) -> None:
    rows = await admin.fetch(
        "SELECT oid::regclass::text AS name, relrowsecurity AND relforcerowsecurity AS safe,"
        " pg_get_userbyid(relowner) AS owner FROM pg_class"
        " WHERE relnamespace = 'retail'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')"
    )
    assert {row["name"] for row in rows} == set(PROTECTED)
    assert set(PROTECTED) == set(tables.metadata.tables)
    assert all(row["safe"] for row in rows)
    assert {row["owner"] for row in rows} == {"zava_owner"}


@pytest.mark.parametrize("role", ["zava_owner", "zava_keeper"])
async def test_the_owner_sees_no_row_and_the_keeper_only_what_it_needs(
    admin: asyncpg.Connection, role: str
) -> None:
    needed = {"retail.stores", "retail.store_access", "retail.seed_info"}
    for table in PROTECTED:
        async with acting_as(admin, HEAD_OFFICE):
            await admin.execute(f"SET LOCAL ROLE {role}")
            count = f"SELECT count(store_id) FROM {table}" if table == "retail.stores" else ""
            if role == "zava_keeper" and table not in needed:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with admin.transaction():
                        await admin.fetchval(f"SELECT count(*) FROM {table}")
            else:
                rows = await admin.fetchval(count or f"SELECT count(*) FROM {table}")
                assert (rows > 0) == (role == "zava_keeper")


async def test_the_login_has_no_power_of_its_own(admin: asyncpg.Connection) -> None:
    role = await admin.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", APP_ROLE)
    assert role is not None
    powers = ("super", "inherit", "createrole", "createdb", "replication", "bypassrls")
    assert not any(role[f"rol{power}"] for power in powers)
    for query in (
        "SELECT count(*) FROM pg_auth_members WHERE member = $1",
        "SELECT count(*) FROM pg_shdepend WHERE refobjid = $1 AND deptype = 'o'",
    ):
        assert await admin.fetchval(query, role["oid"]) == 0


async def test_the_login_comes_with_its_limits(app: asyncpg.Connection) -> None:
    for setting, value in {
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "1min",
        "client_connection_check_interval": "1s",
        "default_transaction_read_only": "on",
    }.items():
        assert await app.fetchval(f"SHOW {setting}") == value


async def test_only_the_login_may_call_the_function(admin: asyncpg.Connection) -> None:
    function = await admin.fetchrow(
        "SELECT pg_get_userbyid(proowner) AS owner, prosecdef, provolatile, proparallel, proconfig,"
        " has_function_privilege('zava_owner', oid, 'EXECUTE') AS public FROM pg_proc"
        " WHERE oid = 'retail.visible_stores()'::regprocedure"
    )
    assert function is not None
    assert dict(function) == {
        "owner": "zava_keeper",
        "prosecdef": True,
        "provolatile": b"s",
        "proparallel": b"s",
        "proconfig": ["search_path=pg_catalog, pg_temp"],
        "public": False,
    }
