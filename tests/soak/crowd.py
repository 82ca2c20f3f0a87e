"""Eight tenants who read all of their rows at once, again and again, and are often cut off in the
middle: how many rows came, and how many of them were somebody else's."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import asyncpg
from sqlalchemy import Column, Integer, MetaData, Table, Text, select

from mcpdb import Database, Isolation, Limits, McpdbError, PoolConfig, Request, Rows, Server, Tenant
from mcpdb.isolation import Protected, Roles, Wall
from mcpdb.operate import apply_wall
from mcpdb.tenancy import TenancyProvider

TENANTS: Final = tuple(f"tenant-{number}" for number in range(8))
EACH: Final = 5_000
"""Rows of a tenant: what one call reads."""
APP_SETTING: Final = "app.tenant"
"""What the policies of the plain design ask, beside the wall's."""

entries = Table(
    "entries",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
)

_PLAIN: Final = """
CREATE TABLE plain_entries (id int PRIMARY KEY, tenant text NOT NULL);
INSERT INTO plain_entries SELECT id, tenant FROM entries;
ALTER TABLE plain_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON plain_entries FOR SELECT
  USING (tenant = (SELECT current_setting('app.tenant', true)));
"""
plain_entries = Table(
    "plain_entries",
    entries.metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
)


@dataclass(slots=True)
class Outcome:
    """What came of it. `wrong` holds one word for each call whose rows were not the tenant's."""

    rows: int = 0
    calls: int = 0
    cancelled: int = 0
    wrong: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


async def make_database(connection: asyncpg.Connection, *, app: str, keeper: str) -> str:
    """Tables, rows and the wall, on an administrator's connection; returns the server's key.

    The table `plain_entries` is for the mutant, and open to its login by a plain setting.
    """
    await connection.execute("CREATE TABLE entries (id int PRIMARY KEY, tenant text NOT NULL)")
    await connection.execute(
        "INSERT INTO entries SELECT i, 'tenant-' || i % 8 FROM generate_series(1, $1::int) AS i",
        EACH * len(TENANTS),
    )
    await connection.execute(_PLAIN)
    owner = await connection.fetchval("SELECT current_user::text")
    wall = Wall(
        tables=[Protected("public.entries", "tenant")],
        roles=Roles(app=app, keeper=keeper),
        shut_out=[owner],
    )
    applied = await apply_wall(connection, wall)
    assert applied.key is not None
    return applied.key


class Named(TenancyProvider):
    """The tenant in a header: who may be whom is not what is tested."""

    async def resolve(self, request: Request) -> Tenant:
        return Tenant.of(request.headers["x-tenant"])


def make_server(
    dsn: str,
    isolation: Isolation,
    *,
    pooler: bool,
    single_flight: bool = False,
    table: Table = entries,
) -> Server:
    """One tool, which reads everything that it may."""
    database = Database(
        dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
        tenancy=Named(),
        isolation=isolation,
        limits=Limits(max_rows=2 * EACH * len(TENANTS), default_text_bytes=900_000),
        pool=PoolConfig(
            size=4,
            pooler="pgbouncer-transaction" if pooler else None,
            single_flight=single_flight,
        ),
    )
    server = Server("soak", database)

    @server.tool(max_rows=2 * EACH * len(TENANTS))
    def everything() -> Rows:
        """All rows."""
        return select(table.c.tenant, table.c.id).order_by(table.c.id)

    return server


async def soak(server: Server, *, rows: int, seed: int = 1) -> Outcome:
    """Read until so many rows came; a third of the calls are cancelled at a random moment."""
    outcome = Outcome()
    chance = random.Random(seed)
    began = time.perf_counter()
    async with server.database, asyncio.TaskGroup() as group:
        for tenant in TENANTS:
            group.create_task(_read_on(server, tenant, outcome, rows, chance))
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _read_on(
    server: Server, tenant: str, outcome: Outcome, rows: int, chance: random.Random
) -> None:
    async def call() -> None:
        request = Request(tool="everything", arguments={}, headers={"x-tenant": tenant})
        result = await server.database.call(server.tools["everything"], request)
        got = result.structured["rows"]
        outcome.rows += len(got)
        outcome.calls += 1
        if any(owner != tenant for owner, _ in got):
            outcome.wrong.append("foreign")
        elif len({number for _, number in got}) != EACH:
            outcome.wrong.append("missing")

    while outcome.rows < rows and len(outcome.wrong) < 100:
        wait_s = chance.uniform(0, 0.03) if chance.random() < 1 / 3 else None
        try:
            await _cut_off(call, wait_s)
        except TimeoutError:
            outcome.cancelled += 1
        except McpdbError as error:
            outcome.errors.append(str(error))
            assert len(outcome.errors) < 100, outcome.errors[:3]


async def _cut_off(call: Callable[[], Awaitable[None]], wait_s: float | None) -> None:
    async with asyncio.timeout(wait_s):
        await call()
