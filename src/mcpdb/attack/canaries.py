"""What only the other tenant's answers hold, worked out from honest calls of both.

A value is a canary if its column never shows a value that both see: such a column is of one
tenant each. Where both see some value of a column, such as the name of a product, it is shared.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from mcpdb.attack.answer import Answer

_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_MOST: Final = 400
_TEXT: Final = 4
"""Fewest characters of a text that is a canary."""
_DIGITS: Final = 4
_STRONG_DIGITS: Final = 6
_STRONG_TEXT: Final = 8
_DATE: Final = re.compile(r"\d{4}-\d{2}(-\d{2}([T ].*)?)?")
_PLAIN: Final = frozenset({"true", "false", "null", "none", "text", "integer", "numeric"})

Columns = Mapping[str, AbstractSet[str]]
"""Values by the name of their column."""


def columns_of(answers: Iterable[Answer]) -> dict[str, set[str]]:
    """The values of several answers of one tool, by column."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for answer in answers:
        if answer.kind == "answer":
            for column, value in answer.cells():
                found[column].add(value)
    return dict(found)


def apart(mine: Columns, theirs: Columns) -> dict[str, set[str]]:
    """The values of `theirs` in columns in which nothing is seen by both."""
    return {
        column: set(values)
        for column, values in theirs.items()
        # Words of plain text have no column: all that both see is only left out.
        if column == "*" or not values & mine.get(column, set())
    }


@dataclass(frozen=True, slots=True)
class Canaries:
    """Values that betray another tenant's rows wherever they appear.

    Attributes:
        strong: Any of them is a leak: long ones, and those that the user named.
        weak: Short ones: two together are one.
    """

    strong: frozenset[str] = field(default=frozenset(), repr=False)
    weak: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str], *, named: Iterable[str] = ()) -> "Canaries":
        """Those of these values that are long enough; the named ones count whatever they are."""
        chosen = sorted({v.strip() for v in values if _is_fit(v.strip())}, key=len, reverse=True)
        strong = {value for value in chosen[:_MOST] if _is_strong(value)}
        return cls(frozenset(strong | set(named)), frozenset(chosen[:_MOST]) - strong)

    def within(self, text: str, *, sent: str = "") -> list[str]:
        """Those in a text that betray a leak. What was sent does not: servers echo arguments."""
        if not text:
            return []
        numbers = set(_NUMBER.findall(text))
        asked = sent.casefold()

        def is_there(value: str) -> bool:
            if value.casefold() in asked:
                return False
            return value in numbers if _NUMBER.fullmatch(value) else value in text

        strong = [value for value in self.strong if is_there(value)]
        if strong:
            return sorted(strong)
        weak = [value for value in self.weak if is_there(value)]
        return sorted(weak) if len(weak) > 1 else []

    def __len__(self) -> int:
        return len(self.strong) + len(self.weak)


def _is_fit(value: str) -> bool:
    if value.casefold() in _PLAIN or _DATE.fullmatch(value):
        return False
    if _NUMBER.fullmatch(value):
        return sum(c.isdigit() for c in value) >= _DIGITS
    return _TEXT <= len(value) <= 300


def _is_strong(value: str) -> bool:
    if _NUMBER.fullmatch(value):
        return sum(c.isdigit() for c in value) >= _STRONG_DIGITS
    return len(value) >= _STRONG_TEXT
