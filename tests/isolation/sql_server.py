"""A server of the walled shop with a tool for SQL, called as clients call it."""

from typing import Any, Final

from isolation.walled import TABLES, Walled
from mcpdb import (
    Catalog,
    Database,
    FixedTenancy,
    PoolConfig,
    Relation,
    Server,
    SqlLogin,
    SqlToolOptions,
    Tenant,
    Timeouts,
)
from mcpdb.isolation.names import table_name
from mcpdb.request import Request
from mcpdb.result import Result

COLUMNS: Final = {
    "orders": ("id", "tenant", "amount", "canary"),
    "items": ("id", "order_id", "tenant", "quantity", "canary"),
    "shifts": ("branch", "hours", "canary"),
    "stores": ("id", "name"),
    "transfers": ("giver", "taker", "quantity"),
    "notes": ("tenant", "body"),
    "products": ("id", "name"),
}
CATALOG: Final = Catalog(
    Relation(*name, COLUMNS[name[1]]) for name in (table_name(each.table) for each in TABLES)
)


def database_of(walled: Walled, tenant: Tenant, **options: Any) -> Database:
    """The database with both of its logins, for one tenant."""
    sql: dict[str, Any] = {"pool": options.pop("sql_pool")} if "sql_pool" in options else {}
    usual: dict[str, Any] = {"pool": PoolConfig(size=2), "timeouts": Timeouts()}
    return Database(
        _url(walled.dsn()),
        tenancy=FixedTenancy(tenant),
        isolation=walled.sealed(),
        sql=SqlLogin(url=_url(walled.dsn(walled.sql)), **sql),
        **usual | options,
    )


def server_of(walled: Walled, tenant: Tenant, **options: Any) -> Server:
    """A server with one tool, `query`."""
    tool = SqlToolOptions(**options.pop("tool", {}))
    server = Server("shop", database_of(walled, tenant, **options))
    server.sql_tool("query", catalog=CATALOG, options=tool)
    return server


async def ask(server: Server, sql: str) -> Result:
    """Call the tool."""
    request = Request(tool="query", arguments={"sql": sql})
    return await server.database.call(server.tools["query"], request)


def _url(dsn: str) -> str:
    return dsn.replace("postgresql://", "postgresql+asyncpg://", 1)
