"""A proxy between a server and PostgreSQL. It can hold back what a client sends, cut connections
off at a given word, and swallow everything; a request to cancel is let through."""

import asyncio
import contextlib
import shutil
import struct
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from sqlalchemy.engine import make_url

from mcpdb.embedded import EmbeddedPostgres
from poolers import Pooler

_CANCEL: Final = struct.pack("!ii", 16, 80877102)
_GOODBYE: Final = b"X\x00\x00\x00\x04"
_CHUNK: Final = 65_536


class Proxy:
    """Faults on the way, all off at first.

    Attributes:
        hold_at: Bytes of a client; from the message on that has them all waits for `release`.
        cut_at: Bytes of a client; the connection that sends them is cut off before they pass.
        cut_answer_at: Bytes of PostgreSQL's; the connection is cut off in the midst of them.
        held: Set while something is held back.
        swallows: Whether nothing passes any more, in either direction, cancel requests included.
        flights: What a client sent until it had to wait for PostgreSQL, in order.
        hold_flight: The number of the flight, by its place in `flights`, that waits for `release`.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self.hold_at: bytes | None = None
        self.cut_at: bytes | None = None
        self.cut_answer_at: bytes | None = None
        self.held = asyncio.Event()
        self.swallows = False
        self.flights: list[bytes] = []
        self.hold_flight: int | None = None
        self._is_answered = True
        self._folder = folder
        self._target = target
        self._released = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, postgres: EmbeddedPostgres | Pooler) -> AsyncGenerator[Self]:
        """Stand before a server on a Unix socket of one's own."""
        folder = Path(tempfile.mkdtemp(prefix="mcpdb-"))  # short: a socket's path has 107 bytes
        proxy = cls(folder, postgres.socket_dir / f".s.PGSQL.{postgres.port}")
        server = await asyncio.start_unix_server(proxy._serve, folder / ".s.PGSQL.5432")
        try:
            yield proxy
        finally:
            proxy.release()
            server.close()
            proxy.cut()
            await server.wait_closed()
            await asyncio.sleep(0.05)
            shutil.rmtree(folder)

    def dsn(self, database: str, like: str) -> str:
        """The URL of a database through the proxy, with the login of another URL."""
        user = make_url(like).username
        return f"postgresql+asyncpg://{user}@/{database}?host={quote(str(self._folder))}&port=5432"

    def release(self) -> None:
        """Let pass what is held back, and hold nothing more until that is asked again."""
        self.hold_at = self.hold_flight = None
        self._released.set()

    def cut(self) -> None:
        """Break every connection off."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        both = {writer, far_writer}
        self._writers |= both
        try:
            ways = [
                asyncio.ensure_future(self._up(reader, far_writer)),
                asyncio.ensure_future(self._down(far_reader, writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    def _note(self, data: bytes) -> None:
        if data == _GOODBYE or data.startswith(_CANCEL):
            return
        if self._is_answered:
            self.flights.append(data)
        else:
            self.flights[-1] += data
        self._is_answered = False

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.cut_at is not None and self.cut_at in data:
                    return
                self._note(data)
                if (self.hold_at is not None and self.hold_at in data) or (
                    self.hold_flight is not None
                    and len(self.flights) > self.hold_flight
                    and not data.startswith(_CANCEL)
                ):
                    self.held.set()
                    self._released.clear()
                    await self._released.wait()
                if not self.swallows:
                    writer.write(data)
                    await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                self._is_answered = True
                if self.cut_answer_at is not None and self.cut_answer_at in data:
                    writer.write(data[: data.index(self.cut_answer_at) + 1])
                    await writer.drain()
                    return
                if not self.swallows:
                    writer.write(data)
                    await writer.drain()
