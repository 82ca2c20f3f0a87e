"""PostgreSQL itself lets through one statement that returns rows and writes nothing: without the
guard, and whatever the guard would have let pass."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

import asyncpg
import pytest

from isolation.sql_lines import run, run_as, sql_login
from isolation.walled import NORTH, SOUTH, Connection, Walled, connected, entered

REFUSED: Final = (
    "SELECT 1; SELECT 2",
    "SELECT 1; DELETE FROM shop.orders",
    "SELECT 1; ROLLBACK",
    ";",
    "",
    "-- nothing",
    "INSERT INTO shop.orders (tenant, amount, canary) VALUES ('101', 1, 'x')",
    "INSERT INTO shop.orders (tenant, amount, canary) VALUES ('101', 1, 'x') RETURNING id",
    "UPDATE shop.orders SET amount = 0 RETURNING id",
    "DELETE FROM shop.orders RETURNING id",
    "MERGE INTO shop.orders o USING shop.items i ON o.id = i.order_id WHEN MATCHED THEN DELETE",
    "TRUNCATE shop.orders",
    "WITH gone AS (DELETE FROM shop.orders RETURNING *) SELECT * FROM gone",
    "WITH more AS (INSERT INTO shop.products VALUES (10, 'x') RETURNING id) SELECT * FROM more",
    "WITH set AS (UPDATE shop.orders SET amount = 0) SELECT * FROM shop.orders",
    "SELECT * INTO shop.copy FROM shop.orders",
    "SELECT * INTO TEMP copy FROM shop.orders",
    "SELECT * FROM shop.orders FOR UPDATE",
    "SELECT * FROM shop.orders FOR SHARE",
    "SELECT * FROM (SELECT * FROM shop.orders FOR KEY SHARE) o",
    "EXPLAIN SELECT * FROM shop.orders",
    "EXPLAIN ANALYZE SELECT * FROM shop.orders",
    "EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM shop.orders",
    "COPY shop.orders TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY shop.orders FROM STDIN",
    "SHOW ALL",
    "SHOW work_mem",
    "SET work_mem = '1GB'",
    "SET LOCAL mcpdb.ctx = '*'",
    "SET ROLE NONE",
    "SET SESSION AUTHORIZATION DEFAULT",
    "RESET ALL",
    "DISCARD ALL",
    "DO $$ BEGIN PERFORM 1; END $$",
    "CALL shop.nothing()",
    "LOCK TABLE shop.orders",
    "LISTEN channel",
    "NOTIFY channel",
    "UNLISTEN *",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE ALL",
    "DECLARE c CURSOR FOR SELECT 1",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    'FETCH ALL FROM "<unnamed portal 1>"',
    "MOVE ALL IN c",
    "CLOSE ALL",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "PREPARE TRANSACTION 'x'",
    "VACUUM",
    "ANALYZE shop.orders",
    "CLUSTER",
    "REINDEX TABLE shop.orders",
    "CHECKPOINT",
    "LOAD 'plpgsql'",
    "CREATE TABLE shop.mine (x int)",
    "CREATE TEMP TABLE mine (x int)",
    "CREATE TEMP TABLE mine AS SELECT * FROM shop.orders",
    "CREATE TEMP VIEW mine AS SELECT * FROM shop.orders",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE ROLE mine",
    "ALTER FUNCTION mcpdb.run(text, int, int, text) VOLATILE",
    "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
    "DROP POLICY mcpdb_tenant ON shop.orders",
    "GRANT SELECT ON shop.orders TO PUBLIC",
    "COMMENT ON SCHEMA mcpdb IS 'x'",
    "REFRESH MATERIALIZED VIEW shop.nothing",
    "SECURITY LABEL ON TABLE shop.orders IS 'x'",
    "IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z",
    "VALUES (1); VALUES (2)",
    "TABLE shop.orders; TABLE shop.items",
    "RETURN 1",
)
_STATES: Final = frozenset(
    {
        "0A000",  # not in a function that is not VOLATILE
        "25006",  # not in a READ ONLY transaction
        "42883",  # no such procedure
        "42P11",  # no cursor for it
        "42501",  # no right to it
        "42601",  # not even a statement
        "42804",  # a cursor of nothing
    }
)
_CALL_STATES: Final = _STATES | {
    "22023",  # no such role
    "25001",  # not in the middle of a transaction
    "42704",  # no such sequence or large object
    "42883",  # no such function here
    "42P01",  # no such table here
}
CALLS: Final = (
    "set_config('role', 'postgres', true)",
    "set_config('role', 'none', true)",
    "set_config('role', current_setting('session_authorization'), false)",
    "set_config('session_authorization', 'postgres', true)",
    "set_config('session_authorization', 'default', true)",
    "set_config('transaction_read_only', 'off', true)",
    "nextval('shop.items_id_seq')",
    "setval('shop.items_id_seq', 1)",
    "lo_put(1, 0, 'x')",
    "dblink('dbname=postgres', 'SELECT 1')",
    "query_to_xml('DELETE FROM shop.orders RETURNING id', true, false, '')",
    "query_to_xml('SELECT secret FROM shop.stores', true, false, '')",
    "table_to_xml('shop.managers', true, false, '')",
    "ts_stat('SELECT to_tsvector(secret) FROM shop.stores')",
    "mcpdb.run('COMMIT', 1, 1, NULL)",
)


@pytest.fixture
async def sql(walled: Walled) -> AsyncGenerator[Connection]:
    """A connection of the login for a model's SQL."""
    async with sql_login(walled) as connection:
        yield connection


