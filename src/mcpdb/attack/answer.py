"""What came back from a call: its text, and the values in it with the names of their columns."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from pydantic import JsonValue

Kind = Literal["answer", "error", "timeout", "gone"]
"""An answer, an error that the server told, no answer in time, or no connection any more."""

_REFUSING: Final = re.compile(
    r"(?i)\b(?:err|error|denied|refused|not allowed|cannot|can't|syntax|failed|invalid|unknown"
    r"|must|forbidden|not permitted|unsupported|does not exist|only)\b"
)
_WORD: Final = re.compile(r"[^\s,;|'\"(){}\[\]<>=]{4,}")
_HEADINGS: Final = (("columns", "rows"), ("c", "r"), ("fields", "rows"))
"""Where servers that answer with arrays put the names of the columns, and the rows."""


class Cell(NamedTuple):
    """A value in an answer, and the name of its column; `*` where the answer is plain text."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        kind: What became of the call.
        text: All that the server said, as one text to be searched.
        facts: Its structured content, or what the text holds as JSON.
        seconds: How long it took.
    """

    kind: Kind
    text: str = field(repr=False)
    facts: JsonValue = field(default=None, repr=False)
    seconds: float = 0.0

    @property
    def is_refused(self) -> bool:
        """Whether this is an error, also where the server sends errors as answers."""
        if self.kind != "answer":
            return True
        return "mcpdb:" not in self.text and _REFUSING.search(self.text[:400]) is not None

    def cells(self) -> Iterator[Cell]:
        """The values of the answer. Where it is plain text, its words."""
        if self.facts is None:
            yield from (Cell("*", word) for word in _WORD.findall(self.text))
        else:
            yield from _cells(self.facts, "")


def facts_of(structured: JsonValue, texts: Sequence[str]) -> JsonValue:
    """The structured content, or else the JSON that the text is, or that each of the texts is."""
    if structured is not None:
        only = list(structured.values()) if isinstance(structured, dict) else []
        # The SDK wraps what is not an object: `{"result": ...}`, which may be JSON in itself.
        if len(only) == 1 and isinstance(only[0], str):
            return _json(only[0])
        return structured
    parsed = [_json(text) for text in texts]
    if not parsed or any(each is None for each in parsed):
        return None
    return parsed[0] if len(parsed) == 1 else parsed


def _json(text: str) -> JsonValue:
    if text[:1] not in {"{", "["}:
        return None
    try:
        found: JsonValue = json.loads(text)
    except ValueError:
        return None
    return found


def _cells(value: JsonValue, column: str) -> Iterator[Cell]:
    if isinstance(value, dict):
        rest = dict(value)
        for headings, rows in _HEADINGS:
            names, table = rest.get(headings), rest.get(rows)
            if isinstance(names, list) and isinstance(table, list):
                yield from _table(names, table)
                del rest[headings], rest[rows]
        for name, inner in rest.items():
            yield from _cells(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _cells(inner, column)
    elif value is not None and not isinstance(value, bool):
        yield Cell(column, str(value))


def _table(headings: Sequence[JsonValue], rows: Sequence[JsonValue]) -> Iterator[Cell]:
    names = [str(e.get("name", "")) if isinstance(e, dict) else str(e) for e in headings]
    for row in rows:
        if isinstance(row, list):
            for number, cell in enumerate(row):
                yield from _cells(cell, names[number] if number < len(names) else f"#{number}")
        else:
            yield from _cells(row, "")
