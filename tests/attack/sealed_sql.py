"""A tool that runs any SQL behind the seal and nothing else: no guard, no executor. What the seal
promises must hold here; what only a guard closes is open."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from attack.sales import HEADER, NORTH, SOUTH
from isolation.walled import enter
from mcpdb import Tenant
from mcpdb.isolation import Backend, Sealed

Ctx: TypeAlias = Context[Any, Any]


def make_sealed_sql(dsn: str, key: str) -> "MCPServer[None]":
    """The server."""
    sealed = Sealed(key=key)
    pools: list[Any] = []

    @asynccontextmanager
    async def lifespan(_: "MCPServer[None]") -> AsyncGenerator[None]:
        pools.append(
            await asyncpg.create_pool(
                dsn,
                min_size=2,
                max_size=3,
                statement_cache_size=0,
                server_settings={"statement_timeout": "400"},
            )
        )
        yield
        pools.pop().terminate()

    mcp = MCPServer[None]("sealed", version="1", lifespan=lifespan, log_level="CRITICAL")

    @mcp.tool(structured_output=False)
    async def execute_query(sql: str, context: Ctx) -> dict[str, Any]:
        """Run a PostgreSQL query on sales.orders, sales.stores and sales.products."""
        request: Any = context.request_context.request
        values: list[str] = request.headers.getlist(HEADER)
        if len(values) != 1 or values[0] not in {NORTH, SOUTH}:
            raise ToolError("No identity.")
        (who,) = values
        async with pools[0].acquire() as connection:
            transaction = connection.transaction(readonly=True)
            await transaction.start()
            try:
                name = await connection.fetchval("SELECT current_database()")
                backend = Backend(database=name, pid=connection.get_server_pid())
                await enter(connection, dict(sealed.parameters(Tenant.of(who), backend)))
                rows = await connection.fetch(sql)
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise ToolError(type(error).__name__) from None
            finally:
                if connection.is_in_transaction():
                    await connection.execute("ROLLBACK")
                await connection.execute("SELECT pg_advisory_unlock_all()")
        columns = list(rows[0].keys()) if rows else []
        return {"c": columns, "r": [[str(c) for c in row.values()] for row in rows[:200]]}

    return mcp
