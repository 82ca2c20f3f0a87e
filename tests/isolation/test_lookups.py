"""Lookups: SQL of the user's own that runs for every tenant, with what a tenant has set."""

from collections.abc import Sequence
from typing import Final

import pytest

from isolation.walled import NORTH, SOUTH, Connection, Walled, connected, entered, wall_of
from mcpdb import ConfigurationError
from mcpdb.isolation import Lookup, Protected
from mcpdb.operate import apply_wall, plan_wall
from servers import Fresh

GRANTS: Final = """
CREATE TABLE shop.grants (tenant text NOT NULL, mark text NOT NULL, until date NOT NULL);
INSERT INTO shop.grants VALUES ('101', '101', 'infinity'), ('102', '102', 'infinity'),
  ('103', '103', current_date - 2);
"""


def lookup(select: str, shape: str = "text", *, name: str = "marks") -> Lookup:
    """One that reads the grants."""
    return Lookup(
        name=name,
        type=shape,
        select=select,
        reads={"shop.grants": ["tenant", "mark", "until"]},
    )


async def walled_by(fresh: Fresh, *lookups: Lookup) -> Walled:
    """The orders behind a lookup."""
    tables = [Protected("shop.orders", "tenant", lookup=each) for each in lookups]
    async with connected(fresh.dsn()) as admin:
        await admin.execute(GRANTS)
        applied = await apply_wall(admin, wall_of(fresh, tables=tables, tenants=None))
    assert applied.key is not None
    return Walled(fresh, fresh.name, applied.key)


async def seen(walled: Walled, tenant: str, *before: str) -> Sequence[str]:
    """Whose orders a tenant sees, after it has run these statements."""
    async with connected(walled.dsn()) as app:
        return await seen_on(app, walled, tenant, *before)


async def seen_on(app: Connection, walled: Walled, tenant: str, *before: str) -> Sequence[str]:
    """The same on a connection that others had before."""
    async with entered(walled, app, tenant):
        for statement in before:
            await app.execute(statement)
        rows = await app.fetch("SELECT DISTINCT tenant FROM shop.orders ORDER BY 1")
    return [str(row["tenant"]) for row in rows]


OWN: Final = "SELECT mark FROM shop.grants WHERE tenant = ANY (tenant_ids)"
SPELLINGS: Final = ("TEXT", "Text", "varchar", "VARCHAR", "character varying", "pg_catalog.text")


@pytest.mark.parametrize("shape", SPELLINGS)
async def test_a_type_may_be_spelt_in_any_way(unwalled: Fresh, shape: str) -> None:
    """Applied again and again, it is the same wall: no policy goes for a moment."""
    walled = await walled_by(unwalled, lookup(OWN, shape))
    tables = [Protected("shop.orders", "tenant", lookup=lookup(OWN, shape))]
    async with connected(unwalled.dsn()) as admin:
        for _ in range(3):
            again = await apply_wall(admin, wall_of(unwalled, tables=tables, tenants=None))
            assert again.plan.statements == []
            assert await seen(walled, NORTH) == [NORTH]


@pytest.mark.parametrize(
    ("shape", "words"), [("char", "cut off"), ('"char"', "cut off"), ("nothing", "does not know")]
)
async def test_a_type_that_makes_another_value_is_refused(
    unwalled: Fresh, shape: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        await walled_by(unwalled, lookup(OWN, shape))


async def test_another_type_needs_another_name(unwalled: Fresh) -> None:
    """Policies depend on the function, and none of them goes for a moment."""
    await walled_by(unwalled, lookup(OWN))
    tables = [Protected("shop.orders", "tenant", lookup=lookup(OWN, "uuid"))]
    async with connected(unwalled.dsn()) as admin:
        plan = await plan_wall(admin, wall_of(unwalled, tables=tables, tenants=None))
    assert any("another type" in refusal for refusal in plan.refusals)
    assert plan.statements == ()


async def test_no_tenant_changes_what_a_literal_means_for_the_next_one(unwalled: Fresh) -> None:
    """A session keeps the plan that it makes first, also beyond ROLLBACK."""
    escaped = OWN.replace("mark FROM", r"replace(mark, '\', '\\') FROM")
    like = escaped + r" AND mark LIKE replace(tenant_ids[1], '_', '\_') || '%'"
    walled = await walled_by(unwalled, lookup(like))
    async with connected(walled.dsn()) as app:
        poison = "SELECT set_config('standard_conforming_strings', 'off', true)"
        first = await seen_on(app, walled, SOUTH, poison)
        assert first == await seen_on(app, walled, SOUTH) == [SOUTH]
        assert await seen_on(app, walled, NORTH) == [NORTH]


@pytest.mark.parametrize("zone", ["UTC", "XXX+100", "XXX-100"])
async def test_no_tenant_moves_the_clock_of_a_lookup(unwalled: Fresh, zone: str) -> None:
    walled = await walled_by(unwalled, lookup(f"{OWN} AND until >= current_date"))
    move = f"SELECT set_config('TimeZone', '{zone}', true)"
    assert await seen(walled, "103", move) == []
    assert await seen(walled, NORTH, move) == [NORTH]
