"""The driver's errors as ours, by SQLSTATE and cause, never by message text: messages are
localised and hold values of rows. What is said here is safe to show to a model."""

import socket
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg

from mcpdb.errors import (
    DatabaseUnavailable,
    McpdbError,
    NotAllowed,
    QueryFailed,
    QueryTimeout,
    Unavailable,
)

_LATER: Final = "Try again in a few seconds."

# SQLSTATEs in which the server itself, or the way to it, is the reason: not the query.
_UNAVAILABLE_STATES: Final = frozenset(
    {
        "57P01",  # admin shutdown
        "57P02",  # crash shutdown
        "57P03",  # cannot connect now: starting, or in recovery
        "57P04",  # database dropped
        "57P05",  # idle session timeout
        "25P03",  # idle in transaction timeout
        "25P04",  # transaction timeout
        "53300",  # too many connections
    }
)

_OPERATOR: Final = "The operator finds the reason with `mcpdb doctor`."
_ANSWERS: Final[Mapping[str, tuple[type[McpdbError], str, str]]] = {
    "57014": (
        QueryTimeout,
        "The query was stopped because its time was up.",
        "Ask for a shorter period or fewer rows.",
    ),
    "42501": (NotAllowed, "The database does not allow this query (SQLSTATE 42501).", ""),
    "25006": (
        NotAllowed,
        "The transaction is read-only: nothing can be written (SQLSTATE 25006).",
        "",
    ),
    # Of mcpdb.enter: the token is refused, its time is, or the transaction has a tenant already.
    # The key or a clock is wrong, and no caller can do anything about it.
    **{
        state: (
            DatabaseUnavailable,
            f"The database did not let the tenant in (SQLSTATE {state}).",
            _OPERATOR,
        )
        for state in ("MD001", "MD002", "MD003")
    },
}

# What a model can do about a class of SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_CLASS_HINTS: Final = {
    "22": "A value does not fit the computation: check ranges, divisors and formats.",
    "53": "The database has run out of a resource. Ask for less, or try again later.",
    "54": "The query is too large or too deep. Ask for less.",
}

# Why there is no connection: by what the server said, else by the first type that fits.
_REFUSALS: Final = {
    "28P01": "it does not accept the password",
    "28000": "it does not accept the login",
    "3D000": "it has no database of this name",
    "42501": "the login may not use this database",
    "53300": "it has no connection left",
    "57P03": "it is starting or shutting down",
}
_OBSTACLES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TimeoutError, "it did not answer in time"),
    (ssl.SSLError, "it could not be trusted over TLS"),
    (socket.gaierror, "its host is not known"),
    (UnicodeError, "its host is not a name"),
    (PermissionError, "its socket may not be used"),
    (ConnectionResetError, "the connection was broken off"),
    (BrokenPipeError, "the connection was broken off"),
    (ConnectionRefusedError, "nothing listens there"),
    (FileNotFoundError, "nothing listens there"),
    (asyncpg.ClientConfigurationError, "an option of its URL is not valid"),
)

_DRIVER: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@contextmanager
def translated(*, connecting: bool = False) -> Generator[None]:
    """Raise the errors of the driver and the network as ours; let all others through.

    Args:
        connecting: Nothing but the driver runs inside, so every error means: no connection.
    """
    try:
        yield
    except McpdbError:
        raise
    except Exception as error:
        known = unreachable(error) if connecting else translate(error)
        if known is None:
            raise
        raise known from error


def translate(error: Exception, *, is_lost: bool = False) -> McpdbError | None:
    """What an error of the driver or the network means, or None if it is not theirs.

    Args:
        error: It came while nothing but the driver ran: not an error of a tool's author, such as
            the processors of a `TypeDecorator`.
        is_lost: Whether the connection is gone.
    """
    state = _sqlstate(error)
    detail = _detail(error)
    if _is_stale(error):
        return changed(error)
    if state is not None:
        return _placed(_by_state(state, detail=detail), state, error)
    # The driver's inner errors come when a connection breaks off in the midst of something.
    broken = (ConnectionError, TimeoutError, ssl.SSLError, asyncpg.InternalClientError)
    if is_lost or isinstance(error, broken):
        msg = "The connection to the database was lost."
        return DatabaseUnavailable(msg, hint=_LATER, detail=detail)
    if isinstance(error, asyncpg.InterfaceError):
        # Without a SQLSTATE the driver refused before the server saw anything, such as more
        # arguments than the protocol can count.
        return QueryFailed("The database driver refused the query.", detail=detail)
    return None


def changed(error: Exception) -> McpdbError:
    """A prepared statement no longer fits its tables."""
    msg = "The database's tables have just been changed."
    return Unavailable(msg, hint="Try again.", detail=_detail(error))


def unreachable(error: Exception) -> McpdbError:
    """What an error means that came instead of a connection."""
    msg = f"The database cannot be reached: {_obstacle(error)}."
    return DatabaseUnavailable(msg, hint=_LATER, detail=_detail(error))


def _sqlstate(error: Exception) -> str | None:
    """The SQLSTATE of this error or of what caused it."""
    for cause in _chain(error):
        if isinstance(cause, asyncpg.PostgresError):
            return getattr(cause, "sqlstate", None)
    return None


def _by_state(state: str, *, detail: str) -> McpdbError:
    if state in _ANSWERS:
        kind, msg, hint = _ANSWERS[state]
        return kind(msg, hint=hint, detail=detail)
    if state in _UNAVAILABLE_STATES or state.startswith("08"):
        msg = f"The database is not available now (SQLSTATE {state})."
        return DatabaseUnavailable(msg, hint=_LATER, detail=detail)
    if state == "55P03" or state.startswith("40"):
        msg = f"The query was in the way of another transaction (SQLSTATE {state})."
        return Unavailable(msg, hint="Try again.", detail=detail)
    msg = f"The database could not run the query (SQLSTATE {state})."
    return QueryFailed(msg, hint=_CLASS_HINTS.get(state[:2], ""), detail=detail)


def _placed(known: McpdbError, state: str, error: Exception) -> McpdbError:
    """With the place in the query to which PostgreSQL points."""
    if isinstance(known, QueryFailed):
        known.sqlstate = state
        for cause in _chain(error):
            position = str(getattr(cause, "internal_position", None) or "")
            if position.isdecimal():
                known.position = int(position)
                known.within = str(getattr(cause, "internal_query", None) or "")
                break
    return known


def _is_stale(error: Exception) -> bool:
    """Whether a prepared statement no longer fits its tables."""
    stale = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)
    return any(isinstance(cause, stale) for cause in _chain(error))


def _obstacle(error: Exception) -> str:
    state = _sqlstate(error)
    if state is not None:
        return f"{_REFUSALS.get(state, 'it refuses the connection')} (SQLSTATE {state})"
    for cause in _chain(error):
        for kind, words in _OBSTACLES:
            if isinstance(cause, kind):
                return words
    return "no connection could be made"


def _chain(error: BaseException) -> list[BaseException]:
    """The error, and what caused it: SQLAlchemy raises its own from the driver's."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__
    return found


def _detail(error: BaseException) -> str:
    """The driver's own words, for the log."""
    chain = _chain(error)
    told = next((cause for cause in chain if isinstance(cause, _DRIVER)), chain[-1])
    return f"{type(told).__name__}: {told}"
