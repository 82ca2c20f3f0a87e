"""A tool's arguments: what is accepted, and in which words the rest is refused."""

import datetime as dt
import enum
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field

from mcpdb import Embedded, InvalidArguments
from mcpdb.query.arguments import Arguments

_SECRET = "s3cret-value"


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Range(BaseModel):
    low: Annotated[int, Field(ge=0)] = 0
    high: Annotated[int, Field(le=10)]
    title: str | None = None


def _not_an_a(value: str) -> str:
    if not value.startswith("a"):
        msg = f"{value} does not start with an a"
        raise ValueError(msg)
    return value


_POSITIVE = Annotated[int, Field(gt=0)]

_REFUSED: list[tuple[Any, object, str]] = [
    (Annotated[int, Field(ge=1, le=365)], 0, "an integer from 1 to 365"),
    (Annotated[int, Field(ge=1, le=365)], 366, "an integer from 1 to 365"),
    (Annotated[int, Field(ge=1)], _SECRET, "an integer of at least 1"),
    (Annotated[int, Field(le=9)], 10, "an integer of at most 9"),
    (Annotated[int, Field(gt=1, lt=5)], 5, "an integer above 1 below 5"),
    (Annotated[int, Field(multiple_of=5)], 7, "an integer that is a multiple of 5"),
    (int, 1.5, "an integer"),
    (int, None, "an integer"),
    (float, "NaN", "a number"),
    (float, "Infinity", "a number"),
    (float, _SECRET, "a number"),
    (Decimal, _SECRET, "a number"),
    (bool, _SECRET, "true or false"),
    (str, 7, "a text"),
    (Annotated[str, Field(min_length=2, max_length=4)], _SECRET, "a text of 2 to 4 characters"),
    (Annotated[str, Field(max_length=4)], _SECRET, "a text of at most 4 characters"),
    (Annotated[str, Field(min_length=2)], "x", "a text of at least 2 characters"),
    (Annotated[str, Field(min_length=3, max_length=3)], "x", "a text of exactly 3 characters"),
    (Annotated[str, Field(pattern="^[A-Z]+$")], _SECRET, "a text that matches ^[A-Z]+$"),
    (dt.date, _SECRET, "a date as YYYY-MM-DD"),
    (
        Annotated[dt.date, Field(ge=dt.date(2024, 1, 1))],
        "2023-12-31",
        "a date as YYYY-MM-DD of at least 2024-01-01",
    ),
    (dt.datetime, _SECRET, "a date and time as YYYY-MM-DDTHH:MM:SS"),
    (dt.time, _SECRET, "a time as HH:MM:SS"),
    (dt.timedelta, _SECRET, "a duration as P1DT2H"),
    (UUID, _SECRET, "a UUID"),
    (Literal["a", "b"], _SECRET, "one of 'a', 'b'"),
    (Literal["a"], _SECRET, "'a'"),
    (Literal[1, "a", True], _SECRET, "one of 1, 'a', true"),
    (Colour, _SECRET, "one of 'red', 'blue'"),
    (int | None, _SECRET, "an integer or null"),
    (int | bool, _SECRET, "an integer or true or false"),
    (list[int], _SECRET, "a list, each an integer"),
    (Annotated[list[_POSITIVE], Field(max_length=2)], [1, 2, 3], "a list of at most 2 items"),
    (set[int], _SECRET, "a list, all different, each an integer"),
    (tuple[int, str], _SECRET, "a list of an integer, a text"),
    (dict[str, int], [], "an object"),
    (Range, _SECRET, "an object with low, high, title"),
]


@pytest.mark.parametrize(("annotation", "value", "expected"), _REFUSED)
def test_a_refusal_names_the_argument_and_what_is_valid(
    arguments_of: Callable[..., Arguments],
    refusal: Callable[..., str],
    annotation: Any,
    value: object,
    expected: str,
) -> None:
    message = refusal(arguments_of(annotation), value=value)
    assert message.startswith(f"The argument 'value' is not valid: expected {expected}")
    assert message.endswith(".")


# Marked, because hypothesis would find the words of the sentences themselves.
_MARKED = st.text(max_size=8).map("Zq".__add__)


@given(
    value=st.recursive(
        _MARKED | st.integers(10**9) | st.floats(10**9, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_MARKED, inner),
        max_leaves=5,
    ),
    annotation=st.sampled_from([case[0] for case in _REFUSED]),
)
def test_a_refusal_never_repeats_a_value(
    arguments_of: Callable[..., Arguments], value: object, annotation: Any
) -> None:
    arguments = arguments_of(annotation)
    try:
        arguments.check({"value": value})
    except InvalidArguments as error:
        said = f"{error} {error.detail}"
        for leaf in _leaves(value):
            assert leaf not in said


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return _leaves([part for pair in cast("dict[str, object]", value).items() for part in pair])
    if isinstance(value, list):
        return [leaf for item in cast("list[object]", value) for leaf in _leaves(item)]
    return [str(value)]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"value": {"high": 11}}, "'value.high' is not valid: expected an integer of at most 10"),
        ({"value": {}}, "'value.high' is missing: expected an integer of at most 10"),
        ({"value": {"high": 1, "low": -1}}, "'value.low' is not valid"),
        ({"value": '{"high": 11}'}, "'value.high' is not valid"),
    ],
)
def test_what_is_wrong_inside_an_object_is_named(
    arguments_of: Callable[..., Arguments],
    refusal: Callable[..., str],
    raw: dict[str, object],
    said: str,
) -> None:
    assert said in refusal(arguments_of(Range), **raw)


