"""A PostgreSQL of a test's own, to be stopped, killed and started again."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
import psutil

from calls.support import eventually
from mcpdb.embedded import EmbeddedPostgres
from shop import APP_ROLE, make_shop

_SETTINGS: Final = {"fsync": "off", "shared_buffers": "16MB", "restart_after_crash": "on"}


class Cluster:
    """The cluster of one folder, through its crashes."""

    def __init__(self, folder: Path, stack: AsyncExitStack, port: int | None) -> None:
        self.postgres = EmbeddedPostgres(folder, settings=_SETTINGS, port=port)
        self._folder = folder
        self._stack = stack
        self._port = port

    @classmethod
    @asynccontextmanager
    async def made(cls, folder: Path, *, port: int | None = None) -> AsyncGenerator[Self]:
        """Make a cluster with the shop in it, and start it."""
        async with AsyncExitStack() as stack:
            cluster = cls(folder, stack, port)
            await stack.enter_async_context(cluster.postgres)
            await make_shop(cluster.plain())
            yield cluster

    def dsn(self, user: str = APP_ROLE) -> str:
        """The URL for SQLAlchemy."""
        return self.postgres.dsn(user=user)

    def plain(self, user: str = "postgres") -> str:
        """The URL for asyncpg itself."""
        return self.dsn(user).replace("+asyncpg", "", 1)

    @asynccontextmanager
    async def admin(self) -> AsyncGenerator["asyncpg.Connection[Any]"]:
        """A superuser's connection."""
        connection = await asyncpg.connect(self.plain())
        try:
            yield connection
        finally:
            await connection.close()

    async def stop(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server as `pg_ctl stop -m immediate` does, or by another signal; wait for it."""
        pid_file = self._folder / "cluster" / "postmaster.pid"
        pid = int(pid_file.read_text().split()[0])
        os.kill(pid, number)

        async def gone() -> bool:
            return not psutil.pid_exists(pid)

        await eventually(gone, what="the server is gone")

    async def start(self) -> None:
        """Start it again, and wait until it takes connections."""
        again = EmbeddedPostgres(self._folder, settings=_SETTINGS, port=self._port)
        self.postgres = await self._stack.enter_async_context(again)
        await self.answers()

    async def answers(self) -> None:
        """Wait until it takes connections, and whoever lost one has had time to notice."""

        async def up() -> bool:
            try:
                async with self.admin() as admin:
                    return bool(await admin.fetchval("SELECT 1"))
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return False

        await eventually(up, what="PostgreSQL answers")
        await asyncio.sleep(0)
