"""Our way to the rows and SQLAlchemy's own, side by side on one database. Hypothesis does not run
coroutines, so an event loop of its own waits in another thread."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeAlias, cast

import asyncpg
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mcpdb import PoolConfig, QueryFailed, Timeouts
from mcpdb.cells import decode
from mcpdb.compiled import Compiler
from mcpdb.connector import Connector
from mcpdb.driver import Connection

Table_: TypeAlias = tuple[tuple[str, ...], list[tuple[Any, ...]]]


class Both:
    """Our way and SQLAlchemy's to the same database."""

    def __init__(
        self, portal: BlockingPortal, ours: Connection, compiler: Compiler, theirs: AsyncEngine
    ) -> None:
        self._portal = portal
        self._ours = ours
        self._theirs = theirs
        self.compiler = compiler

    def ours(self, statement: Any) -> Table_:
        """Names and rows as the lane reads them."""
        bound = self.compiler.bind(statement)
        answer = self._portal.call(self._ours.run, bound.sql, bound.arguments)
        fetched = bound.fetched(*answer)
        return fetched.names, [tuple(row) for row in fetched.rows]

    def theirs(self, statement: Any) -> Table_:
        """Names and rows as SQLAlchemy reads them."""

        async def execute() -> Table_:
            async with self._theirs.connect() as connection:
                result = await connection.execute(statement)
                return tuple(result.keys()), [tuple(row) for row in result.all()]

        return self._portal.call(execute)

    def agree(self, statement: Any, *, may_fail: bool = False) -> Table_:
        """Fail unless both give the same, with values of the same types, or the same error."""
        ours = _outcome(lambda: self.ours(statement))
        theirs = _outcome(lambda: self.theirs(statement))
        if isinstance(ours, Exception) or isinstance(theirs, Exception):
            assert may_fail, (ours, theirs)
            assert _kind(ours) == _kind(theirs), (ours, theirs)
            return (), []
        assert ours[0] == theirs[0]
        assert ours == theirs or repr(ours) == repr(theirs)  # NaN equals nothing
        assert _types(ours[1]) == _types(theirs[1])
        return ours


def _outcome(run: Callable[[], Table_]) -> Table_ | Exception:
    try:
        return run()
    except Exception as error:  # noqa: BLE001  # whichever it is, the other one has it too
        return error


def _kind(outcome: Table_ | Exception) -> str:
    """The type of an error. SQLAlchemy wraps those of bind processors, we the driver's."""
    if isinstance(outcome, QueryFailed | DBAPIError):
        return QueryFailed.__name__
    cause: object = outcome.orig if isinstance(outcome, StatementError) else outcome
    return type(cause).__name__


def _types(value: object) -> Any:
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return type(items).__name__, [_types(item) for item in items]
    return type(value).__name__


@asynccontextmanager
async def _connected(dsn: str) -> AsyncGenerator[tuple[Connection, Compiler, AsyncEngine]]:
    connector = Connector(make_url(dsn), pool=PoolConfig(), timeouts=Timeouts())
    theirs = create_async_engine(dsn, json_deserializer=decode)
    async with AsyncExitStack() as stack:
        await _make_goods(dsn)
        stack.push_async_callback(theirs.dispose)
        ours = await connector.connect()
        stack.push_async_callback(ours.close)
        compiler = Compiler(await connector.dialect(ours))
        yield ours, compiler, theirs


async def _make_goods(dsn: str) -> None:
    """An empty table for statements that name one."""
    url = make_url(dsn).set(drivername="postgresql", username="postgres")
    admin = await asyncpg.connect(url.render_as_string(hide_password=False))
    names = '(id int, name text, twice int, size text, "odd %(x)s :y ""z"" é" text)'
    await admin.execute(
        f"CREATE TABLE IF NOT EXISTS goods {names}; GRANT SELECT ON goods TO PUBLIC"
    )
    await admin.close()


@contextmanager
def both_of(dsn: str) -> Generator[Both]:
    """Both ways to a database, connected."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_connected(dsn)) as (ours, compiler, theirs),
    ):
        yield Both(portal, ours, compiler, theirs)
