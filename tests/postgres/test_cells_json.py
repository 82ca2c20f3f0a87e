"""json and jsonb: any document, with numbers of any size, of any depth."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postgres.typed import Typed, as_number

pytestmark = pytest.mark.timeout(120)
_few = settings.get_profile("postgres")

# Every text begins with "s": any other text in a cell is then a number that a double cannot hold.
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map("s".__add__)
_DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=10,
)


def _plain(value: Any) -> Any:
    """With every number as a Decimal."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value[:1] == "s"):
        return value
    return as_number(value)


@pytest.mark.parametrize("name", ["json", "jsonb"])
@settings(_few, max_examples=30)
@given(documents=st.lists(_DOCUMENTS, min_size=1, max_size=8))
def test_a_document_is_itself(typed: Typed, name: str, documents: list[Any]) -> None:
    shown = typed.ask(name, [json.dumps(document) for document in documents])
    assert [_plain(cell) for cell, _ in shown] == [_plain(document) for document in documents]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("json", "9007199254740993"),
        ("jsonb", "9007199254740993"),
        ("jsonb", "1e400"),
        ("json", "1e400"),
        ("json", "1e-400"),
        ("jsonb", "1e-400"),
        ("json", "0.12345678901234567890"),
        ("jsonb", "123456789012345678901234567890.5"),
    ],
)
def test_a_number_that_a_double_cannot_hold_is_exact(typed: Typed, name: str, number: str) -> None:
    shown = typed.ask(name, [number, f'{{"a": [{number}]}}'])
    assert as_number(shown[0][0]) == as_number(shown[1][0]["a"][0]) == Decimal(number)


def test_a_number_of_thousands_of_digits_is_exact(typed: Typed) -> None:
    assert typed.ask("jsonb", ["1e5000"])[0][0] == "1" + "0" * 5_000


def test_a_number_that_would_fill_the_memory_stays_short(typed: Typed) -> None:
    assert typed.ask("json", ["1e999999999"])[0][0] == "1E+999999999"


@pytest.mark.parametrize("name", ["json", "jsonb"])
@pytest.mark.parametrize("levels", [1, 99, 100])
def test_deep_documents_are_themselves(typed: Typed, name: str, levels: int) -> None:
    text = "[" * levels + "]" * levels
    assert typed.ask(name, [text])[0][0] == json.loads(text)


@pytest.mark.parametrize("name", ["json", "jsonb"])
@pytest.mark.parametrize("levels", [101, 300, 800, 3_000])
def test_deeper_documents_are_their_text(typed: Typed, name: str, levels: int) -> None:
    text = "[" * levels + "]" * levels
    assert typed.ask(name, [text])[0][0] == text


def test_half_a_surrogate_pair_does_not_break_the_call(typed: Typed) -> None:
    shown = typed.ask("json", ['"\\ud800"', '{"\\udfff": ["\\ud83d\\ude00"]}'])
    assert [cell for cell, _ in shown] == ["\ufffd", {"\ufffd": ["\U0001f600"]}]


def test_the_escape_of_nul_is_kept_where_json_holds_it(typed: Typed) -> None:
    assert typed.ask("json", ['"a\\u0000b"'])[0][0] == "a\0b"


def test_a_json_null_is_null(typed: Typed) -> None:
    assert typed.ask("jsonb", ["null", None]) == [(None, "null"), (None, None)]


def test_the_last_of_two_equal_keys_counts(typed: Typed) -> None:
    assert typed.ask("json", ['{"a": 1, "a": 2}'])[0][0] == {"a": 2}
