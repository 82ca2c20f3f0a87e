"""A wall goes up, stays as it is when it is put up again, and comes down without a trace."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from isolation.traces import traces
from isolation.walled import STORE_IDS, TABLES, connected, wall_of
from mcpdb.isolation import Lookup, Protected, Roles, Shared, Wall
from mcpdb.operate import apply_wall, plan_removal, plan_wall, remove_wall
from servers import Fresh

Changes = Callable[[Fresh], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Variant:
    """Another application, or another declaration of it.

    In `before`, names in braces become the test's own roles; it is run as `by`.
    """

    before: str = ""
    changes: Changes = field(default=lambda _: {})
    by: str = "admin"


def _roles(fresh: Fresh, **names: str) -> Roles:
    usual = {"app": "app", "keeper": "keeper"} | names
    return Roles(**{key: fresh.role(name) for key, name in usual.items()})


def _more(*tables: Protected | Shared) -> Changes:
    return lambda _: {"tables": [*TABLES, *tables]}


VARIANTS: Final = {
    "usual": Variant(),
    "no login for SQL": Variant(changes=lambda f: {"roles": _roles(f)}),
    "login for SQL, owner and loader": Variant(
        changes=lambda f: {
            "roles": _roles(f, loader="loader", sql="sql", reader="reader"),
            "owner": f.role("owner"),
        }
    ),
    "roles whose names need quotes": Variant(
        changes=lambda f: {
            "roles": _roles(f, app="my app", keeper="my keeper", sql="my sql", reader='my "reader"')
        }
    ),
    "policies before": Variant(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY mine ON shop.orders TO {application} USING (amount > 0) WITH CHECK (true);"
        "CREATE POLICY theirs ON shop.orders FOR SELECT USING (true)"
    ),
    "forced before": Variant(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY mine ON shop.orders TO {application}, {admin} USING (true)"
    ),
    "forced but not enabled": Variant("ALTER TABLE shop.items FORCE ROW LEVEL SECURITY"),
    "owner": Variant(changes=lambda f: {"owner": f.role("owner")}),
    "owner who exists": Variant(
        "CREATE ROLE {owner} NOLOGIN", lambda f: {"owner": f.role("owner")}
    ),
    "loader": Variant(changes=lambda f: {"roles": _roles(f, loader="loader")}),
    "owner and loader": Variant(
        changes=lambda f: {"roles": _roles(f, loader="loader"), "owner": f.role("owner")}
    ),
    "grants to everyone": Variant(
        "GRANT SELECT, INSERT ON shop.orders TO PUBLIC;GRANT SELECT (name) ON shop.stores TO PUBLIC"
    ),
    "grants to the server's login": Variant(
        "CREATE ROLE {app} LOGIN NOINHERIT; GRANT SELECT ON shop.orders TO {app};"
        "GRANT USAGE ON SCHEMA shop TO {app}; GRANT SELECT (id) ON shop.stores TO {app}"
    ),
    "settings of the server's login": Variant(
        "CREATE ROLE {app} LOGIN NOINHERIT; ALTER ROLE {app} SET work_mem = '8MB';"
        "ALTER ROLE {app} IN DATABASE {database} SET statement_timeout = '7s';"
        "ALTER ROLE {app} IN DATABASE {database} SET work_mem = '9MB'"
    ),
    "nobody connects by default": Variant(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC;"
        "GRANT CONNECT ON DATABASE {database} TO {application}"
    ),
    "partitions": Variant(
        "CREATE TABLE shop.visits (tenant text, day int, id int GENERATED ALWAYS AS IDENTITY)"
        " PARTITION BY RANGE (day);"
        "CREATE TABLE shop.visits_1 PARTITION OF shop.visits FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE shop.visits_2 PARTITION OF shop.visits DEFAULT;"
        "INSERT INTO shop.visits SELECT '101', n FROM generate_series(1, 20) n".replace(
            " id int GENERATED ALWAYS AS IDENTITY", " id int"
        ),
        _more(Protected("shop.visits", "tenant")),
    ),
    "names that need quotes": Variant(
        'CREATE SCHEMA "My Shop";'
        'CREATE TABLE "My Shop"."Order Lines" ("select" text, "a ""b""" int);'
        'CREATE TABLE public."select" ("Tenant" text, "user" int);'
        'GRANT SELECT ON "My Shop"."Order Lines" TO {reporting};',
        _more(
            Protected("My Shop.Order Lines", "select", columns=["select", 'a "b"']),
            Protected("public.select", "Tenant"),
        ),
    ),
    "types of tenant columns": Variant(
        "CREATE TYPE shop.region AS ENUM ('101', '102');"
        "CREATE TABLE shop.a (t smallint); CREATE TABLE shop.b (t bigint);"
        "CREATE TABLE shop.c (t varchar(9)); CREATE TABLE shop.d (t shop.region);"
        "CREATE TABLE shop.e (t uuid);",
        _more(*(Protected(f"shop.{name}", "t") for name in "abcde")),
    ),
    "another spelling of a type": Variant(
        changes=lambda _: {
            "tables": [
                Protected(
                    "shop.stores",
                    "id",
                    lookup=Lookup(
                        name="store_ids",
                        type="int",
                        select=STORE_IDS.select,
                        reads={"shop.managers": ["manager", "store_id"]},
                    ),
                )
            ],
            "tenants": None,
        }
    ),
    "default privileges": Variant(
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reporting};"
        "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO {intern}"
    ),
    "as a superuser": Variant(by="postgres"),
    "as a superuser, owner and loader": Variant(
        changes=lambda f: {"roles": _roles(f, loader="loader"), "owner": f.role("owner")},
        by="postgres",
    ),
    "of another owner, as a superuser": Variant(
        "CREATE ROLE {owner} NOLOGIN; GRANT {owner} TO {admin};"
        "GRANT CREATE ON SCHEMA shop TO {owner}; GRANT USAGE ON SCHEMA shop TO {owner};"
        "ALTER TABLE shop.orders OWNER TO {owner}; ALTER TABLE shop.items OWNER TO {owner}",
        lambda f: {"writers": [f.role("application"), f.admin, f.role("owner")]},
        by="postgres",
    ),
    "of another owner": Variant(
        "CREATE ROLE {owner} NOLOGIN; GRANT {owner} TO {admin};"
        "GRANT CREATE ON SCHEMA shop TO {owner}; GRANT USAGE ON SCHEMA shop TO {owner};"
        "ALTER TABLE shop.orders OWNER TO {owner}; ALTER TABLE shop.items OWNER TO {owner}",
        lambda f: {"writers": [f.role("application"), f.admin, f.role("owner")]},
    ),
}


