"""The documentation's example, run as it stands, on the tutorial's tables."""

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from isolation.walled import connected
from servers import Cluster, fresh_database

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples"))

from escapes_test import test_the_north_sees_nothing_of_the_south
from first_server import SCHEMA, make_server

from mcpdb.testing.escapes import MemoryIdentity, Options, assert_no_leaks, attack

__all__ = ["test_the_north_sees_nothing_of_the_south"]


@pytest.fixture
async def shop_dsn(cluster: Cluster) -> AsyncGenerator[str]:
    """The tutorial's shop, with a login of the test's own."""
    async with fresh_database(cluster) as fresh:
        login = fresh.role("shop_mcp")
        async with connected(fresh.superuser_dsn) as superuser:
            await superuser.execute(SCHEMA.replace("shop_mcp", login))
        yield fresh.dsn(login)


async def test_the_example_can_fail(shop_dsn: str) -> None:
    report = await attack(
        a=MemoryIdentity(make_server(shop_dsn, "south"), ["north"]),
        b=MemoryIdentity(make_server(shop_dsn, "south"), ["south"]),
        options=Options(canaries_b=["Parasol"], calls=1, families=["honest"]),
    )
    with pytest.raises(AssertionError, match="top_products, honest"):
        assert_no_leaks(report)


async def test_an_attack_with_nothing_to_find_fails(shop_dsn: str) -> None:
    report = await attack(
        a=MemoryIdentity(make_server(shop_dsn, "nobody")),
        b=MemoryIdentity(make_server(shop_dsn, "no-one")),
        options=Options(calls=1, families=["honest"]),
    )
    with pytest.raises(AssertionError, match="proves nothing"):
        assert_no_leaks(report)
