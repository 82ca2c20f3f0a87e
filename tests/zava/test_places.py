"""What `zava serve --dsn` serves: a seeded database, as the login of its policies."""

import pytest

from mcpdb import ConfigurationError
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.operate import remove_wall
from stores import Connect, CreateDatabase
from zava.generate import Plan
from zava.progress import progress_bars
from zava.services import Place, Ready, seeded_place

KEY = f"mcpdb-key-1-{'A' * 43}"


async def opened(dsn: str, plan: Plan | None = None, *, key: str | None = KEY) -> Ready:
    place = Place(data=None, dsn=dsn, key=key)
    async with seeded_place(place, plan, bars=progress_bars) as ready:
        return ready


async def test_the_server_s_own_login_is_served(postgres: EmbeddedPostgres, zava: str) -> None:
    dsn = postgres.dsn(database=zava, user="zava_app")
    assert await opened(dsn) == Ready(dsn=dsn, key=KEY)


async def test_without_a_key_nothing_is_served(postgres: EmbeddedPostgres, zava: str) -> None:
    dsn = postgres.dsn(database=zava, user="zava_app")
    with pytest.raises(ConfigurationError, match="ZAVA_KEY") as refused:
        await opened(dsn, key=None)
    assert "rotate-keys" in refused.value.hint


async def test_data_without_a_wall_are_refused(
    postgres: EmbeddedPostgres,
    connect: Connect,
    create_database: CreateDatabase,
    zava_template: str,
) -> None:
    """As an earlier release has left them, whose login could look for the seed's mark."""
    name = await create_database(zava_template)
    admin = await connect(name, "postgres")
    await remove_wall(admin)
    await admin.execute("GRANT USAGE ON SCHEMA retail TO zava_app")
    with pytest.raises(ConfigurationError, match="without a wall"):
        await opened(postgres.dsn(database=name, user="zava_app"))


async def test_a_login_without_policies_is_refused(postgres: EmbeddedPostgres, zava: str) -> None:
    """A superuser, who would see the rows of all stores."""
    with pytest.raises(ConfigurationError, match="logs in as zava_app"):
        await opened(postgres.dsn(database=zava, user="postgres"))


async def test_a_database_without_zava_is_refused(postgres: EmbeddedPostgres, zava: str) -> None:
    assert zava  # seeding has made the login
    with pytest.raises(ConfigurationError, match="holds no Zava"):
        await opened(postgres.dsn(database="postgres", user="zava_app"))


async def test_a_size_is_not_taken_and_ignored(postgres: EmbeddedPostgres, zava: str) -> None:
    with pytest.raises(ConfigurationError, match="--size"):
        await opened(postgres.dsn(database=zava, user="zava_app"), Plan(size="small"))
