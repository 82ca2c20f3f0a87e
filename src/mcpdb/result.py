"""What goes out: the facts of a call as JSON-safe values, and the same facts as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcpdb.cells import Cell, encode, to_cells
from mcpdb.errors import ResultError

_PAIR_BYTES: Final = 900_000
"""The most that text and structured content may be together on the wire; see `Limits`."""
_ENVELOPE_BYTES: Final = 2_000
"""Room for the names around the rows and for the longest notice of our own."""


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
        notice: What a reader must know about these rows, or None.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    truncated: bool = False
    notice: str | None = None

    def structured(self) -> dict[str, Any]:
        """The facts as they are published: see the output schema of any tool."""
        return {
            "columns": [{"name": column.name, "type": column.type} for column in self.columns],
            "rows": self.rows,
            "row_count": len(self.rows),
            "truncated": self.truncated,
            "notice": self.notice,
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
) -> Table:
    """A table from the driver's rows, of which one more than `max_rows` may have been fetched."""
    truncated = len(rows) > max_rows
    if truncated:
        rows = rows[:max_rows]
        more = f"Only the first {max_rows} rows are shown; there are more. Narrow the question."
        notice = f"{notice} {more}" if notice else more
    return Table(columns=columns, rows=to_cells(rows), truncated=truncated, notice=notice)


def table_result(table: Table, *, max_bytes: int) -> Result:
    """The result of a tool of one table, cut to whole rows that fit into `max_bytes` of text."""
    structured = table.structured()
    text = encode(structured)
    if not _fits(text, max_bytes):
        structured = _cut(table, _Budget(max_bytes)).structured()
        text = encode(structured)
    return Result(structured, text)


def tables_result(tables: Mapping[str, Table], *, max_bytes: int) -> Result:
    """The result of a report without `then`. Where it is too long, each table gets a fair share."""
    structured = {"tables": {name: table.structured() for name, table in tables.items()}}
    text = encode(structured)
    if not _fits(text, max_bytes):
        budget = _Budget(max_bytes)
        cut: dict[str, Table] = {}
        by_length = sorted(tables, key=lambda name: len(encode(tables[name].rows)))
        for done, name in enumerate(by_length):
            share = budget.share(len(tables) - done)
            cut[name] = _cut(tables[name], share)
            budget.take(share)
        structured = {"tables": {name: cut[name].structured() for name in tables}}
        text = encode(structured)
    return Result(structured, text)


def model_result(structured: Mapping[str, Any], *, max_bytes: int) -> Result:
    """The result of a report whose `then` made a model: whole or not at all.

    Raises:
        ResultError: It is longer than the tool's limit.
    """
    text = encode(structured)
    if not _fits(text, max_bytes):
        msg = f"The report is longer than this tool's limit of {max_bytes} bytes."
        raise ResultError(msg, hint="Ask for a shorter period or fewer groups.")
    return Result(structured, text)


def _fits(text: str, max_bytes: int) -> bool:
    size = len(text.encode())
    return size <= max_bytes and size + _escaped(text, size) <= _PAIR_BYTES


def _escaped(text: str, size: int) -> int:
    """How long the text is as a JSON string, which is how it travels beside the structure."""
    return size + text.count('"') + text.count("\\")


class _Budget:
    """Bytes that are left, of text alone and of text and structure together."""

    def __init__(self, text_bytes: int, pair_bytes: int = _PAIR_BYTES) -> None:
        self.text_bytes = text_bytes
        self.pair_bytes = pair_bytes

    def share(self, parts: int) -> "_Budget":
        return _Budget(self.text_bytes // parts, self.pair_bytes // parts)

    def take(self, share: "_Budget") -> None:
        self.text_bytes -= share.text_bytes
        self.pair_bytes -= share.pair_bytes

    def spend(self, text: str) -> bool:
        """Take this text if there is room for it."""
        size = len(text.encode()) + 1
        self.text_bytes -= size
        self.pair_bytes -= size + _escaped(text, size)
        return self.text_bytes >= 0 and self.pair_bytes >= 0


def _cut(table: Table, share: _Budget) -> Table:
    """The first rows of the table that fit into its share."""
    left = _Budget(share.text_bytes, share.pair_bytes)
    left.spend("x" * _ENVELOPE_BYTES + encode([[c.name, c.type] for c in table.columns]))
    left.spend(table.notice or "")
    kept = 0
    while kept < len(table.rows) and left.spend(encode(table.rows[kept])):
        kept += 1
    if kept == len(table.rows):
        return table
    more = (
        f"Only the first {kept} rows are shown: the answer is limited to "
        f"{share.text_bytes} bytes. Ask for fewer rows or shorter columns."
    )
    notice = f"{table.notice} {more}" if table.notice else more
    return Table(columns=table.columns, rows=table.rows[:kept], truncated=True, notice=notice)
