"""A schema in words. Most wordings stand in test_arguments; here are those without an argument."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from mcpdb.query.words import describe, options_of, resolve


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]


class Node(BaseModel):
    name: str
    children: "list[Node]"


def _described(annotation: Any) -> str:
    schema = TypeAdapter[Any](annotation).json_schema()
    return describe(schema, schema.get("$defs", {}))


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Any, "any value"),
        (JsonValue, "any value"),
        (Annotated[Cat | Dog, Field(discriminator="kind")], "an object with kind, lives or "),
        (Node, "an object with name, children"),
        (list[Node], "a list, each an object with name, children"),
        (list[Any], "a list"),
        (Annotated[list[int], Field(min_length=1, max_length=3)], "a list of 1 to 3 items, each "),
        (Literal["it's"], '"it\'s"'),
        (Literal[0], "0"),
        (Literal[True, False], "one of true, false"),
        (Annotated[str, Field(max_length=0)], "a text of at most 0 characters"),
        (None, "null"),
        (int | float, "an integer or a number"),
        (str | str, "a text"),
    ],
)
def test_a_schema_has_words(annotation: Any, words: str) -> None:
    assert _described(annotation).startswith(words)


def test_a_long_list_of_choices_is_cut() -> None:
    words = _described(Literal[tuple(f"choice {i}" for i in range(60))])
    assert words.endswith("'choice 49' and 10 more")


def test_a_type_that_nobody_knows_is_another_value() -> None:
    assert describe({"type": "hologram"}, {}) == "another value"


def test_what_stands_beside_a_reference_counts() -> None:
    definitions: dict[str, dict[str, object]] = {
        "a": {"type": "integer", "minimum": 1},
        "b": {"$ref": "#/$defs/a"},
    }
    assert resolve({"$ref": "#/$defs/b", "minimum": 5}, definitions) == {
        "type": "integer",
        "minimum": 5,
    }


def test_the_options_of_a_union_are_without_null() -> None:
    schema = TypeAdapter[Any](int | list[str] | None).json_schema()
    assert [option["type"] for option in options_of(schema, {})] == ["integer", "array"]
    assert options_of({"type": "null"}, {}) == [{"type": "null"}]
    assert options_of({"anyOf": [{"type": "null"}]}, {}) == [{"type": "null"}]
