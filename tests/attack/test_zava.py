"""Zava holds: two managers of stores, every tool, every class, the SQL tool too."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Final

import asyncpg
import pytest

from mcpdb.attack import HttpIdentity, Options, attack
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.testing.escapes import assert_no_leaks
from stores import REDMOND, SEATTLE
from transports.support import served
from zava.access import APP_ROLE, SQL_ROLE
from zava.app import embeddings, make_server
from zava.generate import Plan
from zava.identity import HEADER, development_identity
from zava.load import seed

pytestmark = pytest.mark.timeout(180)

_LONGEST_S: Final = 60  # it takes a third of it on an idle machine of two cores
_STATEMENTS: Final = {"settings", "text-sql", "stacked", "parsers", "catalogs", "files", "explain"}


async def _connect(server: EmbeddedPostgres, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(server.socket_dir), port=server.port, user="postgres", database=database
    )


@pytest.fixture
async def zava_url(postgres: EmbeddedPostgres) -> AsyncGenerator[str]:
    """Zava with the small data set, over HTTP."""
    name = "zava_attacked"
    admin = await _connect(postgres, "postgres")
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name}")
    connection = await _connect(postgres, name)
    plan = Plan(size="small", until=date(2026, 10, 31))
    seeded = await seed(connection, plan, embeddings=embeddings())
    await connection.close()
    assert seeded.key is not None
    server = make_server(
        postgres.dsn(database=name, user=APP_ROLE),
        key=seeded.key,
        tenancy=development_identity(),
        sql_dsn=postgres.dsn(database=name, user=SQL_ROLE),
    )
    async with served(server.http_app()) as address:
        yield f"{address}/mcp"
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_zava_has_no_hole(zava_url: str) -> None:
    report = await attack(
        a=HttpIdentity(zava_url, [(HEADER, SEATTLE)]),
        b=HttpIdentity(zava_url, [(HEADER, REDMOND)]),
        options=Options(timeout_s=10),
    )
    assert_no_leaks(report)
    assert report.canaries > 20
    assert report.seconds < _LONGEST_S
    rows = {(row.tool, row.family): row for row in report.rows}
    tools = {tool for tool, _ in rows}
    assert {"daily_sales", "sales_by_store", "semantic_search_products"} <= tools
    for tool in tools:
        assert rows[tool, "nobody"].outcome == "refused"
        assert rows[tool, "concurrent"].tried >= 100
    tried = {family for tool, family in rows if tool == "execute_sales_query"}
    assert tried >= _STATEMENTS
