"""What goes out: the facts of a call as JSON-safe values, and the same facts as text."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mcpdb.cells import Cell, encode, to_cells
from mcpdb.errors import ResultError

_WIRE_BYTES: Final = 900_000
"""The most that text and structured content may be together on the wire; see `Limits`."""
_NOTICE_SHARE: Final = 16
"""A notice has at most one character for so many bytes of the limit: its six bytes as JSON at the
worst leave more than half of the limit for the rows."""
_NOTICE_CHARACTERS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the lane read of one select: column names, and the rows as the driver made them."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]] = field(repr=False)

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: its name, and its PostgreSQL type in lower case."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of one select with JSON-safe cells.

    Attributes:
        columns: In the order of the cells of a row.
        rows: Each as long as `columns`.
        truncated: Whether the select has more rows than these.
        notice: What the tool has to say about these rows, or None.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    truncated: bool = False
    notice: str | None = None

    def structured(self) -> dict[str, Any]:
        """The facts as they are published: see the output schema of any tool.

        The notice there also says that rows are missing, where they are: a reader of the text
        may never look at `truncated`.
        """
        parts = (self.notice, _missing(len(self.rows)) if self.truncated else None)
        return {
            "columns": [{"name": column.name, "type": column.type} for column in self.columns],
            "rows": self.rows,
            "row_count": len(self.rows),
            "truncated": self.truncated,
            "notice": " ".join(part for part in parts if part) or None,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a call.

    Attributes:
        structured: The facts, JSON-safe.
        text: The same facts as compact JSON: some hosts show the model only one of the two.
    """

    structured: Mapping[str, Any]
    text: str = field(repr=False)


def make_table(
    columns: tuple[Column, ...],
    rows: Sequence[Sequence[object]],
    *,
    max_rows: int,
    notice: str | None = None,
    is_cut: bool = False,
) -> Table:
    """A table from the driver's rows, of which one more than `max_rows` may have been fetched, or,
    if they are cut, fewer than there are."""
    cells = to_cells(rows[:max_rows])
    is_more = is_cut or len(rows) > max_rows
    return Table(columns=columns, rows=cells, truncated=is_more, notice=notice)


def table_result(table: Table, *, max_bytes: int) -> Result:
    """The result of a tool of one table, cut to whole rows that fit into `max_bytes` of text.

    Raises:
        ResultError: The columns alone do not fit.
    """
    result = _result(table.structured())
    if _fits(result.text, max_bytes):
        return result
    return _result(_cut({"": table}, max_bytes)[""].structured())


def tables_result(tables: Mapping[str, Table], *, max_bytes: int) -> Result:
    """The result of a report without `then`, cut to whole rows that fit into `max_bytes` of text.

    Each table gets an equal share of the room, and what a shorter one leaves goes to the longer.

    Raises:
        ResultError: The columns alone do not fit.
    """
    result = _result(_tables(tables))
    if _fits(result.text, max_bytes):
        return result
    return _result(_tables(_cut(tables, max_bytes)))


def model_result(structured: Mapping[str, Any], *, max_bytes: int) -> Result:
    """The result of a report whose `then` made a model: whole or not at all.

    Raises:
        ResultError: It is longer than the tool's limit, or holds what JSON cannot.
    """
    try:
        result = _result(structured)
    except ValueError as error:
        msg = "The report holds a number that is not finite, which JSON cannot hold."
        raise ResultError(msg, detail=str(error)) from error
    if not _fits(result.text, max_bytes):
        msg = f"The report is longer than this tool's limit of {max_bytes} bytes."
        raise ResultError(msg, hint="Ask for a shorter period or fewer groups.")
    return result


def frame_fits(tables: Iterable[Table], *, max_bytes: int) -> bool:
    """Whether tables of these columns leave half of the limit, or more, to notices and rows."""
    used = sum((_frame(table) for table in tables), start=_Cost())
    return used.text <= max_bytes // 2 and used.wire <= _WIRE_BYTES // 2


