"""The kinds of tools, on one table of sales."""

from datetime import date
from typing import Annotated, Literal

from pgvector.sqlalchemy import Vector
from pydantic import BaseModel, Field
from sqlalchemy import Column, Date, Integer, MetaData, Numeric, Table, Text, func, select

from mcpdb import (
    Database,
    Embedded,
    FixedTenancy,
    HashedEmbeddings,
    PlainSetting,
    Report,
    Rows,
    Server,
    Tables,
    Tenant,
)

sales = Table(
    "sales",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("day", Date),
    Column("item", Text),
    Column("total", Numeric(10, 2)),
    Column("item_embedding", Vector(1536)),
)
database = Database(
    "postgresql://shop_mcp@localhost/shop",
    tenancy=FixedTenancy(Tenant.of("north")),
    isolation=PlainSetting(setting="app.tenant"),
    embeddings=HashedEmbeddings(),
)
server = Server("shop", database)


def newest_day() -> Rows:
    day = func.to_char(func.max(sales.c.day), "YYYY-MM-DD", type_=Text)
    return select(("The newest sale is of " + day).label("notice"))


# One table. The notice is a select of one text, run in the same transaction.
@server.tool(max_rows=500, timeout_s=10, notice=newest_day)
def daily_sales(
    since: Annotated[date, Field(description="First day")] = date(2024, 1, 1),
    order: Literal["newest first", "largest first"] = "newest first",
) -> Rows:
    """Revenue of each day."""
    revenue = func.sum(sales.c.total).label("revenue")
    found = select(sales.c.day, revenue).where(sales.c.day >= since).group_by(sales.c.day)
    return found.order_by(sales.c.day.desc() if order == "newest first" else revenue.desc())


# A text of the model and its vector. The embedding is asked for before a connection is taken.
@server.tool()
def find_items(
    like: Annotated[Embedded, Field(max_length=200, description="What it is, in plain words")],
) -> Rows:
    """Items that are like a description, best first."""
    distance = sales.c.item_embedding.cosine_distance(like.vector)
    return select(sales.c.item).order_by(distance).limit(10)


class Summary(BaseModel):
    """What the report says."""

    revenue: float
    best_item: str | None


def summarize(tables: Tables) -> Summary:
    return Summary(
        revenue=tables["total"][0]["revenue"] or 0,
        best_item=tables["best"][0]["item"] if tables["best"] else None,
    )


# Several selects in one transaction, and a pure function that computes a model from their rows.
@server.tool()
def summary() -> Report:
    """Total revenue, and the item that brought in most."""
    revenue = func.sum(sales.c.total).label("revenue")
    best = select(sales.c.item, revenue).group_by(sales.c.item).order_by(revenue.desc()).limit(1)
    return Report({"total": select(revenue), "best": best}, then=summarize)


# Columns that depend on the arguments.
@server.tool(columns="dynamic")
def sums_by(column: Literal["day", "item"]) -> Rows:
    """Revenue by day or by item."""
    key = sales.c[column]
    return select(key, func.sum(sales.c.total).label("revenue")).group_by(key)
