"""The isolation is tested on every version of PostgreSQL that it promises to work with."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from mcpdb.embedded import EmbeddedPostgres
from servers import VERSIONS, Cluster, Fresh, Servers, fresh_database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(postgres: EmbeddedPostgres) -> AsyncGenerator[Servers]:
    """The run's servers. Not `cluster` itself: that ends whenever its parameter changes."""
    async with Servers(postgres) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=[str(v) for v in VERSIONS])
async def cluster(servers: Servers, request: pytest.FixtureRequest) -> Cluster:
    """A PostgreSQL of each version in turn."""
    return await servers.cluster(int(request.param))


@pytest.fixture
async def database(cluster: Cluster) -> AsyncGenerator[Fresh]:
    """An empty database, owned by a role that is no superuser; it goes with all its roles."""
    async with fresh_database(cluster) as made:
        yield made
