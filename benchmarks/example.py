"""Zava as its users meet it: how long seeding and starting take, and what calls cost over each
transport. Servers run as processes of their own; all traffic stays on the loopback interface."""

import asyncio
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil
from mcp import Client, StdioServerParameters
from wire import body, headers

from mcpdb import FixedTenancy, Tenant
from mcpdb.embedded import EmbeddedPostgres
from zava.access import APP_ROLE
from zava.app import make_server
from zava.identity import manager_id
from zava.key import key_file
from zava.services import DATABASE, cluster_folder

WORK: Final = Path(__file__).parent / ".work"
ZAVA: Final = Path(sys.executable).with_name("zava")
CALLS: Final = 500
TOOL: Final = "top_products"
ARGUMENTS: Final[dict[str, Any]] = {"days": 30, "limit": 20}


@dataclass(frozen=True, slots=True)
class Rate:
    """How one transport did."""

    transport: str
    concurrency: int
    calls_per_s: float
    p50_ms: float
    p95_ms: float


def seed(size: str) -> float:
    """Seconds of `zava seed` into an empty folder."""
    shutil.rmtree(WORK, ignore_errors=True)
    started = time.perf_counter()
    subprocess.run([ZAVA, "seed", "--data", WORK, "--size", size], check=True, capture_output=True)
    return time.perf_counter() - started


async def postgres_start() -> float:
    """Seconds until PostgreSQL alone is ready, on the seeded folder."""
    started = time.perf_counter()
    async with EmbeddedPostgres(cluster_folder(WORK)):
        return time.perf_counter() - started


async def first_answer() -> float:
    """Seconds from starting `zava serve` to its first answer over HTTP."""
    started = time.perf_counter()
    async with _serving() as (port, _):
        async with httpx2.AsyncClient() as client:
            await _call(client, port, TOOL, ARGUMENTS)
        return time.perf_counter() - started


async def http_rates() -> tuple[list[Rate], float]:
    """The rates over HTTP, and the server's resident memory in MB after 1,000 calls and more."""
    async with _serving() as (port, process), httpx2.AsyncClient() as client:

        async def call() -> None:
            await _call(client, port, TOOL, ARGUMENTS)

        rates = [await _rate("HTTP", call, concurrency) for concurrency in (1, 8)]
        rss = psutil.Process(process.pid).memory_info().rss / 1e6
    return rates, rss


async def stdio_rates() -> list[Rate]:
    """The rates of the SDK's own client over stdio."""
    arguments = ["serve", "--data", str(WORK), "--store", "Seattle"]
    async with Client(StdioServerParameters(command=str(ZAVA), args=arguments)) as client:
        return [await _rate("stdio", _caller(client), concurrency) for concurrency in (1, 8)]


async def memory_rates() -> list[Rate]:
    """The rates of the SDK's own client in the server's process."""
    async with EmbeddedPostgres(cluster_folder(WORK)) as postgres:
        dsn = postgres.dsn(database=DATABASE, user=APP_ROLE)
        tenancy = FixedTenancy(Tenant.of(manager_id("Seattle")))
        key = key_file(WORK).read_text().strip()
        server = make_server(dsn, key=key, tenancy=tenancy)
        async with Client(server.mcp()) as client:
            return [await _rate("in memory", _caller(client), n) for n in (1, 8)]


def _caller(client: Client) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        result = await client.call_tool(TOOL, ARGUMENTS)
        assert not result.is_error

    return call


async def _rate(transport: str, call: Callable[[], Awaitable[None]], concurrency: int) -> Rate:
    taken: list[float] = []

    async def caller(calls: int) -> None:
        for _ in range(calls):
            start = time.perf_counter()
            await call()
            taken.append(time.perf_counter() - start)

    await caller(20)  # to warm up
    taken.clear()
    started = time.perf_counter()
    await asyncio.gather(*(caller(CALLS // concurrency) for _ in range(concurrency)))
    elapsed = time.perf_counter() - started
    quantiles = statistics.quantiles(taken, n=20)
    return Rate(
        transport, concurrency, len(taken) / elapsed, quantiles[9] * 1_000, quantiles[18] * 1_000
    )


@asynccontextmanager
async def _serving() -> AsyncGenerator[tuple[int, subprocess.Popen[bytes]]]:
    port = _free_port()
    command = [str(ZAVA), "serve", "--data", str(WORK), "--http", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--dev-identity"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        await _until_open(port, process)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


async def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(30):
        while process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
    raise RuntimeError("zava serve ended before it served")


async def _call(
    client: httpx2.AsyncClient, port: int, tool: str, arguments: dict[str, Any]
) -> None:
    response = await client.post(
        f"http://127.0.0.1:{port}/mcp",
        content=body(tool, arguments),
        headers=headers(tool) | {"x-rls-user-id": manager_id("Seattle")},
    )
    assert re.search(rb'"isError":\s*false', response.content), response.content[:500]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
