"""A declaration changes, and so does the application: the wall follows, and still comes down."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import pytest

from isolation.traces import Traces, traces
from isolation.walled import STORE_IDS, TABLES, connected, wall_of
from mcpdb.isolation import Lookup, Protected, Roles, Shared
from mcpdb.operate import apply_wall, remove_wall
from servers import Fresh

Changes = Callable[[Fresh], dict[str, Any]]

_USUAL: Final[Changes] = lambda _: {}  # noqa: E731  # a table of them
_STORES: Final = TABLES[3]
_OTHERS: Final = tuple(table for table in TABLES if table is not _STORES)


def _roles(**names: str) -> Changes:
    usual = {"app": "app", "keeper": "keeper"} | names
    return lambda f: {"roles": Roles(**{key: f.role(name) for key, name in usual.items()})}


def _stores(lookup: Lookup = STORE_IDS, *columns: str) -> Changes:
    columns = columns or ("id", "name")
    store = Protected("shop.stores", "id", lookup=lookup, columns=columns)
    return lambda _: {"tables": [*_OTHERS, store]}


_NARROW: Final = _stores(STORE_IDS, "id")
_OTHER_SELECT: Final = _stores(
    replace(STORE_IDS, select="SELECT store_id FROM shop.managers WHERE manager = tenant_ids[1]")
)
_OTHER_NAME: Final = _stores(replace(STORE_IDS, name="stores_of"))
_NO_STORES: Final[Changes] = lambda _: {"tables": _OTHERS}  # noqa: E731
_ONE: Final[Changes] = lambda _: {"tables": TABLES[:1]}  # noqa: E731
_OWNER: Final[Changes] = lambda f: {"owner": f.role("owner")}  # noqa: E731
_LOADER: Final = _roles(loader="loader")
_SHARED: Final[Changes] = (  # noqa: E731
    lambda _: {
        "tables": [
            Shared("shop.orders"),
            *TABLES[1:-1],
            Protected("shop.products", using="'1' = ANY ({ids})"),
        ]
    }
)

CHANGES: Final[dict[str, tuple[Changes, Changes]]] = {
    "no login for SQL any more": (_USUAL, _roles()),
    "a login for SQL": (_roles(), _USUAL),
    "another login for SQL": (_USUAL, _roles(sql="other_sql", reader="reader")),
    "a table added": (_NO_STORES, _USUAL),
    "a table dropped": (_USUAL, _NO_STORES),
    "all tables but one dropped": (_USUAL, _ONE),
    "columns narrowed": (_USUAL, _NARROW),
    "columns widened": (_NARROW, _USUAL),
    "all columns, after some": (
        _USUAL,
        lambda _: {"tables": [*_OTHERS, Protected("shop.stores", "id", lookup=STORE_IDS)]},
    ),
    "a lookup selects otherwise": (_USUAL, _OTHER_SELECT),
    "a lookup has another name": (_USUAL, _OTHER_NAME),
    "tenants no longer listed": (_USUAL, lambda _: {"tenants": None}),
    "tenants listed": (lambda _: {"tenants": None}, _USUAL),
    "shared for protected": (_USUAL, _SHARED),
    "a loader added": (_USUAL, _LOADER),
    "a loader dropped": (_LOADER, _USUAL),
    "another loader": (_LOADER, _roles(loader="other")),
    "another login": (_USUAL, _roles(app="other")),
    "an owner added": (_USUAL, _OWNER),
    "a table dropped that was moved": (
        _OWNER,
        lambda f: {"owner": f.role("owner"), "tables": _OTHERS},
    ),
    "a reader writes": (
        _USUAL,
        lambda f: {"writers": [f.role("application"), f.role("reporting"), f.admin], "readers": []},
    ),
    "a writer is shut out": (
        _USUAL,
        lambda f: {"writers": [f.admin], "shut_out": [f.role("intern"), f.role("application")]},
    ),
    "other settings": (
        _USUAL,
        lambda _: {"settings": {"work_mem": "9MB", "statement_timeout": "3s"}},
    ),
    "settings dropped": (lambda _: {"settings": {"work_mem": "9MB"}}, _USUAL),
}


_OPEN: Final = {
    "the login renamed": "roles are known by name: the one of the new name keeps what it has",
    "a schema renamed": "tables that only lookups read are known by name",
    "a table moved": "its owner may not use that schema, and so not take anything away there",
}


def _cases(names: Iterable[str], *before: str) -> list[Any]:
    """As parameters, those that are known to fail marked."""
    return [
        pytest.param(
            *before, name, marks=[pytest.mark.xfail(reason=_OPEN[name])] if name in _OPEN else []
        )
        for name in names
    ]


_AS_SUPERUSER: Final = ("a table dropped", "an owner added", "a loader dropped")


@pytest.mark.parametrize(
    ("by", "name"), [*_cases(CHANGES, "admin"), *_cases(_AS_SUPERUSER, "postgres")]
)
async def test_a_changed_declaration_leaves_no_trace(unwalled: Fresh, name: str, by: str) -> None:
    first, second = (wall_of(unwalled, **changes(unwalled)) for changes in CHANGES[name])
    before = await traces(unwalled)
    async with connected(unwalled.dsn(unwalled.admin if by == "admin" else by)) as operator:
        assert (await apply_wall(operator, second)).plan.statements
        wanted = await _without_keys(unwalled)
        await remove_wall(operator)
        assert await traces(unwalled) == before

        await apply_wall(operator, first)
        changed = await apply_wall(operator, second)
        assert changed.plan.statements
        assert changed.key is None
        # It is the same wall as if there had never been the first one.
        found = await _without_keys(unwalled)
        assert _lines(found.dump) == _lines(wanted.dump)
        assert (found.settings, found.members) == (wanted.settings, wanted.members)
        assert not (await apply_wall(operator, second)).plan.statements
        await remove_wall(operator)
    assert await traces(unwalled) == before


async def _without_keys(fresh: Fresh) -> Traces:
    found = await traces(fresh)
    kept = [
        line
        for line in found.dump.splitlines()
        if not line.startswith(("enter\t", "seal\t", "COMMENT ON SCHEMA mcpdb"))
    ]
    return replace(found, dump="\n".join(kept))


def _lines(dump: str) -> list[str]:
    return sorted(dump.splitlines())


APPLICATION: Final[dict[str, str]] = {
    "a column dropped": "ALTER TABLE shop.stores DROP COLUMN name",
    "a column renamed": "ALTER TABLE shop.stores RENAME COLUMN name TO title",
    "a table dropped": "DROP TABLE shop.items",
    "a table renamed": "ALTER TABLE shop.items RENAME TO lines",
    "a table moved": "CREATE SCHEMA old; ALTER TABLE shop.items SET SCHEMA old",
    "a schema renamed": "ALTER SCHEMA shop RENAME TO store",
    "a schema dropped": "DROP SCHEMA shop CASCADE",
    "an identity dropped": "ALTER TABLE shop.orders ALTER COLUMN id DROP IDENTITY",
    "a sequence renamed": "ALTER SEQUENCE shop.items_id_seq RENAME TO items_seq",
    "a policy dropped": "DROP POLICY mcpdb_tenant ON shop.items",
    "a policy altered": "ALTER POLICY mcpdb_read ON shop.items USING (false)",
    "row security switched off": "ALTER TABLE shop.items DISABLE ROW LEVEL SECURITY",
    "the login renamed": "ALTER ROLE {app} RENAME TO {other}",
    "the loader dropped": "DROP OWNED BY {loader}; DROP ROLE {loader}",
    "a writer renamed": "ALTER ROLE {application} RENAME TO {other}",
    "a writer dropped": "DROP OWNED BY {reporting}; DROP ROLE {reporting}",
}


@pytest.mark.parametrize("name", _cases(APPLICATION))
async def test_the_wall_comes_down_after_the_application_has_changed(
    unwalled: Fresh, name: str
) -> None:
    wall = wall_of(unwalled, **_LOADER(unwalled))
    roles = ("application", "reporting", "app", "keeper", "loader", "other")
    names = {role: unwalled.role(role) for role in roles}
    async with connected(unwalled.superuser_dsn) as superuser:
        await apply_wall(superuser, wall)
        await superuser.execute(APPLICATION[name].format(**names))
        await remove_wall(superuser)
    left = await traces(unwalled)
    assert "mcpdb" not in left.dump
    assert "ROW LEVEL SECURITY" not in left.dump
    assert "CREATE POLICY" not in left.dump
    for role in ("app", "keeper", "loader"):
        assert names[role] not in left.dump
        assert not [line for line in left.roles if names[role] in line]
    assert left.settings == ()


@pytest.mark.parametrize(
    "name",
    ["a policy dropped", "a policy altered", "row security switched off"],
)
async def test_what_was_broken_is_mended_by_the_next_apply(unwalled: Fresh, name: str) -> None:
    wall = wall_of(unwalled)
    async with connected(unwalled.dsn()) as admin:
        await apply_wall(admin, wall)
        up = await traces(unwalled)
        await admin.execute(APPLICATION[name])
        assert (await apply_wall(admin, wall)).plan.statements
        found = await traces(unwalled)
    assert _lines(found.dump) == _lines(up.dump)
