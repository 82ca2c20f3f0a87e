"""A tool's arguments: the published schema, and the check with errors in words that help a model
to correct itself. A refusal names the argument and what is valid, and never repeats a value."""

import difflib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from mcpdb.errors import ConfigurationError, InvalidArguments
from mcpdb.query.base import Embedded
from mcpdb.query.words import describe

_SHOWN_NAME_CHARACTERS = 64
_JSON_CONTAINERS = {"[": "array", "{": "object"}


class Arguments:
    """The arguments that a function takes.

    Attributes:
        schema: JSON Schema of the arguments, as published.
        embedded: Names of the parameters that are `Embedded`, as texts until they are embedded.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        parameters = _parameters(function)
        self.embedded = tuple(name for name, kind in parameters.items() if kind[1])
        self._names = tuple(parameters)
        self._model = _model(function.__name__, {name: p[0] for name, p in parameters.items()})
        self.schema = _schema(self._model, function.__name__)

    def check(self, raw: Mapping[str, object]) -> dict[str, Any]:
        """The arguments as Python values, defaults filled in.

        Raises:
            InvalidArguments: Something is missing, unknown, of a wrong type or out of range.
        """
        try:
            checked = self._validate(raw)
        except ValidationError as error:
            raise self._refusal(error) from None  # the cause would hold the rejected values
        return {name: getattr(checked, f"a{i}") for i, name in enumerate(self._names)}

    def _validate(self, raw: Mapping[str, object]) -> BaseModel:
        try:
            return self._model.model_validate(raw)
        except ValidationError:
            parsed = {name: self._parse_container(name, value) for name, value in raw.items()}
            return self._model.model_validate(parsed)

    def _parse_container(self, name: str, value: object) -> object:
        """Some hosts send a list or an object as JSON inside a text: take it as what it is."""
        if not isinstance(value, str):
            return value
        wanted = _JSON_CONTAINERS.get(value.lstrip()[:1])
        if wanted is None or wanted not in _types(self._property(name)):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value

    def _property(self, name: str) -> dict[str, Any]:
        found = self.schema["properties"].get(name, {})
        return cast("dict[str, Any]", found)

    def _refusal(self, error: ValidationError) -> InvalidArguments:
        sentences: dict[str, None] = {}
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(problem["loc"][0]) if problem["loc"] else ""
            sentences[self._sentence(name, problem["type"])] = None
        hint = "" if self._names else "This tool takes no arguments."
        if self._names:
            hint = f"This tool takes: {', '.join(self._names)}."
        return InvalidArguments(" ".join(sentences), hint=hint)

    def _sentence(self, name: str, kind: str) -> str:
        if name not in self._names:
            close = difflib.get_close_matches(name, self._names, n=1)
            shown = name if name.isidentifier() and len(name) <= _SHOWN_NAME_CHARACTERS else "?"
            meant = f" Did you mean '{close[0]}'?" if close else ""
            return f"Unknown argument '{shown}'.{meant}"
        expected = describe(self._property(name), self.schema.get("$defs", {}))
        if kind == "missing":
            return f"The argument '{name}' is missing: expected {expected}."
        return f"The argument '{name}' is not valid: expected {expected}."


def _parameters(function: Callable[..., object]) -> dict[str, tuple[tuple[Any, Any], bool]]:
    """For each parameter its pydantic field, and whether it is embedded."""
    found: dict[str, tuple[tuple[Any, Any], bool]] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        annotation, is_embedded = _without_embedded(parameter.annotation)
        default: Any = ... if parameter.default is inspect.Parameter.empty else parameter.default
        # The fields are a0, a1 ... under the parameter's name as alias, so that no parameter can
        # shadow an attribute of pydantic's model.
        alias = parameter.name
        found[parameter.name] = ((annotation, Field(default=default, alias=alias)), is_embedded)
    return found


def _without_embedded(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401  # an annotation is anything
    if annotation is Embedded:
        return str, True
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        if inner is Embedded:
            return Annotated[str, *metadata], True
    return annotation, False


def _model(name: str, fields: dict[str, tuple[Any, Any]]) -> type[BaseModel]:
    definitions: dict[str, Any] = {f"a{i}": field for i, field in enumerate(fields.values())}
    try:
        return create_model(
            f"{name}_arguments",
            __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False),
            **definitions,
        )
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError) as error:
        msg = f"The tool {name} has a parameter of a type that JSON cannot carry."
        raise ConfigurationError(
            msg, hint="Use a type that pydantic knows.", detail=str(error)
        ) from error


def _schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    try:
        schema = model.model_json_schema(by_alias=True)
    except PydanticUserError as error:
        msg = f"The tool {name} has a parameter that has no JSON schema."
        raise ConfigurationError(msg, detail=str(error)) from error
    schema.setdefault("properties", {})
    return cast("dict[str, Any]", _without_titles(schema))


def _without_titles(schema: object) -> object:
    """Pydantic's generated titles repeat the names: tokens that tell a model nothing."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    items = cast("dict[str, object]", schema).items()
    return {
        key: _without_titles(value)
        for key, value in items
        if not (key == "title" and isinstance(value, str))
    }


def _types(schema: Mapping[str, Any]) -> set[str]:
    found = {schema["type"]} if isinstance(schema.get("type"), str) else set[str]()
    for option in schema.get("anyOf", ()):
        found |= _types(option)
    return found
