"""The rule for each Python type that a driver or a type of SQLAlchemy's makes. Values out of the
real server are in tests/postgres."""

import datetime as dt
import enum
import ipaddress
import json
import math
import uuid
from collections import OrderedDict
from decimal import Decimal
from typing import Any, cast

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pgvector import HalfVector, SparseVector, Vector
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.dialects.postgresql.ranges import MultiRange

from mcpdb import ResultError
from mcpdb.cells import decode, encode, to_cell, to_cells


class Mood(enum.Enum):
    SAD = "very sad"
    OTHER = 7


class Level(enum.IntEnum):
    LOW = 1


class Store(str, enum.Enum):  # noqa: UP042  # as older code has them
    NORTH = "north"


_NAIVE = dt.datetime(2024, 2, 29, 1, 2, 3)  # noqa: DTZ001  # a timestamp without time zone
_UTC = dt.UTC

_CELLS: list[tuple[object, object]] = [
    (None, None),
    (True, True),
    (0, 0),
    (2**53, 2**53),
    (2**53 + 1, "9007199254740993"),
    (-(2**53) - 1, "-9007199254740993"),
    (0.1, 0.1),
    (-0.0, -0.0),
    (math.nan, "NaN"),
    (math.inf, "Infinity"),
    (-math.inf, "-Infinity"),
    (Decimal("1.50"), 1.5),
    (Decimal("0E-20"), 0),
    (Decimal("1E+3"), 1000),
    (Decimal("1E-50"), 1e-50),
    (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
    (Decimal(12345678901234567890), "12345678901234567890"),
    (Decimal("9007199254740993.5"), "9007199254740993.5"),
    (Decimal("1E+400"), "1" + "0" * 400),
    (Decimal("1E+999999999"), "1E+999999999"),
    (Decimal("1E-999999999"), "1E-999999999"),
    (Decimal("NaN"), "NaN"),
    (Decimal("-Infinity"), "-Infinity"),
    ("", ""),
    ("é\n\U0001f600", "é\n\U0001f600"),
    (dt.date(2024, 2, 29), "2024-02-29"),
    (dt.time(1, 2, 3, 4), "01:02:03.000004"),
    (_NAIVE, "2024-02-29T01:02:03"),
    (dt.datetime(2024, 2, 29, tzinfo=_UTC), "2024-02-29T00:00:00+00:00"),
    (dt.timedelta(0), "PT0S"),
    (dt.timedelta(days=1, seconds=2), "P1DT2S"),
    (dt.timedelta(microseconds=-1), "-PT0.000001S"),
    (dt.timedelta(minutes=90), "PT1H30M"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (b"\x00\xff", "\\x00ff"),
    (bytearray(b"a"), "\\x61"),
    (memoryview(b"a"), "\\x61"),
    (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
    (ipaddress.ip_interface("10.0.0.1/8"), "10.0.0.1/8"),
    (ipaddress.ip_network("2001:db8::/32"), "2001:db8::/32"),
    (Mood.SAD, "very sad"),
    (Mood.OTHER, "OTHER"),
    (Level.LOW, "LOW"),
    (Store.NORTH, "north"),
    (Range(1, 5), "[1,5)"),
    (Range(None, Decimal("1.50"), bounds="(]"), "(,1.50]"),
    (Range(None, None), "(,)"),
    (Range(empty=True), "empty"),
    (Range(_NAIVE, None), "[2024-02-29T01:02:03,)"),
    (Range("a b", 'c"\\'), '["a b","c""\\\\")'),
    (Range("", "a,b"), '["","a,b")'),
    (asyncpg.Range(1, 5, upper_inc=True), "[1,5]"),
    (asyncpg.Range(None, 5, lower_inc=False), "(,5)"),
    (asyncpg.Range(empty=True), "empty"),
    (MultiRange([Range(1, 3), Range(5, None)]), ["[1,3)", "[5,)"]),
    (Vector([0.5, 1e-10]), [0.5, Vector([1e-10]).to_list()[0]]),
    (HalfVector([0.5]), [0.5]),
    (SparseVector({0: 0.5}, 1_000_000_000), "{1:0.5}/1000000000"),
    (asyncpg.BitString(cast("Any", "010110101")), "010110101"),
    (asyncpg.Point(1, 2.5), [1.0, 2.5]),
    (asyncpg.Box((1, 2), (0, 0)), [[1.0, 2.0], [0.0, 0.0]]),
    (asyncpg.Path((0, 0), (1, 1), is_closed=True), "((0.0,0.0),(1.0,1.0))"),
    (asyncpg.Path((0, 0), (1, 1)), "[(0.0,0.0),(1.0,1.0)]"),
    (asyncpg.Polygon((0, 0), (1, math.inf)), [[0.0, 0.0], [1.0, "Infinity"]]),
    (asyncpg.Circle(asyncpg.Point(0, 0), 2), [[0.0, 0.0], 2.0]),
    ([1, None, [2**60, Decimal("1.5")]], [1, None, [str(2**60), 1.5]]),
    ((), []),
    ({"a": {"b": [math.nan]}, 1: b"x"}, {"a": {"b": ["NaN"]}, "1": "\\x78"}),
    (OrderedDict(a=1), {"a": 1}),
    (frozenset({1}), [1]),
]


def _kind(value: object) -> str:
    return type(value).__name__  # no address: all workers must see the same names


@pytest.mark.parametrize(("value", "cell"), _CELLS, ids=_kind)
def test_every_type_has_its_form(value: object, cell: object) -> None:
    made = to_cell(value)
    assert made == cell
    assert type(made) is type(cell)
    assert json.loads(encode(made)) == cell


@given(
    st.lists(
        st.tuples(*[st.sampled_from([value for value, _ in _CELLS])] * 3), min_size=1, max_size=6
    )
)
def test_a_column_of_any_mixture_is_converted_as_each_value_alone(rows: list[Any]) -> None:
    assert to_cells(rows) == [[to_cell(value) for value in row] for row in rows]


@pytest.mark.parametrize("sample", [case[0] for case in _CELLS], ids=_kind)
def test_a_column_of_one_type_with_nulls_is_converted(sample: object) -> None:
    rows = [(sample,), (None,), (sample,)]
    assert to_cells(rows) == [[to_cell(sample)], [None], [to_cell(sample)]]


def test_rows_without_columns_and_no_rows_are_kept() -> None:
    assert to_cells([]) == []
    assert to_cells([(), ()]) == [[], []]


@pytest.mark.parametrize("value", [object(), 1j, type, ..., len], ids=_kind)
@pytest.mark.parametrize("where", ["alone", "in a list", "in an object"])
def test_a_type_without_a_rule_is_named_and_its_value_is_not(value: object, where: str) -> None:
    wrapped = {"alone": value, "in a list": [value], "in an object": {"a": value}}[where]
    with pytest.raises(ResultError) as refusal:
        to_cells([(wrapped,)])
    assert type(value).__name__ in refusal.value.message
    assert "Cast the column" in refusal.value.hint


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_numeric_is_exact(value: Decimal) -> None:
    cell = to_cell(value)
    assert not isinstance(cell, bool)
    assert Decimal(cell if isinstance(cell, str) else repr(cell)) == value
    if isinstance(cell, int | float):
        assert json.loads(encode(cell), parse_float=Decimal) == value


@given(st.integers())
def test_an_integer_is_exact_also_for_readers_that_only_know_doubles(value: int) -> None:
    cell = to_cell(value)
    assert int(str(cell)) == value
    assert isinstance(cell, str) or int(float(cell)) == value  # type: ignore[arg-type]


@given(st.timedeltas())
def test_an_interval_is_exact(value: dt.timedelta) -> None:
    text = str(to_cell(value))
    sign = -1 if text.startswith("-") else 1
    days, _, time = text.removeprefix("-").removeprefix("P").partition("T")
    total = Decimal(days.removesuffix("D") or 0) * 86_400
    for unit, seconds in (("H", 3_600), ("M", 60), ("S", 1)):
        amount, found, rest = time.partition(unit)
        if found:
            total, time = total + Decimal(amount) * seconds, rest
    assert time == ""
    assert sign * total * 10**6 == value // dt.timedelta(microseconds=1)


def _nested(levels: int, *, key: str | None = None) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value] if key is None else {key: value}
    return value


@pytest.mark.parametrize("key", [None, "a"])
def test_deep_nesting_becomes_its_json_text(key: str | None) -> None:
    deepest, deeper = _nested(100, key=key), _nested(101, key=key)
    assert to_cell(deepest) == deepest
    assert to_cell(deeper) == encode(deeper)
    assert to_cell([[1.5, Decimal("0.5"), deeper]]) == encode([[1.5, 0.5, deeper]])


def test_nesting_beyond_all_reason_is_an_error_or_text_and_no_crash() -> None:
    value = _nested(100_000)
    try:
        assert isinstance(to_cell(value), str)
    except ResultError as error:
        assert "nested too deeply" in error.message  # noqa: PT017
    while value:  # freed level by level: Python would recurse
        value = value.pop()


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert decode(json.dumps(value)) == value


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
)
def test_a_number_in_json_is_exact(text: str) -> None:
    cell = to_cell(decode(text))
    assert Decimal(cell if isinstance(cell, str) else repr(cell)) == Decimal(text)


def test_an_integer_of_many_digits_in_json_is_exact() -> None:
    text = "9" * 10_000
    assert to_cell(decode(text)) == text
    assert to_cell(decode(f'{{"a": [{text}, 1]}}')) == {"a": [text, 1]}


def test_json_that_python_cannot_parse_for_its_depth_stays_text() -> None:
    text = "[" * 100_000 + "]" * 100_000
    assert decode(text) == text


def test_what_is_not_json_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        decode("{")


def test_json_text_never_holds_what_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode([math.nan])
    assert encode({"ä": [1, "\u2028"]}) == '{"ä":[1,"\u2028"]}'


def test_a_number_that_no_decimal_can_be_stays_a_text() -> None:
    """An exponent of JSON has no bound."""
    number = "1e99999999999999999999"
    assert to_cell(decode(f'{{"x": {number}}}')) == {"x": number}