async def prepared(unwalled: Fresh, variant: Variant) -> tuple[str, Wall]:
    """Make the application as the variant has it; who puts the wall up, and which."""
    roles = ("application", "reporting", "intern", "owner", "app")
    names = {role: unwalled.role(role) for role in roles}
    async with connected(unwalled.dsn()) as admin:
        await admin.execute(
            "SELECT;" + variant.before.format(**names, admin=unwalled.admin, database=unwalled.name)
        )
    by = unwalled.dsn() if variant.by == "admin" else unwalled.superuser_dsn
    return by, wall_of(unwalled, **variant.changes(unwalled))


@pytest.mark.parametrize("name", VARIANTS)
async def test_a_wall_comes_down_without_a_trace(unwalled: Fresh, name: str) -> None:
    dsn, wall = await prepared(unwalled, VARIANTS[name])
    before = await traces(unwalled)
    async with connected(dsn) as operator:
        assert (await plan_wall(operator, wall)).refusals == ()
        assert await traces(unwalled) == before  # planned and not done
        applied = await apply_wall(operator, wall)
        assert applied.key
        up = await traces(unwalled)
        again = await apply_wall(operator, wall)
        assert (list(again.plan.statements), again.key) == ([], None)
        assert (await plan_removal(operator)).statements
        assert await traces(unwalled) == up
        await remove_wall(operator)
    after = await traces(unwalled)
    assert after.dump == before.dump
    assert after == before


@pytest.mark.parametrize("name", ["usual", "owner and loader", "as a superuser"])
async def test_while_it_stands_nobody_but_the_keeper_has_the_keys(
    unwalled: Fresh, name: str
) -> None:
    dsn, wall = await prepared(unwalled, VARIANTS[name])
    before = await traces(unwalled)
    async with connected(dsn) as operator:
        await apply_wall(operator, wall)
    up = await traces(unwalled)
    own = tuple(line for line in up.members if line not in before.members)
    # Since 16 who makes a role may grant it; nobody may use it or become it.
    assert all("False, True" not in line and "'true'" not in line for line in own), own
    async with connected(unwalled.superuser_dsn) as superuser:
        readers = await superuser.fetch(
            "SELECT rolname FROM pg_roles WHERE has_table_privilege(oid, 'mcpdb.keys', 'SELECT')"
            " AND NOT rolsuper AND rolname !~ '^pg_'"
        )
    assert [row[0] for row in readers] == [unwalled.role("keeper")]


async def test_a_wall_that_is_put_up_again_later_is_a_new_one(unwalled: Fresh) -> None:
    wall = wall_of(unwalled)
    before = await traces(unwalled)
    async with connected(unwalled.dsn()) as admin:
        first = await apply_wall(admin, wall)
        await remove_wall(admin)
        second = await apply_wall(admin, wall)
        assert first.key != second.key
        await remove_wall(admin)
    assert await traces(unwalled) == before
