"""The login for a model's SQL reads nothing itself, and has read for it exactly what is its
tenant's, whatever text it sends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import asyncpg
import pytest

from calls.support import eventually
from isolation.forgeries import NAMES, Own, forms, is_foreign
from isolation.sql_lines import RUN, run, run_as, sql_login
from isolation.sql_server import COLUMNS
from isolation.walled import (
    EAST,
    NORTH,
    OWN,
    SOUTH,
    TENANTS,
    Connection,
    Walled,
    connected,
    enter,
    entered,
    rolled_back,
    seal,
    token,
)
from mcpdb import Tenant

_WHO: Final = [(NORTH,), (SOUTH,), (EAST,), (NORTH, EAST), TENANTS, ()]
_DIRECTIONS: Final = ((NORTH, SOUTH), (SOUTH, NORTH))


@pytest.fixture
async def sql(walled: Walled) -> AsyncGenerator[Connection]:
    """A connection of the login for a model's SQL."""
    async with sql_login(walled) as connection:
        yield connection


def _columns(table: str) -> str:
    return ", ".join(COLUMNS[table.partition(".")[2]])


async def _truth(superuser: Connection, table: str, ids: Sequence[str]) -> list[str]:
    """The rows of these tenants, of all where there are none, as the function writes them."""
    listed = ", ".join(f"'{tenant_id}'" for tenant_id in ids)
    of_all = "tenant IS NOT NULL" if table == "public.notes" else "true"
    condition = OWN[table].format(ids=listed) if ids else of_all
    rows = await superuser.fetch(
        f"SELECT row_to_json(s)::text FROM (SELECT {_columns(table)} FROM {table}"
        f" WHERE {condition}) AS s"
    )
    return sorted(row[0] for row in rows)


@pytest.mark.parametrize("ids", _WHO, ids=lambda ids: "+".join(ids) or "all")
async def test_everyone_sees_exactly_its_own(
    walled: Walled, sql: Connection, superuser: Connection, ids: tuple[str, ...]
) -> None:
    for table in OWN:
        expected = await _truth(superuser, table, ids)
        assert expected
        found = await run_as(walled, sql, f"SELECT {_columns(table)} FROM {table}", *ids)
        assert sorted(found.rows) == expected, table
        assert [name for name, _ in found.columns] == _columns(table).split(", ")


async def test_what_one_sees_the_other_does_not(walled: Walled, sql: Connection) -> None:
    """Also on one connection in turn, and after an error in the midst of a transaction."""
    for tenant in (*TENANTS, *reversed(TENANTS)):
        for foreign in set(TENANTS) - {tenant}:
            query = f"SELECT count(*) AS n FROM shop.orders WHERE tenant = '{foreign}'"
            assert (await run_as(walled, sql, query, tenant)).only == 0
            with pytest.raises(asyncpg.DivisionByZeroError):
                await run_as(walled, sql, "SELECT amount / 0 FROM shop.orders", foreign)
            query = "SELECT DISTINCT tenant FROM shop.orders"
            assert (await run_as(walled, sql, query, tenant)).only == tenant


async def test_a_tenant_that_owns_nothing_sees_nothing_but_what_is_shared(
    walled: Walled, sql: Connection
) -> None:
    for table in OWN:
        query = f"SELECT {_columns(table)} FROM {table}"
        found = await run_as(walled, sql, query, "999")
        assert len(found.rows) == (9 if table == "shop.products" else 0), table


