"""How much a query may return and take, and that nothing of it is left on its connection."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pytest

from calls.support import eventually, sleepers
from isolation.sql_lines import lane_at, run, run_as, settled, sql_login, through
from isolation.sql_server import ask, server_of
from isolation.walled import NORTH, SOUTH, Connection, Walled, entered
from mcpdb import PoolConfig, QueryFailed, QueryTimeout, Tenant
from mcpdb.lane import Lane


@pytest.fixture
async def sql(walled: Walled) -> AsyncGenerator[Connection]:
    """A connection of the login for a model's SQL."""
    async with sql_login(walled) as connection:
        yield connection


@pytest.mark.parametrize(("most", "rows"), [(0, 0), (1, 1), (39, 39), (40, 40), (41, 40)])
async def test_no_more_rows_than_asked_for(
    walled: Walled, sql: Connection, most: int, rows: int
) -> None:
    async with entered(walled, sql, NORTH):
        found = await run(sql, "SELECT id FROM shop.orders ORDER BY id", max_rows=most)
    assert len(found.rows) == rows
    assert not found.is_cut
    assert found.columns == [("id", "bigint")]


async def test_a_query_without_end_ends_with_its_rows(walled: Walled, sql: Connection) -> None:
    """A cursor reads no more than is fetched."""
    query = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"
    async with entered(walled, sql, NORTH):
        found = await run(sql, query, max_rows=100)
    assert [value for (value,) in found.values] == list(range(1, 101))


async def test_no_more_bytes_than_asked_for(walled: Walled, sql: Connection) -> None:
    """What would be one too many is a line of NULL, and nothing after it is read."""
    query = "SELECT 'ééé' AS x FROM generate_series(1, 1000)"  # 14 octets each
    line = len('{"x":"ééé"}'.encode())
    for bytes_, rows in ((0, 0), (line - 1, 0), (line, 1), (10 * line + 3, 10), (999 * line, 999)):
        async with entered(walled, sql, NORTH):
            found = await run(sql, query, max_bytes=bytes_)
        assert (len(found.rows), found.is_cut) == (rows, True)
    async with entered(walled, sql, NORTH):
        found = await run(sql, query, max_bytes=1000 * line)
    assert (len(found.rows), found.is_cut) == (1000, False)


async def test_a_row_of_nulls_is_no_end(walled: Walled, sql: Connection) -> None:
    found = await run_as(walled, sql, "SELECT NULL AS x FROM generate_series(1, 3)", NORTH)
    assert found.rows == ['{"x":null}'] * 3
    assert not found.is_cut


async def test_memory_is_what_was_asked_for_and_only_meanwhile(
    walled: Walled, sql: Connection
) -> None:
    shown = "SELECT current_setting('work_mem') AS m"
    path = "SELECT current_setting('search_path') AS p"
    async with entered(walled, sql, NORTH):
        before = [await sql.fetchval(shown), await sql.fetchval(path)]
        assert (await run(sql, shown)).only == before[0]
        assert (await run(sql, shown, memory="3MB")).only == "3MB"
        assert (await run(sql, path)).only == "pg_catalog, shop, public, pg_temp"
        assert await sql.fetchval(path) == before[1]
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await run(sql, shown, memory="much")
    async with entered(walled, sql, SOUTH):
        assert [await sql.fetchval(shown), await sql.fetchval(path)] == before


_LOCK: Final = (
    "pg_advisory_lock(7)",
    "pg_advisory_lock_shared(7)",
    "pg_try_advisory_lock(7, 8)",
    "pg_advisory_xact_lock(7)",
)
_TAKEN: Final = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@asynccontextmanager
async def _lane(walled: Walled, **options: Any) -> AsyncGenerator[Lane]:
    """The lane itself, so that no guard is in the way."""
    async with lane_at(walled.dsn(walled.sql), walled.sealed(), **options) as lane:
        yield lane


async def _locks(superuser: Connection) -> int:
    return int(await superuser.fetchval(_TAKEN))


async def _none_is_locked(superuser: Connection) -> None:
    async def none() -> bool:
        return await _locks(superuser) == 0

    await eventually(none, what="no advisory lock is held", within_s=5)


