"""From a driver's value to a JSON-safe cell, by one rule for each type (docs: reference/cells).

A value that JSON cannot hold exactly becomes text in PostgreSQL's or ISO's own form. One cell
that JSON cannot hold at all would break the whole answer, so every cell goes through here.
"""

import datetime as dt
import enum
import ipaddress
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import asyncpg
from pgvector import HalfVector, SparseVector, Vector
from sqlalchemy.dialects.postgresql import Range

from mcpdb.errors import ResultError

Cell: TypeAlias = "bool | int | float | str | list[Cell] | dict[str, Cell] | None"

_EXACT_INTEGER: Final = 2**53
_EXACT_DIGITS: Final = 15  # any decimal of so few digits survives the way through a double
_DAY_SECONDS: Final = 86_400


def to_cells(rows: Sequence[Sequence[object]]) -> list[list[Cell]]:
    """The rows with every cell JSON-safe.

    Works by column: a column that holds only text, booleans and NULL is taken as it is, and one
    that holds a single other type looks up its rule once.
    """
    if not rows:
        return []
    safe = [_column(column) for column in zip(*rows, strict=True)]
    if not safe:  # SELECT of no columns at all: PostgreSQL allows it
        return [[] for _ in rows]
    return [list(row) for row in zip(*safe, strict=True)]


def to_cell(value: object) -> Cell:
    """One value, JSON-safe.

    Raises:
        ResultError: The value is of a type that has no rule; the message names the type.
    """
    if value is None:
        return None
    return _rule(type(value))(value)


_PLAIN: Final = frozenset({str, bool, type(None)})


def _column(values: Sequence[object]) -> Sequence[Any]:
    types = set(map(type, values))
    if types <= _PLAIN:
        return values
    nullable = type(None) in types
    types.discard(type(None))
    if len(types) > 1:
        return [to_cell(value) for value in values]
    rule = _rule(types.pop())
    if nullable:
        return [None if value is None else rule(value) for value in values]
    return [rule(value) for value in values]


def _integer(value: int) -> Cell:
    return value if -_EXACT_INTEGER <= value <= _EXACT_INTEGER else str(value)


def _float(value: float) -> Cell:
    if value - value == 0.0:
        return value
    return _not_finite(value)


def _not_finite(value: float) -> str:
    if value != value:  # noqa: PLR0124  # the definition of NaN
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _numeric(value: Decimal) -> Cell:
    text = str(value)
    if len(text) > _EXACT_DIGITS or "E" in text:
        return _long_numeric(value)
    if "." in text:
        return float(text)
    if text[-1].isdigit():
        return int(text)
    return _not_finite(float(value))


def _long_numeric(value: Decimal) -> Cell:
    if value == value.to_integral_value() and abs(value) <= _EXACT_INTEGER:
        return int(value)
    as_float = float(value)
    # repr is the shortest text that reads back as this double, which is what JSON will carry.
    return as_float if Decimal(repr(as_float)) == value else format(value, "f")


def _binary(value: bytes | bytearray | memoryview) -> str:
    return "\\x" + bytes(value).hex()


def _interval(value: dt.timedelta) -> str:
    """ISO 8601, such as P1DT2H3M4.5S. The driver has counted months as 30 days already."""
    microseconds = (value.days * _DAY_SECONDS + value.seconds) * 10**6 + value.microseconds
    sign, microseconds = ("-" if microseconds < 0 else ""), abs(microseconds)
    seconds, fraction = divmod(microseconds, 10**6)
    days, seconds = divmod(seconds, _DAY_SECONDS)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    tail = f"{seconds}.{fraction:06d}".rstrip("0") if fraction else str(seconds)
    date = f"{days}D" if days else ""
    time = (
        (f"{hours}H" if hours else "")
        + (f"{minutes}M" if minutes else "")
        + (f"{tail}S" if tail != "0" else "")
    )
    if not date and not time:
        return "PT0S"
    return f"{sign}P{date}{'T' if time else ''}{time}"


def _enum(value: enum.Enum) -> Cell:
    return value.value if isinstance(value.value, str) else value.name


def _range(value: Range[Any]) -> str:
    if value.isempty:
        return "empty"
    return _range_text(value.lower, value.upper, value.bounds)


def _driver_range(value: "asyncpg.Range[Any]") -> str:
    if value.isempty:
        return "empty"
    bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
    return _range_text(value.lower, value.upper, bounds)


def _range_text(lower: object, upper: object, bounds: str) -> str:
    low = "" if lower is None else str(to_cell(lower))
    high = "" if upper is None else str(to_cell(upper))
    return f"{bounds[0]}{low},{high}{bounds[1]}"


def _list(value: Sequence[object]) -> list[Cell]:
    return [to_cell(item) for item in value]


def _mapping(value: Mapping[str, object]) -> dict[str, Cell]:
    return {str(key): to_cell(item) for key, item in value.items()}


def _vector(value: Vector | HalfVector | SparseVector) -> list[Cell]:
    # A component is a 4-byte or 2-byte float; six digits say all that it holds.
    return [float(f"{component:.6g}") for component in value.to_list()]


_ISO: Final[Callable[[Any], str]] = lambda value: value.isoformat()  # noqa: E731  # a table row
_SAME: Final[Callable[[Any], Any]] = lambda value: value  # noqa: E731  # a table row

# The order matters where one type is a kind of another: bool before int, datetime before date.
_RULES: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any], Cell]], ...]] = (
    (enum.Enum, _enum),
    (bool, _SAME),
    (str, str),
    (int, _integer),
    (float, _float),
    (Decimal, _numeric),
    ((dt.datetime, dt.date, dt.time), _ISO),
    (dt.timedelta, _interval),
    (uuid.UUID, str),
    ((bytes, bytearray, memoryview), _binary),
    ((ipaddress.IPv4Address, ipaddress.IPv6Address), str),
    ((ipaddress.IPv4Interface, ipaddress.IPv6Interface), str),
    ((ipaddress.IPv4Network, ipaddress.IPv6Network), str),
    (Range, _range),
    (asyncpg.Range, _driver_range),
    ((Vector, HalfVector, SparseVector), _vector),
    (asyncpg.BitString, lambda value: value.as_string()),
    (asyncpg.Path, lambda value: _list(value.points)),
    (asyncpg.Record, lambda value: _mapping(dict(value))),
    (Mapping, _mapping),
    ((list, tuple, set, frozenset), _list),
)

_known: dict[type, Callable[[Any], Cell]] = {str: _SAME, int: _integer, Decimal: _numeric}


def _rule(kind: type) -> Callable[[Any], Cell]:
    rule = _known.get(kind)
    if rule is None:
        rule = _known[kind] = _find_rule(kind)
    return rule


def _find_rule(kind: type) -> Callable[[Any], Cell]:
    for types, rule in _RULES:
        if issubclass(kind, types):
            return rule
    msg = f"A column holds values of the type {kind.__name__}, which have no JSON form."
    raise ResultError(msg, hint="Cast the column in the tool's select, for example to text.")


def encode(value: object) -> str:
    """Compact JSON text of JSON-safe values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
