"""How often a call waits for PostgreSQL, counted on the wire."""

from collections.abc import Sequence

import pytest

from calls.support import all_back, call, rows
from faults.proxy import Proxy
from mcpdb import PoolConfig, Server
from shop import shop_server


def words(flights: Sequence[bytes]) -> list[str]:
    """What each flight is for, by a word in it; a prepared statement travels without words."""
    known = (b"BEGIN READ ONLY", b"ROLLBACK")
    return [next((word.decode() for word in known if word in one), "") for one in flights]


@pytest.fixture
def server(far_shop: str) -> Server:
    """The shop with one connection, through the proxy that counts."""
    return shop_server(far_shop, pool=PoolConfig(size=1))


@pytest.mark.parametrize(("tool", "selects"), [("all_sales", 1), ("overview", 2)])
async def test_a_call_waits_twice_more_than_its_selects(
    proxy: Proxy, server: Server, tool: str, selects: int
) -> None:
    """For BEGIN, and for the settings and the tenant. The ROLLBACK comes after the answer."""
    async with server.database:
        await call(server, tool, tenant="north")
        for tenant in ("south", "north"):
            await all_back(server)
            proxy.flights.clear()
            await call(server, tool, tenant=tenant)
            await all_back(server)
            expected = ["BEGIN READ ONLY", "", *[""] * selects, "ROLLBACK"]
            assert words(proxy.flights) == expected


async def test_an_answer_does_not_wait_for_its_rollback(proxy: Proxy, server: Server) -> None:
    """Which is held back on its way here."""
    async with server.database:
        await all_back(server)
        proxy.hold_at = b"ROLLBACK"
        assert len(await rows(server, "all_sales", tenant="south")) == 700
        await proxy.held.wait()
        proxy.release()
        await all_back(server)


async def test_other_values_cost_no_more_waits(proxy: Proxy, server: Server) -> None:
    """A select of the same structure is prepared once, whatever its values are."""
    async with server.database:
        await call(server, "by_item", tenant="north", item="1")
        await all_back(server)
        proxy.flights.clear()
        await call(server, "by_item", tenant="south", item="2")
        await all_back(server)
        assert len(proxy.flights) == 5  # with the select of its notice


async def test_a_ping_is_one_wait(proxy: Proxy, server: Server) -> None:
    """And its ROLLBACK."""
    async with server.database:
        await server.database.ping()
        await all_back(server)
        proxy.flights.clear()
        await server.database.ping()
        await all_back(server)
        assert words(proxy.flights) == ["BEGIN READ ONLY", "ROLLBACK"]
