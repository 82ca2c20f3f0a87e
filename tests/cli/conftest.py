"""The commands are tested as processes, and on PostgreSQL 18 unless a test says otherwise."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from cli.running import Ran, run_mcpdb
from isolation.walled import Walled, build_walled, connected, make_application
from mcpdb.embedded import EmbeddedPostgres
from servers import Cluster, Fresh, Servers, fresh_database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(postgres: EmbeddedPostgres) -> AsyncGenerator[Servers]:
    """The run's servers."""
    async with Servers(postgres) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(servers: Servers, request: pytest.FixtureRequest) -> Cluster:
    """PostgreSQL 18, or the version that a test asks for."""
    return await servers.cluster(int(getattr(request, "param", 18)))


@pytest.fixture
async def unwalled(cluster: Cluster) -> AsyncGenerator[Fresh]:
    """A shop that an application uses, without a wall."""
    async with fresh_database(cluster) as made:
        await make_application(made)
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(servers: Servers) -> AsyncGenerator[Walled]:
    """The shop with its wall, and no advice left, to be cloned."""
    async with fresh_database(await servers.cluster(18)) as made:
        yield await build_walled(made)


@pytest.fixture
async def walled(template: Walled, request: pytest.FixtureRequest) -> AsyncGenerator[Walled]:
    """The same, of one test."""
    made = await template.clone(f"c{abs(hash(request.node.nodeid)) % 16**8:08x}")
    # A role's settings in a database are not cloned with it.
    async with connected(made.superuser_dsn) as superuser:
        for setting in await superuser.fetch(
            "SELECT unnest(setconfig) AS it FROM pg_db_role_setting s JOIN pg_database d"
            " ON d.oid = s.setdatabase WHERE d.datname = $1",
            made.fresh.name,
        ):
            name, _, value = setting["it"].partition("=")
            value = value if name == "search_path" else f"'{value}'"
            await superuser.execute(
                f"ALTER ROLE {made.app} IN DATABASE {made.name} SET {name} = {value}"
            )
    yield made
    async with connected(made.fresh.cluster.dsn()) as superuser:
        await superuser.execute(
            f"ALTER ROLE {made.app} NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION"
            " CONNECTION LIMIT -1"
        )
        await superuser.execute(f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.fixture
def mcpdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs the command in a folder of the test's own."""
    monkeypatch.delenv("MCPDB_ADMIN_DSN", raising=False)

    def run(*arguments: str, **environment: str) -> Ran:
        return run_mcpdb(*arguments, folder=tmp_path, **environment)

    return run
