"""What can be a tool and what cannot: refusals at registration are sentences that say why."""

import functools
from collections.abc import Callable, Generator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import Select, func, literal, select, text, union

from mcpdb import (
    ConfigurationError,
    InvalidArguments,
    Report,
    Rows,
)
from mcpdb.query.tool import Tool

_one = select(literal(1).label("one"))


class Total(BaseModel):
    total: int


def good(days: int = 30) -> Rows:
    """Counts."""
    return _one.limit(days)


async def coroutine() -> Rows:
    """Counts."""
    return _one


def generator() -> Generator[Rows]:
    """Counts."""
    yield _one


async def async_generator() -> Any:
    """Counts."""
    yield _one


def silent() -> Rows:
    return _one


def blank() -> Rows:
    """ """
    return _one


def untyped(days: int) -> Rows:
    """Counts."""
    return _one.limit(days)


del untyped.__annotations__["days"]


def starred(*days: int) -> Rows:
    """Counts."""
    return _one.limit(len(days))


def double_starred(**days: int) -> Rows:
    """Counts."""
    return _one.limit(len(days))


def positional(days: int, /) -> Rows:
    """Counts."""
    return _one.limit(days)


def returns_nothing_said() -> Rows:
    """Counts."""
    return _one


del returns_nothing_said.__annotations__["return"]


def returns_a_list() -> list[int]:
    """Counts."""
    return [1]


def returns_one_or_the_other() -> Rows | Report:
    """Counts."""
    return _one


def unresolved(day: int) -> Rows:
    """Counts."""
    return _one.limit(day)


def unresolved_attribute(day: int) -> Rows:
    """Counts."""
    return _one.limit(day)


unresolved.__annotations__["day"] = "Absent"
unresolved_attribute.__annotations__["day"] = "Field.nothing"


class CallableObject:
    """Counts."""

    def __call__(self) -> Rows:
        """Counts."""
        return _one


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (coroutine, "coroutine is async"),
        (async_generator, "is async"),
        (generator, "is a generator"),
        (silent, "silent has no docstring"),
        (blank, "no docstring"),
        (untyped, "untyped parameter days"),
        (starred, r"parameter \*days: int"),
        (double_starred, r"parameter \*\*days: int"),
        (positional, "parameter days: int"),
        (returns_nothing_said, "annotated to return Rows"),
        (returns_a_list, "annotated to return Rows"),
        (returns_one_or_the_other, "annotated to return Rows"),
        (unresolved, "cannot be resolved: name 'Absent'"),
        (unresolved_attribute, "cannot be resolved"),
        (CallableObject(), "is not a function"),
        (CallableObject, "is not a function"),
        (functools.partial(good, days=1), "is not a function"),
        (_one, "is not a function"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_a_sentence(
    refused: Callable[..., ConfigurationError], function: Any, said: str
) -> None:
    refused(function, said)


def test_a_method_is_a_function_of_its_other_parameters(tool_of: Callable[..., Tool]) -> None:
    class Shop:
        def tool(self, days: int) -> Rows:
            """Counts."""
            return _one.limit(days)

    assert list(tool_of(Shop().tool).input_schema["properties"]) == ["days"]


def test_the_plain_select_annotation_is_rows_as_well(tool_of: Callable[..., Tool]) -> None:
    def tool() -> Select[int]:
        """Counts."""
        return _one

    assert tool_of(tool).output_schema["required"][1] == "rows"


def test_a_function_that_fails_on_the_examples_is_refused(
    refused: Callable[..., ConfigurationError],
) -> None:
    def tool(days: Annotated[int, Field(ge=0)]) -> Rows:
        """Counts."""
        return _one.limit(10 // days)

    error = refused(tool, "failed when it was called once")
    assert "examples" in error.hint
    assert "ZeroDivisionError" in str(error)  # the author reads it, at start


def test_examples_choose_what_the_function_is_tried_with(tool_of: Callable[..., Tool]) -> None:
    def tool(days: Annotated[int, Field(ge=0, examples=[5])]) -> Rows:
        """Counts."""
        return _one.limit(10 // days)

    assert tool_of(tool).name == "tool"


def test_a_refusal_of_the_functions_own_is_no_less_a_failure(
    refused: Callable[..., ConfigurationError],
) -> None:
    def tool(start: int, end: int) -> Rows:
        """Counts."""
        if start >= end:
            msg = "The start is before the end."
            raise InvalidArguments(msg)
        return _one

    assert "The start is before" in refused(tool, "failed when it was called once").detail


def test_an_argument_without_an_example_is_refused(
    refused: Callable[..., ConfigurationError],
) -> None:
    def tool(code: Annotated[str, Field(pattern="^pqr$")]) -> Rows:
        """Counts."""
        return _one.where(literal(code) == "pqr")

    assert "examples" in refused(tool, "cannot be tried out").hint


def _returns(made: object, annotation: Any = Rows) -> Callable[[], Any]:
    def tool() -> Any:
        """Counts."""
        return made

    tool.__annotations__["return"] = annotation
    return tool


@pytest.mark.parametrize(
    ("made", "annotation", "said"),
    [
        (union(_one, _one), Rows, "returned CompoundSelect"),
        (text("SELECT 1").columns(), Rows, "returned TextualSelect"),
        (None, Rows, "a select, but returned NoneType"),
        ("SELECT 1", Rows, "returned str"),
        (Report({"a": _one}), Rows, "a select, but returned Report"),
        (_one, Report, "a Report, but returned Select"),
    ],
)
def test_a_function_that_returns_something_else_than_it_says_is_refused(
    refused: Callable[..., ConfigurationError], made: object, annotation: Any, said: str
) -> None:
    refused(_returns(made, annotation), said)


def test_a_union_is_told_how_to_be_a_select(
    tool_of: Callable[..., Tool], refused: Callable[..., ConfigurationError]
) -> None:
    assert "subquery" in refused(_returns(union(_one, _one)), "CompoundSelect").hint
    assert tool_of(_returns(select(union(_one, _one).subquery()))).name == "tool"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (select(literal(1).label("x"), literal(2).label("x")), "two columns named 'x'"),
        (select(func.count()), "column without a name, number 1"),
        (select(text("1")), "column without a name"),
        (select(func.anything().label("x")), "'x', whose SQL type is not known"),
        (select(), "without columns"),
    ],
)
@pytest.mark.parametrize("columns", ["fixed", "dynamic"])
def test_columns_that_cannot_be_published_are_refused(
    refused: Callable[..., ConfigurationError], rows: Rows, said: str, columns: str
) -> None:
    refused(_returns(rows), said, columns=columns)
    refused(_returns(Report({"a": _one, "b": rows}), Report), said, columns=columns)


def test_columns_that_take_up_the_whole_result_are_refused(
    tool_of: Callable[..., Tool], refused: Callable[..., ConfigurationError]
) -> None:
    rows = select(*[literal(1).label(f"column_{i:050}") for i in range(300)])
    refused(_returns(rows), "more than half of its max_bytes")
    assert tool_of(_returns(rows), max_bytes=200_000).name == "tool"
    refused(_returns(Report({"a": rows, "b": rows}), Report), "more than half", max_bytes=80_000)
