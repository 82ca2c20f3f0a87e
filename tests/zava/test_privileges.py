"""What the roles may do, and that nothing the server's login can do changes what it sees."""

import asyncpg
import pytest

from mcpdb import Tenant
from stores import (
    EVERY_STORE,
    EVERY_TABLE,
    READABLE,
    REDMOND,
    SEATTLE,
    STORES,
    Connect,
    CreateDatabase,
    acting_as,
    truth,
)
from zava.access import APP_ROLE


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
        "SET ROLE zava_loader",
        "SELECT count(*) FROM mcpdb.keys",
        "SELECT mcpdb.new_key('enter')",
        "SELECT mcpdb.ids_of('*')",
        "CREATE TABLE mcpdb.mine ()",
        "CREATE OR REPLACE FUNCTION mcpdb.stores() RETURNS int[] RETURN ARRAY[1]",
        "CREATE OR REPLACE FUNCTION mcpdb.tenant() RETURNS text RETURN '*'",
        "ALTER FUNCTION mcpdb.stores() RESET ALL",
        "DROP POLICY mcpdb_tenant ON retail.orders",
        "ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
        "SET row_security = off; SELECT count(*) FROM retail.orders",
        "ALTER ROLE zava_app BYPASSRLS",
        *(f"INSERT INTO {table} SELECT * FROM {table}" for table in EVERY_TABLE),
        *(f"DELETE FROM {table}" for table in EVERY_TABLE),
        *(f"TRUNCATE {table} CASCADE" for table in EVERY_TABLE),
        "UPDATE retail.orders SET store_id = store_id",
        "UPDATE retail.stores SET rls_user_id = rls_user_id",
        "UPDATE retail.inventory SET stock_level = 0",
    ],
)
async def test_the_login_may_not_even_when_it_leaves_read_only_mode(
    app: asyncpg.Connection, statement: str, key: str
) -> None:
    await app.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with acting_as(app, Tenant.all(), key):
            await app.execute(statement)


@pytest.mark.parametrize("statement", ["DELETE FROM retail.orders", "CREATE TEMP TABLE mine ()"])
async def test_the_login_is_read_only_by_default(app: asyncpg.Connection, statement: str) -> None:
    with pytest.raises((asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError)):
        await app.execute(statement)
    assert await app.fetchval("SHOW transaction_read_only") == "on"


async def test_temporary_objects_cannot_stand_in_for_what_the_functions_read(
    connect: Connect, create_database: CreateDatabase, zava_template: str, key: str
) -> None:
    database = await create_database(zava_template)  # a clone has PUBLIC's TEMPORARY again
    app, admin = await connect(database), await connect(database, "postgres")
    await app.execute("SET default_transaction_read_only = off")
    await app.execute(
        f"""
        CREATE TEMP TABLE store_access AS
          SELECT '{REDMOND}'::uuid AS rls_user_id, generate_series(1, 8) AS store_id;
        CREATE TEMP TABLE stores AS SELECT generate_series(1, 8) AS store_id;
        CREATE TEMP TABLE keys AS SELECT 'seal' AS purpose, 1 AS number, ''::bytea AS ipad,
          ''::bytea AS opad, now() AS made_at, 'infinity'::timestamptz AS not_after;
        CREATE FUNCTION pg_temp.stores() RETURNS int[]
          LANGUAGE sql AS 'SELECT ARRAY[1,2,3,4,5,6,7,8]';
        CREATE FUNCTION pg_temp.tenant() RETURNS text LANGUAGE sql AS $$SELECT '*'$$;
        CREATE FUNCTION pg_temp.ids_of(text) RETURNS text[]
          LANGUAGE sql AS $$SELECT ARRAY['{SEATTLE}']$$;
        CREATE FUNCTION pg_temp.current_setting(text, boolean) RETURNS text
          LANGUAGE sql AS $$SELECT '*'$$;
        CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea
          LANGUAGE sql AS $$SELECT ''::bytea$$;
        CREATE FUNCTION pg_temp.always(text, text) RETURNS boolean
          LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.always);
        SET search_path = pg_temp, retail, pg_catalog, public;
        """
    )
    async with acting_as(app, Tenant.of(REDMOND), key):
        assert await app.fetchval("SELECT mcpdb.stores()") == [STORES["Redmond"].store_id]
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
    assert {row["name"] for row in rows} == set(EVERY_TABLE)
    assert all(row["safe"] for row in rows)
    assert {row["owner"] for row in rows} == {"zava_owner"}


