"""Arrays, ranges, vectors, composites, networks, bits and shapes, as in test_cells."""

import ipaddress
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postgres.typed import Typed, as_number, lists

pytestmark = pytest.mark.timeout(120)
_few = settings.get_profile("postgres")
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


def _array(value: Any) -> str:
    """PostgreSQL's text of an array (docs: arrays, "Array Input and Output Syntax")."""
    if isinstance(value, list):
        return "{" + ",".join(map(_array, value)) + "}"  # pyright: ignore[reportUnknownArgumentType]
    if value is None:
        return "NULL"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _matrices(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists, and lists of lists of one length: all that an array can be."""
    flat = st.lists(items | st.none(), max_size=5)

    def nested(width: int) -> st.SearchStrategy[Any]:
        row = st.lists(items | st.none(), min_size=width, max_size=width)
        return st.lists(row, min_size=1, max_size=3)

    return flat | st.integers(1, 3).flatmap(nested)


@_few
@given(values=st.lists(_matrices(st.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=6))
def test_an_array_of_integers_is_a_list(typed: Typed, values: list[Any]) -> None:
    shown = typed.ask("int4_array", [_array(value) for value in values])
    assert [cell for cell, _ in shown] == values


@_few
@given(values=st.lists(_matrices(_WORDS), min_size=1, max_size=6))
def test_an_array_of_text_is_a_list(typed: Typed, values: list[Any]) -> None:
    shown = typed.ask("text_array", [_array(value) for value in values])
    assert [cell for cell, _ in shown] == values


def test_an_array_of_numerics_follows_the_rule_of_numeric(typed: Typed) -> None:
    ((cell, _),) = typed.ask("numeric_array", ["{1.50,NaN,NULL,12345678901234567890,-Infinity}"])
    assert cell == [1.5, "NaN", None, "12345678901234567890", "-Infinity"]


@pytest.mark.parametrize(
    ("value", "cell"), [("{}", []), ("[0:1]={1,2}", [1, 2]), ("{{{1}},{{2}}}", [[[1]], [[2]]])]
)
def test_odd_arrays_are_lists_too(typed: Typed, value: str, cell: Any) -> None:
    ((made, _),) = typed.ask("int4_array", [value])
    assert made == cell


def _ranges(bounds: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    pairs = st.tuples(bounds, bounds).map(sorted)
    ends = st.sampled_from(["[]", "[)", "(]", "()"])
    return st.builds(_range, pairs, st.booleans(), st.booleans(), ends) | st.just("empty")


def _range(pair: list[Any], has_low: bool, has_high: bool, ends: str) -> str:
    low, high = pair[0] if has_low else "", pair[1] if has_high else ""
    return f"{ends[0]}{low},{high}{ends[1]}"


_NUMBERS = st.decimals(-(10**6), 10**6, places=3) | st.decimals(-1, 1, places=30)


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("int4range", st.integers(-(10**9), 10**9)),
        ("int8range", st.integers(-(2**62), 2**62)),
        ("numrange", _NUMBERS),
        ("daterange", st.dates()),
    ],
)
@_few
@given(data=st.data())
def test_a_range_is_postgresqls_text(typed: Typed, name: str, bounds: Any, data: Any) -> None:
    for cell, text in typed.ask(name, data.draw(lists(_ranges(bounds)))):
        assert cell == text


@pytest.mark.parametrize("name", ["tsrange", "tstzrange"])
@_few
@given(values=lists(_ranges(st.datetimes().map(lambda moment: moment.replace(microsecond=0)))))
def test_a_range_of_moments_has_iso_bounds(
    typed: Typed, name: str, values: list[str | None]
) -> None:
    for cell, text in typed.ask(name, values):
        if text is not None:
            iso = text.replace('"', "").replace(" ", "T").replace("+00", "+00:00")
            assert cell == iso


@_few
@given(
    values=lists(
        st.tuples(_WORDS | st.text(' ,()[]"\\\t', max_size=4), _WORDS).map(
            lambda pair: f"[{','.join(map(_array, sorted(pair)))}]"
        )
    )
)
def test_a_range_of_text_is_quoted_as_postgresql_does(
    typed: Typed, values: list[str | None]
) -> None:
    # Collation may order two words otherwise than Python does; then there is no such range.
    answer = typed.call("textrange", values=values)
    if answer.is_error:
        assert "22000" in str(answer.content)
        return
    for cell, text in typed.ask("textrange", values):
        assert cell == text


@pytest.mark.parametrize(
    ("name", "bounds"), [("int4multirange", st.integers(0, 99)), ("nummultirange", _NUMBERS)]
)
@_few
@given(data=st.data())
def test_a_multirange_is_a_list_of_ranges(typed: Typed, name: str, bounds: Any, data: Any) -> None:
    several = st.lists(_ranges(bounds), max_size=3).map(lambda ranges: f"{{{','.join(ranges)}}}")
    for cell, text in typed.ask(name, data.draw(lists(several))):
        assert text is None or "{" + ",".join(cell) + "}" == text


@_few
@given(values=lists(st.ip_addresses() | st.ip_addresses().map(lambda ip: f"{ip}/16")))
def test_inet_is_its_address(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("inet", values):
        assert text is None or ipaddress.ip_interface(cell) == ipaddress.ip_interface(text)


def _network(address: Any) -> Any:
    return ipaddress.ip_network(f"{address}/20", strict=False)


@_few
@given(values=lists(st.ip_addresses().map(_network)))
def test_cidr_is_its_network(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("cidr", values):
        assert text is None or ipaddress.ip_network(cell) == ipaddress.ip_network(text)


@_few
@given(values=lists(st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))))
def test_macaddr_is_its_text(typed: Typed, values: list[str | None]) -> None:
    assert typed.ask("macaddr", values) == [(value, value) for value in values]


_COMPONENTS = st.lists(st.floats(-60_000, 60_000, width=16), min_size=1, max_size=20)


@pytest.mark.parametrize("name", ["vector", "halfvec"])
@_few
@given(values=lists(_COMPONENTS.map(str)))
def test_a_vector_is_a_list_of_what_postgresql_shows(
    typed: Typed, name: str, values: list[str | None]
) -> None:
    for cell, text in typed.ask(name, values):
        assert cell == (None if text is None else json.loads(text))


@_few
@given(
    values=lists(
        st.dictionaries(st.integers(1, 10**9), st.floats(0.5, 99, width=16), max_size=6).map(
            lambda of: f"{{{','.join(f'{i}:{x}' for i, x in of.items())}}}/1000000000"
        )
    )
)
def test_a_sparse_vector_stays_sparse(typed: Typed, values: list[str | None]) -> None:
    for cell, text in typed.ask("sparsevec", values):
        if text is not None:
            assert _sparse(cell) == _sparse(text)
            assert len(cell) < 300


def _sparse(text: str) -> tuple[list[tuple[int, float]], str]:
    inside, _, dimensions = text.removeprefix("{").partition("}/")
    pairs = [part.split(":") for part in inside.split(",") if part]
    return sorted((int(index), float(component)) for index, component in pairs), dimensions


@pytest.mark.parametrize("name", ["varbit", "bit_varying"])
@_few
@given(values=lists(st.text("01", max_size=40)))
def test_bits_are_zeros_and_ones(typed: Typed, name: str, values: list[str | None]) -> None:
    assert typed.ask(name, values) == [(value, value) for value in values]


_FLOAT = st.floats(-(10**6), 10**6, width=32)
_POINT = st.tuples(_FLOAT, _FLOAT).map(lambda p: f"({p[0]},{p[1]})")


def _joined(points: list[str]) -> str:
    return ",".join(points)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("point", _POINT),
        ("lseg", st.lists(_POINT, min_size=2, max_size=2).map(_joined)),
        ("box", st.lists(_POINT, min_size=2, max_size=2).map(_joined)),
        ("polygon", st.lists(_POINT, min_size=1, max_size=5).map(lambda p: f"({_joined(p)})")),
        ("path", st.lists(_POINT, min_size=1, max_size=5).map(lambda p: f"({_joined(p)})")),
        ("path", st.lists(_POINT, min_size=1, max_size=5).map(lambda p: f"[{_joined(p)}]")),
        ("circle", st.tuples(_POINT, st.floats(0, 99)).map(lambda c: f"<{c[0]},{c[1]}>")),
    ],
)
@_few
@given(data=st.data())
def test_a_shape_has_its_numbers(typed: Typed, name: str, shapes: Any, data: Any) -> None:
    for cell, text in typed.ask(name, data.draw(lists(shapes))):
        if text is not None:
            shown = cell if isinstance(cell, str) else json.dumps(cell)
            assert _numbers(shown) == _numbers(text)
            assert not isinstance(cell, str) or cell[0] == text[0]  # an open path or a closed one


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d[\d.e+-]*|-?Infinity|NaN", text)]


def test_a_line_has_the_three_numbers_of_its_equation(typed: Typed) -> None:
    assert typed.ask("line", ["{1,2.5,-3}"]) == [([1.0, 2.5, -3.0], "{1,2.5,-3}")]


@_few
@given(amount=st.decimals(-(10**6), 10**6, places=2) | st.none(), currency=_WORDS | st.none())
def test_a_composite_is_an_object(
    typed: Typed, amount: Decimal | None, currency: str | None
) -> None:
    quoted = "" if currency is None else _array(currency)
    price = f"({'' if amount is None else amount},{quoted})"
    ((cell, _),) = typed.ask("price", [price])
    assert list(cell) == ["amount", "currency"]
    assert cell["currency"] == currency
    assert (None if amount is None else as_number(cell["amount"])) == amount


def test_a_composite_inside_another_is_an_object_inside(typed: Typed) -> None:
    ((cell, _),) = typed.ask("position", ['("(1.50,EUR)","{a,NULL}")'])
    assert cell == {"price": {"amount": 1.5, "currency": "EUR"}, "tags": ["a", None]}


@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [
        ("oid", "42", 42),
        ("xid8", "18446744073709551615", "18446744073709551615"),
        ("pg_lsn", "16/B374D848", 97500059720),
        ("name", "abc", "abc"),
        ("char", "A", "\\x41"),
        ("money", "12.34", "$12.34"),
        ("tsvector", "a fat cat", "'a' 'cat' 'fat'"),
    ],
)
def test_other_types_have_a_form_as_well(typed: Typed, name: str, value: str, cell: Any) -> None:
    ((made, _),) = typed.ask(name, [value])
    assert made == cell
