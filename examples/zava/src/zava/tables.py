"""The retailer's tables, schema `retail`, as SQLAlchemy Core. Comments on them are stored in the
database, where a model reads them as documentation. Roles and policies are in `access.py`."""

from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from pgvector.sqlalchemy import Vector
from sqlalchemy.schema import (
    AddConstraint,
    CreateIndex,
    CreateTable,
    ExecutableDDLElement,
    SetColumnComment,
    SetTableComment,
)

SCHEMA: Final = "retail"
IMAGE_DIMENSIONS: Final = 512
"""Length of the catalogue's image vectors (CLIP ViT-B/32)."""

metadata = sa.MetaData(schema=SCHEMA)


def _id(name: str) -> sa.Column[int]:
    """A primary key. The generator makes the ids: a sequence would only tell how many there are."""
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _reference(name: str, target: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(target), primary_key=key, nullable=False)


def _dollars(name: str, *, comment: str) -> sa.Column[Decimal]:
    return sa.Column(name, sa.Numeric(10, 2), nullable=False, comment=comment)


stores = sa.Table(
    "stores",
    metadata,
    _id("store_id"),
    sa.Column("store_name", sa.Text, nullable=False, unique=True),
    sa.Column(
        "rls_user_id", sa.Uuid, nullable=False, comment="The store manager's id: never shown."
    ),
    sa.Column(
        "is_online",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="True for the web shop, false for a physical store.",
    ),
    comment="The stores: seven physical ones in Washington State and one online.",
)

