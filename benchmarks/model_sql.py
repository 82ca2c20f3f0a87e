"""What SQL of a model costs: the guard with each parser, and a whole call of the SQL tool against a
transaction of a plain setting on the driver, into which the same text goes unguarded."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from seal import reach

from mcpdb import (
    Catalog,
    Database,
    FixedTenancy,
    Relation,
    Request,
    Server,
    SqlLogin,
    SqlToolOptions,
)
from mcpdb import Tenant as Who
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.isolation import Protected, Roles, Sealed, Wall
from mcpdb.operate import apply_wall
from mcpdb.sql.guard import Guard
from mcpdb.sql.pgparse_parser import PgparseParser
from mcpdb.sql.postgast_parser import PostgastParser

DISTANCES_MS: Final = (0.0, 1.0)
ROUNDS: Final = 15
CALLS: Final = 40
LIMIT: Final = 3.0
GUARD_LIMIT_MS: Final = 1.0
_CHECKS: Final = 300
_SCHEMA: Final = """
CREATE ROLE bench_plain LOGIN NOINHERIT;
CREATE TABLE sales (id int PRIMARY KEY, tenant text NOT NULL, day date NOT NULL,
  product text NOT NULL, amount numeric(10,2) NOT NULL);
INSERT INTO sales SELECT i, 't' || i % 10, date '2026-01-01' + i % 300, 'product ' || i % 97,
  (i % 1000) + 0.25 FROM generate_series(1, 100000) AS i;
CREATE INDEX ON sales (tenant);
CREATE TABLE plain_sales AS TABLE sales;
CREATE INDEX ON plain_sales (tenant);
ALTER TABLE plain_sales ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON plain_sales FOR SELECT TO bench_plain USING (tenant = ANY (
  (SELECT string_to_array(nullif(current_setting('app.tenant', true), ''), ','))::text[]));
GRANT SELECT ON plain_sales TO bench_plain;
ANALYZE;
"""
_COLUMNS: Final = ("id", "tenant", "day", "product", "amount")
_ANALYSIS: Final = """\
WITH monthly AS (
  SELECT date_trunc('month', s.day) AS month, s.product, sum(s.amount) AS revenue,
    count(*) FILTER (WHERE s.amount > 500) AS large
  FROM {table} s WHERE s.day >= date '2026-02-01' AND s.product LIKE 'product 1%'
  GROUP BY 1, 2
)
SELECT to_char(month, 'YYYY-MM') AS month, product, revenue, large,
  round(100 * revenue / nullif(sum(revenue) OVER (PARTITION BY month), 0), 1) AS share,
  rank() OVER (PARTITION BY month ORDER BY revenue DESC) AS place,
  revenue - lag(revenue) OVER (PARTITION BY product ORDER BY month) AS change
FROM monthly WHERE revenue > 100 ORDER BY month DESC, place, product LIMIT 50"""
QUERIES: Final = {
    "one number": "SELECT count(*) FROM {table} WHERE id < 1000",
    "an analysis": _ANALYSIS,
    "100 rows": "SELECT id, day, product, amount FROM {table} ORDER BY id LIMIT 100",
    "1,000 rows": "SELECT id, day, product, amount FROM {table} ORDER BY id LIMIT 1000",
}
CATALOG: Final = Catalog([Relation("public", "sales", _COLUMNS)])
_Call = Callable[[str], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Medians of one query at one distance: milliseconds, and of the pairwise ratio."""

    query: str
    distance_ms: float
    plain_ms: float
    tool_ms: float
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCost:
    """Medians of a parser in milliseconds: the check alone, and with the way to its own stack."""

    parser: str
    characters: int
    inspect_ms: float
    check_ms: float


async def guards() -> list[GuardCost]:
    """One for each parser, on the analysis and on ten of it."""
    text = _ANALYSIS.format(table="sales")
    long = " UNION ALL ".join(f"({text})" for _ in range(10))
    found: list[GuardCost] = []
    for parser in (PgparseParser(), PostgastParser()):
        guard = Guard(CATALOG, parser=parser)
        for sql in (text, long):
            await guard.check(sql)
            alone: list[float] = []
            whole: list[float] = []
            for _ in range(_CHECKS):
                start = time.perf_counter()
                guard.inspect(sql)
                alone.append(time.perf_counter() - start)
                start = time.perf_counter()
                await guard.check(sql)
                whole.append(time.perf_counter() - start)
            inspect_ms, check_ms = (statistics.median(each) * 1_000 for each in (alone, whole))
            found.append(
                GuardCost(
                    parser=type(parser).__name__.removesuffix("Parser").lower(),
                    characters=len(sql),
                    inspect_ms=inspect_ms,
                    check_ms=check_ms,
                )
            )
    return found


