"""A server that cannot start says why in one line, without a password."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from calls.quiet import Heard
from calls.support import Dsn, call, stopped
from faults.outage import Cluster
from mcpdb import ConfigurationError, Database, FixedTenancy, PlainSetting, Tenant, Timeouts
from shop import shop_server

SECRET = "s3cret"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def database(url: str, *, connect_s: float = 5) -> Database:
    """A database at this URL."""
    return Database(
        url,
        tenancy=FixedTenancy(Tenant.of("north")),
        isolation=PlainSetting(setting="app.tenant"),
        timeouts=Timeouts(connect_s=connect_s),
    )


async def refusal(url: str, *, connect_s: float = 5) -> str:
    """What is said when this database is opened: one line, soon, twice the same, no password."""
    opened = database(url, connect_s=connect_s)
    told: list[str] = []
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(ConfigurationError) as raised:
            await opened.open()
        assert time.monotonic() - began < connect_s + 5
        told.append(str(raised.value))
        assert SECRET not in raised.value.detail
    assert told[0] == told[1]
    assert "\n" not in told[0]
    assert SECRET not in told[0]
    return told[0]


def free_port() -> int:
    """A port of the loopback that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def tcp(port: int, *, host: str = "127.0.0.1", name: str = "shop") -> str:
    """A URL with a password."""
    return f"postgresql+asyncpg://shop_app:{SECRET}@{host}:{port}/{name}"


async def test_a_port_where_nothing_listens() -> None:
    """The message has the address as it was given, and what to check."""
    port = free_port()
    told = await refusal(tcp(port))
    assert told == (
        f"Cannot use the database postgresql+asyncpg://shop_app:***@127.0.0.1:{port}/shop. "
        "The database cannot be reached: nothing listens there. "
        "Check the host, port, database, user and password, and that it is running."
    )


async def test_a_name_of_this_machine_where_nothing_listens() -> None:
    """`localhost` is two addresses, and neither answers."""
    assert "nothing listens there" in await refusal(tcp(free_port(), host="localhost"))


async def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    """The folder of a Unix socket, and no server in it."""
    url = f"postgresql+asyncpg://shop_app:{SECRET}@/shop?host={tmp_path}"
    assert "nothing listens there" in await refusal(url)


async def test_a_host_that_does_not_exist() -> None:
    """The name is the mistake, and is said to be."""
    assert "its host is not known" in await refusal(tcp(5432, host="no-such-host.invalid"))


async def test_a_host_that_is_no_name() -> None:
    """Two dots in a row are refused before anybody is asked."""
    assert "cannot be reached: its host is not a name" in await refusal(tcp(5432, host="a..b"))


async def test_a_database_that_does_not_exist(shop: Dsn) -> None:
    """The server is there, the database is not."""
    url = make_url(shop()).set(database="nowhere")
    told = await refusal(url.render_as_string(hide_password=False))
    assert "it has no database of this name (SQLSTATE 3D000)" in told


async def test_a_login_that_does_not_exist(shop: Dsn) -> None:
    """PostgreSQL does not say more, and neither do we."""
    assert "it does not accept the login (SQLSTATE 28000)" in await refusal(shop(user="nobody"))


async def test_a_login_that_may_not_connect(shop: Dsn) -> None:
    """The database exists, and its owner has closed it to this login."""
    cluster_wide = make_url(shop()).set(database="template0")
    told = await refusal(cluster_wide.render_as_string(hide_password=False))
    assert "it refuses the connection (SQLSTATE 55000)" in told


