"""From a driver's value to a JSON-safe cell, by one rule for each type (docs: reference/cells).

A value that JSON cannot hold exactly becomes text in PostgreSQL's or ISO's own form. One cell
that JSON cannot hold at all would break the whole answer, so every cell goes through here.
"""

import datetime as dt
import enum
import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast

import asyncpg
from pgvector import HalfVector, SparseVector, Vector
from sqlalchemy.dialects.postgresql import Range

from mcpdb.errors import ResultError

Cell: TypeAlias = "bool | int | float | str | list[Cell] | dict[str, Cell] | None"

_EXACT_INTEGER: Final = 2**53
_EXACT_DIGITS: Final = 15  # any decimal of so few digits survives the way through a double
_MOST_DIGITS: Final = 150_000
"""More than a numeric has on either side of its point. A number inside a json value has no bound:
written out in full, 1e999999999 would fill the memory."""
_DEEPEST: Final = 100
"""Levels of lists and objects in one cell. The SDK's serialiser stops at 255 and breaks the call;
hosts may stop earlier."""


def to_cells(rows: Sequence[Sequence[object]]) -> list[list[Cell]]:
    """The rows with every cell JSON-safe.

    Works by column: a column that holds only text, booleans and NULL is taken as it is, and one
    that holds a single other type looks up its rule once.

    Raises:
        ResultError: See `to_cell`.
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


def encode(value: object) -> str:
    """Compact JSON text of JSON-safe values.

    Raises:
        ValueError: A number is not finite.
    """
    return _ENCODER.encode(value)


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def decode(text: str, *, make: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:  # noqa: ANN401  # JSON enters here
    """The value of a json or jsonb column, without loss: for SQLAlchemy's `json_deserializer`.

    A number that a double cannot hold becomes a Decimal, and a document nested too deeply for
    Python's parser remains a text. What is not JSON raises ValueError.

    Args:
        text: JSON.
        make: What becomes of the pairs of an object; a dict by default.
    """
    try:
        return json.loads(text, parse_float=_json_number, object_pairs_hook=make)
    except RecursionError:
        return text
    except ValueError:
        # An integer of more digits than Python reads at once (4,300), or no JSON.
        return json.loads(text, parse_float=_json_number, parse_int=Decimal, object_pairs_hook=make)


def _json_number(text: str) -> float | Decimal | str:
    number = float(text)
    if len(text) <= _EXACT_DIGITS and "e" not in text and "E" not in text:
        return number
    try:
        exact = Decimal(text)
    except ArithmeticError:  # an exponent that a Decimal cannot have
        return text
    return number if Decimal(repr(number)) == exact else exact


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
    if not -_MOST_DIGITS < value.adjusted() < _MOST_DIGITS:
        return str(value)
    if -_EXACT_INTEGER <= value <= _EXACT_INTEGER and value == value.to_integral_value():
        return int(value)
    as_float = float(value)
    # repr is the shortest text that reads back as this double, which is what JSON will carry.
    return as_float if Decimal(repr(as_float)) == value else format(value, "f")


def _binary(value: bytes | bytearray | memoryview) -> str:
    return "\\x" + bytes(value).hex()


def _interval(value: dt.timedelta) -> str:
    """ISO 8601, such as P1DT2H3M4.5S. The driver has counted months as 30 days already."""
    microseconds = value // dt.timedelta(microseconds=1)
    sign, microseconds = ("-" if microseconds < 0 else ""), abs(microseconds)
    minutes, microseconds = divmod(microseconds, 60 * 10**6)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    seconds = f"{microseconds // 10**6}.{microseconds % 10**6:06d}".rstrip("0").rstrip(".")
    date = f"{days}D" if days else ""
    parts = ((hours, f"{hours}H"), (minutes, f"{minutes}M"), (microseconds, f"{seconds}S"))
    time = "".join(text for amount, text in parts if amount)
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
    low = "(" if lower is None else bounds[0] + _bound(lower)
    high = ")" if upper is None else _bound(upper) + bounds[1]
    return f"{low},{high}"


_NEEDS_QUOTES: Final = re.compile(r'[\s",()\[\]\\]|^$', re.ASCII)


def _bound(value: object) -> str:
    """A bound in PostgreSQL's text form (docs: rangetypes, "Range Input/Output")."""
    text = format(value, "f") if isinstance(value, Decimal) else str(to_cell(value))
    if _NEEDS_QUOTES.search(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
    return text


def _path(value: asyncpg.Path) -> str:
    # As text: as a list of points, an open and a closed path would be the same.
    points = ",".join(f"({point.x!r},{point.y!r})" for point in value.points)
    return f"({points})" if value.is_closed else f"[{points}]"


class _TooDeep(Exception):
    """A value has more than `_DEEPEST` levels."""


def _container(value: Any) -> Cell:  # noqa: ANN401  # whatever has a rule
    try:
        cell: Cell = _inner(value, 1)
    except (_TooDeep, RecursionError):
        pass
    else:
        return cell
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=to_cell)
    except RecursionError:
        msg = "A column holds a value that is nested too deeply."
        raise ResultError(msg, hint="Cast the column in the tool's select to text.") from None


def _inner(value: Any, depth: int) -> Any:  # noqa: ANN401  # whatever a container holds
    if type(value) in _PLAIN:
        return value
    if depth > _DEEPEST:
        raise _TooDeep
    items: Any = dict(value) if isinstance(value, asyncpg.Record) else value
    if isinstance(items, Mapping):
        pairs = cast("Mapping[object, object]", items).items()
        return {str(key): _inner(item, depth + 1) for key, item in pairs}
    if isinstance(items, _LISTS):
        return [_inner(item, depth + 1) for item in cast("Iterable[object]", items)]
    return to_cell(value)


_ISO: Final[Callable[[Any], str]] = lambda value: value.isoformat()  # noqa: E731  # a table row
_SAME: Final[Callable[[Any], Any]] = lambda value: value  # noqa: E731  # a table row
_LISTS: Final = (list, tuple, set, frozenset)

# The order matters where one type is a kind of another: an enum may be a text or a number too.
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
    ((ipaddress.IPv4Network, ipaddress.IPv6Network), str),
    (Range, _range),
    (asyncpg.Range, _driver_range),
    ((Vector, HalfVector), lambda value: value.to_list()),
    # Never as a list: a sparse vector may have 1,000,000,000 dimensions.
    (SparseVector, lambda value: value.to_text()),
    (asyncpg.BitString, lambda value: value.as_string().replace(" ", "")),
    (asyncpg.Polygon, lambda value: _container(value.points)),
    (asyncpg.Path, _path),
    ((asyncpg.Record, Mapping, *_LISTS), _container),
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
