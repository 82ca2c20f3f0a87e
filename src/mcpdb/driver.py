"""One connection of the driver: what a transaction consists of, statements prepared once, and its
errors as ours. It knows neither tenants nor tools, and does not decide when it is given back."""

import asyncio
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from typing_extensions import override

from mcpdb.codecs import Driver, decoded
from mcpdb.compiled import Bound, Description
from mcpdb.errors import DatabaseUnavailable, McpdbError, ResultError
from mcpdb.flight import beginning
from mcpdb.recent import Recent
from mcpdb.translate import changed, translate

if TYPE_CHECKING:
    Statement: TypeAlias = PreparedStatement[asyncpg.Record]
else:
    Statement = PreparedStatement

_GOODBYE_S: Final = 0.5
"""How long a connection may take to stop what it does and close, before it is cut off."""
_UNNAMED_S: Final = 5.0
"""How long the types of an unnamed statement are believed. The server parses it anew each time and
does not say when a column has got another type."""

_FRESH_S: Final = 5.0
"""How lately a connection must have answered for a single flight: one that has been closed
meanwhile is found out by BEGIN, before anything of a call is done on it."""
_ENTER: Final = "mcpdb_enter"
"""The name of the prepared statement that enters a tenant in a single flight."""

_END: Final = ("ROLLBACK", "ROLLBACK")
_END_AND_UNLOCK: Final = ("ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()", "SELECT 1")
"""What ends a transaction, and the last tag that it answers with. A ROLLBACK does not release the
advisory locks of a session, which SQL that a model wrote could have taken."""

_CLEAR: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError)
"""Errors after which it is known where the connection is: PostgreSQL answered one, or the driver
refused before it sent anything, or a decoder failed after the answer was read to its end."""
_CHANGED: Final = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)


class BriefConnection(Driver):
    """A connection that closes in bounded time, whatever the server does.

    A cancelled connection closes through here. The driver asks the server to stop and waits for
    the statement's end. That request travels on a way of its own: where it overtakes the
    statement it has no effect, and only closing the connection stops what runs.
    """

    @override
    async def close(self, *, timeout: float | None = None) -> None:
        await super().close(timeout=_GOODBYE_S)


class Schema:
    """What all connections know of the tables: when one finds them changed, the others look too."""

    def __init__(self) -> None:
        self.version = 0


class Answer(NamedTuple):
    """What a statement returned."""

    description: Description
    records: Sequence[asyncpg.Record]


class _Prepared(NamedTuple):
    statement: Statement
    description: Description
    until: float


