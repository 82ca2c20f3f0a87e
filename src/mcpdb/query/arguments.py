"""A tool's arguments: the published schema, and the check with errors in words that help a model
to correct itself. A refusal names the argument and what is valid, and never repeats a value."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mcpdb.errors import InvalidArguments
from mcpdb.query.parameters import model_of, parameters_of, schema_of_model
from mcpdb.query.words import Schema, describe, options_of

_SHOWN_NAME_CHARACTERS: Final = 64
_SHOWN_PROBLEMS: Final = 5
_JSON_CONTAINERS: Final = {"[": "array", "{": "object"}
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""No text of PostgreSQL holds these, and JSON brings both."""


class Arguments:
    """The arguments that a function takes.

    Attributes:
        schema: JSON Schema of the arguments, as published.
        embedded: Names of the parameters that are `Embedded`, as texts until they are embedded.

    Raises:
        ConfigurationError: A parameter is of a type that JSON cannot carry.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        parameters = parameters_of(function)
        self.embedded = tuple(name for name, kind in parameters.items() if kind[1])
        self._names = tuple(parameters)
        self._model = model_of(function.__name__, [field for field, _ in parameters.values()])
        self.schema = schema_of_model(self._model, function.__name__)
        self._definitions: Mapping[str, Schema] = self.schema.get("$defs", {})

    def check(self, raw: Mapping[str, object]) -> dict[str, Any]:
        """The arguments as Python values, defaults filled in.

        A list or an object may also come as JSON inside a text: some hosts send it so.

        Raises:
            InvalidArguments: Something is missing, unknown, of a wrong type or out of range.
        """
        try:
            return self._values(raw)
        except ValidationError as error:
            wrong = {str(problem["loc"][0]) for problem in _problems(error)}
        parsed = {n: self._parsed(n, v) if n in wrong else v for n, v in raw.items()}
        try:
            return self._values(parsed)
        except ValidationError as error:
            raise self._refusal(_problems(error)) from None  # the cause holds the rejected values

    def _values(self, raw: Mapping[str, object]) -> dict[str, Any]:
        checked = self._model.model_validate(raw)
        for name, value in raw.items():
            _check_storable(name, value)
        return {name: getattr(checked, f"a{i}") for i, name in enumerate(self._names)}

    def _parsed(self, name: str, value: object) -> object:
        if not isinstance(value, str):
            return value
        wanted = _JSON_CONTAINERS.get(value.lstrip()[:1])
        options = options_of(self._property(name), self._definitions)
        if wanted is None or all(option.get("type") != wanted for option in options):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value

    def _property(self, name: str) -> Schema:
        return cast("Schema", self.schema["properties"].get(name, {}))

    def _refusal(self, problems: list[ErrorDetails]) -> InvalidArguments:
        sentences = list(dict.fromkeys(map(self._sentence, problems[: _SHOWN_PROBLEMS * 10])))
        shown = sentences[:_SHOWN_PROBLEMS]
        if len(sentences) > len(shown) or len(problems) > _SHOWN_PROBLEMS * 10:
            shown.append("There is more that is not valid.")
        hint = "This tool takes no arguments."
        if self._names:
            hint = f"This tool takes: {', '.join(self._names)}."
        return InvalidArguments(" ".join(shown), hint=hint)

    def _sentence(self, problem: ErrorDetails) -> str:
        name, *path = problem["loc"]
        if name not in self._names:
            return self._unknown(str(name))
        shown, schema = self._follow(str(name), path)
        expected = describe(schema, self._definitions) + _unsaid(problem, schema)
        if problem["type"] == "missing":
            return f"The argument '{shown}' is missing: expected {expected}."
        return f"The argument '{shown}' is not valid: expected {expected}."

    def _unknown(self, name: str) -> str:
        if not name.isidentifier() or len(name) > _SHOWN_NAME_CHARACTERS:
            return "Unknown argument '?'."
        close = difflib.get_close_matches(name, self._names, n=1)
        meant = f" Did you mean '{close[0]}'?" if close else ""
        return f"Unknown argument '{name}'.{meant}"

    def _follow(self, name: str, path: list[int | str]) -> tuple[str, Schema]:
        """How to name what is wrong inside an argument, and its schema.

        It ends at the first step that the schema does not name: the keys of an object of any
        keys are values of the caller, and the branches of a union have no names.
        """
        schema = self._property(name)
        for step in path:
            options = options_of(schema, self._definitions)
            here: Schema = options[0] if len(options) == 1 else {}
            following: Schema | None
            if isinstance(step, int):
                items = here.get("prefixItems", ())
                following = items[step] if step < len(items) else here.get("items")
                name = f"{name}[{step}]" if following else name
            else:
                following = here.get("properties", {}).get(step)
                name = f"{name}.{step}" if following else name
            if not following:
                break
            schema = following
        return name, schema


def _problems(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


_BOUNDS: Final = {
    "greater_than_equal": ("ge", "of at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "of at most"),
    "less_than": ("lt", "below"),
}


def _unsaid(problem: ErrorDetails, schema: Schema) -> str:
    """What is valid, as far as JSON Schema has no word for it."""
    if problem["type"] in _BOUNDS and schema.get("format"):  # the bound of a date, for example
        key, words = _BOUNDS[problem["type"]]
        return f" {words} {problem.get('ctx', {})[key]}"
    if problem["type"] in ("value_error", "assertion_error") and schema.get("description"):
        return f" ({schema['description']})"  # a validator's own message may repeat the value
    return ""


def _check_storable(name: str, value: object) -> None:
    try:
        is_wrong = _is_unstorable(value)
    except RecursionError:
        msg = f"The argument '{name}' is nested too deeply."
        raise InvalidArguments(msg) from None
    if is_wrong:
        msg = f"The argument '{name}' holds a character that PostgreSQL cannot store."
        raise InvalidArguments(msg, hint="Leave out U+0000 and halves of surrogate pairs.")


def _is_unstorable(value: object) -> bool:
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is not None
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return any(_is_unstorable(key) or _is_unstorable(item) for key, item in items)
    if isinstance(value, list | tuple):
        return any(map(_is_unstorable, cast("list[object]", value)))
    return False
