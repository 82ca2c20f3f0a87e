"""One database of all types for the run of a process, and clients of both eras."""

import uuid
from collections.abc import AsyncGenerator, Generator

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from mcpdb.embedded import EmbeddedPostgres
from postgres.typed import SCHEMA, Typed, connected, server
from shop import APP_ROLE

settings.register_profile(
    "postgres", max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def typed_dsn(
    postgres: EmbeddedPostgres,
    shop_template: str,  # noqa: ARG001  # making it makes the role
) -> AsyncGenerator[str]:
    """A database with all types."""
    name = f"typed_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(_plain(postgres.dsn(database="postgres")))
    await admin.execute(f"CREATE DATABASE {name}")
    inside = await asyncpg.connect(_plain(postgres.dsn(database=name)))
    await inside.execute(SCHEMA)
    await inside.close()
    yield postgres.dsn(database=name, user=APP_ROLE)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(scope="session")
def typed(typed_dsn: str) -> Generator[Typed]:
    """The tools of all types, in both eras."""
    with connected(server(typed_dsn)) as made:
        yield made


def _plain(dsn: str) -> str:
    return dsn.replace("postgresql+asyncpg://", "postgresql://", 1)
