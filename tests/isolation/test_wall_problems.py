"""A wall that cannot stand as it is declared is refused, with a sentence each; nothing changes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import asyncpg
import pytest

from isolation.traces import traces
from isolation.walled import STORE_IDS, TABLES, Walled, connected, entered, wall_of
from mcpdb import ConfigurationError
from mcpdb.isolation import Lookup, Protected, Roles, Shared
from mcpdb.operate import apply_wall, plan_removal, plan_wall, remove_wall, rotate_keys
from servers import Fresh

Changes = Callable[[Fresh], dict[str, Any]]


def _tables(*tables: Protected | Shared) -> Changes:
    return lambda _: {"tables": [*TABLES, *tables]}


def _roles(**names: str) -> Changes:
    usual = {"app": "app", "keeper": "keeper"} | names
    return lambda f: {"roles": Roles(**{key: f.role(name) for key, name in usual.items()})}


def _lookup(reads: dict[str, list[str]]) -> Changes:
    lookup = Lookup(name="stores", type="integer", select="SELECT 1", reads=reads)
    return lambda _: {
        "tables": [
            *(t for t in TABLES if t is not TABLES[3]),
            Protected("shop.stores", "id", lookup=lookup),
        ],
        "tenants": None,
    }


_FOLDS: Final = """
CREATE COLLATION shop.folds (
  provider = icu, locale = 'und-u-ks-level2', deterministic = false
);
CREATE TABLE shop.c (t text COLLATE shop.folds);
"""
_GIVEN: Final = """
CREATE ROLE {group} NOLOGIN;
GRANT {group} TO {admin};
ALTER TABLE shop.products OWNER TO {group};
"""

# What a superuser does before, the declaration, and what the refusal says.
PROBLEMS: Final[dict[str, tuple[str, Changes, str]]] = {
    "no such table": ("", _tables(Protected("shop.nothing", "t")), "no table shop.nothing"),
    "a view": (
        "CREATE VIEW shop.v AS SELECT 1 AS t",
        _tables(Protected("shop.v", "t")),
        "shop.v is not a table",
    ),
    "no tenant column": (
        "",
        lambda _: {"tables": [Protected("shop.orders", "nobody")]},
        "no column nobody",
    ),
    "no readable column": (
        "",
        lambda _: {"tables": [Protected("shop.orders", "tenant", columns=["x"])]},
        "no column x",
    ),
    "a type that cuts off": (
        "CREATE TABLE shop.c (t char(3))",
        _tables(Protected("shop.c", "t")),
        "cannot be cast safely",
    ),
    "a type of names": (
        "CREATE TABLE shop.c (t name)",
        _tables(Protected("shop.c", "t")),
        "cannot be cast safely",
    ),
    "a domain": (
        "CREATE DOMAIN shop.d AS text; CREATE TABLE shop.c (t shop.d)",
        _tables(Protected("shop.c", "t")),
        "cannot be cast safely",
    ),
    "a collation that folds": (
        _FOLDS,
        _tables(Protected("shop.c", "t")),
        "deterministic",
    ),
    "no such writer": (
        "",
        lambda f: {"readers": [f.role("reporting"), f.role("ghost")]},
        "no role ghost",
    ),
    "a login that is a superuser": (
        "CREATE ROLE {app} LOGIN SUPERUSER",
        lambda _: {},
        "is a superuser",
    ),
    "a login that bypasses": (
        "CREATE ROLE {app} LOGIN BYPASSRLS",
        lambda _: {},
        "bypasses row-level security",
    ),
    "a login that makes roles": (
        "CREATE ROLE {app} LOGIN CREATEROLE",
        lambda _: {},
        "can create roles",
    ),
    "a login that makes databases": (
        "CREATE ROLE {app} LOGIN CREATEDB",
        lambda _: {},
        "can create databases",
    ),
    "a login that replicates": (
        "CREATE ROLE {app} LOGIN REPLICATION",
        lambda _: {},
        "can replicate",
    ),
    "a login that is a member": (
        "CREATE ROLE {app} LOGIN; GRANT {reporting} TO {app}",
        lambda _: {},
        "is a member of",
    ),
    "a login that cannot log in": (
        "CREATE ROLE {app} NOLOGIN",
        lambda _: {},
        "cannot log in, and must",
    ),
    "a keeper that logs in": (
        "CREATE ROLE {keeper} LOGIN",
        lambda _: {},
        "can log in, and must not",
    ),
    "a login that owns a table": (
        "CREATE ROLE {app} LOGIN; ALTER TABLE shop.products OWNER TO {app}",
        lambda _: {},
        "owns declared tables",
    ),
    "an owner that logs in": (
        "CREATE ROLE {owner} LOGIN",
        lambda f: {"owner": f.role("owner")},
        "can log in or bypasses",
    ),
    "a foreign schema": ("CREATE SCHEMA mcpdb", lambda _: {}, "not a wall's"),
    "a lookup of no table": (
        "",
        _lookup({"shop.nothing": ["a"]}),
        "shop.nothing, which is not there",
    ),
    "a lookup of no column": (
        "",
        _lookup({"shop.managers": ["boss"]}),
        "shop.managers.boss, which is not there",
    ),
}
_NOT_OWNER: Final[dict[str, tuple[str, Changes, str]]] = {
    "a table of somebody else": (
        "ALTER TABLE shop.products OWNER TO {reporting}",
        lambda _: {},
        "cannot become reporting",
    ),
    "a schema of somebody else": (
        "ALTER SCHEMA shop OWNER TO {reporting}",
        lambda _: {},
        "owns the schema shop",
    ),
    "a table that is not its own to give": (
        _GIVEN,
        lambda f: {
            "owner": f.role("owner"),
            "writers": [f.role("application"), f.admin, f.role("group")],
        },
        "or a superuser can give shop.products away",
    ),
}


@pytest.mark.parametrize("by", ["admin", "postgres"])
@pytest.mark.parametrize("name", [*PROBLEMS, *_NOT_OWNER])
async def test_what_cannot_stand_is_refused(unwalled: Fresh, name: str, by: str) -> None:
    if name in _NOT_OWNER and by == "postgres":
        return  # a superuser may
    before, changes, sentence = (PROBLEMS | _NOT_OWNER)[name]
    roles = ("reporting", "app", "keeper", "owner", "group")
    names = {role: unwalled.role(role) for role in roles} | {"admin": unwalled.admin}
    async with connected(unwalled.superuser_dsn) as superuser:
        try:
            await superuser.execute("SELECT;" + before.format(**names))
        except asyncpg.FeatureNotSupportedError:  # of ICU, which not every build has
            assert "provider = icu" in before
            return
    found = await traces(unwalled)
    async with connected(unwalled.dsn(unwalled.admin if by == "admin" else by)) as operator:
        wall = wall_of(unwalled, **changes(unwalled))
        plan = await plan_wall(operator, wall)
        assert not plan.statements
        with pytest.raises(ConfigurationError) as refusal:
            await apply_wall(operator, wall)
    said = str(refusal.value).replace(f"_{unwalled.suffix}", "")
    assert sentence in said
    assert all(text.replace(f"_{unwalled.suffix}", "") in said for text in plan.refusals)
    assert await traces(unwalled) == found


async def test_a_wall_with_another_keeper_is_refused(unwalled: Fresh) -> None:
    async with connected(unwalled.dsn()) as admin:
        await apply_wall(admin, wall_of(unwalled))
        other = wall_of(unwalled, **_roles(keeper="other")(unwalled))
        with pytest.raises(ConfigurationError, match="take the wall"):
            await apply_wall(admin, other)


async def test_where_there_is_no_wall_none_is_removed_and_no_key_made(unwalled: Fresh) -> None:
    async with connected(unwalled.dsn()) as admin:
        for act in (remove_wall, plan_removal):
            with pytest.raises(ConfigurationError, match="has no wall"):
                await act(admin)
        with pytest.raises(ConfigurationError, match="has no wall"):
            await rotate_keys(admin, overlap_s=1)


@pytest.mark.parametrize("act", [remove_wall, partial(rotate_keys, overlap_s=1)])
async def test_those_who_may_not_change_anything(unwalled: Fresh, act: Callable[..., Any]) -> None:
    async with connected(unwalled.dsn()) as admin:
        await apply_wall(admin, wall_of(unwalled))
    before = await traces(unwalled)
    for role in ("app", "application", "reporting"):
        async with connected(unwalled.dsn(unwalled.role(role))) as one:
            with pytest.raises(ConfigurationError):
                await act(one)
            with pytest.raises(ConfigurationError):
                await apply_wall(one, wall_of(unwalled, tables=TABLES[:2]))
    assert await traces(unwalled) == before


async def test_tables_may_have_columns_named_as_anything(unwalled: Fresh) -> None:
    lookup = Lookup(
        name="stores",
        type="integer",
        select="SELECT store FROM shop.access WHERE tenant = ANY (tenant_ids)",
        select_all="SELECT store FROM shop.access WHERE tenant <> ''",
        reads={"shop.access": ["tenant", "store"]},
    )
    tables = [Protected("shop.orders", "tenant"), Protected("shop.stores", "id", lookup=lookup)]
    async with connected(unwalled.dsn()) as admin:
        await admin.execute(
            "CREATE TABLE shop.access (tenant text, store int);"
            "INSERT INTO shop.access VALUES ('101', 1), ('102', 2)"
        )
        await admin.execute(
            "CREATE TABLE shop.names (tenant text); INSERT INTO shop.names VALUES ('101')"
        )
        wall = wall_of(unwalled, tables=tables, tenants=("shop.names", "tenant"))
        applied = await apply_wall(admin, wall)
    assert applied.key is not None
    walled = Walled(unwalled, unwalled.name, applied.key)
    async with connected(walled.dsn()) as app:
        async with entered(walled, app, "101"):
            assert await app.fetchval("SELECT array_agg(id) FROM shop.stores") == [1]
        async with entered(walled, app):
            assert await app.fetchval("SELECT count(*) FROM shop.orders") == 40
            assert await app.fetchval("SELECT count(*) FROM shop.stores") == 2


async def test_a_lookup_that_does_not_run_is_refused_before_the_wall_stands(
    unwalled: Fresh,
) -> None:
    """Reads more than it declares: found only by a tenant's first query, so that nobody gets in."""
    lookup = replace(STORE_IDS, reads={"shop.managers": ["store_id"], "shop.stores": ["id"]})
    tables = [Protected("shop.stores", "id", lookup=lookup, columns=["id"])]
    async with connected(unwalled.dsn()) as admin:
        applied = await apply_wall(admin, wall_of(unwalled, tables=tables, tenants=None))
    assert applied.key is not None
    walled = Walled(unwalled, unwalled.name, applied.key)
    async with connected(walled.dsn()) as app, entered(walled, app, "101"):
        with pytest.raises(Exception, match="permission denied"):
            await app.fetch("SELECT id FROM shop.stores")
