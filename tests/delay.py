"""A way to PostgreSQL that is longer by a fixed time in each direction. Run as a script it is the
proxy itself: a process of its own, so that no event loop or GIL adds to the delay."""

import asyncio
import contextlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncGenerator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

_PORT: Final = 5432  # only the number in the socket's name
_CHUNK_BYTES: Final = 262_144
_HELD_MAX_BYTES: Final = 16_777_216
_SPIN_S: Final = 0.000_15
_READY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Delayed:
    """The near end of the way.

    Attributes:
        socket_dir: The folder of its Unix socket.
        port: The number in the socket's name.
        tcp_port: The same way on 127.0.0.1, or None.
    """

    socket_dir: Path
    port: int
    tcp_port: int | None

    def dsn(self, *, database: str, user: str) -> str:
        """A URL for asyncpg, over the Unix socket."""
        where = f"host={quote(str(self.socket_dir))}&port={self.port}"
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"


@asynccontextmanager
async def delayed(
    *, socket_dir_or_host: str | Path, port: int, delay_s: float, tcp: bool = False
) -> AsyncGenerator[Delayed]:
    """Stand before a server, at a distance.

    Args:
        socket_dir_or_host: PostgreSQL's socket folder, or its host.
        port: PostgreSQL's port.
        delay_s: What each direction takes: a round trip takes twice as long. As on a long wire,
            it is the delay of every byte, however many are on their way.
        tcp: Whether to listen on 127.0.0.1 as well. Who trusts its Unix socket then trusts every
            user of the machine.
    """
    host = str(socket_dir_or_host)
    target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else host
    folder = Path(tempfile.mkdtemp(prefix="mcpdb-"))  # short: a socket's path has 107 bytes
    listen = str(folder / f".s.PGSQL.{_PORT}")
    try:
        # -S and no environment: nothing, such as coverage, runs in it that takes time.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", __file__, listen, target, str(port), str(delay_s)),
            *(["tcp"] if tcp else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = await asyncio.wait_for(process.stdout.readline(), _READY_S)
            yield Delayed(folder, _PORT, int(said) or None)
        finally:
            process.stdin.close()  # its sign to end, which also comes when this process is killed
            try:
                await asyncio.wait_for(process.wait(), _READY_S)
            except TimeoutError:
                process.kill()
                await process.wait()
    finally:
        shutil.rmtree(folder)


def _nothing() -> deque[tuple[float, memoryview]]:
    return deque()


@dataclass(slots=True, eq=False)
class _Way:
    """One direction of a connection: what has come in, and when it has to go out."""

    source: socket.socket
    sink: socket.socket
    held: deque[tuple[float, memoryview]] = field(default_factory=_nothing)
    held_bytes: int = 0
    ended: bool = False  # the source sends no more
    passed: bool = False  # and the sink has heard of it
    blocked: bool = False  # the sink takes no more for now

    @property
    def reads(self) -> bool:
        """Whether there is room: without a bound a slow client would fill the memory."""
        return not self.ended and self.held_bytes < _HELD_MAX_BYTES

    def take(self, delay_s: float) -> None:
        """Read what there is; an empty piece stands for the end."""
        due = time.perf_counter() + delay_s
        with contextlib.suppress(BlockingIOError):
            data = self.source.recv(_CHUNK_BYTES)
            self.ended = not data
            self.held_bytes += len(data)
            self.held.append((due, memoryview(data)))

    def give(self, now: float) -> None:
        """Send what is due, as far as the sink takes it."""
        self.blocked = False
        while self.held and self.held[0][0] <= now:
            due, data = self.held.popleft()
            if not data:
                self.passed = True
                self.sink.shutdown(socket.SHUT_WR)
                return
            try:
                sent = self.sink.send(data)
            except BlockingIOError:
                sent = 0
            self.held_bytes -= sent
            if sent < len(data):
                self.held.appendleft((due, data[sent:]))
                self.blocked = True
                return


class _Proxy:
    """All connections in one thread. It waits by select, whose timeouts are exact to 0.1 ms;
    those of epoll, and so of asyncio, are whole milliseconds. The rest it waits busily."""

    def __init__(self, target: str, port: int, delay_s: float) -> None:
        self._target = target
        self._port = port
        self._delay_s = delay_s
        self._listeners: list[socket.socket] = []
        self._pairs: list[tuple[_Way, _Way]] = []

    def listen(self, listener: socket.socket, address: str | tuple[str, int]) -> None:
        listener.bind(address)
        listener.listen(512)
        self._listeners.append(listener)

    def run(self, *, until_closed: IO[str]) -> None:
        """Pass on what comes, until the other end of a pipe is closed."""
        while True:
            ways = [way for pair in self._pairs for way in pair]
            reading = [way.source for way in ways if way.reads]
            writing = [way.sink for way in ways if way.blocked]
            watched: list[IO[str] | socket.socket] = [until_closed, *self._listeners, *reading]
            readable = set(select.select(watched, writing, (), _pause_s(ways))[0])
            if until_closed in readable:
                return
            for listener in self._listeners:
                if listener in readable:
                    self._accept(listener)
            self._pairs = [pair for pair in self._pairs if self._goes_on(pair, readable)]

    def _goes_on(self, pair: tuple[_Way, _Way], ready: AbstractSet[object]) -> bool:
        try:
            for way in pair:
                if way.source in ready:
                    way.take(self._delay_s)
                way.give(time.perf_counter())
            goes_on = not (pair[0].passed and pair[1].passed)
        except OSError:
            goes_on = False
        if not goes_on:
            for way in pair:
                way.source.close()
        return goes_on

    def _accept(self, listener: socket.socket) -> None:
        near, _ = listener.accept()
        try:
            far = self._connect()
        except OSError:
            near.close()
            return
        for one in (near, far):
            one.setblocking(False)
            if one.family != socket.AF_UNIX:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append((_Way(near, far), _Way(far, near)))

    def _connect(self) -> socket.socket:
        if not self._target.startswith("/"):
            return socket.create_connection((self._target, self._port), timeout=_READY_S)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._target)
        return far


def _pause_s(ways: list[_Way]) -> float | None:
    due = [way.held[0][0] for way in ways if way.held and not way.blocked]
    return max(0.0, min(due) - time.perf_counter() - _SPIN_S) if due else None


def _main(listen: str, target: str, port: str, delay_s: str, *tcp: str) -> None:
    proxy = _Proxy(target, int(port), float(delay_s))
    proxy.listen(socket.socket(socket.AF_UNIX), listen)
    tcp_port = 0
    if tcp:
        listener = socket.socket(socket.AF_INET)
        proxy.listen(listener, ("127.0.0.1", 0))
        tcp_port = listener.getsockname()[1]
    print(tcp_port, flush=True)  # noqa: T201 - its parent waits for it
    proxy.run(until_closed=sys.stdin)


if __name__ == "__main__":
    _main(*sys.argv[1:])
