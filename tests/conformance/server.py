"""The server that the conformance suite talks to: three tools of mcpdb over an embedded PostgreSQL,
and on the same `MCPServer` the fixtures that the suite names. `python server.py` listens on any
free port and says which on standard error."""

import asyncio
import tempfile
from typing import Annotated

import asyncpg
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field
from sqlalchemy import Column, Date, Integer, MetaData, Numeric, Table, Text, func, select
from typing_extensions import override

from conformance import during_calls, fixtures, rounds
from mcpdb import (
    Database,
    FixedTenancy,
    PlainSetting,
    Report,
    Rows,
    Server,
    Tables,
    Tenant,
)
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.process import server_process

SCHEMA = """
CREATE TABLE items (id int PRIMARY KEY, tenant text, name text, day date, total numeric(10, 2));
INSERT INTO items SELECT i, CASE WHEN i % 2 = 0 THEN 'north' ELSE 'south' END, 'item ' || i % 9,
    current_date - i, i FROM generate_series(1, 100) AS i;
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE ROLE clerk LOGIN;
GRANT SELECT ON items TO clerk;
CREATE POLICY tenant ON items FOR SELECT TO clerk
    USING (tenant = (SELECT nullif(current_setting('app.tenant', true), '')));
"""

items = Table(
    "items",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("day", Date),
    Column("total", Numeric(10, 2)),
)


class Average(BaseModel):
    """What the report computes."""

    average: float
    items: int


class ConformanceServer(Server):
    """A server of mcpdb whose `MCPServer` has the fixtures too."""

    @override
    def mcp(self) -> MCPServer[None]:
        mcp = super().mcp()
        for add in (*fixtures.ALL, *during_calls.ALL, *rounds.ALL):
            add(mcp)
        return mcp


def make_server(dsn: str) -> Server:
    """The server over this database."""
    database = Database(
        dsn,
        tenancy=FixedTenancy(Tenant.of("north")),
        isolation=PlainSetting(setting="app.tenant"),
    )
    server = ConformanceServer("conformance", database, version="1")

    @server.tool()
    def top_items(
        days: Annotated[int, Field(ge=1, le=365, description="How many days to look back")] = 30,
        name: Annotated[str | None, Field(description="Part of the name")] = None,
    ) -> Rows:
        """Best sellers by revenue."""
        revenue = func.sum(items.c.total).label("revenue")
        found = select(items.c.name, revenue).where(items.c.day > func.current_date() - days)
        if name is not None:
            found = found.where(items.c.name.contains(name, autoescape=True))
        return found.group_by(items.c.name).order_by(revenue.desc())

    @server.tool()
    def overview() -> Report:
        """Newest and dearest items."""
        newest = select(items.c.id, items.c.day).order_by(items.c.day.desc()).limit(3)
        dearest = select(items.c.id, items.c.total).order_by(items.c.total.desc()).limit(3)
        return Report({"newest": newest, "dearest": dearest})

    @server.tool()
    def average() -> Report:
        """The average total."""
        rows = select(
            func.avg(items.c.total, type_=Numeric).label("average"),
            func.count(items.c.id).label("items"),
        )
        return Report({"all": rows}, then=_average)

    return server


def _average(tables: Tables) -> Average:
    (row,) = tables["all"]
    return Average(average=float(row["average"]), items=row["items"])


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedPostgres(folder, settings={"fsync": "off"}) as postgres:
            admin = await asyncpg.connect(host=str(postgres.socket_dir), user="postgres")
            await admin.execute(SCHEMA)
            await admin.close()
            await make_server(postgres.dsn(user="clerk")).serve("http", port=0)


if __name__ == "__main__":
    with server_process():
        asyncio.run(main())