async def test_over_tcp_a_wrong_password_is_told_and_calls_are_cancelled(tmp_path: Path) -> None:
    """The same over TCP, where the driver first asks for TLS: for connecting and for cancelling."""
    port = free_port()
    async with Cluster.made(tmp_path / "pg", port=port) as cluster:
        async with cluster.admin() as admin:
            await admin.execute("ALTER ROLE shop_app PASSWORD 'right'")
        told = await refusal(tcp(port, name="postgres"))
        assert "it does not accept the password (SQLSTATE 28P01)" in told
        assert "could be made" in await refusal(f"{tcp(port, name='postgres')}?sslmode=require")
        right = tcp(port, name="postgres").replace(SECRET, "right")
        server = shop_server(right, tenancy=FixedTenancy(Tenant.of("north")))
        async with server.database, cluster.admin() as admin:

            async def running() -> int:
                return int(
                    await admin.fetchval(
                        "SELECT count(*) FROM pg_stat_activity"
                        " WHERE usename = 'shop_app' AND state <> 'idle'"
                    )
                )

            for pause_s in (0.0, 0.003, 0.01, 0.03, 0.1, 0.3):
                calls = [asyncio.create_task(call(server, "slow", seconds=50)) for _ in range(8)]
                await asyncio.sleep(pause_s)
                for task in calls:
                    task.cancel()
                await asyncio.wait(calls)
                await stopped(running)
                await call(server, "shares")


@asynccontextmanager
async def something_else(answer: Answer) -> AsyncGenerator[int]:
    """A server that is not PostgreSQL; yields its port."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await answer(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Accepts, and says nothing."""


async def closing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, and closes."""
    writer.close()


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks HTTP."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it hears."""
    while data := await reader.read(4_096):
        writer.write(data)


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuses TLS as PostgreSQL would, and then talks nonsense."""
    await reader.read(8)
    writer.write(b"N")
    await reader.read(8)
    writer.write(b"R\x00\x00\x00\x08\x7f\xff\xff\xff" + b"Z\x00\x00\x00\x05X" + b"\xff" * 64)


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuses TLS as PostgreSQL would, and then closes."""
    await reader.read(8)
    writer.write(b"N")
    await reader.read(8)
    writer.close()


@pytest.mark.parametrize("answer", [silent, closing, web, echo, babbling, hanging_up])
async def test_a_port_where_something_else_listens(answer: Answer, quiet: Heard) -> None:
    """Whatever it answers, or if it does not: one line, within the time for connecting."""
    async with something_else(answer) as port:
        told = await refusal(tcp(port), connect_s=1)
        assert told.startswith("Cannot use the database ")
        assert "The database cannot be reached: " in told or "did not answer in time" in told
    # The driver's own words for a message that makes no sense go through asyncio.
    nonsense = "protocol.data_received() call failed"
    quiet.reports = [report for report in quiet.reports if nonsense not in report]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"mysql://root:{SECRET}@localhost/shop", "names mysql; mcpdb speaks"),
        (f"postgresql+psycopg://u:{SECRET}@localhost/shop", "names postgresql+psycopg;"),
        (f"sqlite:///{SECRET}", "names sqlite;"),
        ("", "cannot be read"),
        (SECRET, "cannot be read"),
        (f"u:{SECRET}@localhost/shop", "cannot be read"),
        (f"postgresql+asyncpg://u:p@ss:{SECRET}@localhost/shop", "cannot be read"),
        (f"postgresql+asyncpg://u:{SECRET}@localhost:port/shop", "cannot be read"),
        (f"postgresql+asyncpg://u:{SECRET}@localhost/shop?channel_binding=x", "channel_binding"),
        (f"postgresql+asyncpg://u@localhost/shop?password={SECRET}", "not know: password"),
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_when_it_is_given(url: str, words: str) -> None:
    """One line, without the password, and nothing behind it that would print one."""
    with pytest.raises(ConfigurationError) as raised:
        database(url)
    told = str(raised.value)
    assert words in told
    assert "\n" not in told
    assert SECRET not in told
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_the_usual_names_of_postgresql_are_understood(shop: Dsn, scheme: str) -> None:
    """Hosting services hand out URLs without a driver's name."""
    async with database(shop().replace("postgresql+asyncpg", scheme, 1)) as opened:
        await opened.ping()
