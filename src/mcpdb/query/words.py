"""A JSON schema in words, and an example value that it accepts."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mcpdb.errors import ConfigurationError

Schema = Mapping[str, Any]

_FORMATS: Final = {
    "date": ("a date as YYYY-MM-DD", "2024-02-29"),
    "date-time": ("a date and time as YYYY-MM-DDTHH:MM:SS", "2024-02-29T12:00:00+00:00"),
    "time": ("a time as HH:MM:SS", "12:00:00"),
    "duration": ("a duration as P1DT2H", "P1D"),
    "uuid": ("a UUID", "00000000-0000-4000-8000-000000000000"),
}
_SHOWN_CHOICES: Final = 50


def describe(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    """What a schema accepts, for a sentence that begins with "expected"."""
    schema = _resolve(schema, definitions)
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return _choices(schema["enum"])
    if "anyOf" in schema:
        return " or ".join(describe(option, definitions) for option in schema["anyOf"])
    words = _WORDS.get(schema.get("type", ""))
    if words is None:
        return "another value"
    return words(schema, definitions)


def example(schema: Schema, definitions: Mapping[str, Schema]) -> Any:  # noqa: ANN401  # JSON
    """A value that the schema accepts, to call a tool once with when it is registered.

    Raises:
        ConfigurationError: The schema does not say enough; the hint tells how to help.
    """
    schema = _resolve(schema, definitions)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option.get("type") != "null"]
        return example((options or schema["anyOf"])[0], definitions)
    make = _EXAMPLES.get(schema.get("type", ""))
    if make is None or "pattern" in schema:
        msg = "No example value can be made for a parameter."
        raise ConfigurationError(msg, hint="Give it one: Field(examples=[...]).")
    return make(schema, definitions)


def _resolve(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return {**definitions[reference.rsplit("/", 1)[1]], **schema, "$ref": None}


def _choices(values: list[Any]) -> str:
    shown = ", ".join(repr(value) for value in values[:_SHOWN_CHOICES])
    rest = f" and {len(values) - _SHOWN_CHOICES} more" if len(values) > _SHOWN_CHOICES else ""
    return f"one of {shown}{rest}"


def _number(schema: Schema, _: Mapping[str, Schema]) -> str:
    kind = "an integer" if schema["type"] == "integer" else "a number"
    low, high = schema.get("minimum"), schema.get("maximum")
    parts: list[str] = []
    if low is not None and high is not None:
        parts.append(f"from {low} to {high}")
    elif low is not None:
        parts.append(f"of at least {low}")
    elif high is not None:
        parts.append(f"of at most {high}")
    if "exclusiveMinimum" in schema:
        parts.append(f"above {schema['exclusiveMinimum']}")
    if "exclusiveMaximum" in schema:
        parts.append(f"below {schema['exclusiveMaximum']}")
    if "multipleOf" in schema:
        parts.append(f"that is a multiple of {schema['multipleOf']}")
    return " ".join([kind, *parts])


def _span(low: int | None, high: int | None, unit: str) -> str:
    if low and high:
        return f" of {low} to {high} {unit}"
    if high:
        return f" of at most {high} {unit}"
    if low:
        return f" of at least {low} {unit}"
    return ""


def _text(schema: Schema, _: Mapping[str, Schema]) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]][0]
    pattern = f" that matches {schema['pattern']}" if "pattern" in schema else ""
    return (
        "a text" + _span(schema.get("minLength"), schema.get("maxLength"), "characters") + pattern
    )


def _list(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    span = _span(schema.get("minItems"), schema.get("maxItems"), "items")
    items = schema.get("items")
    return f"a list{span}" + (f", each {describe(items, definitions)}" if items else "")


def _object(schema: Schema, _: Mapping[str, Schema]) -> str:
    names = ", ".join(schema.get("properties", ()))
    return f"an object with {names}" if names else "an object"


_WORDS: Final[dict[str, Callable[[Schema, Mapping[str, Schema]], str]]] = {
    "integer": _number,
    "number": _number,
    "string": _text,
    "boolean": lambda _schema, _definitions: "true or false",
    "null": lambda _schema, _definitions: "null",
    "array": _list,
    "object": _object,
}


def _example_number(schema: Schema, _: Mapping[str, Schema]) -> Any:  # noqa: ANN401  # JSON
    step = schema.get("multipleOf", 1 if schema["type"] == "integer" else 0.5)
    if "minimum" in schema:
        value = schema["minimum"]
    elif "exclusiveMinimum" in schema:
        value = schema["exclusiveMinimum"] + step
    else:
        high = schema.get("maximum", schema.get("exclusiveMaximum", step + step))
        value = min(step, high - step) if "exclusiveMaximum" in schema else min(step, high)
    return -(-value // step) * step  # up to the next multiple


def _example_text(schema: Schema, _: Mapping[str, Schema]) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]][1]
    return "x" * max(1, int(schema.get("minLength", 1)))


def _example_list(schema: Schema, definitions: Mapping[str, Schema]) -> list[Any]:
    count = max(1, schema.get("minItems", 1))
    return [example(schema.get("items", {"type": "string"}), definitions)] * count


def _example_object(schema: Schema, definitions: Mapping[str, Schema]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {name: example(properties[name], definitions) for name in schema.get("required", ())}


_EXAMPLES: Final[dict[str, Callable[[Schema, Mapping[str, Schema]], Any]]] = {
    "integer": _example_number,
    "number": _example_number,
    "string": _example_text,
    "boolean": lambda _schema, _definitions: False,
    "null": lambda _schema, _definitions: None,
    "array": _example_list,
    "object": _example_object,
}
