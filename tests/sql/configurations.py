"""The ways in which a statement of a model could reach PostgreSQL, each as `run(sql)`: one short
READ ONLY transaction as one tenant, which ends in ROLLBACK."""

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Final, cast

import asyncpg
from typing_extensions import override

from isolation.walled import Connection, Walled, enter, token
from mcpdb import Tenant
from mcpdb.errors import SqlRefused
from mcpdb.sql import Guard
from sql.outcomes import Outcome
from sql.shop_sql import PLAIN_SETTING

LIMIT_MS: Final = 2_000

_GIVE_UP_S: Final = 15.0
_MAX_ROWS: Final = 5_000
_MAX_BYTES: Final = 4_000_000
_MEMORY: Final = "8MB"
# In an error it may be cut off.
_SEAL: Final = re.compile(r"[0-9a-f]{64}(?=\d+:)")
_PART_OF_A_SEAL: Final = re.compile(r"[0-9a-f]{10,64}(?:\d*:)?")
# What survives ROLLBACK must not reach the next statement of the corpus.
_END: Final = "ROLLBACK; SELECT pg_advisory_unlock_all(); DEALLOCATE ALL; UNLISTEN *"


class Configuration(ABC):
    """One way, as one tenant, in one database.

    Args:
        walled: The database.
        tenant: Who sends the statements.
    """

    name: ClassVar[str]
    setting: ClassVar[str] = "mcpdb.ctx"

    def __init__(self, walled: Walled, tenant: str) -> None:
        self.walled = walled
        self.tenant = tenant
        self._connection: Connection | None = None

    @property
    @abstractmethod
    def login(self) -> str:
        """The login of this way."""

    @abstractmethod
    async def seal_in(self, connection: Connection, tenant: str) -> None:
        """Make the transaction the tenant's."""

    async def answer(self, connection: Connection, statement: str) -> Sequence[Sequence[Any]]:
        """The rows of the statement."""
        return [tuple(row) for row in await connection.fetch(statement)]

    async def run(self, statement: str, *, limit_ms: int = LIMIT_MS) -> Outcome:
        """What comes of it. Never raises for what the statement does."""
        try:
            return await asyncio.wait_for(self._run(statement, limit_ms), _GIVE_UP_S)
        except TimeoutError:
            await self.close()
            return Outcome(code="hung", text=f"for {_GIVE_UP_S} s")

    def refusal(self, code: str, text: str) -> Outcome:
        """The outcome of a statement that has no answer."""
        return Outcome(code=code, text=_PART_OF_A_SEAL.sub("<seal>", self._neutral(text)))

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def connect(self) -> Connection:
        """A connection of its login."""
        # Nothing is kept between statements, such as statements that are prepared.
        return await asyncpg.connect(
            self.walled.dsn(self.login), timeout=10, statement_cache_size=0
        )

    async def _run(self, statement: str, limit_ms: int) -> Outcome:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self.connect()
        connection = self._connection
        try:
            await connection.execute(f"BEGIN READ ONLY; SET LOCAL statement_timeout = {limit_ms}")
            await self.seal_in(connection, self.tenant)
            return Outcome.of(self._here(await self.answer(connection, statement)))
        except asyncpg.PostgresError as error:
            said = (error.args[0] if error.args else "", error.detail, error.hint, error.context)
            text = " | ".join(str(each) for each in said if each)
            return self.refusal(str(error.sqlstate), text)
        except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            await self.close()
            return Outcome(code="client", text=type(error).__name__)
        except RecursionError:
            return Outcome(code="too deep", text="JSON that Python does not read")
        except (ValueError, TypeError, OverflowError) as error:
            return self.refusal("client", f"{type(error).__name__} {error}")
        finally:
            await self._end(connection)

    async def _end(self, connection: Connection) -> None:
        try:
            await connection.execute(_END)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self.close()

    def _here(self, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        return [
            [self._neutral(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
        ]

    def _neutral(self, text: str) -> str:
        # Which of the worlds this is, is not what a tenant asks; and each seal is another one.
        return _SEAL.sub("<seal>", text.replace(self.walled.name, "<database>"))


class Plain(Configuration):
    """The design that the wall replaces: policies of a setting which any SELECT can set."""

    name = "plain setting"
    setting = PLAIN_SETTING

    @property
    @override
    def login(self) -> str:
        return self.walled.fresh.role("plain")

    @override
    async def seal_in(self, connection: Connection, tenant: str) -> None:
        await connection.execute("SELECT set_config($1, $2, true)", self.setting, tenant)


class QueryLogin(Configuration):
    """The login of the query lane, which may read the tables, with the tenant sealed in."""

    name = "query login"

    @property
    @override
    def login(self) -> str:
        return self.walled.app

    @override
    async def seal_in(self, connection: Connection, tenant: str) -> None:
        sealed = self.walled.sealed()
        await enter(connection, token(sealed, Tenant.of(tenant), connection, self.walled.name))


class SqlLane(QueryLogin):
    """The login of the SQL lane, which may only call `mcpdb.enter` and `mcpdb.run`."""

    name = "SQL lane"

    @property
    @override
    def login(self) -> str:
        return self.walled.fresh.role("sql")

    @override
    async def answer(self, connection: Connection, statement: str) -> Sequence[Sequence[Any]]:
        lines = await connection.fetch(
            "SELECT * FROM mcpdb.run($1, $2, $3, $4)", statement, _MAX_ROWS, _MAX_BYTES, _MEMORY
        )
        # The first has the columns; where the last is NULL there are more.
        return [cells(line[0]) for line in lines[1:] if line[0] is not None]


class Guarded(SqlLane):
    """The SQL lane behind the guard.

    Args:
        walled: The database.
        tenant: Who sends the statements.
        guard: What a statement has to pass first.
    """

    name = "guard and SQL lane"

    def __init__(self, walled: Walled, tenant: str, guard: Guard) -> None:
        super().__init__(walled, tenant)
        self._guard = guard

    @override
    async def run(self, statement: str, *, limit_ms: int = LIMIT_MS) -> Outcome:
        try:
            await self._guard.check(statement)
        except SqlRefused as error:
            return self.refusal(error.code, str(error))
        return await super().run(statement, limit_ms=limit_ms)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object, with all that it says: names of columns may be there twice."""


def cells(line: str) -> Sequence[Any]:
    """The values of a row, which is a JSON object or array. Numbers stay as they are written."""
    row: Any = json.loads(
        line, object_pairs_hook=_Pairs, parse_float=str, parse_int=str, parse_constant=str
    )
    return [_flat(each[1]) for each in row] if isinstance(row, _Pairs) else [*map(_flat, row)]


def _flat(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _flat(each) for key, each in value}
    if not isinstance(value, list):
        return value
    return [_flat(each) for each in cast("Sequence[Any]", value)]
