"""One user's share in the server of a data folder: the first one starts it, the last one stops it.

Counting is done by the kernel: whoever uses the server holds a shared flock, which ends with its
process however that ends. Nothing on disk has to be right after a crash.
"""

import contextlib
import os
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcpdb._embedded.cluster import Cluster
from mcpdb._embedded.folder import claim_folder, lock, open_lock_file, turn
from mcpdb._embedded.patience import Patience
from mcpdb._embedded.postmaster import Postmaster
from mcpdb._embedded.programs import Programs, find_programs
from mcpdb.errors import EmbeddedPostgresError

_AGAIN_S = 5.0
_AGAIN_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for: the arguments of `EmbeddedPostgres`, checked."""

    data_dir: Path
    version: int
    port: int | None
    settings: Mapping[str, str]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Share:
    """A server in use, until `close`."""

    cluster: Cluster
    server: Postmaster
    timeout_s: float
    users_handle: int

    @classmethod
    def open(cls, wish: Wish, *, give_up: threading.Event) -> "Share":
        """Make, start or join the server of a folder.

        Args:
            wish: The folder, and the server that it should have.
            give_up: Set from another thread to make this return early, with everything undone.

        Raises:
            EmbeddedPostgresError: One line that says what is in the way.
            GivenUp: `give_up` was set.
        """
        directory = find_programs(wish.version)
        with _translated(wish.data_dir):
            folder = claim_folder(wish.data_dir)
            cluster = Cluster(folder, Programs(wish.version, directory, folder.user))
            users_handle = open_lock_file(folder.users_lock)
            try:
                with turn(folder, Patience(wish.timeout_s, give_up=give_up)) as turn_handle:
                    alone = lock(users_handle, shared=False)
                    patience = Patience(wish.timeout_s, give_up=give_up)
                    sync = wish.settings.get("fsync") != "off"
                    cluster.prepare(patience, turn_handle=turn_handle, sync=sync)
                    server = _serve(cluster, wish, patience, alone=alone)
                    # Still our turn, so nobody holds this lock exclusively: it is granted.
                    lock(users_handle, shared=True)
            except BaseException:
                os.close(users_handle)
                raise
        return cls(cluster, server, wish.timeout_s, users_handle)

    def close(self) -> None:
        """Give the share back; stop the server if nobody else uses it.

        Raises:
            EmbeddedPostgresError: The server could not be stopped.
        """
        patience = Patience(self.timeout_s, give_up=threading.Event())
        folder = self.cluster.folder
        try:
            # A folder of the same name may be another one by now, with a server of others in it.
            if not folder.has_lock(self.users_handle):
                raise EmbeddedPostgresError(
                    f"The data folder {folder.root} was removed while its server was in use.",
                    # and on its way out deletes its socket, by a name that a new one would have
                    hint="Its server notices that within a minute and stops by itself; make the "
                    "folder again only then.",
                )
            with _translated(folder.root), turn(folder, patience):
                if lock(self.users_handle, shared=False):
                    self.cluster.stop(patience)
        finally:
            os.close(self.users_handle)


def _serve(cluster: Cluster, wish: Wish, patience: Patience, *, alone: bool) -> Postmaster:
    again = Patience(_AGAIN_S, give_up=patience.give_up)
    while True:
        server, stale = cluster.look(patience)
        if server is not None and _has_port(server, wish.port):
            return server
        if server is not None:
            if not alone:
                raise _other_port(cluster, server, wish.port)
            # Left by a process that was killed, and in nobody's use: it may as well start anew.
            cluster.stop(patience)
        try:
            return cluster.start(wish.settings, port=wish.port, stale=stale, patience=patience)
        except EmbeddedPostgresError:
            # Two failures heal by themselves, and PostgreSQL is right to insist on them. A server
            # that crashed may leave processes that have its memory attached, for moments. And a
            # process that was killed may leave a server that has only now come to exist.
            crashed = stale is not None or cluster.postmaster() is not None
            if not crashed or not again.pause(_AGAIN_PAUSE_S):
                raise


def _other_port(cluster: Cluster, server: Postmaster, wanted: int | None) -> EmbeddedPostgresError:
    has = f"on TCP port {server.port}" if server.tcp else "without a TCP port"
    return EmbeddedPostgresError(
        f"The server of {cluster.folder.root} runs {has}, and TCP port {wanted} was asked for.",
        hint="Ask for what it has, or for no port, or close its other users first.",
    )


def _has_port(server: Postmaster, port: int | None) -> bool:
    return port is None or (server.tcp and server.port == port)


@contextlib.contextmanager
def _translated(data_dir: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        where = "" if error.filename is None else f": {error.filename}"
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot use the data folder {data_dir}: {error.strerror}{where}.",
            hint="Check that the folder, and what is in it, may be read and written.",
            detail=repr(error),
        ) from error
