"""The contract of `Isolation` as tests, through a real database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

import pytest
from sqlalchemy import Integer, Table, Text, cast, func, literal_column, select
from sqlalchemy.dialects import postgresql
from typing_extensions import override

from mcpdb.config import PoolConfig
from mcpdb.database import Database
from mcpdb.errors import McpdbError, QueryFailed, QueryTimeout, TenantError
from mcpdb.isolation.base import Backend, Finding, Isolation, Prober
from mcpdb.query.base import Rows
from mcpdb.request import Request, Tenant
from mcpdb.server import Server
from mcpdb.tenancy.base import TenancyProvider

Owned = Sequence[tuple[Tenant, Sequence[object]]]

_SOMEWHERE: Final = Backend(database="somewhere", pid=1)
_NAP_S: Final = 60
_SHORT_S: Final = 0.5
_MOST_ROWS: Final = 1_000
_CROWD: Final = 40
_HEADER: Final = "x-number"


class IsolationContract:
    """What every isolation must hold. Subclass it with four fixtures:

        class TestMyIsolation(IsolationContract):
            @pytest.fixture
            def isolation(self) -> Isolation: ...

            @pytest.fixture
            def dsn(self) -> str: ...       # of a server's login, to a database with the policies

            @pytest.fixture
            def table(self) -> Table: ...   # a table in it that they protect

            @pytest.fixture
            def tenants(self) -> Owned: ... # each with what its rows hold in the first column

    At least two tenants own rows in the table, at most 1,000 in all, and none of them the same.

    Attributes:
        several: False for an isolation that takes tenants of one id only.
    """

    several: ClassVar[bool] = True

    def test_the_suite_knows_rows_of_different_tenants(self, tenants: Owned) -> None:
        seen = [set(map(str, rows)) for _, rows in tenants]
        assert sum(map(bool, seen)) >= 2, "Give rows of two tenants: fewer prove nothing."
        assert len(set[str]().union(*seen)) == sum(map(len, seen)), "A row belongs to two tenants."

    def test_no_value_of_a_tenant_stands_in_the_statement(
        self, isolation: Isolation, tenants: Owned
    ) -> None:
        statement = select(*isolation.expressions())
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        before = statement.compile(dialect=dialect)
        for tenant, _ in tenants:
            values = isolation.parameters(tenant, _SOMEWHERE)
            assert set(values) <= set(before.params), "A parameter is in no expression."
            missing = {name for name, value in before.params.items() if value is None}
            assert missing <= set(values), "A parameter of the expressions has no value."
        after = select(*isolation.expressions()).compile(dialect=dialect)
        assert (str(after), after.params) == (str(before), before.params)

    def test_parameters_are_each_tenants_own(self, isolation: Isolation, tenants: Owned) -> None:
        made = [dict(isolation.parameters(tenant, _SOMEWHERE)) for tenant, _ in tenants]
        for number, one in enumerate(made):
            assert one not in made[:number], "Two tenants have the same parameters."
        again = dict(isolation.parameters(tenants[0][0], _SOMEWHERE))
        assert set(again) == set(made[0])

    def test_each_tenant_sees_exactly_its_own_rows(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned
    ) -> None:
        async def check(tried: "_Tried") -> None:
            for number in (*range(len(tenants)), *reversed(range(len(tenants)))):
                await tried.sees_its_own(number)

        _run(_Tried(isolation, dsn, table, tenants), check)

    def test_tenants_at_once_do_not_mix(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned
    ) -> None:
        async def check(tried: "_Tried") -> None:
            turns = [number % len(tenants) for number in range(_CROWD)]
            await asyncio.gather(*map(tried.sees_its_own, turns))

        _run(_Tried(isolation, dsn, table, tenants, size=3), check)

    @pytest.mark.parametrize("what", ["error", "timeout", "cancellation"])
    def test_nothing_is_left_after_a_call_that_failed(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned, what: str
    ) -> None:
        async def check(tried: "_Tried") -> None:
            for number in range(len(tenants)):
                await tried.fails(what, number)
                await tried.sees_its_own((number + 1) % len(tenants))
                await tried.fails(what, number)
                await tried.nobody_sees_anything()

        _run(_Tried(isolation, dsn, table, tenants), check)

    def test_nobody_sees_anything(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned
    ) -> None:
        async def check(tried: "_Tried") -> None:
            await tried.nobody_sees_anything()
            for number in range(len(tenants)):
                await tried.sees_its_own(number)
                await tried.nobody_sees_anything()

        _run(_Tried(isolation, dsn, table, tenants), check)

    def test_what_it_sets_ends_with_the_transaction_even_where_that_is_committed(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned
    ) -> None:
        async def check(tried: "_Tried") -> None:
            for tenant, _ in tenants:
                await tried.prober.fetch("COMMIT", tenant=tenant)
                await tried.nobody_sees_anything()

        _run(_Tried(isolation, dsn, table, tenants), check)

    def test_several_ids_see_the_rows_of_each(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned
    ) -> None:
        ids = frozenset[str]().union(*(tenant.ids for tenant, _ in tenants))
        everything = [row for _, rows in tenants for row in rows]
        several = [*tenants, (Tenant(ids), everything)]

        async def check(tried: "_Tried") -> None:
            if self.several:
                await tried.sees_its_own(len(tenants))
            else:
                with pytest.raises(TenantError):
                    await tried.call("rows", len(tenants))
            await tried.sees_its_own(0)

        _run(_Tried(isolation, dsn, table, several), check)

    def test_all_tenants_are_all_or_refused(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned
    ) -> None:
        async def check(tried: "_Tried") -> None:
            with suppress(TenantError, QueryFailed):
                seen = await tried.rows(len(tenants))
                assert seen >= {str(row) for _, rows in tenants for row in rows}
            await tried.sees_its_own(0)

        _run(_Tried(isolation, dsn, table, [*tenants, (Tenant.all(), ())]), check)


class _Numbered(TenancyProvider):
    """The tenant that the suite names by its number."""

    def __init__(self, tenants: Owned) -> None:
        self._tenants = tenants

    @override
    async def resolve(self, request: Request) -> Tenant:
        return self._tenants[int(request.headers[_HEADER])][0]


class _Watched(Isolation):
    """The isolation under test, and the prober that it was asked with."""

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self.prober: Prober | None = None

    @override
    def expressions(self) -> Sequence[Any]:
        return self._isolation.expressions()

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        return self._isolation.parameters(tenant, backend)

    @override
    async def check(self, prober: Prober) -> Sequence[Finding]:
        self.prober = prober
        return await self._isolation.check(prober)


class _Tried:
    """A server with the isolation under test, and tools that read the table."""

    def __init__(
        self, isolation: Isolation, dsn: str, table: Table, tenants: Owned, *, size: int = 1
    ) -> None:
        self._watched = _Watched(isolation)
        self._table = table
        self._tenants = tenants
        self.database = Database(
            dsn,
            tenancy=_Numbered(tenants),
            isolation=self._watched,
            pool=PoolConfig(size=size),
        )
        self._server = Server("isolation", self.database)
        column = next(iter(table.columns))

        def rows() -> Rows:
            """Reads the table."""
            return select(column.label("value"))

        def error() -> Rows:
            """Fails after its tenant was entered."""
            return select(column.label("value"), literal_column("1 / 0", Integer).label("none"))

        def timeout() -> Rows:
            """Runs longer than it may."""
            return select(cast(func.pg_sleep(_NAP_S), Text).label("slept"))

        def cancellation() -> Rows:
            """Runs until it is cancelled."""
            return select(cast(func.pg_sleep(_NAP_S), Text).label("slept"))

        for tool in (rows, error, cancellation):
            self._server.tool(max_rows=_MOST_ROWS)(tool)
        self._server.tool(timeout_s=_SHORT_S)(timeout)

    @property
    def prober(self) -> Prober:
        """Looks at the database without a call."""
        assert self._watched.prober is not None, "The isolation was not asked for findings."
        return self._watched.prober

    async def call(self, tool: str, number: int) -> Sequence[Sequence[object]]:
        """The rows that a tool answers to this tenant."""
        request = Request(tool=tool, arguments={}, headers={_HEADER: str(number)})
        result = await self.database.call(self._server.tools[tool], request)
        rows: Sequence[Sequence[object]] = result.structured["rows"]
        return rows

    async def rows(self, number: int) -> set[str]:
        """The first column of all rows that this tenant sees."""
        return {str(row[0]) for row in await self.call("rows", number)}

    async def sees_its_own(self, number: int) -> None:
        """Neither a row more nor a row less."""
        tenant, rows = self._tenants[number]
        seen = await self.rows(number)
        assert seen == set(map(str, rows)), f"{tenant} sees other rows than its own."

    async def fails(self, what: str, number: int) -> None:
        """A call of this tenant that ends badly after its tenant was entered."""
        if what == "cancellation":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(self.call(what, number), timeout=_SHORT_S)
        else:
            with pytest.raises(QueryTimeout if what == "timeout" else QueryFailed):
                await self.call(what, number)

    async def nobody_sees_anything(self) -> None:
        """A transaction without a tenant sees no row, or is an error."""
        statement = select(func.count()).select_from(self._table)
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        try:
            ((count,),) = [
                tuple(row.values())
                for row in await self.prober.fetch(str(statement.compile(dialect=dialect)))
            ]
        except McpdbError:
            return
        assert count == 0, "Without a tenant there are rows."


def _run(tried: _Tried, check: Callable[[_Tried], Awaitable[None]]) -> None:
    async def run() -> None:
        async with tried.database:
            await check(tried)

    asyncio.run(run())
