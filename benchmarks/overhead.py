"""What mcpdb adds to the bare SDK: 1,000 rows x 4 columns, from the driver's rows to the finished
HTTP response, against the same result built by hand from JSON-safe rows. Paired, in one run."""

import asyncio
import datetime as dt
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent
from sqlalchemy import Date, Integer, Numeric, Text, column, select, table
from starlette.types import ASGIApp
from wire import call_asgi

from mcpdb import (
    Database,
    Finding,
    FixedTenancy,
    PlainSetting,
    Prober,
    Rows,
    Server,
    Tenant,
)
from mcpdb.result import Fetched

ROWS: Final = 1_000
ROUNDS: Final = 7
CALLS: Final = 40
LIMIT: Final = 1.6

_DRIVER_ROWS: Final = [
    (
        i,
        f"product number {i}",
        Decimal(i * 37 % 100_000) / 100,
        dt.date(2024, 1, 1) + dt.timedelta(i),
    )
    for i in range(ROWS)
]
_source = table(
    "source",
    column("id", Integer),
    column("name", Text),
    column("price", Numeric(10, 2)),
    column("day", Date),
)


class Unchecked(PlainSetting):
    """There is no database to look at."""

    async def check(self, prober: Prober) -> Sequence[Finding]:  # noqa: ARG002
        return ()


def _ours() -> ASGIApp:
    database = Database(
        "postgresql://nobody@localhost/none",
        tenancy=FixedTenancy(Tenant.of("a")),
        isolation=Unchecked(setting="app.tenant"),
    )
    server = Server("ours", database)

    @server.tool(max_rows=ROWS)
    def thousand() -> Rows:
        """A thousand rows."""
        return select(_source)

    fetched = {"rows": Fetched(("id", "name", "price", "day"), _DRIVER_ROWS)}

    async def read(*_: Any, **__: Any) -> Mapping[str, Fetched]:
        return fetched

    async def nothing() -> None:
        """The database is not part of what is measured."""

    lane = database._lane  # pyright: ignore[reportPrivateUsage]
    lane.read = read  # type: ignore[method-assign]
    lane.open = lane.close = nothing  # type: ignore[method-assign]
    return server.http_app()


def _bare() -> ASGIApp:
    mcp: MCPServer[Any] = MCPServer("bare", version="0", log_level="WARNING")
    columns = [
        {"name": "id", "type": "integer"},
        {"name": "name", "type": "text"},
        {"name": "price", "type": "numeric(10, 2)"},
        {"name": "day", "type": "date"},
    ]
    rows = [[i, name, float(price), day.isoformat()] for i, name, price, day in _DRIVER_ROWS]

    @mcp.tool()
    async def thousand() -> CallToolResult:
        """A thousand rows."""
        structured = {
            "columns": columns,
            "rows": rows,
            "row_count": len(rows),
            "truncated": False,
            "notice": None,
        }
        text = json.dumps(structured, separators=(",", ":"), ensure_ascii=False)
        return CallToolResult(
            content=[TextContent(type="text", text=text)], structured_content=structured
        )

    return mcp.streamable_http_app()


Paired = Annotated[tuple[float, float, float], "ours ms, bare ms, median of the pairwise ratios"]


async def measure() -> Paired:
    """Medians of one call in milliseconds, and of the ratio ours/bare."""
    ours, bare = _ours(), _bare()
    async with ours.router.lifespan_context(ours), bare.router.lifespan_context(bare):  # type: ignore[attr-defined]
        answers = [json.loads(await call_asgi(app, "thousand", {})) for app in (ours, bare)]
        results = [answer["result"]["structuredContent"] for answer in answers]
        assert results[0] == results[1], "the two servers must answer the same"
        pairs = [(await _time(ours), await _time(bare)) for _ in range(ROUNDS)]
    ratio = statistics.median(a / b for a, b in pairs)
    medians = [statistics.median(side) * 1_000 for side in zip(*pairs, strict=True)]
    return medians[0], medians[1], ratio


async def _time(app: ASGIApp) -> float:
    taken: list[float] = []
    for _ in range(CALLS):
        start = time.perf_counter()
        await call_asgi(app, "thousand", {})
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    mine, theirs, times = asyncio.run(measure())
    print(f"ours {mine:.2f} ms, bare {theirs:.2f} ms, ratio {times:.2f}")