def shorten_notice(notice: str, *, max_bytes: int) -> str:
    """The notice, cut off so that it takes less than half of a result of `max_bytes`."""
    most = min(max_bytes // _NOTICE_SHARE, _NOTICE_CHARACTERS)
    return notice if len(notice) <= most else notice[: most - 1] + "…"


_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def _result(structured: Mapping[str, Any]) -> Result:
    text = encode(structured)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair: a json column keeps it as it was written, and no transport can
        # carry it. It can only stand in a string here, so the text stays the JSON that it is.
        text = _SURROGATES.sub("\ufffd", text)
        structured = json.loads(text)
    return Result(structured, text)


def _tables(tables: Mapping[str, Table]) -> dict[str, Any]:
    return {"tables": {name: table.structured() for name, table in tables.items()}}


def _missing(rows: int) -> str:
    if rows == 0:
        return (
            "No row is shown: the first one alone is longer than the answer may be. "
            "Ask for fewer or shorter columns."
        )
    shown = "Only the first row is shown" if rows == 1 else f"Only the first {rows} rows are shown"
    return f"{shown}; there are more. Narrow the question."


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a piece of a result's text takes: bytes of it, and bytes of the pair on the wire.

    Costs add up as the pieces do.
    """

    text: int = 0
    wire: int = 0

    @classmethod
    def of(cls, text: str) -> "_Cost":
        return cls(*_costs(text))

    def __add__(self, other: "_Cost") -> "_Cost":
        return _Cost(self.text + other.text, self.wire + other.wire)

    def __sub__(self, other: "_Cost") -> "_Cost":
        return _Cost(self.text - other.text, self.wire - other.wire)

    def share(self, parts: int) -> "_Cost":
        return _Cost(self.text // parts, self.wire // parts)

    def covers(self, other: "_Cost") -> bool:
        return other.text <= self.text and other.wire <= self.wire


def _costs(text: str) -> tuple[int, int]:
    # The SDK writes every character outside ASCII as \uXXXX over HTTP, in the structure as in the
    # text, and in the text escapes the quotes and backslashes once more.
    escapes = text.count('"') + text.count("\\")
    if text.isascii():
        return len(text), 2 * len(text) + escapes
    size = len(json.dumps(text)) - 2 - escapes
    return len(text.encode(errors="surrogatepass")), 2 * size + escapes


def _fits(text: str, max_bytes: int) -> bool:
    if len(text) > max_bytes:
        return False
    if 4 * len(text) <= max_bytes and 24 * len(text) <= _WIRE_BYTES:
        return True  # whatever the characters: the longest takes four bytes, or twice \uXXXX\uXXXX
    return _Cost(max_bytes, _WIRE_BYTES).covers(_Cost.of(text))


def _frame(table: Table) -> _Cost:
    """What a table takes beside its rows, at most."""
    longest = max((0, 1, len(table.rows)), key=lambda rows: len(_missing(rows)))
    words = f"{table.notice or ''} {_missing(longest)}"
    structured = Table(columns=table.columns, rows=()).structured()
    structured |= {"row_count": len(table.rows), "notice": words}
    return _Cost.of(encode(structured))


def _cut(tables: Mapping[str, Table], max_bytes: int) -> dict[str, Table]:
    """The tables with as many of their first rows as fit together."""
    left = _Cost(max_bytes, _WIRE_BYTES) - _Cost.of(encode({"tables": dict.fromkeys(tables, 0)}))
    for table in tables.values():
        left -= _frame(table)
    if not left.covers(_Cost()):
        msg = f"The columns alone are longer than this tool's limit of {max_bytes} bytes."
        raise ResultError(msg, hint="Ask for fewer columns.")
    kept = dict.fromkeys(tables, 0)
    by_length = list(tables)
    if len(by_length) > 1:
        by_length.sort(key=lambda name: len(encode(tables[name].rows)))
    for done, name in enumerate(by_length):
        share = left.share(len(tables) - done)
        kept[name], used = _within(tables[name].rows, share)
        left -= used
    return {
        name: replace(
            table,
            rows=table.rows[: kept[name]],
            truncated=table.truncated or kept[name] < len(table.rows),
        )
        for name, table in tables.items()
    }


def _within(rows: Sequence[Sequence[Cell]], share: _Cost) -> tuple[int, _Cost]:
    """How many of the first rows fit, and what they take."""
    text = wire = 0
    for kept, row in enumerate(rows):
        more_text, more_wire = _costs(encode(row) + ",")
        if text + more_text > share.text or wire + more_wire > share.wire:
            return kept, _Cost(text, wire)
        text, wire = text + more_text, wire + more_wire
    return len(rows), _Cost(text, wire)
