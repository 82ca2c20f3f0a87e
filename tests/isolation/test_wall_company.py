"""What else an application's database has, and how a wall gets along with it, or says that it
does not."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import pytest

from isolation.traces import traces
from isolation.walled import NORTH, Walled, build_walled, connected, entered, wall_of
from mcpdb import ConfigurationError, Unavailable
from mcpdb.isolation import tables
from mcpdb.isolation.policies import policy_pieces
from mcpdb.isolation.script import Piece
from mcpdb.operate import apply_wall, plan_removal, plan_wall, remove_wall, rotate_keys
from servers import Fresh


async def refusals(fresh: Fresh, **changes: Any) -> Sequence[str]:
    """What a plan says against the wall."""
    async with connected(fresh.dsn()) as admin:
        return (await plan_wall(admin, wall_of(fresh, **changes))).refusals


COMPANY: Final = {
    "children": (
        "CREATE TABLE shop.old_orders () INHERITS (shop.orders)",
        "Other tables inherit from shop.orders",
    ),
    "a restrictive policy for everyone": (
        "CREATE POLICY eu ON shop.orders AS RESTRICTIVE USING (tenant <> 'x')",
        "The restrictive policy eu of shop.orders",
    ),
    "columns that everyone may read": (
        "GRANT SELECT ON shop.stores TO PUBLIC",
        "Everyone may read more of shop.stores",
    ),
}


@pytest.mark.parametrize("case", COMPANY)
async def test_what_would_not_be_held_is_refused(unwalled: Fresh, case: str) -> None:
    makes, words = COMPANY[case]
    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute(makes)
    assert any(refusal.startswith(words) for refusal in await refusals(unwalled))


async def test_a_login_that_was_given_more_is_no_longer_as_declared(database: Fresh) -> None:
    await build_walled(database)
    async with connected(database.superuser_dsn) as superuser:
        app = database.role("app")
        await superuser.execute(f"GRANT SELECT (secret) ON shop.stores TO {app}")
        await superuser.execute(f"GRANT INSERT ON shop.orders TO {app}")
    found = await refusals(database)
    assert any("SELECT (secret) ON shop.stores, which is not declared" in each for each in found)
    assert any("INSERT ON shop.orders, which is not declared" in each for each in found)


async def test_an_owner_that_would_lose_its_privileges_is_refused(unwalled: Fresh) -> None:
    owner = unwalled.role("owner")
    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute(f"CREATE ROLE {owner}; GRANT SELECT ON shop.orders TO {owner}")
    async with connected(unwalled.superuser_dsn) as superuser:
        plan = await plan_wall(superuser, wall_of(unwalled, owner=owner))
    assert any("has privileges of its own on shop.orders" in each for each in plan.refusals)


async def test_the_owner_of_a_view_counts_without_using_the_schema(unwalled: Fresh) -> None:
    """To read through a view, its owner needs no more than the privilege on the table."""
    viewer = unwalled.role("viewer")
    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute(
            f"CREATE ROLE {viewer}; GRANT SELECT ON shop.orders TO {viewer};"
            f"CREATE VIEW public.orders_seen AS TABLE shop.orders;"
            f"ALTER VIEW public.orders_seen OWNER TO {viewer}"
        )
    assert any(viewer in refusal for refusal in await refusals(unwalled))


async def test_a_table_that_a_subscription_fills_is_refused(unwalled: Fresh) -> None:
    """Its worker is held like the owner, and would stop."""
    name = unwalled.role("subscription")
    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute(
            f"CREATE SUBSCRIPTION {name} CONNECTION 'dbname=nothing' PUBLICATION nothing"
            " WITH (connect = false)"
        )
        try:
            await superuser.execute(
                "SET allow_system_table_mods = on; INSERT INTO pg_subscription_rel"
                " (srsubid, srrelid, srsubstate) SELECT oid, 'shop.orders'::regclass, 'r'"
                f" FROM pg_subscription WHERE subname = '{name}'"
            )
            found = await refusals(unwalled)
        finally:
            await superuser.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
            await superuser.execute(f"DROP SUBSCRIPTION {name}")
    assert any(refusal.startswith("A subscription fills shop.orders") for refusal in found)


async def test_a_script_that_forgets_a_policy_changes_nothing(
    unwalled: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with what is planned: its last statement looks whether the wall stands."""

    def forgetful(*arguments: Any) -> Sequence[Piece]:
        return [one for one in policy_pieces(*arguments) if "mcpdb_tenant" not in one.key]

    monkeypatch.setattr(tables, "policy_pieces", forgetful)
    before = await traces(unwalled)
    async with connected(unwalled.dsn()) as admin:
        with pytest.raises(ConfigurationError, match="MD004"):
            await apply_wall(admin, wall_of(unwalled))
    assert await traces(unwalled) == before


async def test_a_wall_that_others_rely_on_stays(database: Fresh) -> None:
    """A policy that was added since would open every row once row-level security is off."""
    await build_walled(database)
    async with connected(database.superuser_dsn) as superuser:
        clerk = database.role("reporting")
        await superuser.execute(f"CREATE POLICY clerk ON shop.orders TO {clerk} USING (amount > 5)")
        before = await traces(database)
        assert (await plan_removal(superuser)).statements == ()
        with pytest.raises(ConfigurationError, match=r"clerk of shop\.orders"):
            await remove_wall(superuser)
        assert await traces(database) == before
        await superuser.execute("DROP POLICY clerk ON shop.orders")
        await remove_wall(superuser)


async def test_a_login_that_holds_the_lock_is_named_and_blocks_no_keys(database: Fresh) -> None:
    walled: Walled = await build_walled(database)
    async with connected(walled.dsn()) as app, connected(database.dsn()) as admin:
        async with entered(walled, app, NORTH):
            await app.execute("SELECT pg_advisory_lock(7225003)")  # survives the ROLLBACK
        pid = str(app.get_server_pid())
        async with asyncio.timeout(20):
            assert await rotate_keys(admin, overlap_s=0)
            with pytest.raises(Unavailable, match=pid):
                await apply_wall(admin, wall_of(database))
            with pytest.raises(Unavailable, match=pid):
                await remove_wall(admin)
