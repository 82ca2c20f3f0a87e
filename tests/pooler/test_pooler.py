"""That the PgBouncer of these tests pools by transaction: else they would show nothing."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from mcpdb.embedded import EmbeddedPostgres
from poolers import pgbouncer
from servers import Cluster, Fresh, fresh_database

ALIAS = "the-alias"


@pytest.fixture
async def fresh(postgres: EmbeddedPostgres) -> AsyncGenerator[Fresh]:
    async with fresh_database(await Cluster.of(postgres)) as made:
        yield made


@asynccontextmanager
async def clients(
    fresh: Fresh, folder: Path, count: int, *, pool_size: int
) -> AsyncGenerator[list[asyncpg.Connection]]:
    async with pgbouncer(
        socket_dir_or_host=fresh.cluster.socket_dir,
        port=fresh.cluster.port,
        databases={ALIAS: fresh.name},
        pool_size=pool_size,
        folder=folder,
    ) as pooler:
        dsn = pooler.dsn(ALIAS, fresh.admin)
        made = [
            await asyncpg.connect(dsn, statement_cache_size=0, timeout=10) for _ in range(count)
        ]
        try:
            yield made
        finally:
            for client in made:
                client.terminate()


async def server_pid(client: asyncpg.Connection) -> int:
    return int(await client.fetchval("SELECT pg_backend_pid()"))


async def test_two_transactions_of_a_client_run_on_two_server_connections(
    fresh: Fresh, tmp_path: Path
) -> None:
    async with clients(fresh, tmp_path, 2, pool_size=2) as (one, other):
        async with one.transaction():
            first = await server_pid(one)
        async with other.transaction():
            taken = await server_pid(other)
            async with one.transaction():
                second = await server_pid(one)
        assert {first, second} == {taken, second}
        assert first != second
        assert one.get_server_pid() not in {first, second}


async def test_what_a_client_sets_for_its_session_is_there_for_the_next(
    fresh: Fresh, tmp_path: Path
) -> None:
    async with clients(fresh, tmp_path, 2, pool_size=1) as (one, other):
        await one.execute("SET app.tenant = 'north'")
        assert await other.fetchval("SELECT current_setting('app.tenant', true)") == "north"


async def test_an_alias_stands_for_the_real_database_and_the_role_stays(
    fresh: Fresh, tmp_path: Path
) -> None:
    async with clients(fresh, tmp_path, 1, pool_size=1) as (client,), client.transaction():
        found = await client.fetchrow("SELECT current_database(), current_user, session_user")
        assert found is not None
        assert tuple(found) == (fresh.name, fresh.admin, fresh.admin)


async def test_a_pooler_has_gone_at_its_end(fresh: Fresh, tmp_path: Path) -> None:
    async with pgbouncer(
        socket_dir_or_host=fresh.cluster.socket_dir,
        port=fresh.cluster.port,
        databases={ALIAS: fresh.name},
        folder=tmp_path,
        application_name_add_host=1,
    ) as pooler:
        os.kill(pooler.pid, 0)
        console = await asyncpg.connect(pooler.dsn("pgbouncer", "postgres"), timeout=10)
        await console.execute("SHOW POOLS")
        console.terminate()
    with pytest.raises(ProcessLookupError):
        os.kill(pooler.pid, 0)
    assert not pooler.socket_dir.exists()
