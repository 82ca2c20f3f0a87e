"""The SQL of the tables. That PostgreSQL takes it is shown by every test that seeds."""

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import Vector

from zava import tables
from zava.access import STORES, WALL, role_statements

TABLES = tables.metadata.sorted_tables


def test_the_tables_have_the_originals_columns() -> None:
    columns = {table.name: [column.name for column in table.c] for table in TABLES}
    assert columns["orders"] == ["order_id", "customer_id", "store_id", "order_date"]
    assert columns["order_items"] == [
        *("order_item_id", "order_id", "store_id", "product_id", "quantity", "unit_price"),
        *("discount_percent", "discount_amount", "total_amount"),
    ]
    assert columns["products"] == [
        *("product_id", "sku", "product_name", "category_id", "type_id", "cost", "base_price"),
        *("gross_margin_percent", "product_description"),
    ]
    assert columns["customers"] == [
        *("customer_id", "first_name", "last_name", "email", "phone", "primary_store_id"),
        "created_at",
    ]
    assert columns["stores"] == ["store_id", "store_name", "rls_user_id", "is_online"]
    assert columns["inventory"] == ["store_id", "product_id", "stock_level"]


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_every_table_has_a_key_and_a_comment_for_the_model(table: sa.Table) -> None:
    assert list(table.primary_key.columns)
    assert table.comment
    assert table.comment.endswith(".")


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_no_index_repeats_the_index_of_a_key_or_unique_column(table: sa.Table) -> None:
    keys = [[column.name for column in table.primary_key.columns]]
    keys += [[column.name] for column in table.c if column.unique]
    for index in table.indexes:
        columns = [column.name for column in index.columns]
        assert all(columns != key[: len(columns)] for key in keys), index.name
        assert str(index.name).startswith("idx_")


@pytest.mark.parametrize("dimensions", [8, 384, 1_536])
def test_the_description_vectors_have_the_providers_length(dimensions: int) -> None:
    (created,) = [
        sql
        for sql in tables.create_tables(dimensions=dimensions)
        if sql.lstrip().startswith("CREATE TABLE retail.product_description_embeddings")
    ]
    assert f"description_embedding VECTOR({dimensions})" in created
    # Selects are made before anybody knows which provider seeded the database.
    column = tables.product_description_embeddings.c.description_embedding
    assert isinstance(column.type, Vector)
    assert column.type.dim is None


def test_the_same_sql_comes_out_every_time() -> None:
    assert tables.create_tables(dimensions=8) == tables.create_tables(dimensions=8)
    assert tables.create_indexes() == tables.create_indexes()


def test_foreign_keys_and_indexes_are_left_for_after_the_loading() -> None:
    before, after = tables.create_tables(dimensions=8), tables.create_indexes()
    assert not any("FOREIGN KEY" in sql or "CREATE INDEX" in sql for sql in before)
    assert sum("FOREIGN KEY" in sql for sql in after) == sum(len(t.foreign_keys) for t in TABLES)
    assert sum("CREATE INDEX" in sql for sql in after) == sum(len(t.indexes) for t in TABLES)
    assert not any("ivfflat" in sql or "hnsw" in sql for sql in after)


def test_the_server_may_read_every_table_but_the_one_that_says_whose_id_is_whose() -> None:
    declared = {str(each.table) for each in WALL.tables}
    assert declared == {str(table) for table in TABLES} - {"retail.store_access"}


def test_every_table_asks_for_the_stores_and_no_column_shows_an_id() -> None:
    for each in WALL.tables:
        assert each.lookup is STORES
        known = tables.metadata.tables[str(each.table)].c.keys()
        assert "rls_user_id" not in (each.columns or known)


def test_roles_are_made_before_anything_that_names_them() -> None:
    sql = role_statements()
    made = [each for each in sql if "CREATE ROLE" in each]
    assert sql[: len(made)] == made
    assert len(made) == 6
