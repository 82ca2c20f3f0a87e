"""What is learned of a tool at registration: what `then` and the notice are, what is published."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel, RootModel
from sqlalchemy import Integer, Text, cast, func, literal, select

from mcpdb import ConfigurationError, Embedded, Report, Rows, Tables
from mcpdb.query.tool import Tool

_one = select(literal(1).label("one"))


class Total(BaseModel):
    total: int


def good(days: int = 30) -> Rows:
    """Counts."""
    return _one.limit(days)


def _returns(made: object, annotation: Any = Rows) -> Callable[[], Any]:
    def tool() -> Any:
        """Counts."""
        return made

    tool.__annotations__["return"] = annotation
    return tool


def test_an_embedded_parameter_needs_embeddings(refused: Callable[..., ConfigurationError]) -> None:
    def tool(question: Embedded) -> Rows:
        """Searches."""
        return select(cast(question.text, Text).label("text"))

    error = refused(tool, "the database has no embeddings", dimensions=None)
    assert "embeddings=" in error.hint


@pytest.mark.parametrize("dimensions", [1, 8, 1_536])
def test_the_function_is_tried_with_a_vector_of_length_one(
    tool_of: Callable[..., Tool], dimensions: int
) -> None:
    seen: list[Embedded] = []

    def tool(question: Embedded, days: int) -> Rows:
        """Searches."""
        seen.append(question)
        return _one.limit(days)

    assert tool_of(tool, dimensions=dimensions).embedded == ("question",)
    (question,) = seen
    assert len(question.vector) == dimensions
    assert sum(x * x for x in question.vector) == 1
    assert question.text


def _then_untyped(tables: Tables) -> Any:
    return Total(total=len(tables))


def _then_a_dict(tables: Tables) -> dict[str, int]:
    return {"total": len(tables)}


def _then_a_list(tables: Tables) -> RootModel[list[int]]:
    return RootModel([len(tables)])


_then_lambda: Callable[[Tables], Total] = lambda tables: Total(total=len(tables))  # noqa: E731


async def _then_async(tables: Tables) -> Total:
    return Total(total=len(tables))


def _then_of_two(tables: Tables, more: int) -> Total:
    return Total(total=len(tables) + more)


def _then_unresolved(tables: Tables) -> Total:
    return Total(total=len(tables))


_then_unresolved.__annotations__["return"] = "Absent"


class _Opaque(BaseModel, arbitrary_types_allowed=True):
    what: Callable[[], Awaitable[int]]


def _then_opaque(tables: Tables) -> _Opaque:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (_then_untyped, "annotated to return a pydantic model"),
        (_then_lambda, "annotated to return a pydantic model"),
        (_then_a_dict, "annotated to return a pydantic model"),
        (_then_a_list, "not an object in JSON"),
        (_then_async, "plain function|pydantic model"),
        (_then_of_two, "function of the tables alone"),
        (_then_unresolved, "function of the tables alone"),
        (_then_opaque, "no JSON schema"),
        ("then", "function of the tables alone"),
    ],
)
def test_a_then_whose_model_cannot_be_published_is_refused(
    refused: Callable[..., ConfigurationError], then: Any, said: str
) -> None:
    refused(_returns(Report({"a": _one}, then=then), Report), said)


def test_a_model_that_holds_itself_is_published_as_an_object(tool_of: Callable[..., Tool]) -> None:
    class Node(BaseModel):
        children: "list[Node]"

    Node.model_rebuild(_types_namespace={"Node": Node})

    def then(_: Tables) -> Node:
        return Node(children=[])

    then.__annotations__["return"] = Node
    schema = tool_of(_returns(Report({"a": _one}, then=then), Report)).output_schema
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert "Node" in schema["$defs"]


def _two_columns() -> Rows:
    return select(literal(1).label("a"), literal(2).label("b"))


def _takes_days(days: int) -> Rows:
    return _one.limit(days)


def _fails() -> Rows:
    msg = "no"
    raise ValueError(msg)


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (_two_columns, "a select of one column"),
        (lambda: None, "a select of one column"),
        (lambda: "today", "a select of one column"),
        (lambda: select(func.count()), "column without a name"),
        (_takes_days, "notice of the tool good failed"),
        (_fails, "notice of the tool good failed"),
    ],
)
def test_a_notice_that_is_not_one_text_is_refused(
    refused: Callable[..., ConfigurationError], notice: Any, said: str
) -> None:
    refused(good, said, notice=notice)


def test_a_report_says_its_notice_itself(refused: Callable[..., ConfigurationError]) -> None:
    refused(_returns(Report({"a": _one}), Report), "returns a report", notice=lambda: _one)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "two words"}, "two words is not named"),
        ({"name": "x" * 129}, "not named"),
        ({"name": "größe"}, "not named"),
        ({"max_rows": 0}, "max_rows is from 1 to 1000"),
        ({"max_rows": 1_001}, "max_rows is from 1 to 1000"),
        ({"max_bytes": 999}, "max_bytes is from 1000 to 900000"),
        ({"max_bytes": 900_001}, "max_bytes"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": -1}, "timeout_s"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"columns": "some"}, "columns is"),
    ],
)
def test_an_option_out_of_its_range_is_refused(
    refused: Callable[..., ConfigurationError], options: dict[str, Any], said: str
) -> None:
    refused(good, said, **options)


def test_what_is_published_of_a_tool(tool_of: Callable[..., Tool]) -> None:
    tool = tool_of(good)
    assert (tool.name, tool.title, tool.description) == ("good", "Good", "Counts.")
    assert tool.input_schema == {
        "additionalProperties": False,
        "properties": {"days": {"default": 30, "type": "integer"}},
        "type": "object",
    }
    row = tool.output_schema["properties"]["rows"]["items"]
    assert row["prefixItems"] == [{"title": "one", "type": ["integer", "string", "null"]}]
    assert row["minItems"] == row["maxItems"] == 1


def test_dynamic_columns_are_published_as_any(tool_of: Callable[..., Tool]) -> None:
    def tool(wide: bool) -> Rows:
        """Counts."""
        return select(literal(1).label("a"), literal(2).label("b")) if wide else _one

    rows = tool_of(tool, columns="dynamic").output_schema["properties"]["rows"]
    assert rows == {"type": "array", "items": {"type": "array"}}
    report = tool_of(_returns(Report({"a": _one}), Report), columns="dynamic").output_schema
    assert "additionalProperties" in report["properties"]["tables"]


def test_the_tables_of_a_report_are_published_by_name(tool_of: Callable[..., Tool]) -> None:
    two = select(literal(1, Integer).label("a"), literal("x").label("b"))
    schema = tool_of(_returns(Report({"first": _one, "second": two}), Report)).output_schema
    tables = schema["properties"]["tables"]
    assert tables["required"] == ["first", "second"]
    rows = tables["properties"]["second"]["properties"]["rows"]
    assert [cell["title"] for cell in rows["items"]["prefixItems"]] == ["a", "b"]
