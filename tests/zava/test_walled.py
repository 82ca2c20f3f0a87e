"""The wall of a seeded database: that it stands as declared, and what is done where there is none,
or somebody else's."""

from pathlib import Path

import asyncpg
import pytest

from mcpdb import ConfigurationError, HashedEmbeddings
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.operate import plan_wall, remove_wall
from stores import Connect, CreateDatabase, checksum, key_of
from zava import tables
from zava.access import WALL
from zava.generate import Plan
from zava.load import seed, seeded


@pytest.fixture
async def admin(connect: Connect, empty: str) -> asyncpg.Connection:
    return await connect(empty, "postgres")


async def test_the_wall_of_a_seeded_database_is_as_it_is_declared(
    connect: Connect, zava: str, admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    await seed(admin, plan, embeddings=embeddings)
    for each in (admin, await connect(zava, "postgres")):
        wall = await plan_wall(each, WALL)
        assert not [*wall.statements, *wall.refusals]


async def test_a_role_that_reads_all_data_neither_hinders_a_seed_nor_sees_a_row(
    tmp_path: Path, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    """On a server of its own: such a role reads every database, and other tests' walls do not
    declare it."""
    async with EmbeddedPostgres(tmp_path / "postgres", settings={"fsync": "off"}) as server:
        dsn = server.dsn(database="postgres").replace("+asyncpg", "")
        admin = await asyncpg.connect(dsn)
        await admin.execute("CREATE ROLE backup_of_zava IN ROLE pg_read_all_data")
        await seed(admin, plan, embeddings=embeddings)
        async with admin.transaction():
            await admin.execute("SET LOCAL ROLE backup_of_zava")
            for table in tables.metadata.tables:
                assert await admin.fetchval(f"SELECT count(*) FROM {table}") == 0
        await admin.close()


async def test_the_wall_of_somebody_else_is_not_touched(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    await admin.execute("CREATE SCHEMA mcpdb")
    for again in (False, True):
        with pytest.raises(ConfigurationError, match="not Zava's"):
            await seed(admin, plan, embeddings=embeddings, replace=again)
    assert await seeded(admin) is None


async def test_data_without_a_wall_are_refused_and_can_be_replaced(
    connect: Connect,
    create_database: CreateDatabase,
    zava_template: str,
    plan: Plan,
    embeddings: HashedEmbeddings,
) -> None:
    """As an earlier release has left them: with policies of its own, and a function of theirs."""
    admin = await connect(await create_database(zava_template), "postgres")
    old_key = await key_of(admin)
    before = await checksum(admin)
    await remove_wall(admin)
    await admin.execute(
        """
        GRANT USAGE ON SCHEMA retail TO zava_keeper, zava_app;
        GRANT SELECT ON retail.seed_info, retail.orders TO zava_keeper, zava_app;
        CREATE FUNCTION retail.visible_stores() RETURNS int[] SECURITY DEFINER
          RETURN (SELECT array_agg(store_id) FROM retail.orders);
        ALTER FUNCTION retail.visible_stores() OWNER TO zava_keeper;
        CREATE POLICY stores ON retail.orders FOR SELECT TO zava_app
          USING (store_id = ANY ((SELECT retail.visible_stores())::int[]));
        """
    )
    with pytest.raises(ConfigurationError, match="without a wall") as refused:
        await seeded(admin)
    assert "--replace" in refused.value.hint
    with pytest.raises(ConfigurationError, match="without a wall"):
        await seed(admin, plan, embeddings=embeddings)
    again = await seed(admin, plan, embeddings=embeddings, replace=True)
    assert again.key == await key_of(admin) != old_key
    assert await checksum(admin) == before
    assert not (await plan_wall(admin, WALL)).statements
