"""A wall whose part for a model's SQL is not as it was made, and what is said of it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from isolation.sql_lines import lane_at
from isolation.walled import (
    NORTH,
    Connection,
    Walled,
    connected,
    enter,
    rolled_back,
    token,
)
from mcpdb import (
    Database,
    FixedTenancy,
    IsolationError,
    PoolConfig,
    SqlLogin,
    Tenant,
    Timeouts,
)
from mcpdb.translate import translated

_RUN: Final = "mcpdb.run(text, integer, integer, text)"


async def findings(walled: Walled) -> set[str]:
    """The codes of what is wrong, as the login for a model's SQL is told."""
    isolation = walled.sealed()
    async with lane_at(walled.dsn(walled.sql), isolation, pool=PoolConfig(size=1)) as lane:
        return {each.code for each in await isolation.check_sql(lane)}


async def refused(database: Database) -> IsolationError:
    """Why it is not opened: each finding is named, and what mends it."""
    with pytest.raises(IsolationError) as raised:
        await database.open()
    lines = str(raised.value).splitlines()
    assert len(lines) == len(raised.value.findings)
    assert all("To mend it:" in line for line in lines)
    return raised.value


class _Within:
    """Asks as the login, in the transaction in which a superuser has broken something."""

    def __init__(self, walled: Walled, superuser: Connection) -> None:
        self._walled = walled
        self._superuser = superuser

    async def fetch(
        self, query: str, *arguments: object, tenant: Tenant | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """As `Prober` has it. The tenant goes with the savepoint."""
        savepoint = self._superuser.transaction()
        await savepoint.start()
        try:
            if tenant is not None:
                sealed = self._walled.sealed()
                values = token(sealed, tenant, self._superuser, self._walled.name)
                await enter(self._superuser, values)
            with translated():
                return [dict(row) for row in await self._superuser.fetch(query, *arguments)]
        finally:
            await savepoint.rollback()


async def findings_with(walled: Walled, breaks: str) -> set[str]:
    """The codes of what is wrong in a database in which this has been done; it is undone."""
    async with (
        connected(walled.superuser_dsn) as superuser,
        rolled_back(superuser, readonly=False),
    ):
        await superuser.execute(_filled(walled, breaks))
        await superuser.execute(
            f"SET LOCAL SESSION AUTHORIZATION {walled.sql}; SET TRANSACTION READ ONLY"
        )
        found = await walled.sealed().check_sql(_Within(walled, superuser))
    return {each.code for each in found}


def _filled(walled: Walled, statements: str) -> str:
    names = {part: walled.fresh.role(part) for part in ("app", "keeper", "sql", "reader", "group")}
    return statements.format(run=_RUN, **names)


@asynccontextmanager
async def broken(walled: Walled, breaks: str, mends: str = "") -> AsyncGenerator[None]:
    """The wall in another state, as a superuser makes it; roles are all databases', so that what
    is done to one has to be undone."""
    async with connected(walled.superuser_dsn) as superuser:
        try:
            await superuser.execute(_filled(walled, breaks))
            yield
        finally:
            if mends:
                await superuser.execute(_filled(walled, mends))


def url_of(dsn: str) -> str:
    return dsn.replace("postgresql://", "postgresql+asyncpg://", 1)


def database_with(walled: Walled, app: str, sql: str | None) -> Database:
    """A database with these URLs."""
    return Database(
        url_of(app),
        tenancy=FixedTenancy(Tenant.of(NORTH)),
        isolation=walled.sealed(),
        timeouts=Timeouts(connect_s=5),
        sql=None if sql is None else SqlLogin(url=url_of(sql)),
    )


def only_typed(walled: Walled) -> Database:
    return database_with(walled, walled.dsn(), None)
