"""For every type that pydantic can check, an example that it accepts, or a clear refusal."""

import datetime as dt
import enum
from decimal import Decimal
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel, Field, TypeAdapter, create_model

from mcpdb import ConfigurationError
from mcpdb.query.example import example
from mcpdb.query.words import describe


def _made(annotation: Any) -> Any:
    """The example for a type, checked by pydantic."""
    adapter = TypeAdapter[Any](annotation)
    schema = adapter.json_schema()
    made = example(schema, schema.get("$defs", {}))
    adapter.validate_python(made)
    assert describe(schema, schema.get("$defs", {}))
    return made


@st.composite
def _integers(draw: st.DrawFn) -> Any:
    step = draw(st.none() | st.integers(1, 50))
    low = draw(st.none() | st.integers(-1_000, 1_000))
    room = draw(st.integers(2 * (step or 1), 1_000))
    is_open = draw(st.booleans())
    bounds: dict[str, Any] = {} if low is None else {"gt" if is_open else "ge": low}
    if draw(st.booleans()):
        bounds["lt" if draw(st.booleans()) else "le"] = (low or 0) + room
    return Annotated[int, Field(multiple_of=step, **bounds)]


@st.composite
def _numbers(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from([float, Decimal]))
    low = draw(st.none() | st.floats(-100, 100).map(lambda x: round(x, 3)))
    room = draw(st.floats(0.002, 10).map(lambda x: round(x, 3)))
    bounds: dict[str, Any] = {} if low is None else {draw(st.sampled_from(["gt", "ge"])): low}
    if draw(st.booleans()):
        bounds[draw(st.sampled_from(["lt", "le"]))] = round((low or 0) + room, 3)
    return Annotated[kind, Field(**bounds)]


@st.composite
def _texts(draw: st.DrawFn) -> Any:
    low = draw(st.none() | st.integers(0, 40))
    high = draw(st.none() | st.integers(low or 0, 60))
    return Annotated[str, Field(min_length=low, max_length=high)]


class Mood(enum.Enum):
    SAD = "sad"
    HAPPY = "happy"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


_CHOICE = Literal[1, "b"]
_PLAIN = st.sampled_from(
    [bool, dt.date, dt.datetime, dt.time, dt.timedelta, UUID, None, AnyUrl, Mood, Level, _CHOICE]
)


def _of(generic: Any, first: Any, *others: Any) -> Any:
    return generic[(first, *others) if others else first]


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lengths = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(
        lambda pair: Field(min_length=pair[0], max_length=sum(pair))
    )
    lists = st.builds(_of, st.just(list), inner)
    objects = st.builds(_of, st.just(dict), st.just(str), inner)
    return st.one_of(
        st.builds(_of, st.just(Annotated), lists | objects, lengths),
        st.builds(_of, st.just(Union), inner, inner | st.none()),
        st.builds(_of, st.just(tuple), inner, inner),
        st.builds(_model, inner, inner),
    )


def _model(one: Any, other: Any) -> Any:
    return create_model("Model", one=(one, ...), other=(other, ...))


@settings(max_examples=120)
@given(annotation=st.recursive(_integers() | _numbers() | _texts() | _PLAIN, _containers))
def test_the_example_of_a_type_is_accepted_by_it(annotation: Any) -> None:
    _made(annotation)


@given(item=_integers() | _texts() | _PLAIN, count=st.integers(0, 4))
def test_the_example_of_a_set_has_as_many_different_items_as_it_needs(
    item: Any, count: int
) -> None:
    annotation = _of(Annotated, _of(set, item), Field(min_length=count))
    try:
        made = _made(annotation)
    except ConfigurationError:
        assume(count > 1)  # a type of so few values, or of which one example is known
    else:
        assert len(made) >= count


class Tree(BaseModel):
    name: str
    children: "list[Tree]"
    parent: "Tree | None"


class Endless(BaseModel):
    again: "Endless"


class Unit(BaseModel):
    code: Annotated[str, Field(pattern="^[A-Z]{2,3}$")]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Annotated[int, Field(ge=1, le=365)], 1),
        (int, 1),
        (Annotated[int, Field(le=-5)], -5),
        (Annotated[int, Field(lt=-5, multiple_of=4)], -8),
        (Annotated[int, Field(gt=0, multiple_of=7)], 7),
        (Annotated[float, Field(gt=0, lt=1)], 0.1),
        (str, "x"),
        (Annotated[str, Field(max_length=0)], ""),
        (Annotated[str, Field(min_length=3)], "xxx"),
        (Annotated[str, Field(pattern=r"^\d{4}$")], "0000"),
        (Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")], "X"),
        (Unit, {"code": "XX"}),
        (Annotated[str, Field(pattern="^pqr$", examples=["pqr"])], "pqr"),
        (Annotated[int, Field(examples=[42])], 42),
        (Annotated[int | None, Field(examples=[42])], 42),
        (int | None, 1),
        (list[str], ["x"]),
        (Annotated[list[int], Field(min_length=3)], [1, 2, 3]),
        (Annotated[list[Literal[7]], Field(min_length=2)], [7, 7]),
        (tuple[int, str], [1, "x"]),
        (Mood, "sad"),
        (bool, False),
        (None, None),
        (Annotated[str, Field(pattern="^pqr$")] | int, 1),
    ],
)
def test_the_example_is_simple(annotation: Any, expected: object) -> None:
    assert _made(annotation) == expected


def test_a_model_that_holds_itself_has_an_example_of_some_depth() -> None:
    made = _made(Tree)
    assert set(made) == {"name", "children", "parent"}


@pytest.mark.parametrize(
    "annotation",
    [
        Any,
        Annotated[str, Field(pattern="^pqr$")],
        Annotated[int, Field(gt=1, lt=2)],
        Annotated[int, Field(ge=11, le=19, multiple_of=10)],
        Annotated[list[Annotated[str, Field(pattern="^pqr$")]], Field(min_length=1)],
        Endless,
    ],
)
def test_where_no_example_is_found_the_author_is_asked_for_one(annotation: Any) -> None:
    schema = TypeAdapter[Any](annotation).json_schema()
    with pytest.raises(ConfigurationError) as refusal:
        example(schema, schema.get("$defs", {}))
    assert "examples" in refusal.value.hint


def test_a_pattern_that_python_cannot_read_is_no_reason_to_crash() -> None:
    with pytest.raises(ConfigurationError):
        example({"type": "string", "pattern": r"^\p{Lu}+$"}, {})


def test_no_pattern_takes_long_to_guess() -> None:
    schema = {"type": "string", "pattern": "^(x+x+)+y$", "minLength": 8}
    with pytest.raises(ConfigurationError):
        example(schema, {})
