"""What `zava serve --dsn` serves: a seeded database, as the login of its policies."""

import pytest

from mcpdb import ConfigurationError
from mcpdb.embedded import EmbeddedPostgres
from zava.generate import Plan
from zava.progress import progress_bars
from zava.services import Place, seeded_place


async def opened(dsn: str, plan: Plan | None = None) -> str:
    async with seeded_place(Place(data=None, dsn=dsn), plan, bars=progress_bars) as ready:
        return ready


async def test_the_server_s_own_login_is_served(postgres: EmbeddedPostgres, zava: str) -> None:
    dsn = postgres.dsn(database=zava, user="zava_app")
    assert await opened(dsn) == dsn


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
