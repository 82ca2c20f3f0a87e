"""The data folder of an embedded PostgreSQL: its layout, its locks, and where its socket is."""

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from mcpdb._embedded.patience import Patience
from mcpdb._embedded.user import SystemUser, choose_user, open_the_way
from mcpdb.errors import EmbeddedPostgresError

# A Unix socket's path must fit into sockaddr_un.sun_path: 104 bytes on macOS, 108 on Linux, one
# of them the closing NUL. Measured with the longest port number.
_SOCKET_PATH_MAX_BYTES = 103
_LONGEST_SOCKET_NAME = "/.s.PGSQL.65535"

# Commas and quotes have a meaning in unix_socket_directories, colons in SQLAlchemy's host=.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")

_TURN_PAUSE_S = 0.02
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder that is ours. `mcpdb.embedded` documents the layout."""

    root: Path
    user: SystemUser

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory; it exists only when initdb is complete."""
        return self.root / "cluster"

    @property
    def pid_file(self) -> Path:
        """What PostgreSQL writes about its server, and removes when that stops."""
        return self.cluster / "postmaster.pid"

    @property
    def unfinished(self) -> Path:
        """Where initdb works; what is found here is what an interrupted one left."""
        return self.root / "cluster.new"

    @property
    def log(self) -> Path:
        """What the server of this folder said since its last start."""
        return self.root / "server.log"

    @property
    def turn_lock(self) -> Path:
        """Locked exclusively by whoever starts or stops the server; marks the folder as ours."""
        return self.root / "mcpdb-turn.lock"

    @property
    def users_lock(self) -> Path:
        """Locked shared by everybody who uses the server."""
        return self.root / "mcpdb-users.lock"

    def has_lock(self, handle: int) -> bool:
        """Tell whether an open file is the one that users of this folder lock."""
        try:
            return os.path.samestat(os.fstat(handle), self.users_lock.stat())
        except OSError:
            return False

    def log_tail(self) -> str:
        """Return the end of the log, or why it cannot be read."""
        try:
            # The log is the server's: root must not follow where a link in its place leads.
            handle = os.open(self.log, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            return str(error)
        with os.fdopen(handle, "rb") as file:
            file.seek(max(0, os.fstat(handle).st_size - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace")

    def sync(self) -> None:
        """Have the system write the folder's list of names to disk, such as after a rename."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def claim_folder(data_dir: Path) -> Folder:
    """Make the folder where it is missing, and check that it is ours or empty.

    Raises:
        EmbeddedPostgresError: It is a file, or holds something else; nothing was touched.
        OSError: It cannot be made, read or written.
    """
    root = data_dir.resolve()
    if root.exists() and not root.is_dir():
        raise EmbeddedPostgresError(f"The data folder {root} is a file, not a folder.")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = root.stat()
    folder = Folder(root, choose_user(found.st_uid))
    names = {entry.name for entry in root.iterdir()}
    if not names:
        root.chmod(0o700)
        if found.st_uid == os.geteuid():
            folder.user.own(root)
    elif folder.turn_lock.name not in names:
        raise EmbeddedPostgresError(
            f"The data folder {root} is not empty, and mcpdb did not make what is in it.",
            hint="Use a new or an empty folder.",
        )
    for path in (folder.turn_lock, folder.users_lock):
        _make_lock_file(path, folder.user)
    return folder


def _make_lock_file(path: Path, user: SystemUser) -> None:
    # O_EXCL: root gives away only a file that it has just made, never one that the folder's
    # owner put there, which could be a link to a file of root.
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            user.own(handle)
        finally:
            os.close(handle)


def open_lock_file(path: Path) -> int:
    """Open a lock file and return its handle; closing the handle releases the lock.

    Every call makes a lock holder of its own, also within one process: flock belongs to the open
    file, not to the process. The kernel releases it when a process dies, however it dies.
    """
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW)


def lock(handle: int, *, shared: bool) -> bool:
    """Take a lock or change one that is held, without waiting; return whether it was granted.

    A change that is refused may lose the lock that was held (flock(2)), so every change happens
    in a `turn`, where nobody else changes anything.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def turn(folder: Folder, patience: Patience) -> Generator[int]:
    """Hold the lock under which servers start and stop; yields its handle.

    Raises:
        EmbeddedPostgresError: Others held it for the whole time.
        GivenUp: The caller gave up while waiting.
    """
    handle = open_lock_file(folder.turn_lock)
    try:
        # A blocking flock could not be given up, and would keep its thread for ever.
        while not lock(handle, shared=False):
            if not patience.pause(_TURN_PAUSE_S):
                raise EmbeddedPostgresError(
                    f"Another process has been starting or stopping the server of {folder.root} "
                    f"for {patience.timeout_s:g} s.",
                    hint="Wait for that process, or end it, and try again.",
                )
        yield handle
    finally:
        os.close(handle)


def choose_socket_dir(folder: Folder) -> Path:
    """Return the folder for the Unix socket: the data folder, or a short private one.

    Raises:
        EmbeddedPostgresError: Somebody else owns the private folder, or it is too long as well.
    """
    if _fits(folder.root):
        return folder.root
    private = private_socket_dir(folder)
    if not _fits(private):
        raise EmbeddedPostgresError(
            f"Neither {folder.root} nor {private} can hold a Unix socket: the path is too long, "
            "or not plain ASCII.",
            hint="Use a data folder with a shorter path, or set TMPDIR to a short one.",
        )
    open_the_way(folder.user, [private])
    _make_private(private, folder.user)
    return private


def private_socket_dir(folder: Folder) -> Path:
    """Return where the socket is if the data folder cannot hold it; the same for every process."""
    name = hashlib.sha256(os.fsencode(folder.root)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"mcpdb-{name}"


def _fits(directory: Path) -> bool:
    path = f"{directory}{_LONGEST_SOCKET_NAME}"
    return len(path) <= _SOCKET_PATH_MAX_BYTES and _PLAIN_PATH.fullmatch(path) is not None


def _make_private(path: Path, user: SystemUser) -> None:
    # Anybody may have made this folder in the shared temp folder first, to sit between us and the
    # server. The temp folder is sticky: once the owner is right, nobody can exchange the folder.
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    ours = found.st_uid in {os.geteuid(), user.owner_uid}
    if not stat.S_ISDIR(found.st_mode) or not ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedPostgresError(
            f"The socket folder {path} is not a private folder of the user that runs PostgreSQL.",
            hint="Find out who made it and remove it, or use a data folder with a shorter path.",
        )
    if found.st_uid != user.owner_uid:
        user.own(path)