def test_what_is_wrong_inside_a_list_is_named(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    assert "'value[1].high'" in refusal(
        arguments_of(list[Range]), value=[{"high": 1}, {"high": 11}]
    )
    assert "'value[1]' is not valid: expected a text" in refusal(
        arguments_of(tuple[int, str]), value=[1, 2]
    )


def test_the_keys_of_a_callers_object_are_not_repeated(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    message = refusal(arguments_of(dict[str, int]), value={_SECRET: "x"})
    assert message == "The argument 'value' is not valid: expected an object."


def test_a_validators_own_words_are_left_out_and_the_description_helps(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    annotation = Annotated[str, AfterValidator(_not_an_a), Field(description="A word with an a")]
    assert refusal(arguments_of(annotation), value=_SECRET) == (
        "The argument 'value' is not valid: expected a text (A word with an a)."
    )


def test_a_missing_argument_is_named_with_what_is_expected(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    message = refusal(arguments_of(Annotated[int, Field(ge=1, le=9)]))
    assert message == "The argument 'value' is missing: expected an integer from 1 to 9."


def test_every_argument_is_listed_as_a_hint(arguments_of: Callable[..., Arguments]) -> None:
    arguments = arguments_of(int, other=str)
    with pytest.raises(InvalidArguments) as refusal:
        arguments.check({})
    assert refusal.value.hint == "This tool takes: value, other."
    assert "'value' is missing" in refusal.value.message
    assert "'other' is missing" in refusal.value.message


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("valeu", "Unknown argument 'valeu'. Did you mean 'value'?"),
        ("zzz", "Unknown argument 'zzz'."),
        ("not a name", "Unknown argument '?'."),
        ("x" * 65, "Unknown argument '?'."),
        ("x" * 1_000_000, "Unknown argument '?'."),
        ("", "Unknown argument '?'."),
        ("a0", "Unknown argument 'a0'."),
    ],
)
def test_an_unknown_argument_is_named_and_a_near_one_offered(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str], sent: str, said: str
) -> None:
    assert refusal(arguments_of(int), **{"value": 1, sent: _SECRET}) == said


def test_a_tool_without_parameters_says_so() -> None:
    def tool() -> None: ...

    arguments = Arguments(tool)
    assert arguments.check({}) == {}
    assert arguments.schema["properties"] == {}
    with pytest.raises(InvalidArguments) as refusal:
        arguments.check({"x": 1})
    assert refusal.value.hint == "This tool takes no arguments."


def test_a_long_list_of_problems_is_cut(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    message = refusal(arguments_of(int), value=1, **{f"unknown_{i}": 1 for i in range(5_000)})
    assert len(message) < 500
    assert message.endswith("There is more that is not valid.")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (list[int], "[1, 2]"),
        (list[int] | None, " [1, 2]"),
        (dict[str, int], '{"a": 1}'),
        (Range, '{"high": 3}'),
        (Range | None, '{"high": 3}'),
        (Annotated[list[Range], Field(max_length=2)], '[{"high": 3}]'),
    ],
)
def test_a_container_may_come_as_json_inside_a_text(
    arguments_of: Callable[..., Arguments], annotation: Any, text: str
) -> None:
    arguments = arguments_of(annotation)
    assert arguments.check({"value": text}) == arguments.check({"value": json.loads(text)})


@pytest.mark.parametrize("text", ["[1,", "[1, 2]]", "[" * 100_000, "{'a': 1}", '{"a": 1}'])
def test_a_text_that_is_no_such_json_is_refused(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str], text: str
) -> None:
    assert "expected a list, each an integer" in refusal(arguments_of(list[int]), value=text)


def test_nesting_beyond_all_reason_is_refused(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    value: list[Any] = []
    for _ in range(2_000):
        value = [value]
    assert "'value' is nested too deeply" in refusal(arguments_of(Any), value=value)


def test_a_text_that_looks_like_a_container_stays_a_text_where_one_is_taken(
    arguments_of: Callable[..., Arguments],
) -> None:
    assert arguments_of(str).check({"value": "[1]"}) == {"value": "[1]"}
    # Also where another argument has to be read as JSON.
    arguments = arguments_of(str | list[int], other=list[int])
    assert arguments.check({"value": "[1]", "other": "[2]"}) == {"value": "[1]", "other": [2]}


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, "a\0b"),
        (str, "\ud800"),
        (list[str], ["fine", "\0"]),
        (list[str], '["\\u0000"]'),
        (dict[str, str], {"\0": "x"}),
        (dict[str, Any], {"x": {"y": ["\udfff"]}}),
        (Embedded, "paint\0"),
        (Any, "\0"),
    ],
)
def test_text_that_postgresql_cannot_hold_is_refused(
    arguments_of: Callable[..., Arguments],
    refusal: Callable[..., str],
    annotation: Any,
    value: object,
) -> None:
    assert "'value' holds a character" in refusal(arguments_of(annotation), value=value)
