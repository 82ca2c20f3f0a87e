"""mcpdb's tools on an MCP server that has a tool and a lifespan of its own, over stdio."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp.server.mcpserver import MCPServer
from sqlalchemy import Text, column, select, table

from mcpdb import Database, FixedTenancy, PlainSetting, Rows, Server, Tenant
from mcpdb.embedded import EmbeddedPostgres


async def serve(url: str) -> None:
    me, setting = FixedTenancy(Tenant.of("me")), PlainSetting(setting="app.tenant")
    database = Database(url, tenancy=me, isolation=setting)
    server = Server("catalog", database)

    @server.tool()
    def readable_tables() -> Rows:
        """The tables and views that this server may read."""
        tables = table("tables", column("table_name", Text), schema="information_schema")
        return select(tables.c.table_name).order_by(tables.c.table_name)

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncGenerator[None]:
        async with database:  # and whatever else your server opens and closes
            yield

    mcp = MCPServer("mine", lifespan=lifespan)

    @mcp.tool()
    def greeting(name: str) -> str:
        """A tool that was there before."""
        return f"Hello, {name}!"

    server.attach(mcp)
    await mcp.run_stdio_async()


async def demonstrate() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedPostgres(folder, settings={"fsync": "off"}) as postgres:
            await serve(postgres.dsn())


asyncio.run(serve(url) if (url := os.environ.get("DATABASE_URL")) else demonstrate())
