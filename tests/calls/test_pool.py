"""The connections of a lane: how many, how old, and what each keeps."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import func, literal_column, select, text, true
from sqlalchemy.engine import make_url

from calls.support import (
    Admin,
    Dsn,
    StillRunning,
    all_back,
    call,
    checked_out,
    eventually,
    outcome,
    pool,
    sleepers,
)
from mcpdb import (
    FixedTenancy,
    PoolConfig,
    Rows,
    Server,
    Tenant,
    TooManyCalls,
    Unavailable,
)
from mcpdb.driver import Connection
from postgres.typed import Named
from shop import sales, shop_server

BACKENDS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE usename = 'shop_app' AND datname = current_database()"
)


def server_of(dsn: str, **options: float) -> Server:
    """The shop as its northern tenant."""
    tenancy = FixedTenancy(Tenant.of("north"))
    return shop_server(dsn, tenancy=tenancy, pool=PoolConfig(**options))  # type: ignore[arg-type]


def idle(server: Server) -> list[Connection]:
    """The connections that are in the pool, the last one back at the end."""
    return list(pool(server)._idle)  # pyright: ignore[reportPrivateUsage]


async def test_calls_have_as_many_connections_as_the_pool_and_ping_one_more(
    shop: Dsn, admin: Admin, still_running: StillRunning
) -> None:
    """While all are busy; and a call that finds none in time is refused."""
    server = server_of(shop(), size=2)
    async with server.database:
        busy = [asyncio.create_task(call(server, "slow", seconds=1)) for _ in range(6)]
        await sleepers(admin, 2)
        await server.database.ping()
        assert await admin.fetchval(BACKENDS) == 3
        await asyncio.gather(*busy)
        await all_back(server)
        assert await still_running() == 0


async def test_the_last_connection_used_is_used_next(shop: Dsn) -> None:
    """The others stay idle, and may be closed by whoever wants fewer."""
    server = server_of(shop(), size=3)
    async with server.database:
        await asyncio.gather(*(call(server, "slow", seconds=0.1) for _ in range(3)))
        await all_back(server)
        *others, last = idle(server)
        for _ in range(3):
            await call(server, "shares")
            await all_back(server)
            assert idle(server) == [*others, last]


async def test_a_connection_that_is_too_old_is_replaced(shop: Dsn, admin: Admin) -> None:
    """Whether it is found so on its way back or on its way out."""
    server = server_of(shop(), size=1, max_age_s=0.2)
    async with server.database:
        await call(server, "shares")
        await all_back(server)
        (first,) = idle(server)
        await call(server, "slow", seconds=0.3)
        await all_back(server)
        assert not idle(server)
        assert first.is_closed
        await call(server, "shares")
        await all_back(server)
        (second,) = idle(server)
        await asyncio.sleep(0.3)
        await call(server, "shares")
        assert second.is_closed

        async def at_most_one() -> bool:
            return bool(await admin.fetchval(BACKENDS) <= 1)

        await eventually(at_most_one, what="the old connections are closed")


async def test_a_connection_keeps_so_many_prepared_statements(shop: Dsn) -> None:
    """The option that SQLAlchemy has for it says how many; the server forgets the others."""
    server = server_of(f"{shop()}&prepared_statement_cache_size=3", size=1)

    @server.tool(columns="dynamic")
    def one(number: int = 0) -> Rows:
        """Each number has a select of its own structure."""
        return select(sales.c.id.label(f"n{number}")).limit(1)

    async with server.database:
        for _ in range(2):
            for number in range(6):
                await call(server, "one", number=number)
        await all_back(server)
        (connection,) = idle(server)
        assert len(connection._statements) == 3  # pyright: ignore[reportPrivateUsage]
        found = await connection.driver.fetchval("SELECT count(*) FROM pg_prepared_statements")
        assert found <= 3 + 2


async def test_statements_need_not_be_kept(shop: Dsn) -> None:
    """With the option at 0 each is prepared where it is needed."""
    server = server_of(f"{shop()}&prepared_statement_cache_size=0", size=1)
    async with server.database:
        for _ in range(3):
            await call(server, "overview")
        await all_back(server)
        (connection,) = idle(server)
        assert not connection._statements  # pyright: ignore[reportPrivateUsage]


async def test_of_several_hosts_one_that_answers_is_used(shop: Dsn, tmp_path: Path) -> None:
    """As SQLAlchemy reads them from a URL."""
    url = make_url(shop())
    here = f"{url.query['host']}:{url.query['port']}"
    both = url.set(query={"host": (f"{tmp_path}:1", here)})
    server = server_of(both.render_as_string(hide_password=False), size=1)
    async with server.database:
        await call(server, "shares")


async def test_a_call_for_which_no_connection_comes_free_is_refused(
    shop: Dsn, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of too many calls: the database is not to blame."""
    server = server_of(shop(), size=1)
    async with server.database:
        monkeypatch.setattr(pool(server), "_wait_s", 0.2)
        busy = asyncio.create_task(call(server, "slow", seconds=2))
        await sleepers(admin)
        tool = server.tools["shares"]
        query = tool.build({}, {})
        with pytest.raises(TooManyCalls, match="All database connections are in use"):
            await server.database._lane.read(  # pyright: ignore[reportPrivateUsage]
                Tenant.of("north"), query, deadline=time.monotonic() + 9
            )
        assert checked_out(server) == 1
        await busy


async def test_a_changed_table_costs_one_call_of_a_whole_pool(shop: Dsn, admin: Admin) -> None:
    """The connection that finds it out tells the others: each prepares anew."""
    server = server_of(shop(), size=4)

    @server.tool()
    def slow_sales() -> Rows:
        """So slow that the crowd needs every connection."""
        nap = select(func.pg_sleep(0.2).label("nap")).cte("nap").prefix_with("MATERIALIZED")
        return (
            select(sales.c.id, nap.c.nap.is_(None).label("done"))
            .select_from(sales.join(nap, true()))
            .limit(5)
        )

    async with server.database:
        for _ in range(2):
            await asyncio.gather(*(call(server, "slow_sales") for _ in range(4)))
        await all_back(server)
        assert len(idle(server)) == 4
        await admin.execute("ALTER TABLE sales ALTER COLUMN id TYPE bigint")
        error = await outcome(call(server, "slow_sales"))
        assert type(error) is Unavailable
        await asyncio.gather(*(call(server, "slow_sales") for _ in range(8)))


async def test_a_changed_composite_type_costs_one_call(shop: Dsn, admin: Admin) -> None:
    """The driver decodes it by what it has read of the catalog."""
    await admin.execute(
        "CREATE TYPE pair AS (x int, y int); CREATE TABLE pairs (id int, p pair);"
        "INSERT INTO pairs VALUES (1, (1, 2)); GRANT SELECT ON pairs TO shop_app"
    )
    server = server_of(shop(), size=1)

    @server.tool()
    def pairs() -> Rows:
        """A composite."""
        return select(literal_column("pairs.p", Named("pair")).label("p")).select_from(
            text("pairs")
        )

    async with server.database:
        assert (await call(server, "pairs")).structured["rows"] == [[{"x": 1, "y": 2}]]
        await admin.execute("ALTER TYPE pair ADD ATTRIBUTE z int")
        assert type(await outcome(call(server, "pairs"))) is Unavailable
        rows = (await call(server, "pairs")).structured["rows"]
        assert rows == [[{"x": 1, "y": 2, "z": None}]]
