"""Data of an earlier release, whose wall had no login for SQL."""

from dataclasses import replace

import pytest

from mcpdb import ConfigurationError, HashedEmbeddings
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.isolation import Roles
from mcpdb.operate import apply_wall
from stores import Connect, CreateDatabase, key_of
from zava.access import APP_ROLE, KEEPER, LOADER, SQL_ROLE, WALL
from zava.app import make_server
from zava.generate import Plan
from zava.identity import development_identity
from zava.load import seed

EARLIER = replace(WALL, roles=Roles(app=APP_ROLE, keeper=KEEPER, loader=LOADER))


async def test_data_of_an_earlier_release_get_the_login_for_sql(
    *,
    postgres: EmbeddedPostgres,
    connect: Connect,
    create_database: CreateDatabase,
    zava_template: str,
    plan: Plan,
    embeddings: HashedEmbeddings,
) -> None:
    name = await create_database(zava_template)
    admin = await connect(name, "postgres")
    key = await key_of(admin)
    await apply_wall(admin, EARLIER)
    count = "SELECT count(*), sum(order_id) FROM retail.orders"
    before = await admin.fetchrow(count)
    server = make_server(
        postgres.dsn(database=name, user=APP_ROLE),
        key=key,
        tenancy=development_identity(),
        sql_dsn=postgres.dsn(database=name, user=SQL_ROLE),
    )
    with pytest.raises(ConfigurationError):
        await server.database.open()
    done = await seed(admin, plan, embeddings=embeddings)
    assert done.key is None
    assert await admin.fetchrow(count) == before
    async with server.database:
        pass
