"""What postmaster.pid says about the server of a cluster, and whether that is still so."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PROBE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The lines of one postmaster.pid (pidfile.h); the server may be running or not."""

    pid: int
    cluster: str
    port: int
    socket_dir: str
    tcp: bool
    status: str

    @classmethod
    def read(cls, cluster: Path) -> Self | None:
        """Read the file; None where there is none, or one that is just being written."""
        try:
            text = (cluster / "postmaster.pid").read_text(errors="replace")
            lines = [*text.splitlines(), *[""] * 8]
            return cls(
                pid=int(lines[0]),
                cluster=lines[1],
                port=int(lines[3]),
                socket_dir=lines[4],
                tcp=lines[5] != "",
                status=lines[7].strip(),
            )
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    @property
    def ready(self) -> bool:
        """Whether it takes queries, if it runs."""
        return self.status == "ready"

    def answers_for(self, cluster: Path) -> bool:
        """Tell whether a server of this cluster listens, in whatever state it is.

        A process id proves nothing: after a crash or a restart of the machine it may belong to
        anybody. A server has its socket from the first moment of its start to the last of its
        stop. And a copy of a folder names the server of the original: that is not its own.
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

    def may_be_alive(self) -> bool:
        """Tell whether any process that we may signal has the process id."""
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
