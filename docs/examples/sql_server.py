import os

from sqlalchemy import Column, Integer, MetaData, Numeric, Table, Text

from mcpdb import Catalog, Database, FixedTenancy, Server, SqlLogin, SqlToolOptions, Tenant
from mcpdb.isolation import Sealed

metadata = MetaData()
orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("store", Text),
    Column("total", Numeric(10, 2)),
)
products = Table(
    "products",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("price", Numeric(10, 2)),
    Column("cost", Numeric(10, 2)),
)
database = Database(
    os.environ["DATABASE_URL"],  # postgresql://shop_mcp:...@localhost/shop
    tenancy=FixedTenancy(Tenant.of("north")),  # who is asking
    isolation=Sealed(key=os.environ["SHOP_MCPDB_KEY"]),
    sql=SqlLogin(os.environ["SQL_DATABASE_URL"]),  # postgresql://shop_sql:...@localhost/shop
)
server = Server("shop", database)
server.sql_tool(
    "query",
    catalog=Catalog.of(orders, products, columns={"public.products": ["id", "name", "price"]}),
    options=SqlToolOptions(max_rows=200, timeout_s=5, work_mem_mb=32),
)

if __name__ == "__main__":
    server.run()