async def measure() -> list[Cost]:
    """One for each query at each distance."""
    with tempfile.TemporaryDirectory(prefix="mcpdb-bench-") as name:
        Path(name).chmod(0o755)  # noqa: ASYNC240  # before anything runs
        settings = {"fsync": "off"}
        async with EmbeddedPostgres(Path(name) / "postgres", settings=settings) as postgres:
            key = await _prepare(postgres.dsn(database="postgres"))
            found: list[Cost] = []
            for distance in DISTANCES_MS:
                found += await _at(postgres, key, distance)
            return found


async def _prepare(dsn: str) -> str:
    admin = await asyncpg.connect(dsn.replace("+asyncpg", ""))
    try:
        await admin.execute(_SCHEMA)
        roles = Roles(
            app="bench_app", keeper="bench_keeper", sql="bench_sql", reader="bench_reader"
        )
        wall = Wall(tables=[Protected("public.sales", "tenant")], roles=roles)
        applied = await apply_wall(admin, wall)
    finally:
        await admin.close()
    assert applied.key is not None
    return applied.key


async def _at(postgres: EmbeddedPostgres, key: str, distance_ms: float) -> list[Cost]:
    async with reach(postgres, distance_ms) as dsn:
        server = Server(
            "bench",
            Database(
                dsn("bench_app"),
                tenancy=FixedTenancy(Who.of("t3")),
                isolation=Sealed(key=key),
                sql=SqlLogin(url=dsn("bench_sql")),
            ),
        )
        options = SqlToolOptions(max_rows=1_000, max_bytes=900_000)
        server.sql_tool("query", catalog=CATALOG, options=options)
        plain = await asyncpg.connect(dsn("bench_plain"))
        try:
            async with server.database:
                tool, bare = _tool(server), _plain(plain)
                return [await _cost(name, distance_ms, tool, bare) for name in QUERIES]
        finally:
            await plain.close()


async def _cost(name: str, distance_ms: float, tool: _Call, bare: _Call) -> Cost:
    ours, theirs = (QUERIES[name].format(table=table) for table in ("sales", "plain_sales"))
    assert await tool(ours) == await bare(theirs)
    rounds = [(await _time(bare, theirs), await _time(tool, ours)) for _ in range(ROUNDS)]
    plain_ms, tool_ms = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(ours / theirs for theirs, ours in rounds)
    return Cost(
        query=name, distance_ms=distance_ms, plain_ms=plain_ms, tool_ms=tool_ms, ratio=ratio
    )


def _tool(server: Server) -> _Call:
    tool = server.tools["query"]

    async def call(sql: str) -> int:
        request = Request(tool="query", arguments={"sql": sql})
        return int((await server.database.call(tool, request)).structured["row_count"])

    return call


def _plain(connection: Any) -> _Call:
    async def call(sql: str) -> int:
        transaction = connection.transaction(readonly=True)
        await transaction.start()
        try:
            await connection.execute("SELECT set_config('app.tenant', $1, true)", "t3")
            return len(await connection.fetch(sql))
        finally:
            await transaction.rollback()

    return call


async def _time(call: _Call, sql: str) -> float:
    taken: list[float] = []
    for _ in range(CALLS):
        start = time.perf_counter()
        await call(sql)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1_000


def lines(costs: list[Cost], parsers: list[GuardCost]) -> list[str]:
    """Tables of them in Markdown."""
    return [
        "| Parser | Characters | Parse and policy ms | With its own stack ms | At most |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {each.parser} | {each.characters} | {each.inspect_ms:.3f} | {each.check_ms:.3f} |"
            f" {GUARD_LIMIT_MS if each.characters < 1_000 else ''} |"
            for each in parsers
        ),
        "",
        "| Query | Distance | Plain setting ms | SQL tool ms | Ratio | At most |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {each.query} | {each.distance_ms:g} ms | {each.plain_ms:.3f} |"
            f" {each.tool_ms:.3f} | {each.ratio:.2f} | {LIMIT} |"
            for each in costs
        ),
    ]


async def both() -> list[str]:
    """All of it."""
    return lines(await measure(), await guards())


if __name__ == "__main__":
    print("\n".join(asyncio.run(both())))
