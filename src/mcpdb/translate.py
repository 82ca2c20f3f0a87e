"""The driver's errors as ours, by SQLSTATE and cause, never by message text: messages are
localised and hold values of rows. What is said here is safe to show to a model."""

import asyncio
import socket
import ssl
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from mcpdb.errors import (
    DatabaseUnavailable,
    McpdbError,
    NotAllowed,
    QueryFailed,
    QueryTimeout,
    TooManyCalls,
)

_LATER: Final = "Try again in a few seconds."

# SQLSTATEs in which the server itself, or the way to it, is the reason: not the query.
_UNAVAILABLE_STATES: Final = frozenset(
    {
        "57P01",  # admin shutdown
        "57P02",  # crash shutdown
        "57P03",  # cannot connect now: starting, or in recovery
        "57P05",  # idle session timeout
        "25P03",  # idle in transaction timeout
        "25P04",  # transaction timeout
        "53300",  # too many connections
    }
)
_LOGIN_STATES: Final = frozenset({"28000", "28P01", "3D000"})

# What a model can do about a class of SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_CLASS_HINTS: Final = {
    "22": "A value does not fit the computation: check ranges, divisors and formats.",
    "53": "The database has run out of a resource. Ask for less, or try again later.",
    "54": "The query is too large or too deep. Ask for less.",
}


def translate(error: BaseException) -> McpdbError | None:
    """What this error of SQLAlchemy, asyncpg or the network means, or None if it is not theirs."""
    if isinstance(error, McpdbError):
        return error
    if isinstance(error, PoolTimeoutError):
        return TooManyCalls("All database connections are in use.", hint=_LATER)
    state = sqlstate(error)
    if state is not None:
        return _by_state(state, detail=_detail(error))
    if _is_network(error):
        msg = "The database cannot be reached or has closed the connection."
        return DatabaseUnavailable(msg, hint=_LATER, detail=_detail(error))
    if isinstance(error, DBAPIError):
        # Without a SQLSTATE the driver refused before the server saw anything: most often an
        # argument that the column's type cannot encode.
        return QueryFailed("The database driver refused the query.", detail=_detail(error))
    return None


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of this error or of what caused it."""
    for cause in _chain(error):
        if isinstance(cause, asyncpg.PostgresError):
            return getattr(cause, "sqlstate", None)
    return None


def _by_state(state: str, *, detail: str) -> McpdbError:
    if state == "57014":
        msg = "The query was stopped because its time was up."
        return QueryTimeout(msg, hint="Ask for a shorter period or fewer rows.", detail=detail)
    if state == "42501":
        msg = "The database does not allow this query (SQLSTATE 42501)."
        return NotAllowed(msg, detail=detail)
    if state == "25006":
        msg = "The transaction is read-only: nothing can be written (SQLSTATE 25006)."
        return NotAllowed(msg, detail=detail)
    if state in _LOGIN_STATES:
        msg = f"The database refused the login (SQLSTATE {state})."
        return DatabaseUnavailable(msg, detail=detail)
    if state in _UNAVAILABLE_STATES or state.startswith("08"):
        msg = f"The database is not available now (SQLSTATE {state})."
        return DatabaseUnavailable(msg, hint=_LATER, detail=detail)
    msg = f"The database could not run the query (SQLSTATE {state})."
    return QueryFailed(msg, hint=_CLASS_HINTS.get(state[:2], ""), detail=detail)


_NETWORK: Final = (
    ConnectionError,
    TimeoutError,
    asyncio.IncompleteReadError,
    socket.gaierror,
    ssl.SSLError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.ConnectionDoesNotExistError,
    FileNotFoundError,  # the server's Unix socket is gone
    PermissionError,  # the server's Unix socket belongs to somebody else
)


def _is_network(error: BaseException) -> bool:
    for cause in _chain(error):
        if isinstance(cause, asyncpg.exceptions.DataError):
            return False  # a client-side encoding error, which is an InterfaceError too
        if isinstance(cause, _NETWORK):
            return True
    is_closed = isinstance(error, InterfaceError | DBAPIError) and error.connection_invalidated
    return is_closed or isinstance(error, InvalidRequestError)


def _chain(error: BaseException) -> list[BaseException]:
    """The error, what SQLAlchemy wrapped in it, and what caused those."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        inner = following.orig if isinstance(following, DBAPIError) else None
        following = inner or following.__cause__
    return found


def _detail(error: BaseException) -> str:
    """The innermost error's own words, for the log. SQLAlchemy's would add the parameters."""
    innermost = _chain(error)[-1]
    return f"{type(innermost).__name__}: {innermost}"
