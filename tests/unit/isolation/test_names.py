"""Names and literals: whatever they hold, they stay one name and one literal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, Text

from mcpdb import ConfigurationError
from mcpdb.isolation.names import (
    checked,
    column_name,
    in_sql,
    literal,
    quoted,
    shown,
    spoken,
    table_name,
)

_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=15)
_HOSTILE = st.text("\"'\\;-./* $aE\n", max_size=12)


@given(name=_NAMES | _HOSTILE)
def test_a_quoted_name_is_one_identifier(name: str) -> None:
    match = re.fullmatch(r'"((?:[^"]|"")*)"', quoted(name), flags=re.DOTALL)
    assert match is not None
    assert match[1].replace('""', '"') == name


@given(text=_NAMES | _HOSTILE)
def test_a_literal_is_one_literal_however_backslashes_are_read(text: str) -> None:
    made = literal(text)
    if "\\" in text:
        match = re.fullmatch(r" E'((?:[^'\\]|''|\\\\)*)'", made, flags=re.DOTALL)
        assert match is not None
        assert match[1].replace("''", "'").replace("\\\\", "\\") == text
    else:
        match = re.fullmatch(r"'((?:[^']|'')*)'", made, flags=re.DOTALL)
        assert match is not None
        assert match[1].replace("''", "'") == text


@given(name=_NAMES)
def test_a_name_is_shown_bare_only_where_it_may_be(name: str) -> None:
    assert shown(name) in {name, quoted(name)}
    if shown(name) == name:
        assert re.fullmatch(r"[a-z_][a-z0-9_$]*", name)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "ä" * 32])
def test_a_name_that_postgresql_would_change_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="1 to 63 bytes"):
        checked(name, what="A role")


@given(name=st.text(max_size=80))
def test_a_checked_name_fits(name: str) -> None:
    try:
        assert checked(name, what="A table") == name
    except ConfigurationError:
        assert not name or "\0" in name or len(name.encode("utf-8", "replace")) > 63
    else:
        assert 1 <= len(name.encode("utf-8", "replace")) <= 63


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("orders", ("public", "orders")),
        ("shop.orders", ("shop", "orders")),
        ("My Shop.Order Lines", ("My Shop", "Order Lines")),
        (Table("orders", MetaData()), ("public", "orders")),
        (Table("a.b", MetaData(), schema="shop"), ("shop", "a.b")),
    ],
)
def test_a_table_has_a_schema(table: str | Table, expected: tuple[str, str]) -> None:
    assert table_name(table) == expected


@pytest.mark.parametrize("table", ["", ".", "a.", ".b", "a.b.c", "a\0.b"])
def test_what_names_no_table_is_refused(table: str) -> None:
    with pytest.raises(ConfigurationError):
        table_name(table)


def test_a_column_is_named_as_in_the_database() -> None:
    assert column_name("a b") == "a b"
    assert column_name(Column("tenant", Text, key="other")) == "tenant"


def test_names_in_sql_and_in_sentences() -> None:
    assert in_sql(("shop", 'o"x')) == '"shop"."o""x"'
    assert spoken(("shop", "Orders")) == 'shop."Orders"'
