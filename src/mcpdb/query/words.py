"""A JSON schema in words, for a sentence that begins with "expected"."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

_FORMATS: Final = {
    "date": "a date as YYYY-MM-DD",
    "date-time": "a date and time as YYYY-MM-DDTHH:MM:SS",
    "time": "a time as HH:MM:SS",
    "duration": "a duration as P1DT2H",
    "uuid": "a UUID",
    "email": "an e-mail address",
    "uri": "a URL",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
}
_SHOWN_CHOICES: Final = 50


def resolve(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema with what it refers to."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**resolve(definitions[reference.rsplit("/", 1)[1]], definitions), **beside}


def options_of(schema: Schema, definitions: Mapping[str, Schema]) -> list[Schema]:
    """The schemas that a value may follow, resolved: one, or those of a union without null."""
    schema = resolve(schema, definitions)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            options = [o for part in schema[union] for o in options_of(part, definitions)]
            return [option for option in options if option.get("type") != "null"] or options
    return [schema]


def describe(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    """What a schema accepts."""
    schema = resolve(schema, definitions)
    if "const" in schema:
        return _value(schema["const"])
    if "enum" in schema:
        return _choices(schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(_options(schema[union], definitions)))
    words = _WORDS.get(schema.get("type", ""))
    if words is None:
        return "any value" if not schema.get("type") else "another value"
    return words(schema, definitions)


def _options(options: list[Schema], definitions: Mapping[str, Schema]) -> list[str]:
    # A Decimal may also come as a text of digits: its pattern would tell a model nothing.
    is_number = any(option.get("type") == "number" for option in options)
    return [
        describe(option, definitions)
        for option in options
        if not (is_number and option.get("type") == "string" and "pattern" in option)
    ]


def _value(value: object) -> str:
    return repr(value) if isinstance(value, str) else json.dumps(value)


def _choices(values: list[Any]) -> str:
    shown = ", ".join(map(_value, values[:_SHOWN_CHOICES]))
    rest = f" and {len(values) - _SHOWN_CHOICES} more" if len(values) > _SHOWN_CHOICES else ""
    return shown if len(values) == 1 else f"one of {shown}{rest}"


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
    if low and low == high:
        return f" of exactly {low} {unit}"
    if low and high is not None:
        return f" of {low} to {high} {unit}"
    if high is not None:
        return f" of at most {high} {unit}"
    if low:
        return f" of at least {low} {unit}"
    return ""


def _text(schema: Schema, _: Mapping[str, Schema]) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    pattern = f" that matches {schema['pattern']}" if "pattern" in schema else ""
    span = _span(schema.get("minLength"), schema.get("maxLength"), "characters")
    return f"a text{span}{pattern}"


def _list(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    if "prefixItems" in schema:
        parts = ", ".join(describe(part, definitions) for part in schema["prefixItems"])
        return f"a list of {parts}"
    span = _span(schema.get("minItems"), schema.get("maxItems"), "items")
    unlike = ", all different" if schema.get("uniqueItems") else ""
    items = schema.get("items")
    return f"a list{span}{unlike}" + (f", each {describe(items, definitions)}" if items else "")


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
