"""The application that is there already: it runs on while the wall goes up and comes down, and
each of its roles keeps what the report says."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import asyncpg
import pytest

from isolation.traces import traces
from isolation.walled import NORTH, TABLES, Connection, connected, wall_of
from mcpdb import ConfigurationError
from mcpdb.errors import Unavailable
from mcpdb.isolation import Protected, Roles
from mcpdb.operate import apply_wall, plan_wall, remove_wall
from servers import Fresh

_ROUNDS: Final = 4
_INSERT: Final = (
    "INSERT INTO shop.orders (tenant, amount, canary) VALUES ($1, 1, 'new') RETURNING id"
)
_ITEM: Final = (
    "INSERT INTO shop.items (order_id, tenant, quantity, canary) VALUES ($1, $2, 1, 'new')"
)
_COUNTS: Final = {
    "SELECT count(*) FROM shop.orders WHERE canary LIKE 'c%'": 240,
    "SELECT count(*) FROM shop.stores": 6,
    "SELECT count(*) FROM shop.managers": 6,
    "SELECT sum(hours) FROM shop.shifts": 190,
}


class Application:
    """Inserts, updates, deletes and counts all the time, and knows what it has to find."""

    def __init__(self, fresh: Fresh, *, is_many: bool) -> None:
        self._fresh = fresh
        self._is_many = is_many
        self.made: dict[str, int] = {"w1": 0, "w2": 0}
        self._is_over = False
        self.turns = 0
        self._turned = asyncio.Condition()

    async def _repeat(self, turn: Callable[[Connection, str], Awaitable[None]], who: str) -> None:
        async with connected(self._fresh.dsn(self._fresh.role("application"))) as connection:
            while not self._is_over:
                await turn(connection, who)
                async with self._turned:
                    self.turns += 1
                    self._turned.notify_all()

    async def at(self, turns: int) -> None:
        """Wait until it has done so much."""
        async with self._turned:
            await self._turned.wait_for(lambda: self.turns >= turns)

    async def _writes(self, connection: Connection, who: str) -> None:
        async with AsyncExitStack() as stack:
            if self._is_many:  # tables in one transaction
                await stack.enter_async_context(connection.transaction())
            order = await connection.fetchval(_INSERT, who)
            await connection.execute(_ITEM, order, who)
            await connection.execute("UPDATE shop.orders SET amount = 2 WHERE id = $1", order)
        self.made[who] += 1
        for table in ("orders", "items"):
            query = f"SELECT count(*) FROM shop.{table} WHERE tenant = $1"
            assert await connection.fetchval(query, who) == self.made[who]

    async def _counts(self, connection: Connection, _: str) -> None:
        for query, expected in _COUNTS.items():
            assert await connection.fetchval(query) == expected

    async def during(self, steps: Callable[[], Awaitable[None]]) -> None:
        """Run while these steps are done."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._writes, "w1"))
            group.create_task(self._repeat(self._writes, "w2"))
            group.create_task(self._repeat(self._counts, "reader"))
            await steps()
            self._is_over = True


@pytest.mark.parametrize("owner", [None, "owner"])
@pytest.mark.parametrize("is_many", [False, True])
async def test_the_application_runs_on_while_the_wall_goes_up_and_comes_down(
    unwalled: Fresh, owner: str | None, is_many: bool
) -> None:
    application = Application(unwalled, is_many=is_many)
    wall = wall_of(unwalled, owner=owner and unwalled.role(owner))
    waits: list[int] = []

    async def steps() -> None:
        async with connected(unwalled.dsn()) as admin:
            for _ in range(_ROUNDS):
                for step in (lambda: apply_wall(admin, wall), lambda: remove_wall(admin)):
                    turns = application.turns
                    await step()
                    await application.at(turns + 6)
                    waits.append(application.turns)

    await asyncio.wait_for(application.during(steps), timeout=50)
    assert len(waits) == 2 * _ROUNDS
    async with connected(unwalled.superuser_dsn) as superuser:
        for who, made in application.made.items():
            for table in ("orders", "items"):
                query = f"SELECT count(*) FROM shop.{table} WHERE tenant = $1"
                assert await superuser.fetchval(query, who) == made > 0


async def _as(fresh: Fresh, role: str, query: str) -> Any:
    """The first value, or the SQLSTATE."""
    async with connected(fresh.dsn(fresh.role(role) if role != "admin" else fresh.admin)) as one:
        try:
            return await one.fetchval(query)
        except asyncpg.PostgresError as error:
            return error.sqlstate


