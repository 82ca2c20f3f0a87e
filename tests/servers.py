"""A running PostgreSQL of each major version, shared by the processes of a test run, and fresh
databases in it: 18 and 16 are the embedded ones, 15 is Debian's."""

import asyncio
import fcntl
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, Self
from urllib.parse import quote

import asyncpg
import pytest

from mcpdb._embedded.cluster import Cluster as DataFolder
from mcpdb._embedded.folder import claim_folder, lock, open_lock_file, turn
from mcpdb._embedded.patience import Patience
from mcpdb._embedded.programs import Programs, find_programs
from mcpdb._embedded.share import Share
from mcpdb.embedded import EmbeddedPostgres

VERSIONS: Final = (18, 16, 15)
DEBIAN: Final = Path("/usr/lib/postgresql/15/bin")
PACKAGES: Final = "apt-get install postgresql-15 pgbouncer"

_SETTINGS: Final = {
    "fsync": "off",
    "jit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}
_TIMEOUT_S: Final = 60.0
_PAUSE_S: Final = 0.02


def missing() -> NoReturn:
    """Skip the test that needs a system package; in CI, where nothing may be skipped, fail it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(PACKAGES)


class _Address(NamedTuple):
    socket_dir: Path
    port: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server, reached over its Unix socket, on which every role is trusted.

    Attributes:
        version: The major version.
        socket_dir: The folder of the socket, psql's `-h`.
        port: The number in the socket's name, psql's `-p`; no TCP port is open.
        has_vector: Whether `CREATE EXTENSION vector` works.
        bin: The folder of pg_dump and the others, of the same version.
    """

    version: int
    socket_dir: Path
    port: int
    has_vector: bool
    bin: Path

    @classmethod
    async def at(cls, version: int, address: _Address, programs: Path) -> Self:
        """Look at a server that runs."""
        plain = cls(version, *address, has_vector=False, bin=programs)
        async with _connected(plain.dsn()) as superuser:
            has_vector = await superuser.fetchval(
                "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')"
            )
        return cls(version, *address, has_vector=has_vector, bin=programs)

    @classmethod
    async def of(cls, postgres: EmbeddedPostgres) -> Self:
        """Look at an embedded server that runs."""
        address = _Address(postgres.socket_dir, postgres.port)
        return await cls.at(postgres.version, address, find_programs(postgres.version))

    def dsn(self, *, database: str = "postgres", user: str = "postgres") -> str:
        """A URL for asyncpg itself; by default the superuser's."""
        where = f"host={quote(str(self.socket_dir))}&port={self.port}"
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"


class Servers:
    """The servers that this process has in use: each is opened when a test first asks for it."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._shared = postgres
        self._run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
        self._clusters: dict[int, Cluster] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def cluster(self, version: int) -> Cluster:
        """The server of a version: the one of the whole run where that is it."""
        if version not in self._clusters:
            self._clusters[version] = await self._open(version)
        return self._clusters[version]

    async def _open(self, version: int) -> Cluster:
        if version == self._shared.version:
            return await Cluster.of(self._shared)
        if version == 15 and not (DEBIAN / "postgres").exists():
            missing()
        serve, programs = (_debian, DEBIAN) if version == 15 else (_embedded, find_programs(16))
        # Not within pytest's own folder: another run closes that to the server's system user.
        folder = Path(tempfile.gettempdir()) / f"mcpdb-tests-{self._run}-{version}"
        address = await self._stack.enter_async_context(_counted(folder, serve))
        return await Cluster.at(version, address, programs)


@asynccontextmanager
async def _counted(
    folder: Path, serve: Callable[[Path], AbstractAsyncContextManager[_Address]]
) -> AsyncGenerator[_Address]:
    """Share a server, and remove its folder with the last user.

    The servers count their users themselves. The lock is for the folder: nobody opens it again
    between its last user's end and its removal.
    """
    stack = AsyncExitStack()
    with _locked(folder.with_suffix(".lock")):
        address = await stack.enter_async_context(serve(folder))
    try:
        yield address
    finally:
        with _locked(folder.with_suffix(".lock")) as lock_file:
            await stack.aclose()
            if not (folder / "cluster" / "postmaster.pid").exists():
                shutil.rmtree(folder, ignore_errors=True)
                lock_file.unlink()


@contextmanager
def _locked(path: Path) -> Generator[Path]:
    """Hold a lock that whoever has it may remove, and that ends with its process."""
    give_up_at = time.monotonic() + _TIMEOUT_S
    while True:
        with path.open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its holder may have removed it after we opened it: then it locks nothing.
                if path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat()):
                    yield path
                    return
            except BlockingIOError:
                pass
        assert time.monotonic() < give_up_at, f"{path} is held by another process"
        time.sleep(_PAUSE_S)


@asynccontextmanager
async def _embedded(folder: Path) -> AsyncGenerator[_Address]:
    async with EmbeddedPostgres(folder, version=16, settings=_SETTINGS) as server:
        yield _Address(server.socket_dir, server.port)


@asynccontextmanager
async def _debian(folder: Path) -> AsyncGenerator[_Address]:
    share = await asyncio.to_thread(_open_debian, folder)
    try:
        yield _Address(Path(share.server.socket_dir), share.server.port)
    finally:
        await asyncio.to_thread(share.close)


def _open_debian(path: Path) -> Share:
    """Serve a folder as the embedded one does, system user included, with Debian's programs."""
    patience = Patience(_TIMEOUT_S, give_up=threading.Event())
    folder = claim_folder(path)
    data = DataFolder(folder, Programs(15, DEBIAN, folder.user))
    users = open_lock_file(folder.users_lock)
    try:
        with turn(folder, patience) as turn_handle:
            data.prepare(patience, turn_handle=turn_handle, sync=False)
            server, stale = data.look(patience)
            if server is None:
                server = data.start(_SETTINGS, port=None, stale=stale, patience=patience)
            lock(users, shared=True)
    except BaseException:
        os.close(users)
        raise
    return Share(data, server, _TIMEOUT_S, users)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A database of one test, and the names of its roles.

    Attributes:
        cluster: The server that it is in.
        name: The database.
        admin: Its owner: no superuser, with LOGIN and CREATEROLE.
    """

    cluster: Cluster
    name: str
    admin: str
    suffix: str

    def role(self, name: str) -> str:
        """The test's own name for a role: roles are the whole server's. It is not made here.

        With the test every role and every database goes whose name comes from here.
        """
        return f"{name}_{self.suffix}"

    def dsn(self, user: str | None = None) -> str:
        """A URL for asyncpg; `user` is the full name of a role, by default the admin's."""
        return self.cluster.dsn(database=self.name, user=user or self.admin)

    @property
    def superuser_dsn(self) -> str:
        """A URL for asyncpg, of the superuser."""
        return self.dsn("postgres")


@asynccontextmanager
async def fresh_database(cluster: Cluster) -> AsyncGenerator[Fresh]:
    """Make a database with an owner of its own, and drop all that carries its suffix at the end."""
    suffix = uuid.uuid4().hex[:8]
    fresh = Fresh(cluster, name=f"t_{suffix}", admin=f"admin_{suffix}", suffix=suffix)
    try:
        async with _connected(cluster.dsn()) as superuser:
            await superuser.execute(f"CREATE ROLE {fresh.admin} LOGIN CREATEROLE NOSUPERUSER")
            await superuser.execute(f"CREATE DATABASE {fresh.name} OWNER {fresh.admin}")
        yield fresh
    finally:
        async with _connected(cluster.dsn()) as superuser:
            await _drop(superuser, f"%\\_{suffix}")


async def _drop(superuser: asyncpg.Connection, names: str) -> None:
    databases = await superuser.fetch(
        "SELECT quote_ident(datname) AS name, datistemplate FROM pg_database"
        " WHERE datname LIKE $1 OR pg_get_userbyid(datdba) LIKE $1",
        names,
    )
    for database in databases:
        if database["datistemplate"]:
            await superuser.execute(f"ALTER DATABASE {database['name']} IS_TEMPLATE false")
        await superuser.execute(f"DROP DATABASE {database['name']} WITH (FORCE)")
    await superuser.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename LIKE $1", names
    )
    # In one command: one of these roles may have granted another, and neither goes before both.
    roles = await superuser.fetchval(
        "SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles WHERE rolname LIKE $1", names
    )
    if roles:
        await superuser.execute(f"DROP OWNED BY {roles} CASCADE")  # also rights on what is shared
        await superuser.execute(f"DROP ROLE {roles}")


@asynccontextmanager
async def _connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()
