"""A value that a JSON schema accepts, to call a tool once with when it is registered."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from mcpdb.errors import ConfigurationError
from mcpdb.query.words import Schema, options_of, resolve

_FORMATS: Final = {
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:00:00+00:00",
    "time": "12:00:00",
    "duration": "P1D",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "someone@example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
_DEEPEST: Final = 10
_LONGEST_GUESS: Final = 12  # a pattern may take exponential time on longer ones
_TRIES: Final = 100

Definitions: TypeAlias = Mapping[str, Schema]
Examples: TypeAlias = Iterator[Any]


def example(schema: Schema, definitions: Definitions) -> Any:  # noqa: ANN401  # JSON
    """A value that the schema accepts.

    Raises:
        ConfigurationError: The schema does not say enough; the hint tells how to help.
    """
    for value in _examples(schema, definitions, 0):
        return value
    msg = "No example value can be made for a parameter."
    raise ConfigurationError(msg, hint="Give it one: Field(examples=[...]).")


def _examples(schema: Schema, definitions: Definitions, depth: int) -> Examples:
    """Values that the schema accepts, the simplest first; none where none is found."""
    schema = resolve(schema, definitions)
    if schema.get("examples"):
        yield from schema["examples"]
        return
    for option in options_of(schema, definitions):
        if "const" in option or "enum" in option:
            yield from option.get("enum", [option.get("const")])
        elif depth <= _DEEPEST and option.get("type") in _EXAMPLES:
            yield from _EXAMPLES[option["type"]](option, definitions, depth + 1)
    if {"type": "null"} in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        yield None


def _some(schema: Schema, definitions: Definitions, depth: int, count: int) -> list[Any]:
    """So many different examples, or fewer where no more are found."""
    found: list[Any] = []
    for value in _examples(schema, definitions, depth):
        if len(found) == count:
            break
        if value not in found:
            found.append(value)
    return found


def _numbers(schema: Schema, _: Definitions, __: int) -> Examples:
    low = _bound(schema, "minimum", "exclusiveMinimum")
    high = _bound(schema, "maximum", "exclusiveMaximum")
    step = Decimal(str(schema.get("multipleOf", 1)))
    start = low if low is not None else min(Decimal(1), high if high is not None else Decimal(1))
    first = -(-start // step) * step  # up to the next multiple
    tried = [first + i * step for i in range(_TRIES)]
    tried += [first - i * step for i in range(1, _TRIES)]
    if low is not None and high is not None and "multipleOf" not in schema:
        tried += [low + (high - low) * i / 10 for i in range(11)]
    for number in tried:
        is_whole = number == number.to_integral_value()
        if _is_within(number, schema) and (is_whole or schema["type"] == "number"):
            yield int(number) if is_whole else float(number)


def _bound(schema: Schema, *keys: str) -> Decimal | None:
    return next((Decimal(str(schema[key])) for key in keys if key in schema), None)


def _is_within(number: Decimal, schema: Schema) -> bool:
    return (
        Decimal(str(schema.get("minimum", "-Infinity"))) <= number
        and Decimal(str(schema.get("exclusiveMinimum", "-Infinity"))) < number
        and Decimal(str(schema.get("maximum", "Infinity"))) >= number
        and Decimal(str(schema.get("exclusiveMaximum", "Infinity"))) > number
    )


def _texts(schema: Schema, _: Definitions, __: int) -> Examples:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 1_000_000)
    if schema.get("format") in _FORMATS:
        yield _FORMATS[schema["format"]]
    elif "pattern" in schema:
        yield from _matching(schema["pattern"], shortest, min(longest, _LONGEST_GUESS))
    else:
        length = min(max(1, shortest), longest)
        yield from (chr(letter) * length for letter in b"xabcdefghijklmnopqrstuvwyz")


def _matching(pattern: str, shortest: int, longest: int) -> Examples:
    """A guess, for the patterns of codes and names."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        return
    guesses = (c * length for length in range(shortest, longest + 1) for c in "xX0_-")
    yield from filter(compiled.search, guesses)


def _lists(schema: Schema, definitions: Definitions, depth: int) -> Examples:
    if "prefixItems" in schema:
        parts = [_some(part, definitions, depth, 1) for part in schema["prefixItems"]]
        if all(parts):
            yield [part[0] for part in parts]
        return
    fewest = schema.get("minItems", 0)
    items = schema.get("items") or {"type": "string"}
    count = min(max(1, fewest), schema.get("maxItems", fewest + 1))
    found = _some(items, definitions, depth, count)
    if len(found) == count:
        yield found
    elif found and not schema.get("uniqueItems"):
        yield found[:1] * count
    if fewest == 0:
        yield []


def _objects(schema: Schema, definitions: Definitions, depth: int) -> Examples:
    properties = {name: schema["properties"][name] for name in schema.get("required", ())}
    others = schema.get("additionalProperties")
    for number in range(len(properties), schema.get("minProperties", 0)):
        properties[f"x{number}"] = others if isinstance(others, dict) else {"type": "string"}
    found = {name: _some(part, definitions, depth, 1) for name, part in properties.items()}
    if all(found.values()):
        yield {name: values[0] for name, values in found.items()}


_EXAMPLES: Final[dict[str, Callable[[Schema, Definitions, int], Examples]]] = {
    "integer": _numbers,
    "number": _numbers,
    "string": _texts,
    "boolean": lambda _, __, ___: iter((False, True)),
    "null": lambda _, __, ___: iter((None,)),
    "array": _lists,
    "object": _objects,
}
