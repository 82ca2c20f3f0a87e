"""Who may seed, and what the roles of one database mean to the others of its server."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from mcpdb import ConfigurationError, HashedEmbeddings
from mcpdb.embedded import EmbeddedPostgres
from stores import Connect, checksum
from zava.access import HEAD_OFFICE, TENANT_SETTING
from zava.generate import Plan
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


async def test_an_administrator_who_is_no_superuser_can_seed_replace_and_look(
    tmp_path: Path, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    """On a server of its own, because roles made by one administrator are not another's; and on
    the oldest PostgreSQL that is supported."""
    settings = {"fsync": "off", "shared_buffers": "16MB"}
    async with (
        EmbeddedPostgres(tmp_path / "pg16", version=16, settings=settings) as server,
        AsyncExitStack() as stack,
    ):

        async def connect(user: str, database: str) -> asyncpg.Connection:
            connection = await asyncpg.connect(
                host=str(server.socket_dir), port=server.port, user=user, database=database
            )
            stack.callback(connection.terminate)
            return connection

        superuser = await connect("postgres", "postgres")
        await superuser.execute("CREATE ROLE dba LOGIN CREATEROLE")
        await superuser.execute("CREATE ROLE guest LOGIN")
        await superuser.execute("CREATE DATABASE shop OWNER dba")
        dba = await connect("dba", "shop")
        with pytest.raises(ConfigurationError, match="lacks the extension vector"):
            await seed(dba, plan, embeddings=embeddings)
        owner = await connect("postgres", "shop")
        await owner.execute("CREATE EXTENSION vector")

        with pytest.raises(ConfigurationError, match="privilege"):
            await seed(await connect("guest", "shop"), plan, embeddings=embeddings)
        info = await seed(dba, plan, embeddings=embeddings)
        assert await seeded(dba) == info == await seeded(owner)
        before = await checksum(owner)
        with pytest.raises(ConfigurationError, match="seed 2025 instead of 7"):
            await seed(dba, replace(plan, seed=7), embeddings=embeddings)
        await seed(dba, replace(plan, seed=7), embeddings=embeddings, replace=True)
        await seed(dba, plan, embeddings=embeddings, replace=True)
        assert await checksum(owner) == before

        app = await connect("zava_app", "shop")
        async with app.transaction():
            await app.execute(f"SET LOCAL {TENANT_SETTING} = '{HEAD_OFFICE}'")
            assert await app.fetchval("SELECT count(*) FROM retail.customers") == 1_000

        await superuser.execute("CREATE DATABASE shop2 TEMPLATE template0 OWNER dba")
        await (await connect("postgres", "shop2")).execute("CREATE EXTENSION vector")
        again = await connect("dba", "shop2")
        for too_much in ("ROLE zava_app CREATEDB", "ROLE zava_owner LOGIN"):
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
