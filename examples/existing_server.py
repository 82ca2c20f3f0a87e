"""mcpdb's tools on an MCP server that has a tool and a lifespan of its own, over stdio."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp.server.mcpserver import MCPServer
from sqlalchemy import Text, column, select, table, text
from sqlalchemy.ext.asyncio import create_async_engine

from mcpdb import Database, FixedTenancy, PlainSetting, Rows, Server, Tenant
from mcpdb.embedded import EmbeddedPostgres


async def serve(url: str) -> None:
    me, setting = FixedTenancy(Tenant.of("me")), PlainSetting(setting="app.tenant")
    server = Server("catalog", Database(url, tenancy=me, isolation=setting))

    @server.tool()
    def readable_tables() -> Rows:
        """The tables and views that this server may read."""
        return select(table("tables", column("table_name", Text), schema="information_schema"))

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncGenerator[None]:
        async with server.database:  # and whatever else your server opens and closes
            yield

    mcp = MCPServer("mine", lifespan=lifespan)

    @mcp.tool()
    def greeting(name: str) -> str:
        return f"Hello, {name}!"

    server.attach(mcp)
    await mcp.run_stdio_async()


async def demonstrate() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedPostgres(folder, settings={"fsync": "off"}) as postgres:
            async with create_async_engine(postgres.dsn()).begin() as admin:
                await admin.execute(text("CREATE ROLE reader LOGIN"))  # policies hold no superuser
            await serve(postgres.dsn(user="reader"))


asyncio.run(serve(url) if (url := os.environ.get("DATABASE_URL")) else demonstrate())
