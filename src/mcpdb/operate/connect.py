"""The connections of operators' commands, and the driver's errors as theirs."""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

from mcpdb.errors import ConfigurationError, Unavailable
from mcpdb.request import Tenant
from mcpdb.translate import translated

if TYPE_CHECKING:
    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
else:
    Connection = asyncpg.Connection

_CONNECT_S: Final = 10.0


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[Connection]:
    """A connection for one command.

    Args:
        dsn: `postgresql://user:password@host/name`, also with `+asyncpg`.

    Raises:
        ConfigurationError: It cannot be read.
        DatabaseUnavailable: There is no connection.
    """
    plain = dsn.replace("postgresql+asyncpg://", "postgresql://", 1)
    if not plain.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError("A DSN looks like postgresql://user:password@host:5432/name.")
    with translated(connecting=True):
        connection: Connection = await asyncpg.connect(plain, timeout=_CONNECT_S)
    try:
        yield connection
    finally:
        await connection.close(timeout=_CONNECT_S)


class Administrator:
    """Looks at the database through a connection as it is, within whatever transaction it has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(
        self, query: str, *arguments: object, tenant: Tenant | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of one query; an administrator enters as nobody."""
        assert tenant is None
        return [dict(row) for row in await self._connection.fetch(query, *arguments)]


@contextmanager
def explained() -> Generator[None]:
    """What PostgreSQL refuses an administrator, in words for them. Its own name roles and tables
    and no row, so they are shown."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            f"The login lacks a privilege: {error.args[0]}.",
            hint="Run this as a superuser, or as the tables' owner with CREATEROLE.",
            detail=str(error),
        ) from error
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
        raise Unavailable(
            "Somebody uses one of the tables for longer than this waits. Nothing was changed.",
            hint="Try again, or look into pg_stat_activity for who holds it.",
            detail=str(error),
        ) from error
    except asyncpg.PostgresError as error:
        if isinstance(error, asyncpg.PostgresConnectionError):
            raise
        raise ConfigurationError(
            f"PostgreSQL refuses: {error.args[0]} (SQLSTATE {error.sqlstate}).", detail=str(error)
        ) from error