async def test_each_role_keeps_what_the_report_says(unwalled: Fresh) -> None:
    async with connected(unwalled.dsn()) as admin:
        applied = await apply_wall(admin, wall_of(unwalled))
        losses = {(loss.role, loss.change) for loss in applied.plan.losses}
    assert {
        (unwalled.role("reporting"), "keeps reading all rows"),
        (unwalled.role("intern"), "loses every row, as declared"),
    } <= losses
    changes = {
        role: change
        for role, change in losses
        if role in {unwalled.admin, unwalled.role("application")}
    }
    assert "COPY FROM" in changes[unwalled.role("application")]
    assert "pg_dump" in changes[unwalled.admin]
    assert all(loss.is_declared for loss in applied.plan.losses)

    count = "SELECT count(*) FROM shop.orders"
    insert = "INSERT INTO shop.orders (tenant, amount, canary) VALUES ('101', 1, 'x') RETURNING 1"
    assert await _as(unwalled, "application", count) == 240
    assert await _as(unwalled, "admin", count) == 240
    assert await _as(unwalled, "reporting", count) == 240
    assert await _as(unwalled, "intern", count) == 0
    assert await _as(unwalled, "application", insert) == 1
    assert await _as(unwalled, "admin", insert) == 1
    assert await _as(unwalled, "reporting", insert) == "42501"
    assert await _as(unwalled, "intern", insert) == "42501"
    item = (
        "INSERT INTO shop.items (order_id, tenant, quantity, canary)"
        " VALUES ({}, '101', 1, 'x') RETURNING 1"
    )
    assert await _as(unwalled, "application", item.format(1)) == 1
    assert await _as(unwalled, "application", item.format(-1)) == "23503"
    for change in (
        "UPDATE shop.items SET quantity = 5 WHERE id = 1 RETURNING quantity",
        "DELETE FROM shop.orders WHERE id = 2 RETURNING 5",
    ):
        assert await _as(unwalled, "application", change) == 5
    # A deleted order's items go with it, behind the policies.
    assert await _as(unwalled, "admin", "SELECT count(*) FROM shop.items WHERE order_id = 2") == 0
    assert await _as(unwalled, "reporting", "UPDATE shop.items SET quantity = 5") == "42501"
    async with connected(unwalled.dsn(unwalled.role("application"))) as one:
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await one.copy_records_to_table(
                "orders",
                schema_name="shop",
                records=[("101", 1, "x")],
                columns=["tenant", "amount", "canary"],
            )


async def test_the_loader_writes_every_declared_table(unwalled: Fresh) -> None:
    roles = Roles(**{name: unwalled.role(name) for name in ("app", "keeper", "loader")})
    async with connected(unwalled.dsn()) as admin:
        await apply_wall(admin, wall_of(unwalled, roles=roles))
    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute(f"SET ROLE {roles.loader}")
        order = await superuser.fetchval(_INSERT, NORTH)
        await superuser.execute(_ITEM, order, NORTH)
        assert await superuser.fetchval("SELECT count(*) FROM shop.orders") == 241
        await superuser.execute("UPDATE shop.orders SET amount = 0")
        await superuser.execute("DELETE FROM shop.orders")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await superuser.fetch("SELECT * FROM mcpdb.keys")


async def test_every_role_that_is_not_declared_is_named(unwalled: Fresh) -> None:
    before = await traces(unwalled)
    async with connected(unwalled.dsn()) as admin:
        with pytest.raises(ConfigurationError) as refusal:
            await apply_wall(admin, wall_of(unwalled, writers=[], readers=[], shut_out=[]))
    for role in ("application", "reporting", "intern"):
        assert f"{unwalled.role(role)} " in str(refusal.value)
    assert unwalled.admin in str(refusal.value)
    assert await traces(unwalled) == before


async def test_a_member_of_a_declared_group_is_declared(unwalled: Fresh) -> None:
    member, stranger = unwalled.role("member"), unwalled.role("stranger")
    async with connected(unwalled.dsn()) as admin:
        await admin.execute(
            f"CREATE ROLE {member} LOGIN; GRANT {unwalled.role('reporting')} TO {member};"
            f"CREATE ROLE {stranger} LOGIN NOINHERIT;"
            f"GRANT {unwalled.role('reporting')} TO {stranger}"
        )
        plan = await plan_wall(admin, wall_of(unwalled))
        assert plan.refusals == ()
        await apply_wall(admin, wall_of(unwalled))
    assert await _as(unwalled, "member", "SELECT count(*) FROM shop.orders") == 240


async def test_a_statement_that_is_refused_in_the_middle_changes_nothing(unwalled: Fresh) -> None:
    # Nothing can be created in the schema any more, which is found late.
    using = "giver = ANY ({ids}) AND no_such_column"
    tables = [*TABLES[:4], Protected("shop.transfers", using=using), *TABLES[5:]]
    before = await traces(unwalled)
    async with connected(unwalled.dsn()) as admin:
        with pytest.raises(ConfigurationError, match="no_such_column"):
            await apply_wall(admin, wall_of(unwalled, tables=tables))
        assert await traces(unwalled) == before
        await apply_wall(admin, wall_of(unwalled))  # the connection is as good as before


async def test_a_table_in_use_is_waited_for_and_then_nothing_is_changed(unwalled: Fresh) -> None:
    before = await traces(unwalled)
    async with (
        connected(unwalled.dsn(unwalled.role("application"))) as user,
        connected(unwalled.dsn()) as admin,
    ):
        async with user.transaction():
            await user.execute("UPDATE public.notes SET body = body")
            with pytest.raises(Unavailable, match="Nothing was changed"):
                await apply_wall(admin, wall_of(unwalled))
            count = await user.fetchval("SELECT count(*) FROM shop.orders")
        assert count == 240
        assert await traces(unwalled) == before


async def test_two_at_once_make_one_wall(unwalled: Fresh) -> None:
    async with connected(unwalled.dsn()) as one, connected(unwalled.dsn()) as other:
        both = await asyncio.gather(
            apply_wall(one, wall_of(unwalled)), apply_wall(other, wall_of(unwalled))
        )
    assert sorted(applied.key is None for applied in both) == [False, True]


async def test_within_a_transaction_it_ends_with_that(unwalled: Fresh) -> None:
    before = await traces(unwalled)
    async with connected(unwalled.dsn()) as admin:
        path = await admin.fetchval("SHOW search_path")
        transaction = admin.transaction()
        await transaction.start()
        await apply_wall(admin, wall_of(unwalled))
        assert await admin.fetchval("SELECT current_user::text") == unwalled.admin
        assert await admin.fetchval("SHOW search_path") == path
        await transaction.rollback()
    assert await traces(unwalled) == before