async def test_the_login_itself_may_do_nothing_but_enter_and_run(
    walled: Walled, sql: Connection, superuser: Connection
) -> None:
    readable = await superuser.fetch(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname IN ('shop', 'mcpdb', 'public')"
        " AND has_schema_privilege($1::name, n.oid, 'USAGE') AND (relkind <> 'S' AND"
        " has_any_column_privilege($1::name, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')"
        " OR relkind = 'S' AND has_sequence_privilege($1::name, c.oid, 'SELECT, USAGE, UPDATE'))",
        walled.sql,
    )
    assert readable == []
    callable_ = await superuser.fetch(
        "SELECT proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
        " WHERE nspname = 'mcpdb' AND has_function_privilege($1::name, p.oid, 'EXECUTE')",
        walled.sql,
    )
    assert sorted(row[0] for row in callable_) == ["enter", "run"]
    for role in (walled.sql, walled.fresh.role("reader")):
        groups = await superuser.fetchval(
            "SELECT count(*) FROM pg_roles g WHERE g.rolname <> $1"
            " AND pg_has_role($1::name, g.oid, 'MEMBER')",
            role,
        )
        assert groups == 0
    for table in OWN:
        async with entered(walled, sql, NORTH):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                await sql.fetch(f"SELECT FROM {table}")


async def test_the_reader_is_nobody_and_owns_the_function_alone(
    walled: Walled, superuser: Connection
) -> None:
    reader = walled.fresh.role("reader")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="not permitted"):
        await asyncpg.connect(walled.dsn(reader), timeout=10)
    owned = await superuser.fetch(
        "SELECT d.classid::regclass::text, d.objid::regprocedure::text FROM pg_shdepend d"
        " WHERE d.refobjid = $1::regrole AND d.deptype = 'o' AND d.dbid ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())",
        reader,
    )
    assert [tuple(row) for row in owned] == [("pg_proc", "mcpdb.run(text,integer,integer,text)")]
    is_anything = await superuser.fetchval(
        "SELECT rolsuper OR rolcanlogin OR rolbypassrls OR rolcreaterole OR rolcreatedb"
        " OR rolreplication OR rolinherit FROM pg_roles WHERE rolname = $1",
        reader,
    )
    assert not is_anything


_NO_RIGHT: Final = (
    "SELECT mcpdb.run('SELECT 1', 1, 1000, NULL)",
    "SELECT mcpdb.new_key('enter')",
    "SELECT mcpdb.ids_of('3:102')",
    "SELECT mcpdb.enter('3:102', pg_backend_pid(), 0, 1, NULL)",
    "SELECT * FROM mcpdb.keys",
    "SELECT ipad FROM mcpdb.keys",
    "SELECT secret FROM shop.stores",
    "SELECT * FROM shop.stores",
    "SELECT s FROM shop.stores s",
    "SELECT (s).secret FROM shop.stores s",
    "SELECT id FROM shop.stores ORDER BY secret",
    "SELECT manager FROM shop.managers",
    "TABLE shop.tenants",
    "SELECT nextval('shop.items_id_seq')",
    "SELECT last_value FROM shop.items_id_seq",
    "SELECT rolpassword FROM pg_authid",
    "SELECT stavalues1 FROM pg_statistic",
    "SELECT stxdmcv FROM pg_statistic_ext_data",
    "SELECT data FROM pg_largeobject",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_reload_conf()",
    "SELECT pg_stat_reset()",
    "SELECT set_config('session_replication_role', 'replica', true)",
    "SELECT set_config('log_statement', 'all', true)",
)


async def test_what_the_reader_has_no_right_to_is_refused(walled: Walled, sql: Connection) -> None:
    for query in _NO_RIGHT:
        for tenant in (NORTH, SOUTH):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"denied|not allowed"):
                await run_as(walled, sql, query, tenant)


async def test_without_a_tenant_a_text_is_not_even_parsed(walled: Walled, sql: Connection) -> None:
    for text in ("this is no SQL at all", "SELECT 1", "", "SELECT * FROM shop.products"):
        async with rolled_back(sql):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="no tenant is sealed"):
                await run(sql, text)
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await run_as(walled, sql, "this is no SQL at all", NORTH)


async def test_in_a_transaction_that_may_write_nothing_runs(
    walled: Walled, sql: Connection
) -> None:
    async with rolled_back(sql, readonly=False):
        await sql.execute("SET LOCAL transaction_read_only = off")
        await enter(sql, token(walled.sealed(), Tenant.of(NORTH), sql, walled.name))
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError, match="may write"):
            await run(sql, "this is no SQL at all")


