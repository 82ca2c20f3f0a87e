"""Statements that cost more than an answer is worth end at the limit of time, or before."""

import asyncio
import time
from typing import Final

import pytest

from isolation.walled import NORTH
from mcpdb.sql import Guard
from sql.configurations import Configuration, Guarded, QueryLogin, SqlLane
from sql.judged import on
from sql.outcomes import Outcome
from sql.shop_sql import CATALOG
from sql.statements import hostile
from sql.worlds import Worlds

_LIMIT_MS: Final = 100
# PostgreSQL asks only now and then whether it is to stop, and others use these processors too.
_LONGEST_S: Final = 3.0
_WAYS: Final = ("query login", "SQL lane", "guard and SQL lane")


def _made(way: str, worlds: Worlds) -> Configuration:
    if way == Guarded.name:
        return Guarded(worlds.usual, NORTH, Guard(CATALOG))
    return (SqlLane if way == SqlLane.name else QueryLogin)(worlds.usual, NORTH)


@pytest.mark.parametrize("way", _WAYS)
async def test_a_statement_ends_at_the_limit(worlds: Worlds, way: str) -> None:
    bombs = [each for each in on(worlds.usual.fresh.cluster, hostile()) if each.aim == "resource"]
    waiting = iter(bombs)
    found: dict[str, tuple[Outcome, float]] = {}

    async def work() -> None:
        configuration = _made(way, worlds)
        try:
            for bomb in waiting:
                start = time.monotonic()
                outcome = await configuration.run(bomb.sql(), limit_ms=_LIMIT_MS)
                found[bomb.name] = outcome, time.monotonic() - start
        finally:
            await configuration.close()

    await asyncio.gather(work(), work())
    assert len(found) == len(bombs)
    longest = {name: round(took, 1) for name, (_, took) in found.items() if took > _LONGEST_S}
    assert longest == {}
    # The server has not run out of anything, and has not been lost.
    assert not [name for name, (each, _) in found.items() if each.code in {"hung", "client"}]
