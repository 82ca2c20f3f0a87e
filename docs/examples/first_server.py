"""A shop with two tenants. `python first_server.py north` serves the north's rows over stdio."""

import asyncio
import sys
from typing import Annotated

import asyncpg
from pydantic import Field
from sqlalchemy import Column, Date, Integer, MetaData, Numeric, Table, Text, func, select

from mcpdb import Database, FixedTenancy, PlainSetting, Rows, Server, Tenant
from mcpdb.embedded import EmbeddedPostgres

SCHEMA = """
CREATE TABLE items (id int PRIMARY KEY, tenant text NOT NULL, name text, day date, total numeric);
INSERT INTO items VALUES
    (1, 'north', 'Snow shovel', current_date - 3, 38.50), (2, 'north', 'Rope', current_date, 12),
    (3, 'south', 'Parasol', current_date - 1, 89.90), (4, 'south', 'Rope', current_date, 12);

-- Row-level security: a login that is neither superuser nor owner sees its tenant's rows only.
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
ALTER TABLE items FORCE ROW LEVEL SECURITY;
CREATE ROLE shop_mcp LOGIN;
GRANT SELECT ON items TO shop_mcp;
CREATE POLICY tenant ON items FOR SELECT TO shop_mcp
    USING (tenant = (SELECT nullif(current_setting('app.tenant', true), '')));
"""

items = Table(
    "items",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("tenant", Text),
    Column("name", Text),
    Column("day", Date),
    Column("total", Numeric),
)


def make_server(dsn: str, tenant: str) -> Server:
    database = Database(
        dsn,
        tenancy=FixedTenancy(Tenant.of(tenant)),  # who is asking
        isolation=PlainSetting(setting="app.tenant"),  # how the policies hear of it
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

    return server


async def main(tenant: str) -> None:
    async with EmbeddedPostgres("shop-data") as postgres:
        connection = await asyncpg.connect(host=str(postgres.socket_dir), user="postgres")
        if not await connection.fetchval("SELECT to_regclass('items')"):
            await connection.execute(SCHEMA)
        await connection.close()
        server = make_server(postgres.dsn(database="postgres", user="shop_mcp"), tenant)
        await server.serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
