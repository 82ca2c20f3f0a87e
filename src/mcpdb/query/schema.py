"""The output schemas of tools. `prefixItems` names the cells of a row, one schema a column."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mcpdb.query.base import Rows
from mcpdb.query.columns import schema_of


def rows_schema(select: Rows | None) -> dict[str, Any]:
    """Of a table: with the columns of this select, or of any columns."""
    row: dict[str, Any] = {"type": "array"}
    if select is not None:
        cells = schema_of(select)
        row |= {"prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}
    column = {"type": "object", "properties": {"name": _TEXT, "type": _TEXT}}
    return _object(
        {
            "columns": {"type": "array", "items": column},
            "rows": {"type": "array", "items": row},
            "row_count": {"type": "integer"},
            "truncated": {"type": "boolean"},
            "notice": {"type": ["string", "null"]},
        }
    )


def tables_schema(selects: Mapping[str, Rows] | None) -> dict[str, Any]:
    """Of a report without `then`: its tables by name."""
    if selects is None:
        tables: dict[str, Any] = {"type": "object", "additionalProperties": rows_schema(None)}
    else:
        tables = _object({name: rows_schema(select) for name, select in selects.items()})
    return _object({"tables": tables})


def model_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Of a report whose `then` makes this model."""
    return model.model_json_schema(mode="serialization", by_alias=True)


_TEXT = {"type": "string"}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}
