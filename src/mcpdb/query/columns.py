"""The columns of a select and the JSON schema of their cells, read off the select itself."""

from typing import Any, Final

from sqlalchemy import types
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.exc import CompileError, InvalidRequestError
from sqlalchemy.types import TypeEngine

from mcpdb.errors import ConfigurationError
from mcpdb.query.base import Rows
from mcpdb.result import Column

_DIALECT: Final = asyncpg.dialect()  # type: ignore[no-untyped-call]

# Which JSON types the cells of a column may have, besides null. The first entry that a column's
# type is an instance of decides; what is not here may be anything that JSON can hold.
_JSON_TYPES: Final[tuple[tuple[type[TypeEngine[Any]], tuple[str, ...]], ...]] = (
    (types.Boolean, ("boolean",)),
    (types.Integer, ("integer", "string")),
    (types.Numeric, ("number", "string")),
    (types.Float, ("number", "string")),
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
        ConfigurationError: There is no column, one has no name or no type, or two have the same
            name.
    """
    found: dict[str, Column] = {}
    for number, (name, sql_type) in enumerate(_selected(select, tool), start=1):
        if name is None:
            msg = f"The tool {tool} returns a column without a name, number {number}."
            raise ConfigurationError(msg, hint="Give it one with .label(...).")
        if name in found:
            msg = f"The tool {tool} returns two columns named {name!r}."
            raise ConfigurationError(msg, hint="Give one another name with .label(...).")
        found[name] = Column(name, _type_name(sql_type, tool, name))
    if not found:
        msg = f"The tool {tool} returns a select without columns."
        raise ConfigurationError(msg)
    return tuple(found.values())


def schema_of(select: Rows, tool: str) -> list[dict[str, Any]]:
    """JSON schemas of the cells of one row, in order."""
    return [_cell_schema(name or "", sql_type) for name, sql_type in _selected(select, tool)]


def _selected(select: Rows, tool: str) -> list[tuple[str | None, TypeEngine[Any]]]:
    """The name of each column, as the rows will have it, and its type.

    From the compiled select, because `selected_columns` has other names: the key of a column in
    place of its name, `sum` in place of `sum_1`; and it leaves out what is `text()`.
    """
    try:
        compiled: Any = select.compile(dialect=_DIALECT)
    except (CompileError, InvalidRequestError) as error:
        msg = f"The tool {tool} returns a select that is no SQL."
        raise ConfigurationError(msg, detail=str(error)) from error
    # A name that SQLAlchemy made up, such as anon_1, differs from the pattern it was made of. It
    # counts up with whatever else is in the select, and says nothing to a model.
    return [
        (entry.keyname if entry.keyname == entry.name else None, entry.type)
        for entry in compiled._result_columns  # noqa: SLF001  # no public way
    ]


def _type_name(sql_type: TypeEngine[Any], tool: str, name: str) -> str:
    try:
        return sql_type.compile(dialect=_DIALECT).lower()
    except CompileError as error:
        msg = f"The tool {tool} returns the column {name!r}, whose SQL type is not known."
        hint = "Say it: func.name(..., type_=Numeric), or cast(...)."
        raise ConfigurationError(msg, hint=hint) from error


def _cell_schema(name: str, sql_type: TypeEngine[Any]) -> dict[str, Any]:
    for known, json_types in _JSON_TYPES:
        if isinstance(sql_type, known):
            return {"title": name, "type": [*json_types, "null"]}
    return {"title": name}
