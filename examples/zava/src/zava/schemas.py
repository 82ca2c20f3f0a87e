"""The tables as the caller may see them, read from PostgreSQL's catalog: what a model needs before
it asks about data that no ready-made tool covers."""

from typing import Annotated, Final, Literal, TypeAlias

import sqlalchemy as sa
from pydantic import Field

from mcpdb import Report, Rows
from zava.tables import SCHEMA, categories, orders, product_types, stores

TableName: TypeAlias = Literal[
    "retail.customers",
    "retail.stores",
    "retail.categories",
    "retail.product_types",
    "retail.products",
    "retail.orders",
    "retail.order_items",
    "retail.inventory",
]

_class: Final = sa.table(
    "pg_class",
    *(sa.column(name, sa.BigInteger) for name in ("oid", "relnamespace")),
    sa.column("relname", sa.Text),
    schema="pg_catalog",
)
_namespace: Final = sa.table(
    "pg_namespace",
    sa.column("oid", sa.BigInteger),
    sa.column("nspname", sa.Text),
    schema="pg_catalog",
)
_attribute: Final = sa.table(
    "pg_attribute",
    *(sa.column(name, sa.Integer) for name in ("attrelid", "attnum", "atttypid", "atttypmod")),
    *(sa.column(name, sa.Boolean) for name in ("attnotnull", "attisdropped")),
    sa.column("attname", sa.Text),
    schema="pg_catalog",
)
_constraint: Final = sa.table(
    "pg_constraint",
    *(sa.column(name, sa.BigInteger) for name in ("oid", "conrelid")),
    sa.column("contype", sa.Text),
    schema="pg_catalog",
)


def get_multiple_table_schemas(
    table_names: Annotated[
        list[TableName], Field(min_length=1, max_length=8, description="Which tables")
    ],
) -> Report:
    """Columns, relationships and valid values of tables. Call it before writing a query.

    Valid values are the names that filters must match exactly, and the years that have orders.
    """
    names = [name.removeprefix(f"{SCHEMA}.") for name in table_names]
    return Report(
        {
            "columns": _columns(names),
            "relationships": _relationships(names),
            "valid_values": _valid_values(names),
        }
    )


def _columns(names: list[str]) -> Rows:
    described = sa.func.col_description(_class.c.oid, _attribute.c.attnum, type_=sa.Text)
    sql_type = sa.func.format_type(_attribute.c.atttypid, _attribute.c.atttypmod, type_=sa.Text)
    readable = sa.func.has_column_privilege(_class.c.oid, _attribute.c.attnum, "SELECT")
    return (
        _tables(names)
        .join(_attribute, _attribute.c.attrelid == _class.c.oid)
        .where(_attribute.c.attnum > 0, ~_attribute.c.attisdropped, readable)
        .with_only_columns(
            _class.c.relname.label("table"),
            _attribute.c.attname.label("column"),
            sql_type.label("type"),
            (~_attribute.c.attnotnull).label("nullable"),
            described.label("description"),
        )
        .order_by(_class.c.relname, _attribute.c.attnum)
    )


def _relationships(names: list[str]) -> Rows:
    said = sa.func.pg_get_constraintdef(_constraint.c.oid, type_=sa.Text)
    # PostgreSQL leaves out a schema that is on the search_path; all keys are within this one.
    definition = sa.func.regexp_replace(
        said, rf"REFERENCES ({SCHEMA}\.)?", f"REFERENCES {SCHEMA}.", type_=sa.Text
    )
    return (
        _tables(names)
        .join(_constraint, _constraint.c.conrelid == _class.c.oid)
        .where(_constraint.c.contype.in_(("p", "u", "f")))
        .with_only_columns(_class.c.relname.label("table"), definition.label("definition"))
        .order_by(_class.c.relname, _constraint.c.contype.desc(), definition)
    )


def _tables(names: list[str]) -> Rows:
    return (
        sa.select(_class.c.oid)
        .join(_namespace, _namespace.c.oid == _class.c.relnamespace)
        .where(_namespace.c.nspname == SCHEMA, _class.c.relname.in_(names))
    )


def _valid_values(names: list[str]) -> Rows:
    """Through the same policies as all else: a manager sees the years of the own store's orders."""
    year = sa.cast(sa.extract("year", orders.c.order_date), sa.Text)
    parts = [
        _values("stores", "store_name", stores.c.store_name),
        _values("categories", "category_name", categories.c.category_name),
        _values("product_types", "type_name", product_types.c.type_name),
        _values("orders", "year of order_date", year),
    ]
    found = sa.union_all(*parts).subquery()
    return (
        sa.select(found.c.table, found.c.column, found.c.value)
        .where(found.c.table.in_(names))
        .order_by(found.c.table, found.c.value)
    )


def _values(table: str, column: str, value: sa.ColumnElement[str]) -> Rows:
    return sa.select(
        sa.literal(table).label("table"),
        sa.literal(column).label("column"),
        value.label("value"),
    ).distinct()
