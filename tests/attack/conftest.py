"""A weak server and its mended twin, on PostgreSQL 18 and served on the loopback interface."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from attack.mended_server import make_mended, wall_of_sales
from attack.sales import SCHEMA, WEAK
from attack.weak_server import make_weak
from isolation.walled import connected
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.operate import apply_wall
from servers import Cluster, Servers, fresh_database
from transports.support import served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(postgres: EmbeddedPostgres) -> AsyncGenerator[Cluster]:
    """PostgreSQL 18."""
    async with Servers(postgres) as opened:
        yield await opened.cluster(18)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def weak_dsn(cluster: Cluster) -> AsyncGenerator[str]:
    """The weak database, as the server's login."""
    async with fresh_database(cluster) as fresh:
        login = fresh.role("weak")
        async with connected(fresh.superuser_dsn) as superuser:
            await superuser.execute(SCHEMA + WEAK.format(login=login))
        yield fresh.dsn(login)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mended(cluster: Cluster) -> AsyncGenerator[tuple[str, str, str]]:
    """The same rows behind a wall: the DSNs of the server's logins, and its key."""
    async with fresh_database(cluster) as fresh:
        async with connected(fresh.dsn()) as admin:
            await admin.execute(SCHEMA)
            applied = await apply_wall(admin, wall_of_sales(fresh))
        assert applied.key is not None
        yield fresh.dsn(fresh.role("app")), fresh.dsn(fresh.role("sql")), applied.key


@pytest.fixture
async def weak_url(weak_dsn: str) -> AsyncGenerator[str]:
    """Where the weak server is served."""
    async with served(make_weak(weak_dsn).streamable_http_app()) as address:
        yield f"{address}/mcp"


@pytest.fixture
async def mended_url(mended: tuple[str, str, str]) -> AsyncGenerator[str]:
    """Where its mended twin is served."""
    async with served(make_mended(*mended).http_app()) as address:
        yield f"{address}/mcp"
