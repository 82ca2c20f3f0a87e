"""A server with holes, each planted on purpose: the original's design, and the mistakes that are
usual around it. `python weak_server.py DSN` serves the manager in WEAK_MANAGER over stdio."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg
from mcp.server.mcpserver import Context, MCPServer

HEAD_OFFICE: Final = "00000000-0000-0000-0000-000000000000"
HEADER: Final = "x-rls-user-id"
_SET: Final = "SELECT set_config('app.current_rls_user_id', $1, {})"

Ctx: TypeAlias = Context[Any, Any]


class Weak:
    """What the tools share."""

    def __init__(self, dsn: str, manager: str | None) -> None:
        self._dsn = dsn
        self._manager = manager
        self._last: dict[int, str] = {}
        self.pool: Any = None

    @asynccontextmanager
    async def lifespan(self, _: "MCPServer[None]") -> AsyncGenerator[None]:
        """Open the pool."""

        async def keep(_: Any) -> None:
            """Hole: what a call has set stays on its connection."""

        self.pool = await asyncpg.create_pool(
            self._dsn, min_size=2, max_size=3, reset=keep, statement_cache_size=0
        )
        try:
            yield
        finally:
            self.pool.terminate()

    def who(self, context: Ctx) -> str:
        """Hole: nobody is everybody. Hole: of several headers the first counts."""
        if self._manager is not None:
            return self._manager
        return (context.headers or {}).get(HEADER) or HEAD_OFFICE

    async def rows(self, context: Ctx, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of one statement of a tool, in a transaction of the caller's."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SET.format("true"), self.who(context))
            return [dict(row) for row in await connection.fetch(sql, *values)]

    async def execute(self, context: Ctx, sql: str) -> list[dict[str, Any]]:
        """Holes: any SQL, several statements, and the tenant is only set when it has changed."""
        async with self.pool.acquire() as connection:
            me, pid = self.who(context), connection.get_server_pid()
            if self._last.get(pid) != me:
                await connection.execute(_SET.format("false"), me)
                self._last[pid] = me
            found: list[dict[str, Any]] = []
            try:
                for statement in [each for each in sql.split(";") if each.strip()]:
                    rows = await connection.fetch(statement)
                    found = [{k: str(v) for k, v in row.items()} for row in rows] or found
            finally:
                if connection.is_in_transaction():
                    await connection.execute("ROLLBACK")
            return found

    async def unguarded(self, context: Ctx) -> list[dict[str, Any]]:
        """Hole: between setting and reading, the connection may be somebody else's."""
        async with self.pool.acquire() as connection:
            self._last.clear()
            await connection.execute(_SET.format("false"), self.who(context))
        await asyncio.sleep(0)
        async with self.pool.acquire() as connection:
            sql = "SELECT order_id, customer, total FROM sales.orders ORDER BY 1 LIMIT 5"
            return [dict(row) for row in await connection.fetch(sql)]


def make_weak(dsn: str, manager: str | None = None) -> "MCPServer[None]":
    """The server; over stdio for one manager, over HTTP for whom the header names."""
    weak = Weak(dsn, manager)
    mcp = MCPServer[None]("weak", version="1", lifespan=weak.lifespan, log_level="CRITICAL")
    _add_sql(mcp, weak)
    _add_orders(mcp, weak)
    _add_left_over(mcp, weak)
    return mcp


def _tool(mcp: "MCPServer[None]") -> Callable[[Callable[..., Awaitable[Any]]], Any]:
    return mcp.tool(structured_output=False)


def _add_sql(mcp: "MCPServer[None]", weak: Weak) -> None:
    @_tool(mcp)
    async def execute_query(sql: str, context: Ctx) -> dict[str, Any]:
        """Run a PostgreSQL query on sales.orders, sales.stores and sales.products."""
        try:
            rows = await weak.execute(context, sql)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return {"err": str(error), "q": sql, "c": [], "r": [], "n": 0}
        columns = list(rows[0]) if rows else []
        return {"c": columns, "r": [list(row.values()) for row in rows[:200]], "n": len(rows)}


def _add_orders(mcp: "MCPServer[None]", weak: Weak) -> None:
    @_tool(mcp)
    async def find_orders(customer: str, context: Ctx) -> dict[str, Any]:
        """Orders of customers whose name begins so. Hole: SQL by concatenation."""
        sql = (
            "SELECT order_id, customer, total::text FROM sales.orders"
            f" WHERE customer LIKE '{customer}%' ORDER BY order_id LIMIT 50"
        )
        return {"rows": await weak.rows(context, sql)}

    @_tool(mcp)
    async def store_sales(context: Ctx) -> dict[str, Any]:
        """What customers have bought. Hole: a view with its owner's rights, and no WHERE."""
        rows = await weak.rows(
            context, "SELECT store_name, customer, total::text FROM sales.totals"
        )
        return {"rows": rows}

    @_tool(mcp)
    async def get_order(order_id: int, context: Ctx) -> dict[str, Any]:
        """One order. Hole: a function with its owner's rights believes the key."""
        sql = "SELECT order_id, customer, email, total::text FROM sales.one_order($1)"
        return {"rows": await weak.rows(context, sql, order_id)}

    @_tool(mcp)
    async def list_orders(context: Ctx) -> dict[str, Any]:
        """The newest orders, without a hole: where the keys of honest calls come from."""
        sql = (
            "SELECT order_id, email, sku, total::text FROM sales.orders"
            " ORDER BY order_id DESC LIMIT 20"
        )
        return {"rows": await weak.rows(context, sql)}

    @_tool(mcp)
    async def check_email(email: str, context: Ctx) -> dict[str, Any]:
        """Whether an e-mail is free. Hole: PostgreSQL's DETAIL, of a row that one cannot see."""
        sql = "SELECT sales.claim($1)"
        try:
            await weak.rows(context, sql, email)
        except asyncpg.UniqueViolationError as error:
            return {"error": f"{error} DETAIL: {error.detail}"}
        except asyncpg.PostgresError:
            return {"free": True}
        return {"free": True}


def _add_left_over(mcp: "MCPServer[None]", weak: Weak) -> None:
    @_tool(mcp)
    async def my_orders(context: Ctx) -> dict[str, Any]:
        """Five orders. Hole: right only while nobody else calls."""
        return {"rows": await weak.unguarded(context)}

    left: list[str] = []

    @_tool(mcp)
    async def best_customer(context: Ctx) -> dict[str, Any]:
        """The best customer. Hole: a call that is given up half-way leaves its tenant behind."""
        mine = not left
        if mine:
            left.append(weak.who(context))
        async with weak.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SET.format("true"), left[0] if left else weak.who(context))
            sql = "SELECT customer, total::text, pg_sleep(0.01)::text FROM sales.orders"
            rows = await connection.fetch(f"{sql} ORDER BY total DESC LIMIT 1")
        left.clear()
        return {"rows": [dict(row) for row in rows]}


if __name__ == "__main__":
    make_weak(sys.argv[1], os.environ["WEAK_MANAGER"]).run()
