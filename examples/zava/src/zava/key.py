"""The server's key in the file `key` of a data folder: tried out, kept, and made anew where the one
that is there does not fit."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from mcpdb import Backend, ConfigurationError, Tenant
from mcpdb.isolation import Sealed
from mcpdb.operate import rotate_keys

_OVERLAP_S: Final = 86_400.0
"""How long servers that have read an earlier key may go on with it."""
_LONGEST: Final = 1_000
_REFUSED: Final = "MD001"  # from mcpdb.enter: the token was made with another key


def key_file(data: Path) -> Path:
    """Where in the data folder the key is."""
    return data / "key"


async def kept_key(connection: asyncpg.Connection, data: Path, *, made: str | None) -> str:
    """The key of the folder's database, which is written to the folder if it is not there.

    A process that died between seeding and writing has left no key, and whoever copies a key file
    from elsewhere has one that does not fit: both are mended here.

    Args:
        connection: Of the superuser. Only one process at a time may be here.
        data: The folder.
        made: The key that a seeding has just made.

    Raises:
        ConfigurationError: The file cannot be written, or holds something else than a key.
    """
    key, found = made, _read(key_file(data))
    if key is None:
        if found is not None and await fits(connection, found):
            return found
        key = await rotate_keys(connection, overlap_s=_OVERLAP_S)
    _write(key_file(data), key)
    return key


async def fits(connection: asyncpg.Connection, key: str) -> bool:
    """Whether the database takes a tenant from a server with this key.

    Args:
        connection: Of the server's login, or of a superuser. Not within a transaction.
        key: As it was printed. What is no key at all does not fit.
    """
    try:
        sealed = Sealed(key=key)
    except ConfigurationError:
        return False
    enter = sa.select(*sealed.expressions()).compile(
        dialect=sa.make_url("postgresql+asyncpg://").get_dialect()()
    )
    assert isinstance(enter, SQLCompiler)
    backend = Backend(
        database=await connection.fetchval("SELECT current_database()"),
        pid=connection.get_server_pid(),
    )
    values = sealed.parameters(Tenant.of("nobody"), backend)
    transaction = connection.transaction(readonly=True)
    await transaction.start()
    try:
        await connection.execute(str(enter), *(values[name] for name in enter.positiontup or ()))
    except asyncpg.PostgresError as error:
        if error.sqlstate != _REFUSED:
            raise
        return False
    finally:
        await transaction.rollback()
    return True


def _read(path: Path) -> str | None:
    """What the file holds; None where there is none, or one that others can read.

    Raises:
        ConfigurationError: It is somebody's file of another kind, which must not be written over.
    """
    try:
        with path.open("rb") as file:
            is_private = not stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            text = file.read(_LONGEST).strip()
    except OSError:
        return None
    if text and not text.startswith(b"mcpdb-key-"):
        raise ConfigurationError(
            f"{path} is not a key of Zava's.", hint="Move it away, or use another folder."
        )
    return text.decode("ascii", "replace") if text and is_private else None


def _write(path: Path, key: str) -> None:
    """Write the file in one step, for its owner alone: the folder's, also where root writes it."""
    try:
        owner = path.parent.stat()
        descriptor, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # with mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                if owner.st_uid != os.geteuid():
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.write(f"{key}\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"The key cannot be written to {path}: {error.strerror}.",
            hint="The next start makes another one.",
            detail=repr(error),
        ) from error
