"""The lane for a model's SQL through a PgBouncer that pools by transaction: what a query leaves in
a session would be met by whoever gets that server connection next."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from calls.support import eventually, sleepers
from isolation.sql_lines import lane_at, settled, through
from isolation.walled import NORTH, SOUTH, Connection, Walled, build_walled, connected
from mcpdb import PoolConfig, QueryFailed, QueryTimeout
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.lane import Lane
from poolers import Pooler, pgbouncer
from servers import Cluster, fresh_database

ALIAS: Final = "the-alias"
_LOCKS: Final = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walled(postgres: EmbeddedPostgres) -> AsyncGenerator[Walled]:
    """The shop with its wall."""
    async with fresh_database(await Cluster.of(postgres)) as made:
        yield await build_walled(made)


@pytest.fixture
async def superuser(walled: Walled) -> AsyncGenerator[Connection]:
    async with connected(walled.superuser_dsn) as connection:
        yield connection


@dataclass(frozen=True, slots=True)
class _Way:
    """How to get to the database: the lane, and what it goes through."""

    lane: Lane
    pooler: Pooler


@pytest.fixture(params=[False, True], ids=["waits", "single flight"])
async def way(
    walled: Walled, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncGenerator[_Way]:
    """Four connections of ours, for which there are two of the server's."""
    cluster = walled.fresh.cluster
    pool = PoolConfig(size=4, pooler="pgbouncer-transaction", single_flight=bool(request.param))
    async with (
        pgbouncer(
            socket_dir_or_host=cluster.socket_dir,
            port=cluster.port,
            databases={ALIAS: walled.name},
            folder=tmp_path,
        ) as pooler,
        lane_at(pooler.dsn(ALIAS, walled.sql), walled.sealed(), pool=pool) as lane,
    ):
        yield _Way(lane, pooler)


async def _whose(lane: Lane, tenant: str) -> None:
    found = await through(lane, "SELECT DISTINCT tenant FROM shop.orders", tenant)
    assert found == [f'{{"tenant":"{tenant}"}}']


async def test_two_tenants_at_once_see_their_own_rows(way: _Way) -> None:
    for _ in range(5):
        await asyncio.gather(*(_whose(way.lane, tenant) for tenant in (NORTH, SOUTH) * 6))


async def test_neither_lock_nor_setting_stays_on_a_server_connection(
    walled: Walled, way: _Way, superuser: Connection
) -> None:
    query = (
        "SELECT pg_advisory_lock(n), set_config('work_mem', '77MB', false),"
        " set_config('mine.own', 'c101-1', false){} FROM generate_series(1, 3) n"
    )
    for tenant in (NORTH, SOUTH) * 3:
        await through(way.lane, query.format(""), tenant)
        with pytest.raises(QueryFailed, match="22012"):
            await through(way.lane, query.format(", 1 / (n - 3)"), tenant)
        await settled(way.lane)
        assert await superuser.fetchval(_LOCKS) == 0
    client = await asyncpg.connect(way.pooler.dsn(ALIAS, walled.sql), statement_cache_size=0)
    try:
        for _ in range(4):
            row = await client.fetchrow(
                "SELECT current_setting('work_mem') <> '77MB',"
                " coalesce(current_setting('mine.own', true), '') = '',"
                " coalesce(current_setting('mcpdb.ctx', true), '') = ''"
            )
            assert row is not None
            assert all(row)
    finally:
        await client.close()


async def test_a_call_that_is_stopped_leaves_no_lock(way: _Way, superuser: Connection) -> None:
    async def none() -> bool:
        return bool(await superuser.fetchval(_LOCKS) == 0)

    query = "SELECT pg_advisory_lock(7), pg_sleep(20)"
    for tenant in (NORTH, SOUTH):
        with pytest.raises(QueryTimeout):
            await through(way.lane, query, tenant, within_s=0.4)
        await eventually(none, what="no advisory lock is held", within_s=5)
        calling = asyncio.create_task(through(way.lane, query, tenant))
        await sleepers(superuser)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await eventually(none, what="no advisory lock is held", within_s=5)
        await asyncio.gather(*(_whose(way.lane, one) for one in (NORTH, SOUTH) * 3))
