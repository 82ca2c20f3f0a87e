"""One call is one checkout is one short READ ONLY transaction, and nothing of it remains."""

import re
from typing import Any

import pytest
from mcp import Client
from sqlalchemy import Integer, Text, func, literal, select, text

from calls.support import (
    Admin,
    Dsn,
    StillRunning,
    all_back,
    call,
    in_use,
    outcome,
    reused,
    rows,
    said,
)
from mcpdb import FixedTenancy, NotAllowed, PoolConfig, Report, Rows, Server, Tenant, Timeouts
from mcpdb.embedded import EmbeddedPostgres
from shop import Share, sales, shop_server

SETTINGS = ("statement_timeout", "client_connection_check_interval", "app.tenant")


def setting(name: str) -> Any:
    """The value of a setting as a tool's select sees it."""
    return func.current_setting(name, literal(True), type_=Text).label(name.replace(".", "_"))


@pytest.fixture
def server(shop: Dsn) -> Server:
    """The shop with one connection, and a tool that shows what a transaction is like inside."""
    tenancy = FixedTenancy(Tenant.of("north"))
    server = shop_server(
        shop(), tenancy=tenancy, pool=PoolConfig(size=1), timeouts=Timeouts(deadline_s=20)
    )

    @server.tool()
    def inside() -> Rows:
        """The settings within a call."""
        pid = func.pg_backend_pid(type_=Integer).label("pid")
        return select(pid, setting("transaction_read_only"), *map(setting, SETTINGS))

    @server.tool(timeout_s=3)
    def hurried() -> Rows:
        """The settings within a call that has less time."""
        return select(*map(setting, SETTINGS))

    @server.tool()
    def writes() -> Rows:
        """A select that inserts a row."""
        return select(func.note("written", type_=Integer).label("id"))

    return server


async def test_a_call_is_four_statements(
    server: Server, postgres: EmbeddedPostgres, admin: Admin
) -> None:
    """BEGIN, one select for all settings, the query, ROLLBACK: as PostgreSQL's own log has them."""
    database = await admin.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER ROLE shop_app IN DATABASE {database} SET log_statement = 'all'")
    log = postgres.data_dir / "server.log"
    async with server.database:
        ((pid, *_),) = await rows(server, "inside")  # on a new connection there is more to say
        before = log.stat().st_size
        await rows(server, "inside")
        await rows(server, "inside")
    with log.open() as file:
        file.seek(before)
        said_by = re.findall(
            rf"\[{pid}\] LOG:  (?:statement|execute [^:]+): ([^\n;]+)", file.read()
        )
    assert [statement.split("(")[0] for statement in said_by] == [
        "BEGIN READ ONLY",
        "SELECT set_config",
        "SELECT pg_backend_pid",
        "ROLLBACK",
    ] * 2


async def test_nothing_stays_in_a_transaction(server: Server, still_running: StillRunning) -> None:
    """After an answer, after an error and after a report the backend is idle, in no transaction."""
    async with server.database:
        for calling in (
            call(server, "shares"),
            call(server, "broken", divisor=0),
            call(server, "all_sales"),
        ):
            await outcome(calling)
            await all_back(server)
            assert await still_running() == 0


async def test_a_call_sees_its_limits_and_the_next_user_of_the_connection_does_not(
    server: Server,
) -> None:
    """statement_timeout is what is left of the deadline; on the same backend nothing remains."""
    async with server.database:
        ((pid, read_only, timeout, watch, tenant),) = await rows(server, "inside")
        assert (read_only, watch, tenant) == ("on", "500ms", "north")
        assert 10 < seconds(timeout) < 20
        async with reused(server) as connection:
            left = ", ".join(f"current_setting('{name}', true)" for name in SETTINGS)
            row = await connection.fetchrow(f"SELECT pg_backend_pid(), {left}")
            assert tuple(row or ()) == (pid, "0", "0", "")


async def test_a_tool_s_own_timeout_reaches_postgresql(server: Server) -> None:
    """It is the smaller of the tool's and the server's."""
    async with server.database:
        ((timeout, *_),) = await rows(server, "hurried")
        assert 0 < seconds(timeout) < 3


def seconds(shown: str) -> float:
    """A time setting as PostgreSQL shows it."""
    found = re.fullmatch(r"(\d+)(ms|s)", shown)
    assert found, shown
    return int(found[1]) / {"ms": 1_000, "s": 1}[found[2]]


async def test_a_write_inside_a_tool_s_select_is_refused(server: Server, admin: Admin) -> None:
    """A volatile function that inserts: the model is told that nothing can be written."""
    await admin.execute(
        "CREATE TABLE notes (id serial, note text); GRANT ALL ON notes, notes_id_seq TO shop_app;"
        "CREATE FUNCTION note(text) RETURNS int LANGUAGE sql VOLATILE AS"
        " 'INSERT INTO notes (note) VALUES ($1) RETURNING id'"
    )
    async with Client(server.mcp(), cache=None) as client:
        result = await client.call_tool("writes")
        assert result.is_error
        assert "read-only: nothing can be written" in said(result)
        with pytest.raises(NotAllowed):
            await call(server, "writes")
        assert not (await client.call_tool("shares")).is_error
    assert await admin.fetchval("SELECT count(*) FROM notes") == 0


async def test_the_selects_of_a_report_share_one_transaction(shop: Dsn) -> None:
    """They see one tenant because they are in one transaction, on one connection."""
    server = shop_server(shop(), tenancy=FixedTenancy(Tenant.of("north")))

    @server.tool()
    def twice() -> Report:
        """When the transaction began, asked twice."""
        began = select(func.pg_backend_pid(type_=Integer).label("pid"), func.now().label("began"))
        return Report({"first": began, "second": began.where(text("true"))})

    async with server.database:
        tables = (await call(server, "twice")).structured["tables"]
        assert tables["first"]["rows"] == tables["second"]["rows"]


async def test_no_connection_is_held_while_a_call_waits_for_something_else(shop: Dsn) -> None:
    """Tenancy, and `then`, run when no call has the connection, or any use for it."""
    seen: list[int] = []

    class Looking(FixedTenancy):
        async def resolve(self, request: Any) -> Tenant:
            seen.append(in_use(of_one))
            return await super().resolve(request)

    of_one = shop_server(shop(), tenancy=Looking(Tenant.of("north")), pool=PoolConfig(size=1))

    def then(_: Any) -> Share:
        seen.append(in_use(of_one))
        return Share(total=1, items=1)

    @of_one.tool()
    def looks() -> Report:
        """Looks at the pool."""
        return Report({"one": select(sales.c.id).limit(1)}, then=then)

    async with of_one.database:
        await call(of_one, "looks")
    assert seen == [0, 0]
