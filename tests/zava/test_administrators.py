"""Who may seed, and what the roles of one database mean to the others of its server."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import asyncpg
import pytest

from mcpdb import ConfigurationError, HashedEmbeddings, Tenant
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.operate import plan_wall
from stores import Connect, acting_as, checksum
from zava.access import WALL
from zava.app import make_server
from zava.generate import Plan
from zava.identity import NoIdentity
from zava.load import seed, seeded


@pytest.fixture
async def admin(connect: Connect, empty: str) -> asyncpg.Connection:
    return await connect(empty, "postgres")


async def test_the_servers_login_can_neither_look_nor_seed(
    connect: Connect, zava: str, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    app = await connect(zava)
    with pytest.raises(ConfigurationError, match="privilege"):
        await seeded(app)
    with pytest.raises(ConfigurationError, match="privilege"):
        await seed(app, plan, embeddings=embeddings)


async def test_a_seeded_database_gives_the_public_no_temporary_tables(
    connect: Connect,
    empty: str,
    admin: asyncpg.Connection,
    plan: Plan,
    embeddings: HashedEmbeddings,
) -> None:
    await admin.execute(f"REVOKE CONNECT ON DATABASE {empty} FROM PUBLIC")
    await seed(admin, plan, embeddings=embeddings)
    app = await connect(empty)
    assert not await app.fetchval("SELECT has_database_privilege($1, 'TEMPORARY')", empty)


async def roles_that_may_too_much_are_refused(
    superuser: asyncpg.Connection,
    again: asyncpg.Connection,
    plan: Plan,
    embeddings: HashedEmbeddings,
) -> None:
    for too_much in (
        "ROLE zava_app CREATEDB",
        "ROLE zava_owner LOGIN",
        "ROLE zava_loader LOGIN",
    ):
        await superuser.execute(f"ALTER {too_much}")
        with pytest.raises(ConfigurationError, match="may do more than it must"):
            await seed(again, plan, embeddings=embeddings)
        await superuser.execute(
            f"ALTER {too_much.replace('CREATEDB', 'NOCREATEDB').replace('LOGIN', 'NOLOGIN')}"
        )
    await superuser.execute("GRANT pg_monitor TO zava_app")
    with pytest.raises(ConfigurationError, match="may do more than it must"):
        await seed(again, plan, embeddings=embeddings)
    await superuser.execute("REVOKE pg_monitor FROM zava_app")


@pytest.mark.parametrize("version", [16, 18])
async def test_an_administrator_who_is_no_superuser_can_seed_replace_and_look(
    tmp_path: Path, plan: Plan, embeddings: HashedEmbeddings, version: Literal[16, 18]
) -> None:
    """On a server of its own, because roles made by one administrator are not another's."""
    settings = {"fsync": "off", "shared_buffers": "16MB"}
    async with (
        EmbeddedPostgres(tmp_path / "pg", version=version, settings=settings) as server,
        AsyncExitStack() as stack,
    ):

        async def connect(user: str, database: str) -> asyncpg.Connection:
            connection = await asyncpg.connect(
                host=str(server.socket_dir), port=server.port, user=user, database=database
            )
            stack.callback(connection.terminate)
            return connection

        superuser = await connect("postgres", "postgres")
        await superuser.execute("CREATE ROLE dba LOGIN CREATEROLE; CREATE ROLE guest LOGIN")
        await superuser.execute("CREATE DATABASE shop OWNER dba")
        dba = await connect("dba", "shop")
        with pytest.raises(ConfigurationError, match="lacks the extension vector"):
            await seed(dba, plan, embeddings=embeddings)
        owner = await connect("postgres", "shop")
        await owner.execute("CREATE EXTENSION vector")

        with pytest.raises(ConfigurationError, match="privilege"):
            await seed(await connect("guest", "shop"), plan, embeddings=embeddings)
        made = await seed(dba, plan, embeddings=embeddings)
        assert await seeded(dba) == made.info == await seeded(owner)
        assert not (await plan_wall(dba, WALL)).statements
        assert not (await plan_wall(owner, WALL)).statements
        before = await checksum(owner)
        with pytest.raises(ConfigurationError, match="seed 2025 instead of 7"):
            await seed(dba, replace(plan, seed=7), embeddings=embeddings)
        # As an earlier release has left it.
        await dba.execute("GRANT zava_keeper TO CURRENT_USER WITH SET TRUE, INHERIT FALSE")
        await seed(dba, replace(plan, seed=7), embeddings=embeddings, replace=True)
        await seed(dba, plan, embeddings=embeddings, replace=True)
        assert await checksum(owner) == before
        assert not (await plan_wall(dba, WALL)).statements

        app = await connect("zava_app", "shop")
        assert made.key is not None
        async with acting_as(app, Tenant.all(), made.key):
            assert await app.fetchval("SELECT count(*) FROM retail.customers") == 1_000
        for role, can in (("zava_loader", True), ("zava_owner", True), ("zava_keeper", False)):
            assert await dba.fetchval("SELECT pg_has_role($1, 'SET')", role) == can
            assert not await dba.fetchval("SELECT pg_has_role($1, 'USAGE')", role)
        dsn = server.dsn(database="shop", user="zava_app")
        async with make_server(dsn, key=made.key, tenancy=NoIdentity()).database as database:
            await database.ping()

        await superuser.execute("CREATE DATABASE shop2 TEMPLATE template0 OWNER dba")
        await (await connect("postgres", "shop2")).execute("CREATE EXTENSION vector")
        again = await connect("dba", "shop2")
        await roles_that_may_too_much_are_refused(superuser, again, plan, embeddings)
        await seed(again, plan, embeddings=embeddings)


async def test_two_databases_of_one_server_are_seeded_side_by_side_from_the_first_role_on(
    tmp_path: Path, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    async with (
        EmbeddedPostgres(tmp_path / "pg", settings={"fsync": "off"}) as server,
        AsyncExitStack() as stack,
    ):

        async def connect(database: str) -> asyncpg.Connection:
            connection = await asyncpg.connect(
                host=str(server.socket_dir), port=server.port, user="postgres", database=database
            )
            stack.callback(connection.terminate)
            return connection

        first = await connect("postgres")
        databases = ["one", "two", "three"]
        for database in databases:
            await first.execute(f"CREATE DATABASE {database}")
        connections = [await connect(database) for database in databases]
        await asyncio.gather(*(seed(each, plan, embeddings=embeddings) for each in connections))
        assert len({str(await checksum(each)) for each in connections}) == 1
