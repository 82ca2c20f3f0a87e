"""What the tests of the embedded PostgreSQL have in common: questions, children, waiting."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from mcpdb._embedded.postmaster import Postmaster
from mcpdb.embedded import EmbeddedPostgres

FAST = {"fsync": "off"}
PATIENCE_S = 20.0
CHILD = Path(__file__).with_name("child.py")
CHILD_ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


async def ask(pg: EmbeddedPostgres, sql: str) -> object:
    """Return the first value of a query, asked as the superuser over the Unix socket."""
    connection = await asyncpg.connect(
        host=str(pg.socket_dir), port=pg.port, user="postgres", database="postgres"
    )
    try:
        value: object = await connection.fetchval(sql)
    finally:
        await connection.close()
    return value


async def made(folder: Path) -> Path:
    """Make a cluster, with one table in it, and close it again; return its postmaster.pid."""
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        await ask(pg, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    return folder / "cluster" / "postmaster.pid"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a state, at most `PATIENCE_S`."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - nobody announces the state of a system
            await asyncio.sleep(0.002)


def serving(folder: Path) -> Postmaster | None:
    """Return the server that answers for a folder now."""
    cluster = folder.resolve() / "cluster"
    found = Postmaster.read(cluster)
    return found if found is not None and found.answers_for(cluster) else None


def server_pid(folder: Path) -> int:
    """Return the process id of the server that answers for a folder now."""
    found = serving(folder)
    assert found is not None, "no server answers"
    return found.pid


def alive(pid: int) -> bool:
    """Tell whether a process runs; a dead one that nobody has reaped yet does not."""
    found = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return found.stdout.strip() != "" and not found.stdout.startswith("Z")


def children(pid: int) -> dict[str, int]:
    """Return the process ids of the children of a process, by the names of their programs."""
    found = subprocess.run(
        ["ps", "-A", "-o", "ppid=,pid=,comm="], check=True, capture_output=True, text=True
    )
    rows = [line.split(maxsplit=2) for line in found.stdout.splitlines()]
    return {Path(name).name: int(own) for parent, own, name in rows if int(parent) == pid}


def names(folder: Path) -> set[str]:
    """Return what is in a folder."""
    return {entry.name for entry in folder.iterdir()}


def owners(folder: Path) -> set[int]:
    """Return the user ids of what is in a folder."""
    return {entry.stat().st_uid for entry in folder.iterdir()}


def one_line(error: BaseException) -> str:
    """Return the text of an error, which must be one line of a readable length."""
    text = str(error)
    assert "\n" not in text
    assert 20 < len(text) < 500
    return text


def free_port() -> int:
    """Return a port of the loopback address that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Child:
    """A process of its own that opens a folder; see `child.py`."""

    process: asyncio.subprocess.Process

    async def line(self) -> str:
        """Return the next thing that it says."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await self.process.stdout.readline()).decode().strip()

    async def opened(self) -> int:
        """Wait until it has the folder open; return the server's process id."""
        word, _, pid = (await self.line()).partition(" ")
        assert word == "open", f"{word} {pid}"
        return int(pid)

    async def close(self) -> None:
        """Let it close the folder and end."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"close\n")
        assert await self.line() == "closed"
        await self.process.wait()

    async def kill(self) -> None:
        """End it as the kernel's out-of-memory killer does."""
        self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def child(
    folder: Path, *, port: int | None = None, uid: int | None = None, rounds: int = 1
) -> AsyncGenerator[Child]:
    """Run a child in a session of its own; kill it at the end if it is still there."""
    options = {"version": 18, "port": port, "uid": uid, "rounds": rounds}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        str(CHILD),
        str(folder),
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=CHILD_ENVIRONMENT,
        start_new_session=True,
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
