"""Honest arguments for a tool, from its input schema, and variants that show more of its reach."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from mcp_types import Tool
from pydantic import JsonValue

Schema = Mapping[str, Any]

_VARIANTS: Final = 10
_FORMATS: Final = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "12:00:00",
    "uuid": "11111111-1111-4111-8111-111111111111",
    "email": "someone@example.com",
    "uri": "https://example.com/",
}
_NAMED: Final = (
    (re.compile(r"sql|statement"), "SELECT 1"),
    (re.compile(r"date|day|since|until|from|^to$"), "2026-01-01"),
    (re.compile(r"mail"), "someone@example.com"),
    (re.compile(r"(^|_)id$"), "1"),
)
_WORDS: Final = ("paint", "a")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a tool.

    Attributes:
        name: Its name.
        schema: Its JSON schema, with references resolved and null left out.
        is_required: Whether each call needs it.
        values: What it takes, where that is a list.
    """

    name: str
    schema: Schema = field(repr=False)
    is_required: bool
    values: Sequence[Any] = ()

    @property
    def is_text(self) -> bool:
        """Whether it takes any string."""
        return self.schema.get("type") == "string" and not self.values

    @property
    def is_whole(self) -> bool:
        """Whether it takes whole numbers."""
        return self.schema.get("type") == "integer" and not self.values

    @property
    def about(self) -> str:
        """Its name and description."""
        return f"{self.name} {self.schema.get('description', '')}"


@dataclass(frozen=True, slots=True)
class ToolView:
    """A tool as an attacker sees it.

    Attributes:
        name: Its name.
        description: For models.
        parameters: In the schema's order.
        given: Arguments that the user has named.
    """

    name: str
    description: str
    parameters: Sequence[Parameter]
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, tool: Tool, given: Mapping[str, Any]) -> "ToolView":
        """From what the server lists."""
        schema: Schema = tool.input_schema
        required = set(schema.get("required", ()))
        properties: Mapping[str, Any] = schema.get("properties", {})
        return cls(
            tool.name,
            tool.description or "",
            [_parameter(n, each, schema, n in required) for n, each in properties.items()],
            given,
        )

    def honest(self) -> dict[str, Any]:
        """The arguments that are needed, each as simple as its schema allows."""
        return {
            each.name: self.given.get(each.name, example(each.schema, each.name))
            for each in self.parameters
            if each.is_required or each.name in self.given
        }

    def variants(self) -> list[dict[str, Any]]:
        """Honest arguments: the simplest, the widest, and each value of each list."""
        base = self.honest()
        wide = base | {
            each.name: _widest(each)
            for each in self.parameters
            if each.name not in self.given and _widest(each) is not None
        }
        more = [
            wide | {each.name: value}
            for each in self.parameters
            if each.name not in self.given and len(each.values) > 1
            for value in each.values
            if value is not None
        ]
        words = [
            wide | {each.name: word}
            for each in self.parameters
            if each.is_text and each.is_required and each.name not in self.given
            for word in _WORDS
        ]
        found: list[dict[str, Any]] = []
        for each in (base, wide, *words, *more):
            if each not in found:
                found.append(each)
        return found[:_VARIANTS]


def example(schema: Schema, name: str = "") -> JsonValue:
    """A value that fits a schema."""
    for key in ("default", "const"):
        given: JsonValue = schema.get(key)
        if given is not None:
            return given
    for key in ("examples", "enum"):
        listed: Sequence[JsonValue] = schema.get(key) or ()
        if listed:
            return listed[0]
    kind = schema.get("type")
    if kind == "array":
        items: Schema = schema.get("items", {})
        return [example(items, name)] * max(1, int(schema.get("minItems", 1)))
    if kind == "object":
        inner: Mapping[str, Schema] = schema.get("properties", {})
        return {key: example(inner[key], key) for key in schema.get("required", ()) if key in inner}
    if kind in {"integer", "number"}:
        least: int = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        most: int = schema.get("maximum", 10)
        return max(least, min(10, most))
    return False if kind == "boolean" else _text(schema, name)


def _text(schema: Schema, name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[str(schema["format"])]
    text = next((text for pattern, text in _NAMED if pattern.search(name.lower())), _WORDS[0])
    text = text.ljust(int(schema.get("minLength", 0)), "x")
    return text[: int(schema.get("maxLength", len(text)))]


def _parameter(name: str, schema: Schema, root: Schema, required: bool) -> Parameter:  # noqa: FBT001
    resolved = _resolved(schema, root)
    values = tuple(_values(resolved))
    return Parameter(name, resolved, required, values)


def _values(schema: Schema) -> Iterator[Any]:
    """The values of a list, and for an array of them one array of each, and one of all."""
    yield from schema.get("enum", ())
    items: Schema = schema.get("items") or {}
    if schema.get("type") == "array" and items.get("enum"):
        yield list(items["enum"])[: int(schema.get("maxItems", 100))]
        yield from ([value] for value in items["enum"])


def _widest(parameter: Parameter) -> JsonValue:
    if parameter.schema.get("type") not in {"integer", "number"}:
        return None
    if re.search(r"threshold|similarity|min", parameter.name):
        return cast("JsonValue", parameter.schema.get("minimum"))
    return cast("JsonValue", parameter.schema.get("maximum"))


def _resolved(schema: Schema, root: Schema, depth: int = 0) -> Schema:
    """The schema with its references followed, and of several the first that is not null."""
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/") and depth < 10:
        found: Any = root
        for part in reference[2:].split("/"):
            found = found.get(part, {})
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _resolved({**found, **rest}, root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        choices: Sequence[Any] = schema.get(key, ())
        chosen = [each for each in choices if each.get("type") != "null"]
        if chosen and depth < 10:
            rest = {name: value for name, value in schema.items() if name != key}
            if rest.get("default", 0) is None:
                del rest["default"]
            return _resolved({**chosen[0], **rest}, root, depth + 1)
    kinds: JsonValue = schema.get("type")
    if isinstance(kinds, list):
        named = [each for each in kinds if each != "null"]
        return {**schema, "type": named[0] if named else "null"}
    if isinstance(schema.get("items"), Mapping):
        return {**schema, "items": _resolved(schema["items"], root, depth + 1)}
    return schema
