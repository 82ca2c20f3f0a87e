"""What postmaster.pid says about the server of a cluster, and whether that is still so."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PROBE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The lines of one postmaster.pid (pidfile.h); the server may be running or not.

    A file that is empty, because it is just being written or never was, has the process id 0.
    """

    pid: int
    cluster: str
    port: int
    socket_dir: str
    tcp: bool
    status: str

    @classmethod
    def read(cls, cluster: Path) -> Self | None:
        """Read the file; None where there is none."""
        try:
            text = (cluster / "postmaster.pid").read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None
        lines = [*text.splitlines(), *[""] * 8]
        try:
            pid, port = int(lines[0]), int(lines[3])
        except ValueError:
            return cls(pid=0, cluster="", port=0, socket_dir="", tcp=False, status="")
        return cls(
            pid=pid,
            cluster=lines[1],
            port=port,
            socket_dir=lines[4],
            tcp=lines[5] != "",
            status=lines[7].strip(),
        )

    @property
    def ready(self) -> bool:
        """Whether it takes queries, if it runs."""
        return self.status == "ready"

    def answers_for(self, cluster: Path) -> bool:
        """Tell whether a server of this cluster listens, in whatever state it is.

        A process id proves nothing: after a crash or a restart of the machine it may belong to
        anybody. A server has its socket all its life, but for the first and last milliseconds. And
        a copy of a folder names the server of the original: that is not its own.
        """
        if self.cluster != str(cluster):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_TIMEOUT_S)
            try:
                probe.connect(f"{self.socket_dir}/.s.PGSQL.{self.port}")
            except (BlockingIOError, TimeoutError):
                return True  # its queue is full: it is there, and busy
            except OSError:
                return False
        return True

    def may_be_alive_for(self, cluster: Path) -> bool:
        """Tell whether the process may be a server of this cluster that does not listen now.

        True where that cannot be known, so it takes patience, not trust.
        """
        if self.pid == 0:
            return True
        return self.cluster == str(cluster) and _is_postgres(self.pid)


def names_postgres(lock_file: Path) -> bool:
    """Tell whether a lock file of PostgreSQL's names a process that runs PostgreSQL."""
    try:
        first = lock_file.read_text(errors="replace").partition("\n")[0]
    except FileNotFoundError:  # its server has just ended
        return False
    return first.isdecimal() and int(first) > 0 and _is_postgres(int(first))


def _is_postgres(pid: int) -> bool:
    """Tell whether a process is alive and runs a program of that name."""
    try:
        os.kill(pid, 0)
        # "pid (name) state ...", where the state Z is a dead process that nobody has reaped.
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except (ProcessLookupError, PermissionError):
        return False  # gone, or somebody else's
    except FileNotFoundError:
        return True  # no /proc on this system
    return name == "postgres" and rest.split()[0] != "Z"
