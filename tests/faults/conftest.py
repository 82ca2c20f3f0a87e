"""Faults happen to a PostgreSQL of the test's own, or on the way to the shared one."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import asyncpg
import pytest

from calls.quiet import Heard, listening
from faults.outage import Cluster
from faults.proxy import Proxy
from mcpdb.embedded import EmbeddedPostgres


@pytest.fixture(autouse=True)
async def quiet() -> AsyncGenerator[Heard]:
    """What asyncio complains about; at the end of the test it must be nothing."""
    with listening() as heard:
        yield heard
        await heard.nothing()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncGenerator[Cluster]:
    """A PostgreSQL with the shop that a test may kill, stop and start again."""
    async with Cluster.made(tmp_path / "pg") as made:
        yield made


@pytest.fixture
async def proxy(postgres: EmbeddedPostgres) -> AsyncGenerator[Proxy]:
    """A proxy before the shared PostgreSQL that can hold, cut and swallow what passes."""
    async with Proxy.before(postgres) as made:
        yield made


@pytest.fixture
async def far_shop(proxy: Proxy, shop: Callable[..., str], admin: asyncpg.Connection) -> str:
    """The DSN of the test's shop on the far side of the proxy."""
    return proxy.dsn(str(await admin.fetchval("SELECT current_database()")), shop())
