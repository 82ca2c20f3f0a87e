"""Zava's stores as tenants, for tests: who there is, and which rows each is to see."""

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from mcpdb import Backend, Tenant
from mcpdb.isolation import Sealed
from zava import tables
from zava.catalogue import load_company

Connect = Callable[..., Awaitable[asyncpg.Connection]]
CreateDatabase = Callable[..., Awaitable[str]]
Fingerprint = tuple[int, int]
"""Number of rows, and a sum of their hashes: equal for equal sets of rows."""

_COMPANY = load_company()
STORES = {store.name.removeprefix("Zava Retail "): store for store in _COMPANY.stores}
SEATTLE, REDMOND = (str(STORES[name].rls_user_id) for name in ("Seattle", "Redmond"))
EVERY_STORE = [store.store_id for store in _COMPANY.stores]

IDENTITIES = {
    **{
        name: (Tenant.of(str(store.rls_user_id)), [store.store_id])
        for name, store in STORES.items()
    },
    "Puget Sound": (
        Tenant.of(str(_COMPANY.regions[0].rls_user_id)),
        [store.store_id for name, store in STORES.items() if name not in {"Spokane", "Online"}],
    ),
    "Statewide": (Tenant.of(str(_COMPANY.regions[1].rls_user_id)), EVERY_STORE),
    "head office": (Tenant.all(), EVERY_STORE),
    "Seattle and Redmond": (
        Tenant.of(SEATTLE, REDMOND),
        [STORES["Seattle"].store_id, STORES["Redmond"].store_id],
    ),
    "Redmond in capitals": (Tenant.of(REDMOND.upper()), [STORES["Redmond"].store_id]),
}
EVERY_TABLE = list(tables.metadata.tables)
# The rows of each table that the manager of the stores $1 is to see.
_BY_STORE = "store_id = ANY ($1)"
_TRUTH = {
    **dict.fromkeys(EVERY_TABLE, "$1::int[] IS NOT NULL"),
    **dict.fromkeys(("retail.orders", "retail.order_items", "retail.inventory"), _BY_STORE),
    "retail.customers": "primary_store_id = ANY ($1) OR customer_id IN"
    " (SELECT customer_id FROM retail.orders WHERE store_id = ANY ($1))",
}
READABLE = [table for table in EVERY_TABLE if table != "retail.store_access"]


def fingerprint_of(table: str, where: str = "true") -> str:
    """SQL for the fingerprint of what the server's login may read of a table."""
    columns = "store_id, store_name, is_online" if table == "retail.stores" else "*"
    return (
        "SELECT count(*), coalesce(sum(hashtextextended(each::text, 0)), 0)"
        f" FROM (SELECT {columns} FROM {table} WHERE {where}) AS each"
    )


@asynccontextmanager
async def acting_as(
    connection: asyncpg.Connection, tenant: Tenant | None, key: str
) -> AsyncGenerator[None]:
    """A transaction into which a server with this key lets the tenant; None: nobody."""
    async with connection.transaction():
        if tenant is not None:
            await enter(connection, tenant, key)
        yield


async def enter(connection: asyncpg.Connection, tenant: Tenant, key: str) -> None:
    """What a server does first in each transaction."""
    sealed = Sealed(key=key)
    dialect = sa.make_url("postgresql+asyncpg://").get_dialect()()
    statement = sa.select(*sealed.expressions()).compile(dialect=dialect)
    assert isinstance(statement, SQLCompiler)
    backend = Backend(
        database=await connection.fetchval("SELECT current_database()"),
        pid=connection.get_server_pid(),
    )
    values = sealed.parameters(tenant, backend)
    await connection.execute(str(statement), *(values[n] for n in statement.positiontup or ()))


async def key_of(admin: asyncpg.Connection) -> str:
    """The server's newest key, which only a superuser can work out: HMAC's inner pad is the key
    with each byte xor 0x36."""
    row = await admin.fetchrow(
        "SELECT number, ipad FROM mcpdb.keys WHERE purpose = 'enter' ORDER BY number DESC LIMIT 1"
    )
    assert row is not None
    secret = bytes(byte ^ 0x36 for byte in row["ipad"][:32])
    return f"mcpdb-key-{row['number']}-{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


async def seen(connection: asyncpg.Connection, table: str) -> Fingerprint:
    rows, total = await connection.fetchrow(fingerprint_of(table)) or (0, 0)
    return rows, total


async def truth(admin: asyncpg.Connection, table: str, stores: list[int]) -> Fingerprint:
    rows, total = await admin.fetchrow(fingerprint_of(table, _TRUTH[table]), stores) or (0, 0)
    return rows, total


async def checksum(connection: asyncpg.Connection) -> dict[str, Fingerprint]:
    """The fingerprint of each table, but for the moments of the seeding in them."""
    sums: dict[str, Fingerprint] = {}
    for table in tables.metadata.sorted_tables:
        moments = {"finished_at"} if table is tables.seed_info else {"created_at"}
        kept = [c.name for c in table.c if c.name not in moments or table is tables.customers]
        row = await connection.fetchrow(
            "SELECT count(*), coalesce(sum(hashtextextended(each::text, 0)), 0)"
            f" FROM (SELECT {', '.join(kept)} FROM {table}) AS each"
        )
        assert row is not None
        sums[str(table)] = (row[0], row[1])
    return sums
