from typing import Annotated

from pydantic import Field
from sqlalchemy import Column, Date, Integer, MetaData, Numeric, Table, Text, func, select

from mcpdb import Database, FixedTenancy, PlainSetting, Rows, Server, Tenant

items = Table(
    "items",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("day", Date),
    Column("total", Numeric(10, 2)),
)
database = Database(
    "postgresql://shop_mcp@localhost/shop",
    tenancy=FixedTenancy(Tenant.of("north")),  # who is asking
    isolation=PlainSetting(setting="app.tenant"),  # how your policies hear of it
)
server = Server("shop", database)


@server.tool()
def top_products(
    days: Annotated[int, Field(ge=1, le=365, description="How many days to look back")] = 30,
) -> Rows:
    """Best sellers by revenue over the last `days` days."""
    revenue = func.sum(items.c.total).label("revenue")
    return (
        select(items.c.name, revenue)
        .where(items.c.day > func.current_date() - days)
        .group_by(items.c.name)
        .order_by(revenue.desc())
    )


if __name__ == "__main__":
    server.run()  # over stdio; server.run("http") and server.http_app() are the other ways
