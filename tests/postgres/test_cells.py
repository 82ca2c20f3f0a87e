"""Scalars: each type out of the real server, compared with PostgreSQL's own text of the value."""

import ctypes
import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from postgres.typed import Typed, Weather, as_number, lists, types

pytestmark = pytest.mark.timeout(120)
_few = settings.get_profile("postgres")


@pytest.mark.parametrize("name", sorted(types()))
def test_null_is_null(typed: Typed, name: str) -> None:
    assert typed.ask(name, [None, None]) == [(None, None)] * 2


@_few
@given(values=lists(st.booleans()))
def test_bool(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("bool", values):
        assert cell is (None if text is None else text == "true")


@pytest.mark.parametrize(("name", "bits"), [("int2", 16), ("int4", 32), ("int8", 64)])
@_few
@given(data=st.data())
def test_integers_are_exact_also_beyond_doubles(
    typed: Typed, name: str, bits: int, data: st.DataObject
) -> None:
    near = st.integers(2**53 - 3, 2**53 + 3) if bits == 64 else st.nothing()
    whole = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for cell, text in typed.ask(name, data.draw(lists(whole | near))):
        if text is not None:
            assert str(cell) == text
            assert isinstance(cell, str) == (abs(int(text)) > 2**53)


_DECIMALS = (
    st.decimals(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", fullmatch=True)
    | st.builds("{}e{}".format, st.integers(-999, 999), st.integers(-16_000, 100_000))
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "0.00", "1.50", "-0"])
)


