"""What the seal costs: one row by its key, with the tenant sealed in, with the tenant as a plain
setting, and with the driver alone; on this machine and at a distance. Paired, in one run."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
from pydantic import Field
from sqlalchemy import Column, Integer, MetaData, Table, Text, select

from mcpdb import Database, FixedTenancy, Isolation, PlainSetting, PoolConfig, Request, Rows, Server
from mcpdb import Tenant as Who
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.isolation import Protected, Roles, Sealed, Wall
from mcpdb.operate import apply_wall

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from delay import delayed

DISTANCES_MS: Final = (0.0, 1.0)
ROUNDS: Final = 15
CALLS: Final = 100
LIMIT: Final = 1.8
_ROWS: Final = 100_000
_APP: Final = "bench_app"
_SCHEMA: Final = """
CREATE ROLE bench_plain LOGIN NOINHERIT;
CREATE TABLE items (id int PRIMARY KEY, tenant text NOT NULL, name text NOT NULL);
INSERT INTO items SELECT i, 't' || i % 10, 'item ' || i FROM generate_series(1, 100000) AS i;
CREATE INDEX ON items (tenant);
CREATE TABLE plain_items AS TABLE items;
ALTER TABLE plain_items ADD PRIMARY KEY (id);
CREATE INDEX ON plain_items (tenant);
ALTER TABLE plain_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain_items FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON plain_items FOR SELECT TO bench_plain USING (tenant = ANY (
  (SELECT string_to_array(nullif(current_setting('app.tenant', true), ''), ','))::text[]));
GRANT SELECT ON plain_items TO bench_plain;
ANALYZE;
"""
_metadata = MetaData()
_items, _plain_items = (
    Table(
        name,
        _metadata,
        Column("id", Integer, primary_key=True),
        Column("tenant", Text),
        Column("name", Text),
    )
    for name in ("items", "plain_items")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Medians of one look-up at one distance: milliseconds, and of the pairwise ratio."""

    distance_ms: float
    flies: bool
    driver_ms: float
    plain_ms: float
    sealed_ms: float
    ratio: float


async def measure() -> list[Cost]:
    """One for each distance, and for both ways to begin a transaction."""
    with tempfile.TemporaryDirectory(prefix="mcpdb-bench-") as name:
        Path(name).chmod(0o755)  # noqa: ASYNC240  # before anything runs
        settings = {"fsync": "off"}
        async with EmbeddedPostgres(Path(name) / "postgres", settings=settings) as postgres:
            key = await _prepare(postgres.dsn(database="postgres"))
            return [
                await _at(postgres, key, distance, flies=flies)
                for distance in DISTANCES_MS
                for flies in (False, True)
            ]


async def _prepare(dsn: str) -> str:
    admin = await asyncpg.connect(dsn.replace("+asyncpg", ""))
    try:
        await admin.execute(_SCHEMA)
        wall = Wall(
            tables=[Protected("public.items", "tenant")],
            roles=Roles(app=_APP, keeper="bench_keeper"),
        )
        applied = await apply_wall(admin, wall)
    finally:
        await admin.close()
    assert applied.key is not None
    return applied.key


async def _at(postgres: EmbeddedPostgres, key: str, distance_ms: float, *, flies: bool) -> Cost:
    async with reach(postgres, distance_ms) as dsn:
        sealed = _server(dsn(_APP), Sealed(key=key), _items, flies=flies)
        plain = _server(
            dsn("bench_plain"), PlainSetting(setting="app.tenant"), _plain_items, flies=flies
        )
        driver = await asyncpg.create_pool(dsn("postgres"), min_size=1, max_size=1, reset=_nothing)
        async with driver, sealed.database, plain.database:
            ways = [_bare(driver), _called(plain), _called(sealed)]
            for way in ways:
                await _time(way)
            rounds = [[await _time(way) for way in ways] for _ in range(ROUNDS)]
    bare, ours, walled = (statistics.median(side) for side in zip(*rounds, strict=True))
    return Cost(
        distance_ms=distance_ms,
        flies=flies,
        driver_ms=bare,
        plain_ms=ours,
        sealed_ms=walled,
        ratio=statistics.median(s / p for _, p, s in rounds),
    )


@asynccontextmanager
async def reach(
    postgres: EmbeddedPostgres, distance_ms: float
) -> AsyncGenerator[Callable[[str], str]]:
    """From a role to its DSN, direct or over the delay proxy."""

    def direct(user: str) -> str:
        return postgres.dsn(database="postgres", user=user).replace("+asyncpg", "")

    if not distance_ms:
        yield direct
        return
    connection = await asyncpg.connect(direct("postgres"))
    folder = await connection.fetchval("SELECT current_setting('unix_socket_directories')")
    port = await connection.fetchval("SELECT current_setting('port')::int")
    await connection.close()
    delay_s = distance_ms / 2_000
    async with delayed(socket_dir_or_host=folder, port=port, delay_s=delay_s) as far:
        yield lambda user: far.dsn(database="postgres", user=user)


def _server(dsn: str, isolation: Isolation, table: Table, *, flies: bool) -> Server:
    database = Database(
        dsn,
        tenancy=FixedTenancy(Who.of("t3")),
        isolation=isolation,
        pool=PoolConfig(size=2, single_flight=flies),
    )
    server = Server("bench", database)

    @server.tool()
    def item(number: Annotated[int, Field(ge=1, description="Its number")]) -> Rows:
        """One item."""
        return select(table.c.id, table.c.name).where(table.c.id == number)

    return server


def _called(server: Server) -> Callable[[int], Awaitable[Any]]:
    tool = server.tools["item"]

    async def call(number: int) -> None:
        arguments = {"number": number}
        result = await server.database.call(tool, Request(tool="item", arguments=arguments))
        assert result.structured["row_count"] == 1

    return call


def _bare(driver: "asyncpg.Pool[asyncpg.Record]") -> Callable[[int], Awaitable[Any]]:
    async def call(number: int) -> None:
        async with driver.acquire() as connection:
            rows = await connection.fetch("SELECT id, name FROM items WHERE id = $1", number)
            assert len(rows) == 1

    return call


async def _nothing(_: object) -> None:
    """The driver's pool without its reset, which would be one more wait."""


async def _time(call: Callable[[int], Awaitable[Any]]) -> float:
    """The median of one call, in milliseconds."""
    taken: list[float] = []
    for number in range(3, 10 * CALLS, 10):  # all of them are t3's
        start = time.perf_counter()
        await call(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1_000


def lines(costs: list[Cost]) -> list[str]:
    """A table of them in Markdown."""
    return [
        "| Distance | single_flight | Driver ms | Plain ms | Sealed ms | Sealed/plain | At most |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {each.distance_ms:g} ms | {'on' if each.flies else 'off'} | {each.driver_ms:.3f} |"
            f" {each.plain_ms:.3f} | {each.sealed_ms:.3f} | {each.ratio:.2f} | {LIMIT} |"
            for each in costs
        ),
    ]


if __name__ == "__main__":
    print("\n".join(lines(asyncio.run(measure()))))
