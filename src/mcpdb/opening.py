"""What the lane learns of a server when it opens, and the statement that each transaction begins
with, compiled once."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, bindparam, func, select

from mcpdb.compiled import Compiler, Template
from mcpdb.connector import Connector
from mcpdb.driver import Connection
from mcpdb.errors import ConfigurationError, DatabaseUnavailable, QueryFailed
from mcpdb.flight import silent
from mcpdb.isolation.base import Isolation
from mcpdb.pool import Pool

TIMEOUT: Final = "mcpdb_statement_timeout"
"""The name of that parameter, among those of an isolation: milliseconds, as a text."""

_WATCH: Final = "client_connection_check_interval"
_WATCH_MS: Final = 500
"""How often PostgreSQL looks whether the client of a running statement is still there."""
_ROLLBACK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """What was learnt.

    Attributes:
        database: The database's own name, whatever a pooler calls it.
        compiler: For this server's dialect.
        enter: The statement that sets the time limits and the tenant.
        limit: The same without a tenant.
        flight: The same as `enter`, without a row, for a single flight; None: there is none.
    """

    database: str
    compiler: Compiler
    enter: Template
    limit: Template
    flight: Template | None


async def meet(
    connector: Connector, pool: Pool, isolation: Isolation, *, single_flight: bool
) -> Server:
    """Make a connection, learn, and leave it to the pool.

    Args:
        connector: Makes it.
        pool: Gets it.
        isolation: What enters a tenant.
        single_flight: Whether transactions may begin in the flight of their first select.

    Raises:
        DatabaseUnavailable: PostgreSQL cannot be reached or refuses the login.
        ConfigurationError: There is a pooler in between that was not declared.
    """
    connection = await connector.connect()
    try:
        database = await _look(connection)
        is_watched = await _can_watch(connection)
        compiler = Compiler(await connector.dialect(connection))
        await _end(connection)
    except BaseException:
        await connection.close()
        raise
    pool.adopt(connection)
    limits = [_set_local("statement_timeout", bindparam(TIMEOUT, type_=Text))]
    if is_watched:
        limits.append(_set_local(_WATCH, str(_WATCH_MS)))
    entering = [*limits, *isolation.expressions()]
    return Server(
        database,
        compiler,
        enter=compiler.template(select(*entering)),
        limit=compiler.template(select(*limits)),
        flight=compiler.template(silent(entering)) if single_flight else None,
    )


async def _look(connection: Connection) -> str:
    """The database's name, over a connection that leads where it seems to lead."""
    await connection.begin()
    answer = await connection.run(
        "SELECT pg_catalog.current_database()::text, pg_catalog.pg_backend_pid()"
    )
    await _end(connection)
    database, pid = answer.records[0]
    if connection.pid not in (None, pid):
        msg = "Between mcpdb and PostgreSQL is a pooler that was not declared."
        hint = 'Declare it: Database(..., pool=PoolConfig(pooler="pgbouncer-transaction")).'
        raise ConfigurationError(msg, hint=hint)
    return str(database)


async def _can_watch(connection: Connection) -> bool:
    """Whether this server can notice that a client is gone: not before 14, nor on Windows."""
    await connection.begin()
    try:
        await connection.run("SELECT pg_catalog.set_config($1, $2, true)", (_WATCH, str(_WATCH_MS)))
    except QueryFailed:
        return False
    finally:
        await _end(connection)
    return True


async def _end(connection: Connection) -> None:
    if not await connection.rollback(timeout_s=_ROLLBACK_S):
        raise DatabaseUnavailable("The connection to the database was lost.")


def _set_local(setting: str, value: "str | ColumnElement[str]") -> ColumnElement[Any]:
    return func.set_config(setting, value, True)  # noqa: FBT003  # is_local
