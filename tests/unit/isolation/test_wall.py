"""The declaration: what cannot be meant is refused when it is written."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, Text

from mcpdb import ConfigurationError
from mcpdb.isolation import Lookup, Protected, Roles, Shared, Wall
from mcpdb.isolation.plan import Plan
from mcpdb.operate import Applied

_ORDERS = Protected("shop.orders", "tenant")


def _lookup(**changes: Any) -> Lookup:
    usual: dict[str, Any] = {
        "name": "stores",
        "type": "integer",
        "select": "SELECT 1",
        "reads": {"shop.access": ["store"]},
    }
    return Lookup(**{**usual, **changes})


def _with_sql(**changes: Any) -> Wall:
    return Wall(tables=[_ORDERS], roles=Roles(sql="mcpdb_sql"), **changes)


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Wall(tables=[]), "at least one table"),
    (lambda: Wall(tables=[_ORDERS, _ORDERS]), "declared twice"),
    (lambda: Wall(tables=[_ORDERS, Shared("shop.orders")]), "declared twice"),
    (lambda: Wall(tables=[Protected("orders", "t"), Shared("public.orders")]), "declared twice"),
    (lambda: Wall(tables=[_ORDERS], writers=["a", "a"]), "a is declared twice"),
    (lambda: Wall(tables=[_ORDERS], writers=["a"], readers=["a"]), "a is declared twice"),
    (lambda: Wall(tables=[_ORDERS], shut_out=["mcpdb_app"]), "one of the wall's own"),
    (lambda: Wall(tables=[_ORDERS], writers=["mcpdb_keeper"]), "one of the wall's own"),
    (lambda: Wall(tables=[_ORDERS], readers=["public"]), "not a role"),
    (lambda: Wall(tables=[_ORDERS], owner="pg_read_all_data"), "not a role"),
    (lambda: Wall(tables=[_ORDERS], owner="none"), "not a role"),
    (lambda: Wall(tables=[_ORDERS], owner=""), "A role is named"),
    (lambda: Wall(tables=[_ORDERS], tenants=("a.b.c", "id")), "schema.table"),
    (lambda: Wall(tables=[_ORDERS], tenants=("shop.tenants", "")), "A column is named"),
    (lambda: Roles(app="a", keeper="a"), "different roles"),
    (lambda: Roles(loader="mcpdb_app"), "different roles"),
    (lambda: Roles(app="public"), "not a role"),
    (lambda: Roles(app="a\0"), "A role is named"),
    (lambda: Roles(sql="mcpdb_app"), "different roles"),
    (lambda: Roles(sql="mcpdb_reader"), "different roles"),
    (lambda: Roles(sql="mcpdb_keeper"), "different roles"),
    (lambda: Roles(sql="s", reader="s"), "different roles"),
    (lambda: Roles(sql="s", reader="mcpdb_app"), "different roles"),
    (lambda: Roles(sql="s", loader="mcpdb_reader"), "different roles"),
    (lambda: Roles(sql="public"), "not a role"),
    (lambda: Roles(sql="s", reader="pg_read_all_data"), "not a role"),
    (lambda: Roles(sql=""), "A role is named"),
    (lambda: Roles(sql="s", reader="r" * 64), "A role is named"),
    (lambda: Wall(tables=[_ORDERS], sql_settings={"work_mem": "1MB"}), "login that is not there"),
    (lambda: _with_sql(sql_settings={"search_path": "x"}), "search_path"),
    (lambda: _with_sql(settings={"search_path": "x"}), "search_path"),
    (lambda: _with_sql(shut_out=["mcpdb_reader"]), "one of the wall's own"),
    (lambda: _with_sql(readers=["mcpdb_sql"]), "one of the wall's own"),
    (lambda: _lookup(name="run"), "is taken"),
    (lambda: Protected("shop.orders"), "say one"),
    (lambda: Protected("shop.orders", "tenant", using="{ids}"), "say one"),
    (lambda: Protected("shop.orders", using="true"), "does not ask"),
    (lambda: Protected("shop.orders", ""), "A column is named"),
    (lambda: Protected("shop.orders", "t", columns=[]), "at least one name"),
    (lambda: Protected("shop.orders", "t", columns="id"), "at least one name"),
    (lambda: Shared("shop.orders", columns=[""]), "A column is named"),
    (lambda: Shared("a.b.c"), "schema.table"),
    (lambda: _lookup(name="tenant"), "is taken"),
    (lambda: _lookup(name="keys"), "is taken"),
    (lambda: _lookup(name=""), "A lookup is named"),
    (lambda: _lookup(select="SELECT 1; DROP TABLE x"), "without a semicolon"),
    (lambda: _lookup(type="varchar(3)"), "cuts values off"),
    (lambda: Wall(tables=[_ORDERS], settings={"search_path": "x"}), "search_path"),
    (lambda: _lookup(select_all="SELECT 1;"), "without a semicolon"),
    (lambda: _lookup(reads={"shop.access": []}), "at least one name"),
    (lambda: _lookup(reads={"a.b.c": ["x"]}), "schema.table"),
]


@pytest.mark.parametrize(("make", "sentence"), WRONG)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        make()


def test_two_lookups_of_one_name_are_refused_unless_they_are_one() -> None:
    lookup = _lookup()
    other = _lookup(select="SELECT 2")
    one = Protected("shop.a", "t", lookup=lookup)
    Wall(tables=[one, Protected("shop.b", "t", lookup=_lookup())])
    with pytest.raises(ConfigurationError, match="Two lookups"):
        Wall(tables=[one, Protected("shop.b", "t", lookup=other)])


def test_tables_and_columns_may_be_sqlalchemys() -> None:
    orders = Table("orders", MetaData(), Column("tenant", Text), schema="shop")
    wall = Wall(tables=[Protected(orders, orders.c.tenant)])
    with pytest.raises(ConfigurationError, match="twice"):
        Wall(tables=[*wall.tables, _ORDERS])


def test_a_wall_without_a_login_for_sql_has_no_reader() -> None:
    """Whatever it would be called: such a name is anybody's."""
    roles = Roles(reader="mcpdb_app")
    assert roles.own == ["mcpdb_app", "mcpdb_keeper"]
    assert (roles.logins, roles.behind) == (["mcpdb_app"], ["mcpdb_app"])
    Wall(tables=[_ORDERS], writers=["mcpdb_reader"])


def test_with_a_login_for_sql_the_reader_reads_and_the_login_does_not() -> None:
    roles = Roles(sql="mcpdb_sql", loader="mcpdb_loader")
    assert set(roles.own) == {
        "mcpdb_app",
        "mcpdb_keeper",
        "mcpdb_loader",
        "mcpdb_sql",
        "mcpdb_reader",
    }
    assert roles.logins == ["mcpdb_app", "mcpdb_sql"]
    assert roles.behind == ["mcpdb_app", "mcpdb_reader"]
    assert _with_sql(sql_settings={"work_mem": "1MB"}).sql_settings == {"work_mem": "1MB"}


@given(role=st.text(max_size=70))
def test_a_role_is_a_name_or_refused(role: str) -> None:
    try:
        Wall(tables=[_ORDERS], writers=[role])
    except ConfigurationError as error:
        assert len(str(error)) < 300  # noqa: PT017  # either is right
    else:
        assert role
        assert role not in {"public", "none"}


def test_what_was_applied_does_not_show_the_key() -> None:
    key = "mcpdb-key-1-" + "A" * 43
    applied = Applied(plan=Plan(database="shop", version=180_000), key=key)
    assert key not in repr(applied)
    assert key[-43:] not in str(applied)
