"""Columns as they are published: the names that the rows will have, and their SQL types."""

import enum
from typing import Any

import pytest
from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mcpdb import ConfigurationError, Rows
from mcpdb.query.columns import columns_of, schema_of

_table = Table(
    "t",
    MetaData(),
    Column("id", Integer),
    Column("item_name", Text, key="item"),
    Column("100%", Numeric(10, 2)),
)
_other = _table.alias()


class _Base(DeclarativeBase): ...


class _Order(_Base):
    __tablename__ = "orders"
    key: Mapped[int] = mapped_column("order_id", primary_key=True)
    note: Mapped[str]


class Mood(enum.Enum):
    SAD = 1


class _Upper(TypeDecorator[str]):
    impl = String
    cache_ok = True


def _named(rows: Rows) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in columns_of(rows, "tool")]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (
            select(_table),
            [("id", "integer"), ("item_name", "text"), ("100%", "numeric(10, 2)")],
        ),
        (select(_table.c.item), [("item_name", "text")]),
        (select(cast(_table.c.item, Integer)), [("item_name", "integer")]),
        (select(func.count().label("how_many")), [("how_many", "integer")]),
        (select(literal_column("1", Integer).label("one")), [("one", "integer")]),
        (select(_Order), [("order_id", "integer"), ("note", "varchar")]),
        (select(_Order.key), [("order_id", "integer")]),
        (
            select(_table.c.id, _other.c.id.label("other")),
            [("id", "integer"), ("other", "integer")],
        ),
        (select(select(_table.c.id).cte()), [("id", "integer")]),
        (select(literal(1).label("ü" * 40)), [("ü" * 40, "integer")]),
    ],
)
def test_columns_have_the_names_and_types_of_the_rows(
    rows: Rows, columns: list[tuple[str, str]]
) -> None:
    assert _named(rows) == columns


@pytest.mark.parametrize(
    ("element", "number"),
    [
        (func.count(), 1),
        (func.sum(_table.c.id), 1),
        (_table.c.id + 1, 1),
        (case((_table.c.id == 1, 1), else_=0), 1),
        (exists(select(_table.c.id)), 1),
        (literal(1), 1),
        (_table.c.id.label(None), 1),
        (text("now() AS now"), 1),
        (select(_table.c.id).scalar_subquery(), 1),
    ],
)
def test_a_column_without_a_name_of_its_own_is_refused(element: Any, number: int) -> None:
    with pytest.raises(ConfigurationError, match=f"without a name, number {number}") as refusal:
        columns_of(select(element), "tool")
    assert "label" in refusal.value.hint


def test_the_column_that_has_no_name_is_counted() -> None:
    with pytest.raises(ConfigurationError, match="number 2"):
        columns_of(select(_table.c.id, _table.c.id + 1), "tool")


@pytest.mark.parametrize(
    "rows",
    [
        select(_table.c.id.label("x"), _table.c.item.label("x")),
        select(_table.c.id, literal(1).label("id")),
        select(_table.c.item, literal(1).label("item_name")),
    ],
)
def test_two_columns_of_one_name_are_refused(rows: Rows) -> None:
    with pytest.raises(ConfigurationError, match="two columns named"):
        columns_of(rows, "tool")


@pytest.mark.parametrize(
    "rows", [select(_table.c.id, _other.c.id), select(_table.c.id, _table.c.id)]
)
def test_a_name_that_sqlalchemy_had_to_change_is_no_name(rows: Rows) -> None:
    with pytest.raises(ConfigurationError, match="without a name, number 2"):
        columns_of(rows, "tool")


@pytest.mark.parametrize(
    "element",
    list[Any](
        [
            func.lower(_table.c.item).label("x"),
            literal_column("1").label("x"),
            null().label("x"),
            func.row_number().over().label("x"),
            func.generate_series(1, 3).column_valued("x"),
        ]
    ),
)
def test_a_column_whose_type_nobody_said_is_refused(element: Any) -> None:
    rows = select(element)
    try:
        columns = _named(rows)
    except ConfigurationError as error:
        assert "'x', whose SQL type is not known" in error.message  # noqa: PT017
        assert "type_=" in error.hint  # noqa: PT017
    else:
        # SQLAlchemy knows more functions with each release; none without a type may pass.
        assert columns[0][1] != "null"


def test_a_type_that_was_said_is_taken() -> None:
    assert _named(select(func.my_function(type_=Numeric).label("x"))) == [("x", "numeric")]


def test_a_select_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="without columns"):
        columns_of(select(), "tool")


def test_a_select_that_is_no_sql_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no SQL"):
        columns_of(select(tuple_(_table.c.id, _table.c.id)), "tool")


@pytest.mark.parametrize(
    ("sql_type", "json_types"),
    list[Any](
        [
            (Boolean(), ["boolean"]),
            (Integer(), ["integer", "string"]),
            (BigInteger(), ["integer", "string"]),
            (Numeric(10, 2), ["number", "string"]),
            (Float(), ["number", "string"]),
            (Double(), ["number", "string"]),
            (Text(), ["string"]),
            (Enum(Mood), ["string"]),
            (Date(), ["string"]),
            (DateTime(timezone=True), ["string"]),
            (Time(), ["string"]),
            (Interval(), ["string"]),
            (LargeBinary(), ["string"]),
            (Uuid(), ["string"]),
            (ARRAY(Integer), ["array"]),
            (postgresql.ARRAY(Integer), ["array"]),
            (JSON(), None),
            (postgresql.JSONB(), None),
            (postgresql.INET(), None),
            (VECTOR(3), None),
            (_Upper(), None),
        ]
    ),
)
def test_the_schema_of_a_cell_says_what_it_may_be(sql_type: Any, json_types: Any) -> None:
    (schema,) = schema_of(select(literal(None, sql_type).label("x")), "tool")
    wanted = {"title": "x"} if json_types is None else {"title": "x", "type": [*json_types, "null"]}
    assert schema == wanted
