"""postgast: the grammar of PostgreSQL 18, and wheels for Windows.

What is read is the JSON that its C library makes, not the messages of its Python side: those would
have to be turned into this very form, node by node.
"""

import ctypes
import importlib
import json
from typing import Any, cast

from mcpdb.errors import ConfigurationError
from mcpdb.sql.nodes import Tree
from mcpdb.sql.parser import syntax_error


class PostgastParser:
    """A parser of the package postgast.

    Raises:
        ConfigurationError: The package is not installed, or has changed inside.
    """

    def __init__(self) -> None:
        try:
            module = importlib.import_module("postgast.native")
        except (ImportError, OSError) as error:
            raise ConfigurationError(
                "SQL of a model is checked with postgast, which is not installed.",
                hint="pip install postgast",
            ) from error
        try:
            self._lib: Any = cast("ctypes.CDLL", module.lib)
            works = self.parse("SELECT 1")[0]["stmt"]
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ConfigurationError(
                "This version of postgast does not fit mcpdb.", hint="pip install 'postgast<0.3'"
            ) from error
        if "SelectStmt" not in works:
            raise ConfigurationError("postgast does not read SQL as it should.")

    def parse(self, sql: str) -> list[Tree]:
        """The statements; see `Parser`."""
        result = self._lib.pg_query_parse(sql.encode())
        try:
            if not result.error:
                found = cast("Tree", json.loads(result.parse_tree))
                return cast("list[Tree]", found.get("stmts", []))
            failure = result.error.contents
            message = (failure.message or b"syntax error").decode(errors="replace")
            position = int(failure.cursorpos)
        finally:
            self._lib.pg_query_free_parse_result(result)
        raise syntax_error(sql, message, position)
