"""The roles of a model's SQL are made for it, or may no more than those: else a wall is refused,
with a sentence for each privilege; nothing changes."""

from typing import Final

import pytest

from isolation.traces import traces
from isolation.walled import TABLES, connected, wall_of
from mcpdb import ConfigurationError
from mcpdb.isolation import Roles
from mcpdb.operate import apply_wall, plan_wall
from servers import Fresh

# What a superuser has done before, and what is said of it.
PROBLEMS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "a login that may more": (
        (
            "CREATE ROLE {sql} LOGIN BYPASSRLS CREATEROLE; GRANT SELECT ON shop.products TO {sql};"
            "GRANT UPDATE (amount) ON shop.orders TO {sql}; GRANT {reporting} TO {sql}"
        ),
        (
            "sql has SELECT ON shop.products, which is not declared: REVOKE SELECT",
            "sql has UPDATE (amount) ON shop.orders, which is not declared",
            "The role sql bypasses row-level security",
            "The role sql can create roles",
            "The role sql is a member of",
        ),
    ),
    "a reader that may more": (
        (
            "CREATE ROLE {reader} LOGIN CREATEDB; GRANT SELECT, INSERT ON shop.orders TO {reader};"
            "GRANT SELECT (secret) ON shop.stores TO {reader}; GRANT {reporting} TO {reader};"
            "ALTER TABLE shop.products OWNER TO {reader}"
        ),
        (
            "The role reader can log in, and must not",
            "The role reader can create databases",
            "The role reader is a member of",
            "The role reader owns declared tables",
            "reader has INSERT ON shop.orders, which is not declared",
            "reader has SELECT (secret) ON shop.stores, which is not declared",
        ),
    ),
    "a login that is none": ("CREATE ROLE {sql} NOLOGIN", ("sql cannot log in, and must",)),
}


@pytest.mark.parametrize("case", PROBLEMS)
async def test_roles_that_may_more_are_refused(unwalled: Fresh, case: str) -> None:
    before, sentences = PROBLEMS[case]
    names = {part: unwalled.role(part) for part in ("sql", "reader", "reporting")}
    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute(before.format(**names))
        found = await traces(unwalled)
        plan = await plan_wall(superuser, wall_of(unwalled))
        assert not plan.statements
        with pytest.raises(ConfigurationError) as refusal:
            await apply_wall(superuser, wall_of(unwalled))
    said = str(refusal.value).replace(f"_{unwalled.suffix}", "")
    assert [each for each in sentences if each not in said] == [], said
    assert "SELECT ON shop.orders" not in said  # which a reader is to have
    assert await traces(unwalled) == found


async def test_roles_that_are_there_and_may_no_more_are_taken(unwalled: Fresh) -> None:
    names = {part: unwalled.role(part) for part in ("sql", "reader")}
    before = (
        "CREATE ROLE {sql} LOGIN; CREATE ROLE {reader}; GRANT SELECT ON shop.orders TO {reader};"
        "GRANT SELECT (id) ON shop.stores TO {reader}"
    )
    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute(before.format(**names))
        assert (await apply_wall(superuser, wall_of(unwalled))).key is not None


async def test_a_wall_with_another_reader_is_refused(unwalled: Fresh) -> None:
    """Its function would go on with the rights of the former; without SQL once, it is gone."""
    parts = {part: unwalled.role(part) for part in ("app", "keeper")}
    lane = {"sql": unwalled.role("sql"), "reader": unwalled.role("other")}
    other = wall_of(unwalled, roles=Roles(**parts, **lane))
    async with connected(unwalled.dsn()) as admin:
        await apply_wall(admin, wall_of(unwalled))
        before = await traces(unwalled)
        with pytest.raises(ConfigurationError) as refusal:
            await apply_wall(admin, other)
        said = str(refusal.value).replace(f"_{unwalled.suffix}", "")
        assert "The function mcpdb.run belongs to reader, and the wall's reader is other" in said
        assert await traces(unwalled) == before
        await apply_wall(admin, wall_of(unwalled, roles=Roles(**parts), tables=TABLES))
        await apply_wall(admin, other)
        assert not (await plan_wall(admin, other)).statements
