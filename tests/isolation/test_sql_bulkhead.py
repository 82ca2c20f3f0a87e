"""SQL that eats time or memory ends by its limits, and takes nothing from the tools of others."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import psutil
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, select

from calls.support import eventually
from isolation.sql_breaking import url_of
from isolation.sql_server import CATALOG
from isolation.walled import NORTH, SOUTH, Connection, Walled, connected
from mcpdb import (
    Database,
    HeaderTenancy,
    McpdbError,
    PoolConfig,
    Request,
    Result,
    Rows,
    Server,
    SqlLogin,
    SqlToolOptions,
    Timeouts,
)

ATTACKERS: Final = 8
SLOWER: Final = 10.0
"""How much longer the median call may take while hostile SQL runs."""
_FLOOR_S: Final = 0.02
"""Below which a median is noise: two cores are shared with the attack itself."""
_TIMEOUT_S: Final = 0.5
MOST_BYTES: Final = 700_000_000
"""Of all backends of the login, where a limit of PostgreSQL's holds: work_mem, or some 150 MB for a
regular expression."""
MOST_GROWN_BYTES: Final = 2_500_000_000
"""Where none does: one value may have 1 GB, and only time ends what makes it larger."""
_GROWING: Final = frozenset(
    {"recursion that grows", "one long text", "one long array", "one long object"}
)

_MANY: Final = "generate_series(1, 1000000)"
HOSTILE: Final = {
    "cross joins": f"SELECT count(*) FROM {_MANY} a, {_MANY} b, {_MANY} c",
    "a join of a table with itself": (
        "SELECT count(*) FROM shop.orders a, shop.orders b, shop.orders c, shop.orders d,"
        " shop.orders e, shop.orders f"
    ),
    "recursion without end": (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
    ),
    "recursion that grows": (
        "WITH RECURSIVE r(n, t) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, t || t FROM r)"
        " SELECT max(length(t)) FROM r"
    ),
    "a regular expression that goes back": (
        "SELECT repeat('a', 900) || 'b' || repeat('a', 899)"
        r" ~ '^(a+)(a+)(a+)(a+)(a+)b\1\1\1\1\1\1\1\1$'"
    ),
    "a regular expression that is too large": "SELECT 'x' ~ '((x{1,250}){1,250}){1,250}'",
    "one long text": f"SELECT length(string_agg(repeat('x', 1000), '')) FROM {_MANY} a, {_MANY} b",
    "one long array": f"SELECT array_length(array_agg(a || repeat('x', 999)), 1) FROM {_MANY} a,"
    f" {_MANY} b",
    "one long object": f"SELECT jsonb_array_length(jsonb_agg(repeat('x', 999))) FROM {_MANY} a,"
    f" {_MANY} b",
    "a sort on disk": f"SELECT a FROM {_MANY} a, {_MANY} b ORDER BY md5(a::text || b), b",
    "a hash of all": f"SELECT count(DISTINCT md5(a::text || b)) FROM {_MANY} a, {_MANY} b",
    "a window over all": f"SELECT sum(sum(a)) OVER (ORDER BY a, b) FROM {_MANY} a, {_MANY} b"
    " GROUP BY a, b",
}

orders: Final = Table(
    "orders", MetaData(schema="shop"), Column("tenant", Text), Column("amount", Integer)
)


def server_of(walled: Walled) -> Server:
    """A shop that has both: a tool of its developer's, and one for SQL that may take a second."""
    database = Database(
        url_of(walled.dsn()),
        tenancy=HeaderTenancy(header="x-tenant"),
        isolation=walled.sealed(),
        pool=PoolConfig(size=2, max_waiting=0),
        timeouts=Timeouts(permit_s=5),
        sql=SqlLogin(
            url=url_of(walled.dsn(walled.sql)),
            pool=PoolConfig(size=2, max_waiting=4, application_name="mcpdb-sql"),
        ),
    )
    server = Server("shop", database)
    server.sql_tool("query", catalog=CATALOG, options=SqlToolOptions(timeout_s=_TIMEOUT_S))

    @server.tool()
    def whose() -> Rows:
        """Whose orders there are."""
        return select(orders.c.tenant, func.count().label("orders")).group_by(orders.c.tenant)

    return server


async def _call(server: Server, tool: str, tenant: str, **arguments: Any) -> Result:
    request = Request(
        tool=tool, arguments=arguments, headers={"x-tenant": tenant}, peer="127.0.0.1"
    )
    return await server.database.call(server.tools[tool], request)


