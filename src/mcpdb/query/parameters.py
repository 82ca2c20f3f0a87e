"""From a function's parameters to a pydantic model that checks them, and its JSON schema."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic.fields import FieldInfo

from mcpdb.errors import ConfigurationError
from mcpdb.query.base import Embedded

_LONGEST_EMBEDDED: Final = 8_000
"""Characters. Embedding models take some thousand tokens, and cut off or refuse the rest."""


def parameters_of(function: Callable[..., object]) -> dict[str, tuple[Any, bool]]:
    """For each parameter its pydantic field, and whether it is embedded.

    Raises:
        ConfigurationError: An `Embedded` parameter has a default.
    """
    found: dict[str, tuple[Any, bool]] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        annotation, is_embedded = _without_embedded(parameter.annotation)
        default = cast("object", parameter.default)
        if is_embedded and default is not inspect.Parameter.empty:
            msg = f"The Embedded parameter {parameter.name} has a default: it is always required."
            raise ConfigurationError(msg)
        if isinstance(default, FieldInfo):  # days: int = Field(30, ge=1)
            annotation = Annotated[annotation, default]
        found[parameter.name] = ((annotation, _field(default, parameter.name)), is_embedded)
    return found


def _field(default: object, name: str) -> Any:  # noqa: ANN401  # what pydantic says it is
    # The model's fields are called a0, a1 ... under the parameter's name as alias, so that no
    # parameter can shadow an attribute of pydantic's model.
    if isinstance(default, FieldInfo):
        if default.default_factory is not None:
            made = cast("Callable[[], Any]", default.default_factory)
            return Field(default_factory=made, alias=name)
        default = inspect.Parameter.empty if default.is_required() else default.default
    return Field(default=... if default is inspect.Parameter.empty else default, alias=name)


def _without_embedded(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401  # an annotation is anything
    text = Annotated[str, Field(max_length=_LONGEST_EMBEDDED)]
    if annotation is Embedded:
        return text, True
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        if inner is Embedded:
            return Annotated[text, *metadata], True
    return annotation, False


def model_of(name: str, fields: list[Any]) -> type[BaseModel]:
    """A model whose fields are a0, a1 and so on.

    Raises:
        ConfigurationError: One is of a type that pydantic does not know.
    """
    definitions: dict[str, Any] = {f"a{i}": field for i, field in enumerate(fields)}
    try:
        return create_model(
            f"{name}_arguments",
            # JSON has no NaN; a text "NaN" would pass every comparison of a tool.
            __config__=ConfigDict(extra="forbid", allow_inf_nan=False),
            **definitions,
        )
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError) as error:
        msg = f"The tool {name} has a parameter of a type that JSON cannot carry."
        raise ConfigurationError(
            msg, hint="Use a type that pydantic knows.", detail=str(error)
        ) from error


def schema_of_model(model: type[BaseModel], name: str) -> dict[str, Any]:
    """The JSON schema of the model, without the titles that pydantic makes of names.

    Raises:
        ConfigurationError: It has none.
    """
    try:
        schema = model.model_json_schema(by_alias=True)
    except PydanticUserError as error:
        msg = f"The tool {name} has a parameter that has no JSON schema."
        raise ConfigurationError(msg, detail=str(error)) from error
    return {"properties": {}, **_without_title(schema)}


_OF_NAMES: Final = frozenset({"properties", "patternProperties", "$defs"})
_OF_ONE: Final = frozenset({"items", "additionalProperties", "propertyNames", "not"})
_OF_SEVERAL: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})


def _without_title(schema: Mapping[str, Any]) -> dict[str, Any]:
    # Titles repeat the names: tokens that tell a model nothing. Only where a schema stands: a
    # default or an example may have a key of this name.
    return {key: _inside(key, value) for key, value in schema.items() if key != "title"}


def _inside(key: str, value: Any) -> Any:  # noqa: ANN401  # JSON
    if key in _OF_NAMES:
        return {name: _without_title(part) for name, part in value.items()}
    if key in _OF_ONE and isinstance(value, dict):
        return _without_title(cast("dict[str, Any]", value))
    if key in _OF_SEVERAL:
        return [_without_title(part) for part in value]
    return value
