import os

from sqlalchemy import Column, Integer, MetaData, Numeric, Table, Text, func, select

from mcpdb import Database, FixedTenancy, Rows, Server, Tenant
from mcpdb.isolation import Sealed

orders = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("store", Text),
    Column("total", Numeric(10, 2)),
)
database = Database(
    os.environ["DATABASE_URL"],  # postgresql://shop_mcp:...@localhost/shop
    tenancy=FixedTenancy(Tenant.of("north")),  # who is asking
    isolation=Sealed(key=os.environ["SHOP_MCPDB_KEY"]),
)
server = Server("shop", database)


@server.tool()
def revenue() -> Rows:
    """Revenue and number of orders."""
    return select(func.sum(orders.c.total).label("revenue"), func.count().label("orders"))


if __name__ == "__main__":
    server.run()