async def _state(superuser: Connection) -> Sequence[object]:
    """What a statement could have changed, as a superuser sees it."""
    row = await superuser.fetchrow(
        "SELECT (SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM shop.orders o),"
        " (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),"
        " (SELECT count(*) FROM pg_policy), (SELECT last_value FROM shop.items_id_seq),"
        " (SELECT count(*) FROM pg_largeobject_metadata), (SELECT sum(relrowsecurity::int)"
        " FROM pg_class), (SELECT count(*) FROM pg_default_acl)"
    )
    assert row is not None
    return tuple(row)


async def _refusal(walled: Walled, sql: Connection, query: str, tenant: str) -> str:
    """The SQLSTATE, or what it answered."""
    try:
        return str(await run_as(walled, sql, query, tenant))
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)


async def test_what_is_not_one_query_is_refused(
    walled: Walled, sql: Connection, superuser: Connection
) -> None:
    """Alone, and behind a query that would be let through."""
    before = await _state(superuser)
    found = {
        (text, tenant): await _refusal(walled, sql, text, tenant)
        for text in (*REFUSED, *(f"SELECT 1; {text}" for text in REFUSED if len(text) > 1))
        for tenant in (NORTH, SOUTH)
        if text != "SELECT 1; -- nothing"
    }
    assert {each: state for each, state in found.items() if state not in _STATES} == {}
    assert await _state(superuser) == before


async def test_no_call_within_a_query_leaves_it(
    walled: Walled, sql: Connection, superuser: Connection
) -> None:
    before = await _state(superuser)
    found = {
        query: await _refusal(walled, sql, query, NORTH)
        for call in CALLS
        for query in (f"SELECT {call}", f"SELECT * FROM shop.orders WHERE ({call}) IS NULL")
    }
    assert {each: state for each, state in found.items() if state not in _CALL_STATES} == {}
    assert await sql.fetchval("SELECT current_user::text") == walled.sql
    assert await sql.fetchval("SELECT session_user::text") == walled.sql
    assert await _state(superuser) == before


async def test_who_runs_a_query_is_the_reader_and_afterwards_the_login(
    walled: Walled, sql: Connection
) -> None:
    who = "SELECT current_user::text AS runs, session_user::text AS logged_in"
    async with entered(walled, sql, NORTH):
        found = await run(sql, who)
        assert found.values == [[walled.fresh.role("reader"), walled.sql]]
        row = await sql.fetchrow(who)
        assert row is not None
        assert tuple(row) == (walled.sql, walled.sql)


async def test_what_a_query_makes_ends_with_the_transaction(
    walled: Walled, sql: Connection, superuser: Connection
) -> None:
    """Before version 16 a READ ONLY transaction may make large objects; it is rolled back."""
    before = await _state(superuser)
    try:
        await run_as(walled, sql, "SELECT lo_create(0), lo_from_bytea(0, 'x')", NORTH)
    except asyncpg.ReadOnlySQLTransactionError:
        assert walled.fresh.cluster.version >= 16
    assert await _state(superuser) == before


async def test_a_notification_is_never_sent(
    walled: Walled, sql: Connection, superuser: Connection
) -> None:
    heard: list[object] = []

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        heard.append(payload)

    await superuser.add_listener("channel", hear)
    await run_as(walled, sql, "SELECT pg_notify('channel', 'c101-1')", NORTH)
    await superuser.execute("NOTIFY channel, 'last'")
    await superuser.execute("SELECT 1")
    assert heard == ["last"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS n",
        "SELECT 1 AS n;",
        "  /* why */ SELECT 1 AS n -- because",
        "VALUES (1)",
        "TABLE shop.products LIMIT 1",
        "WITH one AS (SELECT 1 AS n) SELECT * FROM one",
        "(SELECT 1 AS n UNION ALL SELECT 1) LIMIT 1",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) TABLE r LIMIT 1",
    ],
)
async def test_queries_of_every_kind_run(walled: Walled, sql: Connection, query: str) -> None:
    assert len((await run_as(walled, sql, query, NORTH)).rows) == 1


async def test_a_forged_search_path_of_the_session_changes_nothing(
    walled: Walled, sql: Connection
) -> None:
    """What a session has set is not what the function runs with."""
    for setting, value in (
        ("search_path", "pg_temp, pg_catalog"),
        ("standard_conforming_strings", "off"),
        ("row_security", "off"),
        ("IntervalStyle", "sql_standard"),
    ):
        async with entered(walled, sql, NORTH):
            await sql.execute("SELECT set_config($1, $2, true)", setting, value)
            assert (await run(sql, "SELECT count(*) FROM orders")).only == 40
            assert (await run(sql, r"SELECT '\\' AS s")).only == "\\\\"
            assert (await run(sql, "SELECT interval '1 day 2 hours' AS i")).only == "P1DT2H"


async def test_what_postgresql_knows_of_values_is_closed(own_walled: Walled) -> None:
    """Samples of columns, which are of all tenants' rows, also where the reader may read them."""
    async with connected(own_walled.superuser_dsn) as superuser:
        await superuser.execute("CREATE STATISTICS shop.both ON tenant, canary FROM shop.orders")
        await superuser.execute("ANALYZE")
        for view in ("pg_stats", "pg_stats_ext"):
            assert await superuser.fetchval(f"SELECT count(*) FROM {view} WHERE tablename='orders'")
    async with sql_login(own_walled) as sql:
        for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"):
            query = f"SELECT * FROM {view} WHERE schemaname IN ('shop', 'mcpdb')"
            assert (await run_as(own_walled, sql, query, NORTH)).rows == []
        for catalog in ("pg_statistic", "pg_statistic_ext_data"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await run_as(own_walled, sql, f"SELECT * FROM {catalog}", NORTH)
