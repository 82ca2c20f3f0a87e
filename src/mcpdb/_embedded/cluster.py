"""One data folder and the programs for it: make the cluster, start its server, stop it.

Whoever calls this holds the folder's turn, so nobody else starts or stops anything meanwhile.
"""

import contextlib
import errno
import logging
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcpdb._embedded.folder import Folder, choose_socket_dir, private_socket_dir
from mcpdb._embedded.patience import Patience
from mcpdb._embedded.postmaster import Postmaster, names_postgres
from mcpdb._embedded.programs import Programs, initdb_options
from mcpdb._embedded.user import known_user, open_the_way
from mcpdb.errors import EmbeddedPostgresError

_logger = logging.getLogger("mcpdb.embedded")

_LOOPBACK = "127.0.0.1"
_USUAL_PORT = 5432  # without TCP a port is only the last part of the socket's name

# A shell starts the server in the background, says its process id, and stays its parent until the
# server is ready: whoever holds the shell learns of a failed start at once and reaps the dead.
# Then the shell is killed, and the server is no child of the process that happened to start it.
_START = ': >"$0" || exit; "$@" </dev/null >"$0" 2>&1 & echo $!; wait $!'

_LOOK_PAUSE_S = 0.005
_LIMBO_S = 5.0
_SIGNAL_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data folder that is ours, and the programs of the version that was asked for."""

    folder: Folder
    programs: Programs

    def prepare(self, patience: Patience, *, turn_handle: int, sync: bool) -> None:
        """Make the cluster where there is none; refuse one that PostgreSQL would refuse.

        Args:
            patience: How long initdb may take.
            turn_handle: The lock that we hold; initdb inherits it.
            sync: Whether the files must be on disk before the cluster counts as made.

        Raises:
            EmbeddedPostgresError: initdb failed, or the cluster is of another version or owner.
        """
        open_the_way(self.folder.user, [self.folder.root, Path(self.programs.path("postgres"))])
        if self.folder.cluster.exists():
            self._check()
        else:
            self._initialise(patience, turn_handle=turn_handle, sync=sync)

    def _check(self) -> None:
        cluster, wanted = self.folder.cluster, self.programs.version
        found = (cluster / "PG_VERSION").read_text().strip()
        if found != str(wanted):
            # Only a number goes into the line: root could be reading through a planted link.
            raise EmbeddedPostgresError(
                f"The data folder {self.folder.root} holds PostgreSQL "
                f"{found if found.isdecimal() else 'of an unknown version'}, and version {wanted} "
                "was asked for.",
                hint="Open it with the version that it has, or dump it there and restore the "
                "dump into a new folder.",
            )
        owner, uid = cluster.stat().st_uid, self.folder.user.owner_uid
        if owner != uid:
            raise EmbeddedPostgresError(
                f"The files in {cluster} belong to user id {owner}, and PostgreSQL would run as "
                f"user id {uid}.",
                hint=f"Run chown -R {uid} {self.folder.root}.",
            )

    def _initialise(self, patience: Patience, *, turn_handle: int, sync: bool) -> None:
        folder = self.folder
        known_user(folder.user.owner_uid)
        if folder.unfinished.exists():
            shutil.rmtree(folder.unfinished)
        options = initdb_options(self.programs.version)
        options += ["-D", str(folder.unfinished), *([] if sync else ["--no-sync"])]
        try:
            # Should this process die, its initdb goes on, and with it the lock that it inherits:
            # the next process waits until the orphan is gone, and clears up what it left.
            code, output = self.programs.run(
                "initdb", options, patience=patience, keep=(turn_handle,)
            )
        except BaseException:
            shutil.rmtree(folder.unfinished, ignore_errors=True)
            raise
        if code != 0:  # then initdb has cleared up after itself
            raise EmbeddedPostgresError(
                f"The database cluster in {folder.root} could not be made.", detail=output
            )
        folder.unfinished.rename(folder.cluster)
        folder.sync()

    def postmaster(self) -> Postmaster | None:
        """Return what postmaster.pid says at this moment; None if there is none."""
        return Postmaster.read(self.folder.cluster)

    def look(self, patience: Patience) -> tuple[Postmaster | None, Postmaster | None]:
        """Return the server that is ready, or else what a server that is gone has left.

        A process that was killed may have left a server in the midst of its start or stop: that
        one is waited for.

        Raises:
            EmbeddedPostgresError: It was neither ready nor gone in time.
        """
        limbo = None
        while (found := self.postmaster()) is not None:
            if found.answers_for(self.folder.cluster):
                if found.ready:
                    return found, None
                limbo = None
                if not patience.pause(_LOOK_PAUSE_S):
                    raise self._failure(f"was not ready within {patience.timeout_s:g} s")
            elif not found.may_be_alive_for(self.folder.cluster):
                return None, found
            else:  # a server has no socket in the first and the last milliseconds of its life
                limbo = limbo or Patience(_LIMBO_S, give_up=patience.give_up)
                if not limbo.pause(_LOOK_PAUSE_S):
                    return None, found
        return None, None

    def start(
        self,
        settings: Mapping[str, str],
        *,
        port: int | None,
        stale: Postmaster | None,
        patience: Patience,
    ) -> Postmaster:
        """Start a server and return it when it is ready.

        Args:
            settings: Settings of postgresql.conf, beside those for its addresses.
            port: The port on loopback, or None for the Unix socket alone.
            stale: What `look` found of a server that is gone.
            patience: How long it may take; a recovery after a crash can be long.

        Raises:
            EmbeddedPostgresError: The port is taken, or the server did not start; then the end of
                its log is the detail.
        """
        _check_port(port)
        socket_dir = choose_socket_dir(self.folder)
        # A socket has a lock file of its own, with the same mistake in it after a crash; but it
        # guards nothing except the socket, so it may be deleted.
        for left in socket_dir.glob(".s.PGSQL.*.lock"):
            if not names_postgres(left):
                left.unlink(missing_ok=True)
        settings = {
            **settings,
            "listen_addresses": _LOOPBACK if port else "",
            "port": str(port or _USUAL_PORT),
            "unix_socket_directories": str(socket_dir),
            # Local connections need no password, so only the server's user and root get through
            # to the socket, whatever the mode of the folder that it is in.
            "unix_socket_permissions": "0700",
        }
        try:
            return self._launch(settings, stale, patience)
        except EmbeddedPostgresError:
            _check_port(port)
            raise

    def _launch(
        self, settings: Mapping[str, str], stale: Postmaster | None, patience: Patience
    ) -> Postmaster:
        log = self.folder.log
        with contextlib.suppress(FileNotFoundError):
            log.replace(log.with_suffix(".log.1"))
        server = [self.programs.path("postgres"), "-D", str(self.folder.cluster)]
        for name, value in settings.items():
            server += ["-c", f"{name}={value}"]
        environment: dict[str, str] = {}
        if stale is not None and stale.pid:
            # A postmaster.pid whose process lives makes PostgreSQL refuse to start. This process
            # is no server of this folder; named as our "grandparent" it is taken for a
            # coincidence (CreateLockFile in miscinit.c). The shared memory check that follows
            # still refuses, should we be wrong; deleting the file would disarm it.
            environment["PG_GRANDPARENT_PID"] = str(stale.pid)
        elif stale is not None:
            self.folder.pid_file.unlink(missing_ok=True)  # empty, as a power cut may leave it
        shell = self.programs.spawn(
            ["/bin/sh", "-c", _START, str(log), *server],
            stdout=subprocess.PIPE,
            environment=environment,
        )
        with shell:
            assert shell.stdout is not None
            said = shell.stdout.readline().decode(errors="replace").strip()
            if not said.isdecimal():
                raise self._failure("did not start", detail=said)
            pid = int(said)
            try:
                return self._wait_until_ready(shell, pid, patience)
            except BaseException:
                _end(shell, pid)
                raise
            finally:
                shell.kill()

    def _wait_until_ready(
        self, shell: subprocess.Popen[bytes], pid: int, patience: Patience
    ) -> Postmaster:
        while True:
            found = self.postmaster()
            if found is not None and found.pid == pid and found.ready:
                return found
            if shell.poll() is not None:
                raise self._failure("did not start")
            if not patience.pause(_LOOK_PAUSE_S):
                raise self._failure(f"was not ready within {patience.timeout_s:g} s")

    def stop(self, patience: Patience) -> None:
        """Stop the server, if one answers: connections end, committed work stays.

        Raises:
            EmbeddedPostgresError: It did not stop, neither the fast nor the immediate way.
        """
        found = self.postmaster()
        # pg_ctl signals the process in postmaster.pid, whoever that is, so this comes first.
        if found is None or not found.answers_for(self.folder.cluster):
            _logger.warning("The server of %s was gone before it was stopped", self.folder.root)
            return
        for mode in ("fast", "immediate"):
            # It is asked only: pg_ctl looks ten times a second whether the server has gone, and
            # would wait for ever for one that is dead but not yet reaped.
            command = ["stop", "-D", str(self.folder.cluster), "-m", mode, "-W"]
            _, output = self.programs.run("pg_ctl", command)
            if self._gone(Patience(patience.timeout_s, give_up=patience.give_up)):
                break
            _logger.warning("The server of %s did not stop the %s way", self.folder.root, mode)
        else:
            raise EmbeddedPostgresError(
                f"The server of {self.folder.root} did not stop.", detail=output
            )
        with contextlib.suppress(OSError):
            private_socket_dir(self.folder).rmdir()

    def _gone(self, patience: Patience) -> bool:
        cluster = self.folder.cluster
        while (found := self.postmaster()) is not None and found.may_be_alive_for(cluster):
            if not patience.pause(_LOOK_PAUSE_S):
                return False
        return True

    def _failure(self, what: str, *, detail: str = "") -> EmbeddedPostgresError:
        return EmbeddedPostgresError(
            f"PostgreSQL {self.programs.version} in {self.folder.root} {what}.",
            hint=f"The end of {self.folder.log} says why.",
            detail=detail or self.folder.log_tail(),
        )


def _check_port(port: int | None) -> None:
    """Refuse a port that PostgreSQL could not open, in words that its log does not have."""
    if port is None:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As PostgreSQL does it: a port that a closed connection still occupies counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise EmbeddedPostgresError(
                f"TCP port {port} on {_LOOPBACK} "
                f"{'is taken by another program' if taken else 'may not be opened'}.",
                hint="Choose another port, or none to use the Unix socket alone.",
                detail=str(error),
            ) from error


def _end(shell: subprocess.Popen[bytes], pid: int) -> None:
    """End a server that is not to start after all; its shell tells when it is gone."""
    # SIGINT is the fast shutdown, but the shell has its background processes ignore it until
    # PostgreSQL sets its own handlers: until then SIGTERM does it.
    for numbers in ((signal.SIGTERM, signal.SIGINT), (signal.SIGQUIT,), (signal.SIGKILL,)):
        if shell.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            for number in numbers:
                os.kill(pid, number)
            shell.wait(_SIGNAL_PATIENCE_S)