@settings(_few, max_examples=30)
@given(values=lists(_DECIMALS.filter(lambda d: Decimal(d).adjusted() < 130_000)))
def test_numeric_is_exact(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("numeric", values):
        if text is None:
            assert cell is None
        elif text in {"NaN", "Infinity", "-Infinity"}:
            assert cell == text
        else:
            assert as_number(cell) == Decimal(text)


@_few
@given(values=lists(st.decimals(-10_000_000, 10_000_000, places=2)))
def test_money_amounts_are_numbers(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("numeric_10_2", values):
        assert text is None or (isinstance(cell, int | float) and as_number(cell) == Decimal(text))


def test_the_largest_numerics_are_exact(typed: Typed) -> None:
    values: list[str | None] = ["9" * 20_000, "0." + "1" * 16_383, "1e131071", "-1e-16383"]
    for value, (cell, text) in zip(values, typed.ask("numeric", values), strict=True):
        assert as_number(cell) == Decimal(text) == Decimal(value or 0)


@_few
@given(values=lists(st.floats()))
def test_double_precision_is_exact(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("float8", values):
        if text is not None:
            _same_float(float(cell), float(text))
            assert isinstance(cell, str) != math.isfinite(float(text))


@_few
@given(values=lists(st.floats(width=32)))
def test_real_is_the_number_that_is_stored(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("float4", values):
        if text is not None:
            # PostgreSQL's text is the shortest that reads back as the same four bytes.
            _same_float(float(cell), ctypes.c_float(float(text)).value)


def _same_float(one: float, other: float) -> None:
    assert (math.isnan(one) and math.isnan(other)) or one == other


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@_few
@given(values=lists(_TEXT | st.sampled_from(["\u2028", "\x01\x7f", '"\\', "null", "\U0001f600"])))
def test_text_is_itself(typed: Typed, values: list[str | None]) -> None:
    assert typed.ask("text", values) == [(value, value) for value in values]


@_few
@given(values=lists(st.binary(max_size=40).map(lambda octets: "\\x" + octets.hex())))
def test_bytea_is_postgresqls_hex(typed: Typed, values: list[str | None]) -> None:
    assert typed.ask("bytea", values) == [(value, value) for value in values]


@_few
@given(values=lists(st.uuids()))
def test_uuid(typed: Typed, values: list[str | None]) -> None:
    assert typed.ask("uuid", values) == [(value, value) for value in values]


@_few
@given(values=lists(st.dates()))
def test_date_is_iso(typed: Typed, values: list[str | None]) -> None:
    assert typed.ask("date", values) == [(value, value) for value in values]


@pytest.mark.parametrize(
    ("name", "moments", "read"),
    [
        ("time", st.times(), dt.time.fromisoformat),
        ("timestamp", st.datetimes(), dt.datetime.fromisoformat),
        (
            "timestamptz",
            st.datetimes(
                dt.datetime(2, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
                dt.datetime(9998, 1, 1),  # noqa: DTZ001
                timezones=st.integers(-900, 900).map(
                    lambda m: dt.timezone(dt.timedelta(minutes=m))
                ),
            ),
            dt.datetime.fromisoformat,
        ),
        (
            "timetz",
            st.times(
                timezones=st.integers(-900, 900).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
            ),
            dt.time.fromisoformat,
        ),
    ],
)
@_few
@given(data=st.data())
def test_moments_are_iso(typed: Typed, name: str, moments: Any, read: Any, data: Any) -> None:
    values = data.draw(lists(moments))
    for value, (cell, text) in zip(values, typed.ask(name, values), strict=True):
        if value is not None:
            assert read(cell) == read(text) == read(value)
            assert cell == read(cell).isoformat()


@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [
        ("date", "infinity", "9999-12-31"),
        ("date", "-infinity", "0001-01-01"),
        ("timestamp", "infinity", "9999-12-31T23:59:59.999999"),
        ("timestamptz", "-infinity", "0001-01-01T00:00:00"),
        ("timetz", "12:00:00+15:59:59", "12:00:00+15:59"),
        ("interval", "1 mon", "P30D"),
        ("interval", "2 years 1 day", "P731D"),
    ],
)
def test_what_python_cannot_tell_has_a_documented_form(
    typed: Typed, name: str, value: str, cell: str
) -> None:
    ((made, _),) = typed.ask(name, [value])
    assert made == cell


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", "20000-01-01"),
        ("date", "0044-03-15 BC"),
        ("timestamp", "20000-01-01 00:00:00"),
        ("timestamp", "0044-03-15 00:00:00 BC"),
        ("timestamptz", "20000-01-01 00:00:00+00"),
        ("time", "24:00:00"),
        ("timetz", "24:00:00+00"),
        ("interval", "infinity"),
        ("interval", "170000000 years"),
        ("daterange", "[2024-01-01,20000-01-01)"),
    ],
)
def test_a_moment_that_python_does_not_have_is_an_error(
    typed: Typed, name: str, value: str
) -> None:
    said = typed.error(name, value)
    assert "incident" not in said
    assert "[result]" in said


@_few
@given(
    values=lists(
        st.timedeltas(dt.timedelta(days=-(10**6)), dt.timedelta(days=10**6)).map(
            lambda d: f"{d.days} days {d.seconds} seconds {d.microseconds} microseconds"
        )
    )
)
def test_interval_is_what_a_tool_takes_as_a_duration(
    typed: Typed, values: list[str | None]
) -> None:
    for value, (cell, _) in zip(values, typed.ask("interval", values), strict=True):
        if value is not None:
            days, _, seconds, _, microseconds, _ = value.split()
            shown = TypeAdapter(dt.timedelta).validate_python(cell)
            assert shown == dt.timedelta(int(days), int(seconds), int(microseconds))


@_few
@given(values=lists(st.sampled_from(["sad", "so so", "happy"])))
def test_an_enum_of_the_database_is_its_label(typed: Typed, values: list[str | None]) -> None:
    assert typed.ask("mood", values) == [(value, value) for value in values]


def test_an_enum_of_python_is_the_value_that_tools_take(typed: Typed) -> None:
    assert typed.ask("weather", ["SUN", None, "RAIN"]) == [
        (Weather.SUN.value, "SUN"),
        (None, None),
        (Weather.RAIN.value, "RAIN"),
    ]