customers = sa.Table(
    "customers",
    metadata,
    _id("customer_id"),
    sa.Column("first_name", sa.Text, nullable=False),
    sa.Column("last_name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("phone", sa.Text),
    sa.Column(
        "primary_store_id",
        sa.Integer,
        sa.ForeignKey("stores.store_id"),
        comment="Where the customer signed up; the orders may be at another store.",
    ),
    sa.Column(
        "created_at",
        sa.DateTime,
        server_default=sa.func.now(),
        comment="The day of the first order.",
    ),
    sa.Index("idx_customers_primary_store", "primary_store_id"),
    comment="Customers. A store sees those who signed up or ordered there.",
)

categories = sa.Table(
    "categories",
    metadata,
    _id("category_id"),
    sa.Column("category_name", sa.Text, nullable=False, unique=True, comment="In upper case."),
    comment="The nine top-level groups of products.",
)

product_types = sa.Table(
    "product_types",
    metadata,
    _id("type_id"),
    _reference("category_id", "categories.category_id"),
    sa.Column(
        "type_name",
        sa.Text,
        nullable=False,
        comment="Upper case. Not unique: HAND TOOLS is also a type within GARDEN & OUTDOOR.",
    ),
    sa.Index("idx_product_types_category", "category_id"),
    sa.Index("idx_product_types_name", "type_name"),
    comment="The groups within a category, such as HAMMERS.",
)

products = sa.Table(
    "products",
    metadata,
    _id("product_id"),
    sa.Column(
        "sku",
        sa.Text,
        nullable=False,
        unique=True,
        comment="Stock keeping unit, such as HTHM001600.",
    ),
    sa.Column("product_name", sa.Text, nullable=False, comment="Not unique; the sku is."),
    _reference("category_id", "categories.category_id"),
    _reference("type_id", "product_types.type_id"),
    _dollars("cost", comment="Wholesale price in US dollars."),
    _dollars(
        "base_price",
        comment="List price in US dollars: cost / 0.67. What was paid is in order_items.",
    ),
    sa.Column(
        "gross_margin_percent",
        sa.Numeric(5, 2),
        server_default=sa.text("33.00"),
        comment="(base_price - cost) / base_price, in percent.",
    ),
    sa.Column("product_description", sa.Text, nullable=False),
    sa.Index("idx_products_category", "category_id"),
    sa.Index("idx_products_type", "type_id"),
    sa.Index("idx_products_price", "base_price"),
    sa.Index("idx_products_cost", "cost"),
    sa.Index("idx_products_margin", "gross_margin_percent"),
    sa.Index(
        "idx_products_covering", "category_id", "type_id", "product_id", "sku", "cost", "base_price"
    ),
    sa.Index(
        "idx_products_sku_covering", "sku", "product_id", "product_name", "cost", "base_price"
    ),
    comment="The catalogue: what all stores sell.",
)

inventory = sa.Table(
    "inventory",
    metadata,
    # The key's index serves look-ups by store as well.
    _reference("store_id", "stores.store_id", key=True),
    _reference("product_id", "products.product_id", key=True),
    sa.Column(
        "stock_level", sa.Integer, nullable=False, comment="Pieces in stock now; at least 1."
    ),
    sa.Index("idx_inventory_product", "product_id"),
    comment="How many pieces of each product each store has.",
)

orders = sa.Table(
    "orders",
    metadata,
    _id("order_id"),
    _reference("customer_id", "customers.customer_id"),
    _reference("store_id", "stores.store_id"),
    sa.Column("order_date", sa.Date, nullable=False),
    sa.Index("idx_orders_customer", "customer_id"),
    sa.Index("idx_orders_store", "store_id"),
    sa.Index("idx_orders_date", "order_date"),
    sa.Index("idx_orders_customer_date", "customer_id", "order_date"),
    sa.Index("idx_orders_store_date", "store_id", "order_date"),
    comment="Orders, their ids ascending by date. What was bought is in order_items.",
)

order_items = sa.Table(
    "order_items",
    metadata,
    _id("order_item_id"),
    _reference("order_id", "orders.order_id"),
    _reference("store_id", "stores.store_id"),
    _reference("product_id", "products.product_id"),
    sa.Column("quantity", sa.Integer, nullable=False),
    _dollars("unit_price", comment="US dollars for one piece on that day, before the discount."),
    sa.Column(
        "discount_percent",
        sa.Integer,
        server_default=sa.text("0"),
        comment="0, 5, 10, 15, 20 or 25.",
    ),
    sa.Column(
        "discount_amount",
        sa.Numeric(10, 2),
        server_default=sa.text("0"),
        comment="US dollars off the whole line.",
    ),
    _dollars(
        "total_amount",
        comment="US dollars paid: unit_price * quantity - discount_amount. Revenue is its sum.",
    ),
    sa.Index("idx_order_items_order", "order_id"),
    sa.Index("idx_order_items_store", "store_id"),
    sa.Index("idx_order_items_product", "product_id"),
    sa.Index("idx_order_items_total", "total_amount"),
    sa.Index(
        "idx_order_items_covering", "order_id", "store_id", "product_id", "total_amount", "quantity"
    ),
    comment="The lines of the orders: product, quantity and money. The store is the order's.",
)


# The two tables of vectors have no index on them: an exact scan of some 400 rows takes less than
# a millisecond and misses nothing, which an approximate index (ivfflat, HNSW) would.
product_image_embeddings = sa.Table(
    "product_image_embeddings",
    metadata,
    _reference("product_id", "products.product_id", key=True),
    sa.Column("image_url", sa.Text, nullable=False),
    sa.Column("image_embedding", Vector(IMAGE_DIMENSIONS)),
    sa.Column("created_at", sa.DateTime, server_default=sa.func.now()),
    sa.Index("idx_product_image_embeddings_url", "image_url"),
    comment="Vectors of product pictures; empty unless the catalogue came with them.",
)

product_description_embeddings = sa.Table(
    "product_description_embeddings",
    metadata,
    _reference("product_id", "products.product_id", key=True),
    # Without a length here, so that selects fit whatever provider the database was seeded with.
    sa.Column("description_embedding", Vector(), comment="Compare by cosine distance: <=>."),
    sa.Column("created_at", sa.DateTime, server_default=sa.func.now()),
    comment="Vectors of names and descriptions, for searching products by meaning.",
)

store_access = sa.Table(
    "store_access",
    metadata,
    sa.Column("rls_user_id", sa.Uuid, primary_key=True),
    _reference("store_id", "stores.store_id", key=True),
    comment="Which manager sees which stores. Read by mcpdb.stores() alone.",
)

seed_info = sa.Table(
    "seed_info",
    metadata,
    sa.Column("only_row", sa.Boolean, sa.CheckConstraint("only_row"), primary_key=True),
    sa.Column("size", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("until", sa.Date, nullable=False, comment="The last day that an order can be of."),
    sa.Column("catalogue_sha256", sa.Text, nullable=False),
    sa.Column("embedding_provider", sa.Text, nullable=False),
    sa.Column("embedding_dimensions", sa.Integer, nullable=False),
    sa.Column("generator_version", sa.Integer, nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
    comment="One row: what these data were made from. Without it the data are not complete.",
)


def create_tables(*, dimensions: int) -> list[str]:
    """SQL that creates the tables with their primary and unique keys and comments.

    Args:
        dimensions: The length of the description vectors.
    """
    schema = sa.MetaData(schema=SCHEMA)
    for table in metadata.sorted_tables:
        table.to_metadata(schema)
    vectors = schema.tables[product_description_embeddings.fullname]
    vectors.c.description_embedding.type = Vector(dimensions)
    statements: list[ExecutableDDLElement] = []
    for table in schema.sorted_tables:
        statements.append(CreateTable(table, include_foreign_key_constraints=[]))
        statements.append(SetTableComment(table))
        statements.extend(SetColumnComment(column) for column in table.c if column.comment)
    return _sql(statements)


def create_indexes() -> list[str]:
    """SQL that adds the other indexes and the foreign keys: after loading, when they cost least."""
    statements: list[ExecutableDDLElement] = []
    for table in metadata.sorted_tables:
        # Both are sets: sorted, so that two seeds run the same SQL.
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        keys = sorted(table.foreign_key_constraints, key=lambda key: str(key.column_keys))
        statements.extend(CreateIndex(index) for index in indexes)
        statements.extend(AddConstraint(key) for key in keys)
    return _sql(statements)


def _sql(statements: list[ExecutableDDLElement]) -> list[str]:
    dialect = sa.make_url("postgresql+asyncpg://").get_dialect()()
    return [str(statement.compile(dialect=dialect)) for statement in statements]
