"""pgparse: the grammar of PostgreSQL 17, as fast as can be.

It comes with the extra `sql`.
"""

import importlib
from collections.abc import Callable
from typing import cast

from mcpdb.errors import ConfigurationError
from mcpdb.sql.nodes import Tree
from mcpdb.sql.parser import syntax_error


class PgparseParser:
    """A parser of the package pgparse.

    Raises:
        ConfigurationError: The package is not installed.
    """

    def __init__(self) -> None:
        try:
            module = importlib.import_module("pgparse")
        except ImportError as error:
            raise ConfigurationError(
                "SQL of a model is checked with pgparse, which is not installed.",
                hint="pip install 'mcpdb[sql]'",
            ) from error
        self._parse = cast("Callable[[str], list[Tree]]", module.parse)
        self._error = cast("type[Exception]", module.PGQueryError)

    def parse(self, sql: str) -> list[Tree]:
        """The statements; see `Parser`."""
        try:
            return self._parse(sql)
        except self._error as error:
            message = str(getattr(error, "message", "syntax error"))
            position = int(getattr(error, "position", 0) or 0)
        raise syntax_error(sql, message, position)
