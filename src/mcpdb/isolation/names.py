"""Names in SQL: how a declaration says a table, a column or a role, and how it is quoted."""

import re
from typing import Final

from sqlalchemy import Column, Table

from mcpdb.errors import ConfigurationError

_NAME_BYTES: Final = 63
_BARE: Final = re.compile(r"[a-z_][a-z0-9_$]*")


def checked(name: str, *, what: str) -> str:
    """A name that PostgreSQL keeps as it is.

    Raises:
        ConfigurationError: It is empty, has a NUL, or is longer than 63 bytes, where PostgreSQL
            would cut it off and so mean another one.
    """
    is_long = len(name.encode("utf-8", "replace")) > _NAME_BYTES
    if not name or is_long or "\x00" in name:
        raise ConfigurationError(f"{what} is named by 1 to {_NAME_BYTES} bytes, not {name[:80]!r}.")
    return name


def quoted(name: str) -> str:
    """The name as an identifier in SQL. Keywords are names too, so all are quoted."""
    return '"' + name.replace('"', '""') + '"'


def shown(name: str) -> str:
    """The name as people write it: without quotes where none are needed."""
    return name if _BARE.fullmatch(name) else quoted(name)


def literal(text: str) -> str:
    """The text as a literal in SQL, whatever standard_conforming_strings is."""
    body = text.replace("'", "''")
    return f" E'{body.replace(chr(92), chr(92) * 2)}'" if "\\" in body else f"'{body}'"


def table_name(table: str | Table) -> tuple[str, str]:
    """Schema and name of a declared table: `shop.orders`, or `orders` in `public`.

    Raises:
        ConfigurationError: It is not a name of one or two parts.
    """
    if isinstance(table, Table):
        parts = [table.schema or "public", table.name]
    else:
        parts = table.split(".")
        if len(parts) == 1:
            parts = ["public", *parts]
    if len(parts) != 2:
        raise ConfigurationError(
            f"A table is named schema.table, not {table!r}.",
            hint="Pass a SQLAlchemy Table where a name has a dot in it.",
        )
    schema, name = (checked(part, what="A table") for part in parts)
    if schema == "$user":
        raise ConfigurationError("A search_path takes the schema $user for the user's: rename it.")
    return schema, name


def column_name(column: "str | Column[object]") -> str:
    """The name of a declared column.

    Raises:
        ConfigurationError: PostgreSQL could not hold it.
    """
    return checked(column if isinstance(column, str) else column.name, what="A column")


def in_sql(name: tuple[str, str]) -> str:
    """Schema and name as SQL has them."""
    return ".".join(map(quoted, name))


def spoken(name: tuple[str, str]) -> str:
    """Schema and name as people write them."""
    return ".".join(map(shown, name))


def dollar_quoted(body: str) -> str:
    """The text as a dollar-quoted string, whatever is in it."""
    tag = "mcpdb"
    while f"${tag}$" in body:
        tag += "_"
    return f"${tag}${body}${tag}$"
