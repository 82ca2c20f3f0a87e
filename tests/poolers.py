"""A PgBouncer of a test's own before a PostgreSQL: it pools by transaction."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from mcpdb._embedded.user import SystemUser, choose_user
from servers import missing

PGBOUNCER: Final = Path("/usr/sbin/pgbouncer")

_PORT: Final = 6432  # only the number in the socket's name
_TIMEOUT_S: Final = 10.0
_PAUSE_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Pooler:
    """A PgBouncer that takes connections.

    Attributes:
        socket_dir: The folder of its Unix socket.
        port: The number in the socket's name; no TCP port is open.
        pid: Its process.
    """

    socket_dir: Path
    port: int
    pid: int

    def dsn(self, database: str, user: str) -> str:
        """A URL for asyncpg; `database` is an alias, or `pgbouncer` for the console (postgres)."""
        where = f"host={quote(str(self.socket_dir))}&port={self.port}"
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"


@asynccontextmanager
async def pgbouncer(
    *,
    socket_dir_or_host: str | Path,
    port: int,
    databases: Mapping[str, str],
    pool_size: int = 2,
    folder: Path,
    **settings: str | int,
) -> AsyncGenerator[Pooler]:
    """Run PgBouncer; every role of PostgreSQL's is let in without a password.

    Args:
        socket_dir_or_host: PostgreSQL's socket folder, or its host; there it has to trust us.
        port: PostgreSQL's port.
        databases: Alias, of letters, digits and `_.-`, to the real database's name.
        pool_size: Server connections at most for each pair of database and role.
        folder: Where `pgbouncer.log` is written.
        settings: Settings of pgbouncer.ini besides, or instead of the ones made here.
    """
    if not PGBOUNCER.exists():
        missing()
    user = _user(Path(socket_dir_or_host, f".s.PGSQL.{port}"))
    # Not in `folder`: a socket's path has 107 bytes, and the user may not pass pytest's folders.
    place = Path(tempfile.mkdtemp(prefix="mcpdb-"))
    try:
        lines = ["[databases]"]
        for alias, name in databases.items():
            lines.append(f"{alias} = host={socket_dir_or_host} port={port} dbname={_quoted(name)}")
        lines.append("[pgbouncer]")
        for key, value in (_settings(place, pool_size) | settings).items():
            lines.append(f"{key} = {value}")
        _write(place, user, {"pgbouncer.ini": lines, "users.txt": ['"postgres" ""']})
        async with _running(place, user, folder / "pgbouncer.log") as pid:
            yield Pooler(place, _PORT, pid)
    finally:
        shutil.rmtree(place)


def _write(place: Path, user: SystemUser, files: Mapping[str, list[str]]) -> None:
    for name, lines in files.items():
        (place / name).write_text("\n".join([*lines, ""]))
        user.own(place / name)
    user.own(place)


def _settings(place: Path, pool_size: int) -> dict[str, str | int]:
    return {
        "listen_addr": "",
        "listen_port": _PORT,
        "unix_socket_dir": str(place),
        "pool_mode": "transaction",
        "default_pool_size": pool_size,
        "admin_users": "postgres",
        # A role that is in no file is looked up in the database, so each new one may come.
        "auth_type": "trust",
        "auth_file": str(place / "users.txt"),
        "auth_user": "postgres",
    }


def _user(server_socket: Path) -> SystemUser:
    """The system user to run as: PgBouncer refuses root, and only its owner reaches a socket."""
    if os.geteuid() == 0 and server_socket.exists():
        return SystemUser.of(pwd.getpwuid(server_socket.stat().st_uid))
    return choose_user(os.geteuid())


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@asynccontextmanager
async def _running(place: Path, user: SystemUser, log: Path) -> AsyncGenerator[int]:
    process = _started(place, user, log)
    try:
        await _until_ready(process, place / f".s.PGSQL.{_PORT}", log)
        yield process.pid
    finally:
        process.terminate()
        # Newer ones wait for their clients to go.
        if not await _ended(process, within_s=1):
            process.kill()
            await _ended(process, within_s=_TIMEOUT_S)


def _started(place: Path, user: SystemUser, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [PGBOUNCER, place / "pgbouncer.ini"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={},
            start_new_session=True,  # Ctrl-C is for pytest, which stops it in the end
            user=user.uid,
            group=user.gid,
            extra_groups=user.groups,
        )


async def _until_ready(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    give_up_at = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            break
        try:
            _, writer = await asyncio.open_unix_connection(socket)
        except OSError:
            await asyncio.sleep(_PAUSE_S)
        else:
            writer.close()
            await writer.wait_closed()
            return
    pytest.fail(f"PgBouncer did not start: {await asyncio.to_thread(log.read_text)}")


async def _ended(process: subprocess.Popen[bytes], *, within_s: float) -> bool:
    give_up_at = time.monotonic() + within_s
    while process.poll() is None:
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(_PAUSE_S)
    return True
