"""What the guard needs of a parser: PostgreSQL's own grammar, as libpg_query's JSON."""

from collections.abc import Sequence
from typing import Protocol

from mcpdb.errors import SqlRefused
from mcpdb.sql.nodes import Tree
from mcpdb.sql.words import bounded, refusal

_EXCERPT = 30


class Parser(Protocol):
    """From SQL to the trees of its statements."""

    def parse(self, sql: str) -> Sequence[Tree]:
        """The statements, each as libpg_query's `RawStmt`: `stmt`, and where it begins.

        Args:
            sql: Without NUL, at which the parser would stop, and without lone surrogates.

        Raises:
            SqlRefused: A syntax error, with its position. Anything else that is raised is taken
                for SQL that cannot be read.
        """
        ...


def syntax_error(sql: str, message: str, position: int) -> SqlRefused:
    """The refusal of what is not SQL.

    Args:
        sql: All of it.
        message: The parser's, such as `syntax error at or near "x"`.
        position: The character, from 1; 0 where it is not known.
    """
    at = position if 0 < position <= len(sql) + 1 else None
    rest = " ".join(sql[at - 1 :][:_EXCERPT].split()) if at else ""
    hint = f"What begins there: {rest} ..." if rest else "The SQL may be cut off there."
    return refusal(
        f"This is not valid SQL of PostgreSQL: {bounded(message)}",
        hint if at else "Write one SELECT of PostgreSQL.",
        at,
    )