async def test_the_seal_of_one_transaction_does_not_serve_the_next(
    walled: Walled, sql: Connection
) -> None:
    async with entered(walled, sql, SOUTH):
        sealed = await seal(sql)
    for is_local in (True, False):
        async with rolled_back(sql):
            await sql.execute("SELECT set_config('mcpdb.ctx', $1, $2)", sealed, is_local)
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="no tenant is sealed"):
                await run(sql, "SELECT * FROM shop.orders")


async def _forge(sql: Connection, query: str) -> Sequence[Sequence[Any]] | str:
    savepoint = sql.transaction()
    await savepoint.start()
    try:
        return [(row["line"],) for row in await sql.fetch(RUN, query, 10_000, 10_000_000, None)]
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    finally:
        await savepoint.rollback()


@pytest.mark.parametrize("name", NAMES)
async def test_no_form_of_a_forgery_gets_a_foreign_row(
    walled: Walled, sql: Connection, superuser: Connection, name: str
) -> None:
    form = {each.name: each for each in forms(walled.fresh.cluster.version)}.get(name)
    if form is None:
        return  # this version has not got the syntax
    rows = await superuser.fetch("SELECT tenant, count(*), sum(amount) FROM shop.orders GROUP BY 1")
    owned: dict[str, Own] = {row[0]: (row[1], int(row[2])) for row in rows}
    async with sql_login(walled) as victim:
        for own, other in _DIRECTIONS:
            async with entered(walled, victim, other), entered(walled, sql, own):
                mine, theirs = await seal(sql), Tenant.of(other).text
                for value in (other, theirs, mine[:66] + theirs, mine[:66] + "*", "", "*"):
                    query = form.sql(setting="mcpdb.ctx", value=value, table="shop.orders")
                    found = await _forge(sql, query)
                    if not isinstance(found, str):
                        assert not is_foreign(found, tenant=own, own=owned[own]), found
                stolen = form.sql(
                    setting="mcpdb.ctx", value=await seal(victim), table="shop.orders"
                )
                found = await _forge(sql, stolen)
                assert isinstance(found, str) or not is_foreign(found, tenant=own, own=owned[own])


async def test_no_other_session_can_be_seen_or_ended(
    walled: Walled, sql: Connection, superuser: Connection
) -> None:
    """Neither one of the query lane's login nor one of the same login."""
    async with connected(walled.dsn()) as app, sql_login(walled) as same:
        for victim in (app, same):
            pid = victim.get_server_pid()
            sleeping = asyncio.create_task(victim.fetch("SELECT pg_sleep(30) /* c102-1 */"))
            await _sleeps(superuser, pid)
            for look in (
                "SELECT query, client_addr, state, xact_start FROM pg_stat_activity",
                f"SELECT * FROM pg_stat_get_activity({pid})",
                "SELECT pg_stat_get_backend_activity(i) FROM pg_stat_get_backend_idset() i",
            ):
                found = await run_as(walled, sql, look, NORTH)
                assert "insufficient privilege" in "".join(found.rows)
                assert "c102-1" not in "".join(found.rows)
            for call in (
                "pg_terminate_backend",
                "pg_cancel_backend",
                "pg_log_backend_memory_contexts",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await run_as(walled, sql, f"SELECT {call}({pid})", NORTH)
            assert not sleeping.done()
            await superuser.execute("SELECT pg_cancel_backend($1)", pid)
            await asyncio.wait([sleeping], timeout=10)
            assert isinstance(sleeping.exception(), asyncpg.QueryCanceledError)


async def _sleeps(superuser: Connection, pid: int) -> None:
    async def asleep() -> bool:
        wait = "SELECT wait_event FROM pg_stat_activity WHERE pid = $1"
        return bool(await superuser.fetchval(wait, pid) == "PgSleep")

    await eventually(asleep, what="the victim sleeps")
