"""What the lane asks of the driver beyond its defaults: connections that close in bounded time, and
the errors of its decoders as ours."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from typing_extensions import override

from mcpdb.errors import ResultError

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

_GOODBYE_S: Final = 0.5
"""How long a connection may take to stop what it does and close, before it is cut off."""


class BriefConnection(Connection):
    """A connection that closes in bounded time, whatever the server does.

    SQLAlchemy closes a cancelled connection through here. The driver asks the server to stop and
    waits for the statement's end. That request travels on a way of its own: where it overtakes
    the statement it has no effect, and only closing the connection stops what runs.
    """

    @override
    async def close(self, *, timeout: float | None = None) -> None:
        await super().close(timeout=_GOODBYE_S)


def replace_closed(_: object, record: ConnectionPoolEntry, __: object) -> None:
    """Let the pool replace a connection that the server has closed while it was idle."""
    driver: Any = record.driver_connection
    if driver is not None and driver.is_closed():
        msg = "The server has closed the connection."
        raise DisconnectionError(msg)


@contextmanager
def decoded() -> Generator[None]:
    """The errors of the driver's decoders, which come as they are, become ours."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        msg = "A value is outside what Python can hold, such as a date after the year 9999."
        hint = "Cast the column in the tool's select to text."
        raise ResultError(msg, hint=hint, detail=str(error)) from error
