"""The longer way to PostgreSQL: round trips take as long as they should, and nothing is lost."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from delay import delayed
from mcpdb.embedded import EmbeddedPostgres

_LARGE = "SELECT repeat(md5(n::text), 100) AS text FROM generate_series(1, 10000) AS n"


@asynccontextmanager
async def far(postgres: EmbeddedPostgres, delay_s: float) -> AsyncGenerator[asyncpg.Connection]:
    async with delayed(
        socket_dir_or_host=postgres.socket_dir, port=postgres.port, delay_s=delay_s
    ) as way:
        connection = await asyncpg.connect(
            way.dsn(database="postgres", user="postgres"), timeout=10
        )
        try:
            yield connection
        finally:
            await connection.close()


async def test_each_round_trip_takes_twice_the_delay(postgres: EmbeddedPostgres) -> None:
    async with far(postgres, 0.0025) as connection:
        await connection.execute("SELECT 1")
        start = time.perf_counter()
        for _ in range(10):
            await connection.execute("SELECT 1")
        assert time.perf_counter() - start >= 0.050


async def test_pieces_on_their_way_at_the_same_time_are_delayed_together(
    postgres: EmbeddedPostgres,
) -> None:
    """32 MB are some hundred pieces, which one after the other would take 100 ms each."""
    async with far(postgres, 0.1) as connection:
        start = time.perf_counter()
        await connection.fetch(_LARGE)  # prepared, then executed
        assert 0.4 <= time.perf_counter() - start < 10


async def test_large_results_and_large_arguments_arrive_unchanged(
    postgres: EmbeddedPostgres,
) -> None:
    async with far(postgres, 0.001) as connection:
        texts = [row["text"] for row in await connection.fetch(_LARGE)]
        digests = [hashlib.md5(str(n).encode()).hexdigest() * 100 for n in range(1, 10_001)]
        assert texts == digests
        sent = "".join(digests)
        assert await connection.fetchval("SELECT md5($1::text)", sent) == _md5(sent)


async def test_a_closed_end_closes_the_other(postgres: EmbeddedPostgres) -> None:
    async with far(postgres, 0.001) as connection, far(postgres, 0.001) as watching:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        assert await watching.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
            await asyncio.wait_for(connection.execute("SELECT 1"), 5)


async def test_a_way_over_tcp_is_open_only_when_asked_for(tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    server = await asyncio.start_unix_server(echo, tmp_path / ".s.PGSQL.1")
    async with server, delayed(socket_dir_or_host=tmp_path, port=1, delay_s=0.001) as way:
        assert way.tcp_port is None
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        delayed(socket_dir_or_host="127.0.0.1", port=port, delay_s=0.001, tcp=True) as way,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", way.tcp_port)
        writer.write(b"whole")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b"whole"
        writer.close()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
