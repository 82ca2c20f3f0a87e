"""How values come from the driver: json without loss, and what its decoders cannot hold as an error
of ours."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from mcpdb.cells import decode
from mcpdb.errors import ResultError

if TYPE_CHECKING:
    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Driver = asyncpg.Connection


async def set_codecs(driver: Driver) -> None:
    """Let json and jsonb arrive without loss, and leave as the text that SQLAlchemy makes.

    Those of SQLAlchemy's dialect, which sets them on its own connections. It asks the server
    nothing: both types are built in.
    """
    await driver.set_type_codec(
        "json",
        encoder=str.encode,
        decoder=lambda octets: decode(octets.decode()),
        schema="pg_catalog",
        format="binary",
    )
    await driver.set_type_codec(
        "jsonb",
        encoder=lambda text: (
            b"\x01" + text.encode()
        ),  # the version that the wire format begins with
        decoder=lambda octets: decode(octets[1:].decode()),
        schema="pg_catalog",
        format="binary",
    )


@contextmanager
def decoded() -> Generator[None]:
    """The errors of the driver's decoders, which come as they are, become ours. A BufferError means
    that a value is of another type than was described."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError):
        raise  # some of them are a ValueError too
    except (ValueError, OverflowError, BufferError) as error:
        msg = "A value is outside what Python can hold, such as a date after the year 9999."
        hint = "Cast the column in the tool's select to text."
        raise ResultError(msg, hint=hint, detail=str(error)) from error
