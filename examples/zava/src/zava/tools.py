"""The shop's questions, in the shop's words. Each tool is a function from arguments to a select;
none of them knows which store is asking: the database adds that."""

from typing import Annotated, Literal, TypeAlias

import sqlalchemy as sa
from pydantic import Field

from mcpdb import Embedded, Rows, Server
from zava.schemas import get_multiple_table_schemas
from zava.tables import (
    categories,
    inventory,
    order_items,
    orders,
    product_description_embeddings,
    product_types,
    products,
    stores,
)

CATEGORIES: TypeAlias = Literal[
    "HAND TOOLS",
    "POWER TOOLS",
    "PAINT & FINISHES",
    "HARDWARE",
    "LUMBER & BUILDING MATERIALS",
    "ELECTRICAL",
    "PLUMBING",
    "GARDEN & OUTDOOR",
    "STORAGE & ORGANIZATION",
]
Days: TypeAlias = Annotated[
    int, Field(ge=1, le=366, description="Days to look back, the newest order's day included")
]
Category: TypeAlias = Annotated[
    CATEGORIES | None, Field(description="Only products of this category; null for all")
]

_revenue = sa.func.sum(order_items.c.total_amount)
_orders = sa.func.count(orders.c.order_id.distinct())


def add_tools(server: Server) -> None:
    """Register the tools of this module."""
    server.tool(max_rows=300)(get_multiple_table_schemas)
    server.tool()(get_current_utc_date)
    server.tool()(semantic_search_products)
    server.tool(max_rows=366, notice=newest_order)(daily_sales)
    server.tool(notice=newest_order)(top_products)
    server.tool(notice=newest_order)(sales_by_store)


def newest_order() -> Rows:
    """The day from which days are counted back, as a sentence."""
    day = sa.func.to_char(sa.func.max(orders.c.order_date), "YYYY-MM-DD", type_=sa.Text)
    counted = sa.literal("Days are counted back from ") + day + ", the newest order you can see."
    return sa.select(sa.func.coalesce(counted, "You can see no orders.").label("notice"))


def get_current_utc_date() -> Rows:
    """The current date and time in UTC. The newest order may be older: tools say its date."""
    now = sa.func.now()
    return sa.select(
        now.label("utc_now"), sa.cast(sa.func.timezone("UTC", now), sa.Date).label("utc_date")
    )


def semantic_search_products(
    query_description: Annotated[
        Embedded,
        Field(min_length=2, max_length=500, description="What is wanted, in plain words"),
    ],
    max_rows: Annotated[int, Field(ge=1, le=100, description="Products to return")] = 20,
    similarity_threshold: Annotated[
        float,
        Field(ge=0, le=100, description="Least similarity in percent; 10 is loose, 30 strict"),
    ] = 15.0,
) -> Rows:
    """Products whose name and description are like a description in plain words, best first.

    Use it to resolve what a person calls a product before asking for its sales. stock_level is
    what the stores that you can see have together.
    """
    embedding = product_description_embeddings.c.description_embedding
    distance = embedding.cosine_distance(list(query_description.vector))
    similarity = sa.cast(100 * (1 - distance), sa.Numeric(5, 1))
    stock = (
        sa.select(sa.func.sum(inventory.c.stock_level))
        .where(inventory.c.product_id == products.c.product_id)
        .scalar_subquery()
    )
    return (
        sa.select(
            products.c.sku,
            products.c.product_name,
            categories.c.category_name,
            product_types.c.type_name,
            products.c.base_price,
            stock.label("stock_level"),
            similarity.label("similarity_percent"),
            products.c.product_description,
        )
        .join(categories, categories.c.category_id == products.c.category_id)
        .join(product_types, product_types.c.type_id == products.c.type_id)
        .join(product_description_embeddings)
        .where(distance <= 1 - similarity_threshold / 100)
        .order_by(distance, products.c.product_id)
        .limit(max_rows)
    )


def daily_sales(days: Days = 30, category: Category = None) -> Rows:
    """Orders, customers, items and revenue (US dollars) of each day with sales, newest first."""
    return (
        _sales(days, category)
        .with_only_columns(
            orders.c.order_date.label("sales_date"),
            _orders.label("orders"),
            sa.func.count(orders.c.customer_id.distinct()).label("customers"),
            sa.func.sum(order_items.c.quantity).label("items_sold"),
            _revenue.label("revenue"),
            sa.func.round(_revenue / _orders, 2, type_=sa.Numeric).label("average_order_value"),
        )
        .group_by(orders.c.order_date)
        .order_by(orders.c.order_date.desc())
    )


def top_products(
    days: Days = 30,
    category: Category = None,
    limit: Annotated[int, Field(ge=1, le=100, description="Products to return")] = 20,
) -> Rows:
    """Best-selling products by revenue (US dollars), with quantities and average price paid."""
    sold = sa.func.sum(order_items.c.quantity)
    return (
        _sales(days, category)
        .with_only_columns(
            products.c.sku,
            products.c.product_name,
            categories.c.category_name,
            sold.label("quantity_sold"),
            _orders.label("orders"),
            _revenue.label("revenue"),
            sa.func.round(_revenue / sold, 2, type_=sa.Numeric).label("average_price"),
        )
        .group_by(products.c.product_id, categories.c.category_name)
        .order_by(_revenue.desc(), products.c.product_id)
        .limit(limit)
    )


def sales_by_store(days: Days = 30, category: Category = None) -> Rows:
    """Orders, customers and revenue (US dollars) of each store that you can see, best first."""
    return (
        _sales(days, category)
        .join(stores, stores.c.store_id == orders.c.store_id)
        .with_only_columns(
            stores.c.store_name,
            stores.c.is_online,
            _orders.label("orders"),
            sa.func.count(orders.c.customer_id.distinct()).label("customers"),
            _revenue.label("revenue"),
            sa.func.round(_revenue / _orders, 2, type_=sa.Numeric).label("average_order_value"),
        )
        .group_by(stores.c.store_id, stores.c.store_name, stores.c.is_online)
        .order_by(_revenue.desc())
    )


def _sales(days: int, category: str | None) -> Rows:
    """Order lines of the last days with their product and category; the columns come later."""
    newest = sa.select(sa.func.max(orders.c.order_date)).scalar_subquery()
    sales = (
        sa.select(orders.c.order_id)
        .join(order_items, order_items.c.order_id == orders.c.order_id)
        .join(products, products.c.product_id == order_items.c.product_id)
        .join(categories, categories.c.category_id == products.c.category_id)
        # Nothing is newer than the newest; but of a range with both ends the planner expects few
        # rows, where of one end it would expect a third of the table.
        .where(orders.c.order_date > newest - days, orders.c.order_date <= newest)
    )
    return sales if category is None else sales.where(categories.c.category_name == category)
