"""Honest arguments fit the schema that they are made from."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp_types import Tool

from mcpdb.attack.arguments import ToolView, example


def view(given: dict[str, Any] | None = None, **properties: Any) -> ToolView:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ToolView.of(Tool(name="tool", input_schema=schema), given or {})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "string", "minLength": 12},
        {"type": "string", "maxLength": 2},
        {"type": "string", "format": "date"},
        {"type": "integer", "minimum": 40, "maximum": 50},
        {"type": "integer", "maximum": 3},
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "boolean"},
        {"enum": ["a", "b"]},
        {"const": 7},
        {"type": "string", "examples": ["an example"]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
    ],
)
def test_an_example_fits_its_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(example(schema), schema)


def test_references_and_unions_with_null_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {
            "category": {"$ref": "#/$defs/Category"},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "integer"}], "default": None},
        },
        "required": ["category", "maybe"],
        "$defs": {"Category": {"enum": ["tools", "paint"]}},
    }
    found = ToolView.of(Tool(name="tool", input_schema=schema), {})
    assert found.honest()["category"] == "tools"
    assert isinstance(found.honest()["maybe"], int)


def test_only_what_is_required_or_given_is_sent() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string"}},
        "required": ["a"],
    }
    found = ToolView.of(Tool(name="tool", input_schema=schema), {"b": "given"})
    assert found.honest() == {"a": "paint", "b": "given"}


def test_variants_reach_further_and_are_few() -> None:
    category = {"enum": [f"c{n}" for n in range(30)]}
    found = view(days={"type": "integer", "minimum": 1, "maximum": 366}, category=category)
    variants = found.variants()
    assert {"days": 366, "category": "c0"} in variants
    assert {"days": 366, "category": "c1"} in variants
    assert len(variants) <= 10


def test_what_is_given_stays_in_every_variant() -> None:
    found = view({"days": 7}, days={"type": "integer", "maximum": 366}, word={"type": "string"})
    assert {each["days"] for each in found.variants()} == {7}
