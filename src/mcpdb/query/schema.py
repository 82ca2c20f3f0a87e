"""The output schemas of tools. `prefixItems` names the cells of a row, one schema a column."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from mcpdb.errors import ConfigurationError


def rows_schema(cells: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Of a table: with cells of these schemas in each row, or of any columns."""
    row: dict[str, Any] = {"type": "array"}
    if cells is not None:
        row |= {"prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}
    column = _object({"name": _TEXT, "type": _TEXT})
    return _object(
        {
            "columns": {"type": "array", "items": column},
            "rows": {"type": "array", "items": row},
            "row_count": {"type": "integer"},
            "truncated": {"type": "boolean"},
            "notice": {"type": ["string", "null"]},
        }
    )


def tables_schema(tables: Mapping[str, list[dict[str, Any]]] | None) -> dict[str, Any]:
    """Of a report without `then`: its tables by name."""
    if tables is None:
        any_tables = {"type": "object", "additionalProperties": rows_schema(None)}
        return _object({"tables": any_tables})
    return _object({"tables": _object({name: rows_schema(c) for name, c in tables.items()})})


def model_schema(model: type[BaseModel], tool: str) -> dict[str, Any]:
    """Of a report whose `then` makes this model.

    Raises:
        ConfigurationError: The model has no JSON schema, or not one of an object, which is what
            the protocol's structured content is.
    """
    try:
        schema = model.model_json_schema(mode="serialization", by_alias=True)
    except PydanticUserError as error:
        msg = f"The `then` of the tool {tool} returns a model that has no JSON schema."
        raise ConfigurationError(msg, detail=str(error)) from error
    definitions = schema.get("$defs", {})
    if "$ref" in schema:
        # A model that holds itself is only a reference here, and hosts look for the type.
        named = definitions[schema["$ref"].rsplit("/", 1)[1]]
        schema = {**named, "$defs": definitions}
    if schema.get("type") != "object":
        msg = f"The `then` of the tool {tool} returns a model that is not an object in JSON."
        raise ConfigurationError(msg, hint="Put the value into a field of a model.")
    return schema


_TEXT = {"type": "string"}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}
