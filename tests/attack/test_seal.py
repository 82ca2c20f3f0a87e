"""The seal alone, with any SQL: nothing that forges or stacks gets a foreign row. It is also the
proof that the attack does not cry wolf at a tool that really runs its statements."""

from typing import Final

import pytest

from attack.sales import HEADER, NORTH, SOUTH
from attack.sealed_sql import make_sealed_sql
from mcpdb.attack import HttpIdentity, Options, attack
from transports.support import served

pytestmark = pytest.mark.timeout(180)

# What row-level security does not hold, and a guard and an executor are there for.
_OPEN: Final = {"catalogs", "explain", "in-flight", "oracles", "side-effects"}


async def test_the_seal_holds_whatever_is_run(mended: tuple[str, str, str]) -> None:
    dsn, _, key = mended
    async with served(make_sealed_sql(dsn, key).streamable_http_app()) as address:
        report = await attack(
            a=HttpIdentity(f"{address}/mcp", [(HEADER, NORTH)]),
            b=HttpIdentity(f"{address}/mcp", [(HEADER, SOUTH)]),
            options=Options(timeout_s=3, calls=20),
        )
    assert [e for e in report.failures if e.family not in _OPEN] == []
    rows = {row.family: row for row in report.rows}
    assert rows["settings"].tried > 100
    assert rows["settings"].refused < rows["settings"].tried  # they ran, and saw A's rows alone
    assert {each.family for each in report.failures} >= {"catalogs", "explain", "in-flight"}