class Connection:
    """One connection, for one transaction at a time.

    Args:
        driver: The driver's, with its codecs set; see `set_codecs`.
        schema: Shared by all connections of a pool.
        statements: How many prepared statements are kept.
        is_pooled: Whether a pooler may give each transaction another server connection, so that
            statements have no name.
        unlocks: Whether the end of a transaction releases the advisory locks of the session.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        schema: Schema,
        statements: int,
        is_pooled: bool = False,
        unlocks: bool = False,
    ) -> None:
        self.driver = driver
        self.pid = None if is_pooled else driver.get_server_pid()
        self.made_at = time.monotonic()
        self._schema = schema
        self._version = schema.version
        self._is_pooled = is_pooled
        self._end, self._end_tag = _END_AND_UNLOCK if unlocks else _END
        self._statements: Recent[str, _Prepared] = Recent(statements)
        self._is_in_doubt = False
        self._answered_at = time.monotonic()
        self._entering: Statement | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is known to be gone, from either side."""
        return self.driver.is_closed()

    async def begin(self) -> None:
        """Begin a READ ONLY transaction."""
        with self._driving():
            await self.driver.execute("BEGIN READ ONLY")

    async def run(self, sql: str, arguments: Sequence[Any] = ()) -> Answer:
        """Run one statement: one wait where it has been prepared, one more where not.

        Raises:
            ResultError: A value cannot be decoded.
            McpdbError: Anything else that the driver or the server says.
        """
        with self._driving():
            is_known = self._is_known(sql)
            prepared = self._statements[sql] if is_known else await self._prepare(sql)
            try:
                with decoded():
                    records = await prepared.statement.fetch(*arguments)
            except Exception as error:
                self._forget(sql, error)
                if is_known and self._is_pooled and isinstance(error, ResultError):
                    raise changed(error) from error  # as likely as a value that Python lacks
                raise
        return Answer(prepared.description, records)

    @property
    def has_begun(self) -> bool:
        """Whether it is in a transaction, as far as the server has said."""
        return self.driver.is_in_transaction()

    def can_fly(self, sql: str) -> bool:
        """Whether a transaction can begin in the flight of this statement."""
        is_ready = self._is_pooled or self._entering is not None
        is_fresh = time.monotonic() - self._answered_at < _FRESH_S
        return is_ready and is_fresh and self._is_known(sql) and not self.is_closed

    async def learn(self, entering: str) -> None:
        """Prepare what a single flight begins with, for the next transaction on this connection."""
        if self._entering is None and not self._is_pooled:
            with self._driving():
                self._entering = await self.driver.prepare(entering, name=_ENTER)

    def prefix(self, entering: Bound) -> bytes | None:
        """The beginning of a flight; None where a value of it cannot be written into one."""
        name = "" if self._is_pooled else _ENTER
        try:
            return beginning(entering.sql, entering.arguments, name=name)
        except TypeError:
            return None

    async def fly(self, prefix: bytes, statement: Bound) -> Answer:
        """Begin a READ ONLY transaction, enter the tenant, and run a statement: one wait for all.

        Only where `can_fly`. The beginning has no Sync of its own, so that whatever keeps the
        driver from sending the rest, such as an argument that it cannot encode, would leave it for
        the next call. So the connection is in doubt, and never reused, until the server itself has
        said that it is in a transaction, which it does when it has answered the whole flight.

        Raises:
            McpdbError: As `run`.
        """
        prepared = self._statements[statement.sql]
        with self._driving():
            self._is_in_doubt = True
            inside: Any = self.driver  # it has no word for this
            inside._transport.write(prefix)  # noqa: SLF001
            try:
                with decoded():
                    records = await prepared.statement.fetch(*statement.arguments)
            except Exception as error:
                self._is_in_doubt = not self.has_begun
                self._forget(statement.sql, error)
                raise
            if not self.has_begun:
                msg = "The server does not say that it is in a transaction."
                raise DatabaseUnavailable(msg, hint="Try again.")
            self._is_in_doubt = False
        return Answer(prepared.description, records)

    async def rollback(self, *, timeout_s: float) -> bool:
        """End the transaction; whether PostgreSQL has confirmed that it ended.

        Only then may the connection be given to another tenant. A setting of the transaction ends
        with it, and nothing else of a call stays on a connection.
        """
        if self._is_in_doubt or self.is_closed:
            return False
        if not self.driver.is_in_transaction():
            return True
        try:
            async with asyncio.timeout(timeout_s):
                tag = await self.driver.execute(self._end)
        except Exception:  # noqa: BLE001  # whatever it is, there was no confirmation
            return False
        self._answered_at = time.monotonic()
        return tag == self._end_tag and not self.driver.is_in_transaction()

    async def close(self) -> None:
        """Stop what runs on it and close it, in bounded time."""
        try:
            with suppress(Exception):  # it is cut off then
                await self.driver.close()
        finally:
            self.cut()

    def cut(self) -> None:
        """Break it off at once."""
        self.driver.terminate()
        self._statements.clear()
        self._entering = None

    def _forget(self, sql: str, error: Exception) -> None:
        """Prepare anew what may have caused this error, by what it was prepared for."""
        if isinstance(error, _CHANGED):
            self._schema.version += 1
        elif isinstance(error, asyncpg.InternalServerError):
            self._version = -1  # a type may be gone: look again, on this connection
        elif self._is_pooled or isinstance(error, ResultError):
            self._statements.pop(sql, None)

    def _is_known(self, sql: str) -> bool:
        if self._version != self._schema.version:
            return False
        prepared = self._statements.get(sql)
        return prepared is not None and time.monotonic() < prepared.until

    async def _prepare(self, sql: str) -> _Prepared:
        if self._version != self._schema.version:
            self._version = self._schema.version
            self._statements.clear()
            await self.driver.reload_schema_state()
        statement = await self.driver.prepare(sql)
        attributes = statement.get_attributes()
        description = tuple((one.name, one.type.oid) for one in attributes)
        until = time.monotonic() + (_UNNAMED_S if self._is_pooled else float("inf"))
        prepared = self._statements[sql] = _Prepared(statement, description, until)
        return prepared

    @contextmanager
    def _driving(self) -> Generator[None]:
        """Nothing but the driver runs inside: what it raises is ours, or a doubt, or both."""
        try:
            yield
        except McpdbError:
            raise
        except BaseException as error:
            self._is_in_doubt = self._is_in_doubt or not isinstance(error, _CLEAR)
            if not isinstance(error, Exception):
                raise
            known = translate(error, is_lost=self.is_closed)
            if known is None:
                raise
            raise known from error
