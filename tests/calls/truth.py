"""What each tool of the shop must answer to each tenant, as the superuser sees the tables."""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from calls.support import call
from mcpdb import Server
from mcpdb.cells import to_cells

_OWN: Final = "FROM sales WHERE tenant = $1"

ARGUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {"slow": {"seconds": 0}}
TRUTHS: Final[Mapping[str, Mapping[str, str]]] = {
    "sales_rows": {"rows": f"SELECT * {_OWN} ORDER BY day DESC, id LIMIT 50"},
    "all_sales": {"rows": f"SELECT id, item, amount {_OWN} ORDER BY id LIMIT 1000"},
    "by_item": {"rows": f"SELECT item, sum(amount), count(*) {_OWN} GROUP BY 1 ORDER BY 2 DESC"},
    "shares": {"rows": f"SELECT sum(amount)::float8, count(DISTINCT item) {_OWN}"},
    "overview": {
        "newest": f"SELECT id, day {_OWN} ORDER BY day DESC, id LIMIT 3",
        "largest": f"SELECT id, amount {_OWN} ORDER BY amount DESC LIMIT 3",
    },
    "slow": {"rows": f"SELECT count(*), 1 {_OWN}"},
    "broken": {"rows": f"SELECT amount / 1 {_OWN} ORDER BY id LIMIT 3"},
}

Tables = Mapping[str, list[list[Any]]]
Truth = Mapping[str, Mapping[str, Tables]]


async def truth_of(admin: "asyncpg.Connection[Any]", tenant: str) -> Mapping[str, Tables]:
    """The tables of each tool's answer to this tenant."""
    truth: dict[str, Tables] = {}
    for tool, queries in TRUTHS.items():
        found = {name: await admin.fetch(sql, tenant) for name, sql in queries.items()}
        truth[tool] = {name: to_cells([tuple(row) for row in rows]) for name, rows in found.items()}
    return truth


def tables_of(facts: Mapping[str, Any]) -> Tables:
    """The tables of an answer; a model's values are one row of one table."""
    if "tables" in facts:
        return {name: table["rows"] for name, table in facts["tables"].items()}
    if "rows" in facts:
        return {"rows": facts["rows"]}
    return {"rows": [list(facts.values())]}


async def answers_truly(server: Server, tool: str, tenant: str, truth: Truth) -> None:
    """Call a tool as a tenant, and fail unless it answers that tenant's truth and nothing else."""
    result = await call(server, tool, tenant=tenant, **ARGUMENTS.get(tool, {}))
    assert tables_of(result.structured) == truth[tenant][tool], f"{tool} as {tenant}"