async def _latencies(server: Server, until: Callable[[], bool]) -> list[float]:
    """Of calls of the other tenant's one after the other, each of which is right."""
    found: list[float] = []
    while not until() or len(found) < 20:
        began = time.monotonic()
        answer = await _call(server, "whose", SOUTH)
        found.append(time.monotonic() - began)
        assert answer.structured["rows"] == [[SOUTH, 80]]
    return found


async def _outcome(calling: Awaitable[Result]) -> str:
    try:
        await calling
    except McpdbError as error:
        return type(error).__name__
    return "answered"


class _Memory:
    """The most that the backends of the login have taken, looked at all the time."""

    def __init__(self, superuser: Connection, login: str) -> None:
        self._superuser = superuser
        self._login = login
        self.most = 0

    async def look(self) -> None:
        pids = await self._superuser.fetch(
            "SELECT pid FROM pg_stat_activity WHERE usename = $1", self._login
        )
        total = 0
        for (pid,) in pids:
            try:
                total += psutil.Process(pid).memory_info().rss
            except psutil.NoSuchProcess:
                continue
        self.most = max(self.most, total)

    async def watch(self, until: asyncio.Event) -> None:
        while not until.is_set():
            await self.look()
            try:
                await asyncio.wait_for(until.wait(), timeout=0.05)
            except TimeoutError:
                continue


@asynccontextmanager
async def _watched(walled: Walled) -> AsyncGenerator[_Memory]:
    """Look at it meanwhile, on a connection of its own."""
    done = asyncio.Event()
    async with connected(walled.superuser_dsn) as superuser:
        memory = _Memory(superuser, walled.sql)
        watching = asyncio.create_task(memory.watch(done))
        try:
            yield memory
        finally:
            done.set()
            await watching


async def _running(superuser: Connection, login: str) -> int:
    """How many backends of the login run SQL of a model's."""
    return int(
        await superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state = 'active'"
            " AND query LIKE '%mcpdb.run%'",
            login,
        )
    )


async def _two_run(superuser: Connection, login: str) -> None:
    async def two() -> bool:
        return await _running(superuser, login) == 2

    await eventually(two, what="two run SQL of a model's", within_s=_TIMEOUT_S)


async def _none_runs(superuser: Connection, login: str) -> None:
    async def none() -> bool:
        running = await superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state <> 'idle'", login
        )
        return bool(running == 0)

    await eventually(none, what="no SQL of a model's runs", within_s=3)


@pytest.fixture
async def server(walled: Walled) -> AsyncGenerator[Server]:
    made = server_of(walled)
    async with made.database:
        yield made


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_sql_ends_and_the_tools_of_others_go_on(
    walled: Walled, superuser: Connection, server: Server, name: str
) -> None:
    calm = await _latencies(server, lambda: True)
    async with _watched(walled) as memory:
        began = time.monotonic()
        attack = asyncio.gather(
            *(_outcome(_call(server, "query", NORTH, sql=HOSTILE[name])) for _ in range(ATTACKERS))
        )
        await _two_run(superuser, walled.sql)  # they have all that they can get
        busy = await _latencies(server, attack.done)
        came = Counter(await attack)
        took = time.monotonic() - began
    median, before = statistics.median(busy), statistics.median(calm)
    print(  # noqa: T201  # to be quoted
        f"\n{name:36} {dict(came)} in {took:.1f} s; typed: {1e3 * before:.1f} ms calm,"
        f" {1e3 * median:.1f} ms busy (worst {1e3 * max(busy):.0f} ms, {len(busy)} calls);"
        f" {memory.most / 1e6:.0f} MB"
    )
    assert came.keys() <= {"QueryTimeout", "TooManyCalls", "QueryFailed"}
    assert (
        came["TooManyCalls"] >= ATTACKERS - 2 - 4
    )  # two run and four wait, and all have the same time
    assert took < 2 * _TIMEOUT_S + 2
    assert median < SLOWER * max(before, _FLOOR_S)
    assert memory.most < (MOST_GROWN_BYTES if name in _GROWING else MOST_BYTES)
    await _none_runs(superuser, walled.sql)
    assert (await _call(server, "query", NORTH, sql="SELECT 1")).structured["rows"] == [[1]]


async def test_a_call_that_is_left_stops_in_postgresql(
    walled: Walled, superuser: Connection, server: Server
) -> None:
    for _ in range(3):
        calls = [
            asyncio.create_task(_call(server, "query", tenant, sql=HOSTILE["cross joins"]))
            for tenant in (NORTH, SOUTH)
        ]
        await _two_run(superuser, walled.sql)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert all(call.cancelled() for call in calls)
        await _none_runs(superuser, walled.sql)