async def test_the_keeper_is_nobody_s_group_and_the_loader_a_member_of_none(
    admin: asyncpg.Connection,
) -> None:
    members = await admin.fetch(
        "SELECT roleid::regrole::text AS role FROM pg_auth_members"
        " WHERE roleid = 'zava_keeper'::regrole OR member IN ('zava_owner'::regrole,"
        " 'zava_keeper'::regrole, 'zava_loader'::regrole, 'zava_app'::regrole)"
    )
    assert not members


async def rows_as(admin: asyncpg.Connection, role: str, table: str, key: str) -> int | None:
    """How many rows a role sees; None: it may not look."""
    counted = "store_id" if table == "retail.stores" else "*"
    try:
        async with acting_as(admin, Tenant.all(), key):
            await admin.execute(f"SET LOCAL ROLE {role}")
            return int(await admin.fetchval(f"SELECT count({counted}) FROM {table}"))
    except asyncpg.InsufficientPrivilegeError:
        return None


async def test_the_owner_sees_no_row_even_in_the_name_of_the_head_office(
    admin: asyncpg.Connection, key: str
) -> None:
    for table in EVERY_TABLE:
        assert await rows_as(admin, "zava_owner", table, key) == 0


async def test_the_keeper_sees_only_what_the_look_up_reads(
    admin: asyncpg.Connection, key: str
) -> None:
    for table in EVERY_TABLE:
        rows = await rows_as(admin, "zava_keeper", table, key)
        if table in {"retail.stores", "retail.store_access"}:
            assert rows
        else:
            assert rows is None, table


async def test_the_loader_sees_what_the_server_may_read_and_not_whose_id_is_whose(
    admin: asyncpg.Connection, key: str
) -> None:
    for table in EVERY_TABLE:
        rows = await rows_as(admin, "zava_loader", table, key)
        everything = await truth(admin, table, EVERY_STORE)
        assert rows == (None if table == "retail.store_access" else everything[0]), table


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


async def test_nothing_is_granted_to_the_login_but_reading_and_asking(
    admin: asyncpg.Connection,
) -> None:
    rows = await admin.fetch(
        """SELECT object, privilege_type FROM (
          SELECT oid::regclass::text AS object, relacl AS acl FROM pg_class
          UNION ALL SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute
          UNION ALL SELECT nspname::text, nspacl FROM pg_namespace
          UNION ALL SELECT proname::text, proacl FROM pg_proc
        ) AS objects, aclexplode(acl) WHERE grantee = $1::regrole""",
        APP_ROLE,
    )
    granted = {(row["object"], row["privilege_type"]) for row in rows}
    columns = {f"retail.stores.{name}" for name in ("store_id", "store_name", "is_online")}
    assert granted == {
        *((schema, "USAGE") for schema in ("retail", "mcpdb")),
        *((function, "EXECUTE") for function in ("enter", "tenant", "ids", "stores")),
        *((name, "SELECT") for name in {*READABLE, *columns} - {"retail.stores"}),
    }


async def test_the_login_comes_with_its_limits(app: asyncpg.Connection) -> None:
    for setting, value in {
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "15s",
        "transaction_timeout": "1min",
        "lock_timeout": "5s",
        "search_path": "pg_catalog, retail, public, pg_temp",
        "client_connection_check_interval": "1s",
        "default_transaction_read_only": "on",
    }.items():
        assert await app.fetchval(f"SHOW {setting}") == value


async def test_only_the_login_may_ask_which_stores_it_sees(admin: asyncpg.Connection) -> None:
    function = await admin.fetchrow(
        "SELECT pg_get_userbyid(proowner) AS owner, prosecdef, provolatile, proconfig,"
        " has_function_privilege('zava_app', oid, 'EXECUTE') AS app,"
        " has_function_privilege('zava_owner', oid, 'EXECUTE') AS public FROM pg_proc"
        " WHERE oid = 'mcpdb.stores()'::regprocedure"
    )
    assert function is not None
    found = dict(function)
    settings = found.pop("proconfig")
    assert {"search_path=pg_catalog, pg_temp", "standard_conforming_strings=on"} <= {*settings}
    assert found == {
        "owner": "zava_keeper",
        "prosecdef": True,
        "provolatile": b"s",
        "app": True,
        "public": False,
    }
