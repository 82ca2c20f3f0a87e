"""What betrays a leak in an answer. Pure functions: the truth and an answer in, findings out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mcpdb.attack.answer import Answer
from mcpdb.attack.canaries import Canaries
from mcpdb.attack.library import COUNTED, SEEN, Escape, Level
from mcpdb.attack.report import shortened

_COUNT: Final = re.compile(re.escape(COUNTED) + r"(\d+)")
_SEEN: Final = re.compile(re.escape(SEEN) + r"([^\s\"',;|\\)}\]]+)")
_NOTHING: Final = frozenset({"0", "-1", "-2", "f", "false", "null", "None"})
_PLAN: Final = re.compile(
    r"cost=\d+\.\d+\.\.|\"Plan Rows\"|\\\"Plan Rows\\\"|\(actual rows=|Plan Rows"
)
_ERRORS: Final = (
    ("dsn", re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://[^\s'\"]*@"), "the database's address"),
    (
        "password",
        re.compile(r"(?i)\bpassword\s*=\s*['\"]?(?!\*)[^\s'\"]{3,}"),
        "what looks like a password",
    ),
    ("traceback", re.compile(r"Traceback \(most recent|\bFile \"[^\"]+\", line"), "a stack trace"),
    ("detail", re.compile(r"\bDETAIL:\s|\bKey \([^)]*\)=\("), "PostgreSQL's DETAIL"),
)
_LEAST: Final = 3
"""Fewer rows than this prove nothing."""


class Count(NamedTuple):
    """The rows of a table that each of the two sees by an honest question."""

    mine: int
    theirs: int


class Clue(NamedTuple):
    """What betrays something."""

    level: Level
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the caller under test must not see.

    Attributes:
        canaries: Values that are the other's alone.
        counts: The rows of tables, by the table.
        marker: A text in a query of the other's that is in flight.
    """

    canaries: Canaries
    counts: Mapping[str, Count] = field(default_factory=dict[str, Count])
    marker: str = ""


def clues(answer: Answer, truth: Truth, *, sent: str = "", table: str = "") -> Iterator[Clue]:
    """What is foreign in an answer, be it an error or not."""
    foreign = truth.canaries.within(answer.text, sent=sent)
    if foreign:
        yield Clue("leak", shortened(foreign))
    if truth.marker and truth.marker in answer.text:
        yield Clue("leak", "the text of a query of B's")
    count = truth.counts.get(table)
    if count is not None:
        seen = {int(number) for number in _COUNT.findall(answer.text)}
        more = {number for number in seen if _is_foreign(number, count)}
        if more:
            number = max(more)
            whose = "B's number of rows" if number == count.theirs else "more than A's own"
            yield Clue(
                "leak", f"{number} rows of {table} counted, where A has {count.mine}: {whose}"
            )


def answered(answer: Answer, escape: Escape) -> Clue | None:
    """Whether an escape got what it asked for, where it is bad to get anything at all."""
    if escape.answered is None or answer.kind in {"error", "gone"}:
        return None
    if escape.wants_plan:
        if answer.is_refused and "mcpdb:" not in answer.text and not _PLAN.search(answer.text):
            return None
        return Clue(escape.answered, escape.why) if _PLAN.search(answer.text) else None
    if escape.is_slow:
        # Given up by the client: the server would have gone on. Or it has slept to its end.
        slept = answer.kind == "timeout" or bool(_SEEN.search(answer.text))
        return Clue(escape.answered, f"{escape.why} in {answer.seconds:.0f} s") if slept else None
    got = [value for value in _SEEN.findall(answer.text) if value not in _NOTHING]
    return Clue(escape.answered, f"{escape.why}: {got[0][:24]}") if got else None


def slips(answer: Answer) -> Iterator[tuple[str, Clue]]:
    """What an answer tells of the server's inside, with a name for each kind."""
    for name, pattern, what in _ERRORS:
        if pattern.search(answer.text):
            yield name, Clue("leak" if name in {"dsn", "password"} else "metadata", what)


def same_answer(mine: Answer, theirs: Answer) -> bool:
    """Whether two answers hold the same facts."""
    if mine.kind != "answer" or theirs.kind != "answer":
        return False
    return mine.facts == theirs.facts if mine.facts is not None else mine.text == theirs.text


def counts_in(answer: Answer) -> list[int]:
    """The numbers of rows that a statement of ours has counted."""
    return [int(number) for number in _COUNT.findall(answer.text)]


def _is_foreign(number: int, count: Count) -> bool:
    if number in {0, count.mine} or count.mine == count.theirs:
        return False
    return number > count.mine or (number == count.theirs and number >= _LEAST)
