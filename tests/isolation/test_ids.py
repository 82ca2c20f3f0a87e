"""Ids go into the database and come out of it as they were, whatever they look like."""

from collections.abc import Generator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from isolation.walled import NORTH, Connection, Walled, connected, entered
from mcpdb.isolation import Protected, Roles, Wall
from mcpdb.operate import apply_wall
from servers import Fresh

_CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
_IDS = st.frozensets(
    st.text(_CHARACTERS, min_size=1, max_size=30)
    | st.text("0123456789:*'\"\\{},|", min_size=1, max_size=9)
    | st.sampled_from(["x" * 10_000, "\U0001f3a8" * 1_000, "NULL", " ", "\n", "3:101", "*"]),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def portal() -> Generator[BlockingPortal]:
    """An event loop in another thread: Hypothesis runs no coroutines."""
    with start_blocking_portal() as opened:
        yield opened


async def _through(walled: Walled, drawn: list[frozenset[str]]) -> list[list[str]]:
    async with connected(walled.dsn()) as app:
        found: list[list[str]] = []
        for ids in drawn:
            async with entered(walled, app, *ids):
                found.append(await app.fetchval("SELECT mcpdb.ids()"))
        return found


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.lists(_IDS, min_size=1, max_size=12))
@example(drawn=[frozenset({"1:a", "a", "1:", ":", "11:a1:a", "3:101"})])
def test_ids_come_out_as_they_went_in(
    walled: Walled, portal: BlockingPortal, drawn: list[frozenset[str]]
) -> None:
    for ids, found in zip(drawn, portal.call(_through, walled, drawn), strict=True):
        assert sorted(found) == sorted(ids)


@pytest.mark.parametrize(
    "tenant_id", ["3:101", f"{NORTH}\n", f" {NORTH}", "{101}", "101,102", "'101'", "%", "1_1"]
)
async def test_an_id_that_imitates_another_is_another(
    walled: Walled, app: Connection, tenant_id: str
) -> None:
    async with entered(walled, app, tenant_id):
        assert await app.fetchval("SELECT count(*) FROM shop.orders") == 0


@pytest.mark.parametrize("tenant_id", ["north", "3:101", "1e2", "{101}", "101,102", "9" * 30])
async def test_an_id_that_is_no_number_has_no_rows_of_numbers(
    walled: Walled, app: Connection, tenant_id: str
) -> None:
    async with entered(walled, app, tenant_id):
        with pytest.raises(Exception, match="integer"):
            await app.fetch("SELECT * FROM shop.shifts")


async def test_ids_are_apart_where_the_database_knows_no_characters(database: Fresh) -> None:
    """In SQL_ASCII every octet is one: what is counted is the same for the server and for it."""
    name = database.role("ascii")
    async with connected(database.superuser_dsn) as superuser:
        await superuser.execute(
            f"CREATE DATABASE {name} OWNER {database.admin} TEMPLATE template0"
            " ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    dsn = database.cluster.dsn(database=name, user=database.admin)
    async with connected(dsn) as admin:
        await admin.execute(
            "CREATE TABLE marks (tenant text NOT NULL);"
            "INSERT INTO marks VALUES ('7'), ('ééé1:7'), ('ééé')"
        )
        roles = Roles(app=database.role("app"), keeper=database.role("keeper"))
        wall = Wall(tables=[Protected("marks", "tenant")], roles=roles, shut_out=[database.admin])
        applied = await apply_wall(admin, wall)
    assert applied.key is not None
    walled = Walled(database, name, applied.key)
    async with connected(walled.dsn()) as app:
        for tenant in ("7", "ééé1:7", "ééé"):
            async with entered(walled, app, tenant):
                rows = await app.fetch("SELECT tenant FROM public.marks")
                assert [row["tenant"] for row in rows] == [tenant]