@pytest.mark.parametrize("single_flight", [False, True])
async def test_advisory_locks_are_gone_with_the_call(
    walled: Walled, superuser: Connection, single_flight: bool
) -> None:
    """Also where it ended in an error: before the connection is handed out again."""
    async with _lane(walled, pool=PoolConfig(size=1, single_flight=single_flight)) as lane:
        for lock in _LOCK:
            for tenant in (NORTH, SOUTH):
                (backend,) = await through(lane, "SELECT pg_backend_pid() AS p", tenant)
                await through(lane, f"SELECT {lock}", tenant)
                await settled(lane)
                assert await _locks(superuser) == 0
                with pytest.raises(QueryFailed, match="22012"):
                    await through(lane, f"SELECT {lock}, 1 / (SELECT 0)", tenant)
                await settled(lane)
                assert await _locks(superuser) == 0
                assert await through(lane, "SELECT pg_backend_pid() AS p", tenant) == [backend]


async def test_advisory_locks_are_gone_with_a_call_that_was_stopped(
    walled: Walled, superuser: Connection
) -> None:
    async with _lane(walled, pool=PoolConfig(size=1)) as lane:
        with pytest.raises(QueryTimeout):
            await through(lane, f"SELECT {_LOCK[0]}, pg_sleep(20)", within_s=0.4)
        await _none_is_locked(superuser)
        calling = asyncio.create_task(through(lane, f"SELECT {_LOCK[0]}, pg_sleep(20)"))
        await sleepers(superuser)
        assert await _locks(superuser) == 1
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await _none_is_locked(superuser)
        assert await through(lane, "SELECT 1 AS n") == ['{"n":1}']


async def test_without_the_unlocking_a_lock_would_stay(
    walled: Walled, superuser: Connection
) -> None:
    """Which is why there is one; the query lane, on which no such SQL runs, has none."""
    async with _lane(walled, pool=PoolConfig(size=1), unlocks=False) as lane:
        await through(lane, f"SELECT {_LOCK[0]}")
        await settled(lane)
        assert await _locks(superuser) == 1
    await _none_is_locked(superuser)


@pytest.mark.parametrize("single_flight", [False, True])
async def test_a_database_releases_the_locks_of_its_sql_tool(
    walled: Walled, superuser: Connection, single_flight: bool
) -> None:
    """Which no guard lets pass, unless somebody has told it to."""
    pool = PoolConfig(size=1, single_flight=single_flight)
    functions = ["pg_advisory_lock"]
    server = server_of(walled, Tenant.of(NORTH), sql_pool=pool, tool={"functions": functions})
    async with server.database:
        for _ in range(3):
            assert (await ask(server, "SELECT pg_advisory_lock(7)")).structured["row_count"] == 1
            await _none_is_locked(superuser)
        assert await _backends(superuser, walled.sql) == 1  # it is the same one


async def _backends(superuser: Connection, login: str) -> int:
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"
    return int(await superuser.fetchval(count, login))


async def test_no_setting_outlives_its_call(walled: Walled) -> None:
    """One that says it is the session's neither."""
    settings = {
        "work_mem": "77MB",
        "statement_timeout": "0",
        "mine.own": "c101-1",
        "search_path": "pg_temp",
        "TimeZone": "Asia/Tokyo",
        "mcpdb.ctx": "*",
    }
    names = settings.keys() - {"mcpdb.ctx", "statement_timeout"}
    # A setting of one's own is empty afterwards, and was not there before.
    parts = ", ".join(f"nullif(current_setting('{name}', true), '')" for name in sorted(names))
    shown = f"SELECT ARRAY[{parts}] AS s"
    async with _lane(walled, pool=PoolConfig(size=1)) as lane:
        before = await through(lane, shown, SOUTH)
        for name, value in settings.items():
            for is_local in ("true", "false"):
                query = f"SELECT set_config('{name}', '{value}', {is_local})"
                await through(lane, query, NORTH)
        assert await through(lane, shown, SOUTH) == before
        with pytest.raises(QueryTimeout):
            await through(lane, "SELECT pg_sleep(20)", SOUTH, within_s=0.3)
        found = await through(lane, "SELECT DISTINCT tenant FROM shop.orders", SOUTH)
        assert found == [f'{{"tenant":"{SOUTH}"}}']
