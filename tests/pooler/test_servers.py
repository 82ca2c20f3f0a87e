"""The servers and databases that the tests on several versions of PostgreSQL stand on."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio

from mcpdb.embedded import EmbeddedPostgres
from servers import PACKAGES, VERSIONS, Cluster, Fresh, Servers, fresh_database, missing


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def servers(postgres: EmbeddedPostgres) -> AsyncGenerator[Servers]:
    async with Servers(postgres) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=VERSIONS)
async def cluster(servers: Servers, request: pytest.FixtureRequest) -> Cluster:
    return await servers.cluster(request.param)


@pytest.fixture
async def database(cluster: Cluster) -> AsyncGenerator[Fresh]:
    async with fresh_database(cluster) as made:
        yield made


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def test_the_server_has_the_version_that_was_asked_for(cluster: Cluster) -> None:
    async with connected(cluster.dsn()) as superuser:
        assert superuser.get_server_version().major == cluster.version
        assert await superuser.fetchval("SHOW listen_addresses") == ""
        assert await superuser.fetchval("SHOW fsync") == "off"


async def test_its_programs_have_its_version(cluster: Cluster) -> None:
    asked = await asyncio.create_subprocess_exec(
        cluster.bin / "pg_dump", "--version", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(asked.communicate(), timeout=10)
    assert f"(PostgreSQL) {cluster.version}." in said.decode()


async def test_vector_can_be_created_where_the_cluster_says_so(database: Fresh) -> None:
    async with connected(database.superuser_dsn) as superuser:
        if database.cluster.has_vector:
            await superuser.execute("CREATE EXTENSION vector")
        else:
            with pytest.raises(asyncpg.FeatureNotSupportedError):
                await superuser.execute("CREATE EXTENSION vector")


async def test_the_owner_of_a_database_may_make_roles_but_is_no_superuser(database: Fresh) -> None:
    app = database.role("app")
    async with connected(database.dsn()) as owner:
        await owner.execute(f"CREATE ROLE {app} LOGIN")
        await owner.execute("CREATE TABLE t (n int)")
        await owner.execute(f"GRANT SELECT ON t TO {app}")
        assert await owner.fetchval(
            "SELECT NOT rolsuper AND rolcreaterole AND rolcanlogin FROM pg_roles"
            " WHERE rolname = current_user"
        )
    async with connected(database.dsn(app)) as login:
        assert await login.fetchval("SELECT current_user") == app
        assert await login.fetch("SELECT n FROM t") == []


async def test_nothing_of_a_database_is_left_whatever_its_roles_own(cluster: Cluster) -> None:
    async with fresh_database(cluster) as fresh:
        one, two, copy = (fresh.role(name) for name in ("one", "Two, too", "copy"))
        async with connected(fresh.dsn()) as owner:
            await owner.execute(f'CREATE ROLE {one} LOGIN CREATEROLE; CREATE ROLE "{two}"')
            await owner.execute(f'GRANT "{two}" TO {one} WITH ADMIN OPTION')
        async with connected(fresh.dsn(one)) as grantor:
            await grantor.execute(f'GRANT "{two}" TO {fresh.admin}')
        async with connected(fresh.superuser_dsn) as superuser:
            await superuser.execute(f'CREATE TABLE t (n int); ALTER TABLE t OWNER TO "{two}"')
            await superuser.execute(f'GRANT CONNECT ON DATABASE postgres TO "{two}"')
            await superuser.execute(f"GRANT SET ON PARAMETER log_min_messages TO {one}")
            await superuser.execute(f"ALTER ROLE {one} SET work_mem = '1MB'")
            await superuser.execute(f"CREATE DATABASE {copy} OWNER {one} IS_TEMPLATE true")
        # Left open within transactions: one in the database, one elsewhere.
        inside = await asyncpg.connect(fresh.dsn())
        outside = await asyncpg.connect(cluster.dsn(user=one))
        await inside.execute("BEGIN; CREATE TABLE u (n int)")
        await outside.execute("BEGIN")
    for connection in (inside, outside):
        connection.terminate()
    async with connected(cluster.dsn()) as superuser:
        left = await superuser.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE $1"
            " UNION ALL SELECT datname FROM pg_database WHERE datname LIKE $1",
            f"%{fresh.suffix}",
        )
        assert left == []


async def test_roles_of_one_test_have_names_of_their_own(cluster: Cluster) -> None:
    async with fresh_database(cluster) as first, fresh_database(cluster) as second:
        assert first.role("app") != second.role("app")
        assert {first.role("x"), first.admin} == {f"x_{first.suffix}", f"admin_{first.suffix}"}


def test_a_missing_package_skips_a_test_and_in_ci_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=PACKAGES):
        missing()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=PACKAGES):
        missing()


async def test_servers_opened_twice_are_one_and_go_with_the_second(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    async with Servers(postgres) as first:
        one = await first.cluster(16)
        async with Servers(postgres) as second:
            assert await second.cluster(16) == one
        async with connected(one.dsn()) as superuser:
            assert await superuser.fetchval("SELECT 1") == 1
    assert not one.socket_dir.exists()
    assert not one.socket_dir.with_suffix(".lock").exists()
