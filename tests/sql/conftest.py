"""The worlds of the corpus, on every version of PostgreSQL, and what its statements do in them."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from isolation.walled import NORTH, SOUTH, Walled
from mcpdb.embedded import EmbeddedPostgres
from servers import VERSIONS, Cluster, Servers, fresh_database
from sql.configurations import QueryLogin, SqlLane
from sql.judged import Verdicts, both_ways
from sql.shop_sql import build_plain_shop, build_walled_shop, make_world
from sql.worlds import Worlds


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(postgres: EmbeddedPostgres) -> AsyncGenerator[Servers]:
    """The run's servers. Not `cluster` itself: that ends whenever its parameter changes."""
    async with Servers(postgres) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=[str(v) for v in VERSIONS])
async def cluster(servers: Servers, request: pytest.FixtureRequest) -> Cluster:
    """A PostgreSQL of each version in turn."""
    return await servers.cluster(int(request.param))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worlds(cluster: Cluster) -> AsyncGenerator[Worlds]:
    """The shop behind its wall, and the same with other rows of one tenant."""
    async with fresh_database(cluster) as fresh:
        template = await build_walled_shop(fresh)
        usual = await make_world(template, "usual", None)
        changed = {
            each: await make_world(template, f"other{each}", each) for each in (NORTH, SOUTH)
        }
        yield Worlds(usual, changed)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def plain_shop(cluster: Cluster) -> AsyncGenerator[Walled]:
    """The shop without a wall."""
    async with fresh_database(cluster) as fresh:
        await build_plain_shop(fresh)
        yield Walled(fresh, fresh.name, "no key")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def login_verdicts(worlds: Worlds) -> Verdicts:
    """Of the corpus, sent by the login of the query lane."""
    return await both_ways(QueryLogin, worlds)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lane_verdicts(worlds: Worlds) -> Verdicts:
    """Of the corpus, sent through the SQL lane."""
    return await both_ways(SqlLane, worlds)
