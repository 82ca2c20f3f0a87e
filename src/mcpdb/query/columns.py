"""The columns of a select and the JSON schema of their cells, read off the select itself."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import types
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import ColumnElement

from mcpdb.errors import ConfigurationError
from mcpdb.query.base import Rows
from mcpdb.result import Column

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]

# Which JSON types the cells of a column may have, besides null. The first entry that a column's
# type is an instance of decides; what is not here may be anything that JSON can hold.
_JSON_TYPES: Final[tuple[tuple[type[types.TypeEngine[Any]], tuple[str, ...]], ...]] = (
    (types.Boolean, ("boolean",)),
    (types.Integer, ("integer", "string")),
    (types.Numeric, ("number", "string")),
    (types.ARRAY, ("array",)),
    (types.String, ("string",)),
    (types.Uuid, ("string",)),
    (types.Date, ("string",)),
    (types.DateTime, ("string",)),
    (types.Time, ("string",)),
    (types.Interval, ("string",)),
    (types.LargeBinary, ("string",)),
)


def columns_of(select: Rows, tool: str) -> tuple[Column, ...]:
    """Name and SQL type of each column that the select returns.

    Raises:
        ConfigurationError: A column has no name or no type, or two have the same name.
    """
    found: list[Column] = []
    for name, element in _selected(select):
        if any(column.name == name for column in found):
            msg = f"The tool {tool} returns two columns named {name!r}."
            raise ConfigurationError(msg, hint="Give one another name with .label(...).")
        found.append(Column(name, _type_name(element, tool, name)))
    return tuple(found)


def schema_of(select: Rows) -> list[dict[str, Any]]:
    """JSON schemas of the cells of one row, in order."""
    return [_cell_schema(name, element) for name, element in _selected(select)]


def _selected(select: Rows) -> Sequence[tuple[str, ColumnElement[Any]]]:
    return list(select.selected_columns.items())


def _type_name(element: ColumnElement[Any], tool: str, name: str) -> str:
    try:
        return element.type.compile(dialect=_DIALECT).lower()
    except CompileError as error:
        msg = f"The tool {tool} returns the column {name!r}, whose SQL type is not known."
        hint = "Say it: func.name(..., type_=Numeric), or cast(...)."
        raise ConfigurationError(msg, hint=hint) from error


def _cell_schema(name: str, element: ColumnElement[Any]) -> dict[str, Any]:
    for sql_type, json_types in _JSON_TYPES:
        if isinstance(element.type, sql_type):
            return {"title": name, "type": [*json_types, "null"]}
    return {"title": name}
