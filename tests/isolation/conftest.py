"""The isolation is tested on every version of PostgreSQL that it promises to work with."""

import uuid
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from isolation.walled import Connection, Walled, build_walled, connected, make_application
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def walled_template(cluster: Cluster) -> AsyncGenerator[Walled]:
    """The shop with its wall, to be cloned; nobody connects to it."""
    async with fresh_database(cluster) as made:
        yield await build_walled(made)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def walled(walled_template: Walled) -> Walled:
    """The shop with its wall, for tests that change nothing in it."""
    return await walled_template.clone("read")


@pytest.fixture
async def own_walled(walled_template: Walled) -> AsyncGenerator[Walled]:
    """The same, for a test that changes it."""
    made = await walled_template.clone(f"w{uuid.uuid4().hex[:6]}")
    yield made
    async with connected(made.fresh.cluster.dsn()) as superuser:
        await superuser.execute(f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.fixture
async def unwalled(database: Fresh) -> Fresh:
    """The shop as it was before, with roles of the test's own."""
    await make_application(database)
    return database


@pytest.fixture
async def app(walled: Walled) -> AsyncGenerator[Connection]:
    """A connection of the server's login."""
    async with connected(walled.dsn()) as connection:
        yield connection


@pytest.fixture
async def other(walled: Walled) -> AsyncGenerator[Connection]:
    """A second one."""
    async with connected(walled.dsn()) as connection:
        yield connection


@pytest.fixture
async def superuser(walled: Walled) -> AsyncGenerator[Connection]:
    """The superuser's: the truth that tests compare with."""
    async with connected(walled.superuser_dsn) as connection:
        yield connection
