"""What of a database may be asked for: what is not a catalog is refused, and what is misspelt has
a name near it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, Text

from mcpdb import Catalog, ConfigurationError, Relation

_ORDERS = Relation("shop", "orders", ("id", "amount", "canary"))
_ITEMS = Relation("shop", "items", ("id", "order_id", "quantity"))
_OLD = Relation("archive", "orders", ("id", "total"))
_TABLE = Table("notes", MetaData(), Column("id", Integer), Column("body", Text))
_STORES = Table("stores", MetaData(schema="shop"), Column("id", Integer), Column("secret", Text))


def _named(schema: str, name: str) -> Callable[[], object]:
    return lambda: Catalog([Relation(schema, name, ("id",))])


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Catalog([]), "at least one relation"),
    (lambda: Catalog([_ORDERS, _ITEMS, _ORDERS]), "shop.orders twice"),
    (lambda: Relation("shop", "orders", ()), "columns of shop.orders are a list"),
    (_named("mcpdb", "keys"), "not a relation of yours"),
    (_named("information_schema", "tables"), "not a relation of yours"),
    (_named("pg_catalog", "pg_class"), "not a relation of yours"),
    (_named("pg_temp", "x"), "not a relation of yours"),
    (_named("shop", "pg_class"), "PostgreSQL's own"),
    (lambda: Catalog.of(_STORES, columns={"shop.stores": ["nothing"]}), "no column nothing"),
    (lambda: Catalog.of(_STORES, columns={"shop.orders": ["id"]}), "no table shop.orders"),
    (lambda: Catalog.of(_STORES, columns={"stores": ["id"]}), "no table stores"),
    (lambda: Catalog.of(_STORES, columns={"shop.stores": []}), "list of at least one name"),
    (Catalog.of, "at least one relation"),
]


@pytest.mark.parametrize(("make", "sentence"), WRONG)
def test_what_is_no_catalog_is_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        make()


def test_a_catalog_of_tables_has_their_columns_or_those_that_are_chosen() -> None:
    catalog = Catalog.of(_TABLE, _STORES, columns={"shop.stores": ["id"]})
    assert [str(one) for one in catalog.relations] == ["public.notes", "shop.stores"]
    assert [one.columns for one in catalog.relations] == [("id", "body"), ("id",)]
    assert catalog.columns == {"id", "body"}


def test_a_relation_is_found_by_its_name_where_it_is_the_only_one() -> None:
    catalog = Catalog([_ORDERS, _ITEMS, _OLD])
    assert catalog.find(None, "items") is _ITEMS
    assert catalog.find(None, "orders") is None
    assert catalog.find("archive", "orders") is _OLD
    assert catalog.find("shop", "orders") is _ORDERS
    assert catalog.find("shop", "nothing") is None
    assert catalog.find("SHOP", "orders") is None
    assert catalog.find(None, "Orders") is None


@pytest.mark.parametrize(
    ("name", "near"),
    [("order", ["orders"]), ("itms", ["items"]), ("xyzzy", []), ("", []), ("orders", ["orders"])],
)
def test_relations_near_a_name(name: str, near: list[str]) -> None:
    catalog = Catalog([_ORDERS, _ITEMS])
    assert catalog.near_relations(name) == [f"shop.{one}" for one in near]


def test_where_two_schemas_have_a_name_both_are_near_it() -> None:
    catalog = Catalog([_ORDERS, _ITEMS, _OLD])
    assert set(catalog.near_relations("order")) == {"shop.orders", "archive.orders"}


def test_columns_near_a_name_are_looked_for_in_what_was_named() -> None:
    catalog = Catalog([_ORDERS, _ITEMS, _OLD])
    assert catalog.near_columns("canarry") == ["orders.canary"]
    assert catalog.near_columns("quantiti") == ["items.quantity"]
    assert catalog.near_columns("quantiti", among=[_ORDERS]) == []
    assert catalog.near_columns("amont", among=[_ORDERS]) == ["orders.amount"]
    assert len(catalog.near_columns("id")) <= 3


@given(name=st.text(max_size=200))
def test_whatever_is_looked_for_few_names_are_near(name: str) -> None:
    catalog = Catalog([_ORDERS, _ITEMS, _OLD])
    assert len(catalog.near_relations(name)) <= 3
    assert len(catalog.near_columns(name)) <= 3


def test_a_text_is_no_list_of_columns() -> None:
    with pytest.raises(ConfigurationError, match="list of at least one name"):
        Relation("shop", "orders", "id")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
