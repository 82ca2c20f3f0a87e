"""What a statement comes to, and what of it belongs to another tenant."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from isolation.walled import TENANTS, Connection

_CANARY: Final = re.compile(r"c(10\d)-\d+")
_NUMBER: Final = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w.])")
_LEAST: Final = 1000
"""Smaller numbers are those of much else too."""

_TRUTH: Final = """
SELECT count(*)::text, sum({number})::text, max({number})::text, min({number})::text
FROM shop.{table} WHERE tenant = ANY ($1)
"""
_NUMBERS: Final = {"orders": "amount", "items": "quantity * price", "customers": "id"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows, or why there are none.

    Attributes:
        rows: The texts of the cells, in the order of the texts: no order is promised without
            an ORDER BY, and plans differ with the number of rows.
        code: Empty where there are rows: else the SQLSTATE, or a word for what is no answer of
            PostgreSQL's.
        text: All that the error says.
        killed: Whether the other tenant's session has ended.
    """

    rows: tuple[tuple[str, ...], ...] = ()
    code: str = ""
    text: str = ""
    killed: bool = False

    @classmethod
    def of(cls, rows: Iterable[Iterable[Any]]) -> "Outcome":
        """The outcome of a statement that has an answer."""
        return cls(rows=tuple(sorted(tuple(map(_text, row)) for row in rows)))

    @property
    def words(self) -> str:
        """All that the tenant gets to read."""
        return "\n".join([self.text, *("\t".join(row) for row in self.rows)])

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:160] if self.code else f"rows {str(self.rows)[:160]}"


def _text(cell: object) -> str:
    if isinstance(cell, list | tuple | dict):
        return json.dumps(cell, default=str, ensure_ascii=False)
    return "<null>" if cell is None else str(cell)


async def truths(superuser: Connection) -> dict[str, Counter[str]]:
    """For each tenant, the large numbers that say how much it has; "" is for all together."""
    found: dict[str, Counter[str]] = {}
    for who, tenants in {**{each: [each] for each in TENANTS}, "": [*TENANTS]}.items():
        numbers: Counter[str] = Counter()
        for table, number in _NUMBERS.items():
            row = await superuser.fetchrow(_TRUTH.format(table=table, number=number), tenants)
            numbers.update(_plain(each) for each in row or () if each and float(each) > _LEAST)
        found[who] = numbers
    return found


def canaries(outcome: Outcome, *, tenant: str) -> Sequence[str]:
    """Texts of others in it."""
    return [each[0] for each in _CANARY.finditer(outcome.words) if each[1] != tenant]


def numbers(outcome: Outcome, *, tenant: str, truth: dict[str, Counter[str]]) -> Sequence[str]:
    """Counts, sums and ends of others, or of all together, in it."""
    own = truth[tenant]
    others: Counter[str] = Counter()
    for who, theirs in truth.items():
        if who != tenant:
            others += theirs
    said = {_plain(each) for row in outcome.rows for cell in row for each in _NUMBER.findall(cell)}
    return sorted(each for each in said if others[each] and not own[each])


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def difference(one: Outcome, two: Outcome) -> str:
    """What another tenant's rows change in an outcome; empty, where nothing."""
    if (one.code, one.text) != (two.code, two.text):
        return f"{one} <> {two}"
    if one.rows == two.rows:
        return ""
    first, second = (next(iter(set(a.rows) - set(b.rows)), ()) for a, b in ((one, two), (two, one)))
    return f"rows {str(first)[:110]} <> {str(second)[:110]}"
