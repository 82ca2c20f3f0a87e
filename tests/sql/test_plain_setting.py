"""Configuration 4: policies of a plain setting, which statements of the corpus get around. It shows
that they are attacks, and that the detector sees what they get."""

import asyncio
from collections import Counter
from typing import Final

from isolation.walled import Walled
from sql.configurations import Plain
from sql.judged import on
from sql.outcomes import Outcome, canaries
from sql.statements import honest, hostile
from sql.worlds import DIRECTIONS, outcomes

_FEWEST: Final = 25


def _leaks(found: list[Outcome], own: str) -> bool:
    return any(canaries(each, tenant=own) for each in found)


async def test_forging_statements_get_rows_of_another_tenant(plain_shop: Walled) -> None:
    cluster = plain_shop.fresh.cluster
    every = [each for each in on(cluster, hostile()) if each.aim != "resource"]
    both = await asyncio.gather(
        *(outcomes(Plain, plain_shop, every, own=own, other=other) for own, other in DIRECTIONS)
    )
    table: Counter[tuple[str, str]] = Counter()
    for (own, _), found in zip(DIRECTIONS, both, strict=True):
        leaking = [s for s, each in zip(every, found, strict=True) if _leaks(each, own)]
        assert sum(each.is_forgery for each in leaking) >= _FEWEST
        table.update((own, each.of) for each in leaking)
    print(f"\nPostgreSQL {cluster.version}, plain setting: rows of the other tenant")  # noqa: T201  # to be quoted
    for of, number in Counter(each.of for each in every).items():
        ways = ", ".join(f"{own}: {table[own, of]}" for own, _ in DIRECTIONS)
        print(f"  {of:20} of {number:3} statements  {ways}")  # noqa: T201  # likewise


async def test_honest_statements_do_not(plain_shop: Walled) -> None:
    every = on(plain_shop.fresh.cluster, honest())
    for own, other in DIRECTIONS:
        found = await outcomes(Plain, plain_shop, every, own=own, other=other)
        assert not [s.name for s, each in zip(every, found, strict=True) if _leaks(each, own)]
