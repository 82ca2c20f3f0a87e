"""Which system user the embedded PostgreSQL runs as, and that user's way to its files.

PostgreSQL refuses to run as root: the superuser of a database may run programs on the machine.
An ordinary user runs it as itself; root chooses another user here.
"""

import logging
import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mcpdb.errors import EmbeddedPostgresError

_logger = logging.getLogger("mcpdb.embedded")

# Not `postgres`: on Debian that user owns the machine's real clusters, and could harm them.
_SERVICE_USER = "mcpdb"
_LAST_RESORT = "nobody"
_ADMIN_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_USERADD_RACE_S = 1.0


@dataclass(frozen=True, slots=True)
class SystemUser:
    """The user of PostgreSQL's processes; without ids it is the user of this process."""

    name: str = ""
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None

    @classmethod
    def of(cls, entry: pwd.struct_passwd) -> Self:
        """Return the user of an entry in the system's user database, with all its groups."""
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, tuple(groups))

    @property
    def owner_uid(self) -> int:
        """The user id that owns what this user's processes write."""
        return os.geteuid() if self.uid is None else self.uid

    def own(self, target: Path | int) -> None:
        """Give a file or folder that this process made to the user; nothing to do if it is us."""
        if self.uid is not None and self.gid is not None:
            os.chown(target, self.uid, self.gid)

    def may_enter(self, folder: Path) -> bool:
        """Tell whether the mode bits let the user pass through a folder (ACLs are not read)."""
        found = folder.stat()
        if found.st_uid == self.owner_uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid in (self.groups or ()):
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def choose_user(folder_uid: int) -> SystemUser:
    """Return the user that PostgreSQL has to run as.

    Args:
        folder_uid: The owner of the data folder. Where root asks and another user owns the
            folder, that owner is the answer, so that both may open it in turn.

    Raises:
        EmbeddedPostgresError: The owner has no entry in the system's user database.
    """
    if os.geteuid() != 0:
        return SystemUser()
    if folder_uid == 0:
        return SystemUser.of(_service_entry())
    return SystemUser.of(known_user(folder_uid))


def known_user(uid: int) -> pwd.struct_passwd:
    """Return the entry of a user; initdb does not work for a user that has none.

    Raises:
        EmbeddedPostgresError: There is no such entry, as in a container run under a bare id.
    """
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedPostgresError(
            f"PostgreSQL would run as user id {uid}, which has no entry in the user database.",
            hint="Add the user to the system, or use a data folder that a known user owns.",
        ) from None


def _service_entry() -> pwd.struct_passwd:
    entry = _find(_SERVICE_USER) or _create_service_user() or _find(_LAST_RESORT)
    if entry is None:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and there is no other system user to run it as.",
            hint=f"Create a system user named {_SERVICE_USER}.",
        )
    return entry


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create_service_user() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path=_ADMIN_PATH)
    if useradd is None:
        return None
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    done = subprocess.run(  # noqa: S603 - constants only, no shell
        [*command, _SERVICE_USER], check=False, capture_output=True, stdin=subprocess.DEVNULL
    )
    if done.returncode == 0:
        _logger.info("Created the system user %s to run PostgreSQL as", _SERVICE_USER)
    # useradd also fails while another process makes this user or holds the lock of the user
    # database: its success is ours. Elsewhere (a read-only /etc) this costs one short wait.
    deadline = time.monotonic() + _USERADD_RACE_S
    while (entry := _find(_SERVICE_USER)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return entry


def open_the_way(user: SystemUser, targets: Iterable[Path]) -> None:
    """Let the user pass through every folder above the targets; only root ever has to.

    Adds execute for others and nothing else: they may pass, but neither list nor read. Logs one
    line that names the folders, because a changed mode should surprise nobody.

    Args:
        user: The user that PostgreSQL runs as.
        targets: Resolved paths; the folders above them are looked at, not they themselves.

    Raises:
        EmbeddedPostgresError: A folder stays closed, such as on a read-only file system.
    """
    if user.uid is None:
        return
    above = {folder for target in targets for folder in target.parents}
    closed = [folder for folder in sorted(above) if not user.may_enter(folder)]
    opened: list[str] = []
    try:
        for folder in closed:
            _add_execute(user, folder)
            opened.append(str(folder))
    finally:
        if opened:
            _logger.info(
                "Added o+x (pass through, no reading) to %s, because PostgreSQL has to run as %s",
                ", ".join(opened),
                user.name,
            )


def _add_execute(user: SystemUser, folder: Path) -> None:
    reason = ""
    try:
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)
    except OSError as error:
        reason = str(error)
    if not user.may_enter(folder):
        raise EmbeddedPostgresError(
            f"PostgreSQL has to run as user {user.name}, which may not pass through {folder}.",
            hint=f"Run chmod o+x {folder}, or use a data folder elsewhere.",
            detail=reason,
        )
