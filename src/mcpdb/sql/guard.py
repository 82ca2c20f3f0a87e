"""The guard: whether SQL that a model wrote is one query that keeps to the rules.

It is the second line, for early refusals and clear words; that no tenant's rows get out is the
wall's to see to, with or without it.
"""

import functools
import re
from collections.abc import Collection, Sequence
from typing import Final, cast

from mcpdb.errors import ConfigurationError, SqlRefused
from mcpdb.query.catalog import Catalog
from mcpdb.sql.budget import Budget
from mcpdb.sql.checks import CHECKS
from mcpdb.sql.nodes import STATEMENTS, Tree
from mcpdb.sql.parser import Parser
from mcpdb.sql.pgparse_parser import PgparseParser
from mcpdb.sql.postgast_parser import PostgastParser
from mcpdb.sql.rules import Rules
from mcpdb.sql.stack import DeepStack
from mcpdb.sql.walk import Walk
from mcpdb.sql.words import Text, refusal

MOST_CHARACTERS: Final = 20_000
"""Of one SQL. Above it the parsers can overrun even a stack of many megabytes."""


class Guard:
    """Reads SQL with PostgreSQL's own grammar, and refuses what is not on its lists.

        guard = Guard(catalog, functions={"shop.margin"})
        await guard.check("SELECT shop.margin(price) FROM products")

    What passes is one SELECT, VALUES or TABLE, with WITH or without, that reads relations of the
    catalog, and calls functions that compute from their arguments alone.

    Args:
        catalog: The relations that may be read.
        functions: More functions that may be called, as `name` or `schema.name`, in the case in
            which PostgreSQL keeps them. Every overload of the name is allowed, whatever it does.
        types: More types that may be cast to, likewise.
        parser: What reads the SQL. By default pgparse, or else postgast.

    Raises:
        ConfigurationError: A name is malformed or not in a collection, or there is no parser.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        functions: Collection[str] = (),
        types: Collection[str] = (),
        parser: Parser | None = None,
    ) -> None:
        self._rules = Rules(catalog, functions, types)
        self._parser = parser or _installed()
        self._stack = DeepStack()

    @property
    def catalog(self) -> Catalog:
        """The relations that may be read."""
        return self._rules.catalog

    @property
    def functions(self) -> frozenset[str]:
        """The names of all functions that may be called, the application's with their schema."""
        return self._rules.callable_functions

    async def check(self, sql: str) -> None:
        """Inspect it on a thread with a deep stack.

        Raises:
            SqlRefused: It may not run.
            TooManyCalls: A hundred others wait already.
        """
        await self._stack.run(functools.partial(self.inspect, sql))

    def inspect(self, sql: str) -> None:
        """Inspect it on the caller's stack, which has to have 8 MB; `check` sees to that itself.

        Raises:
            SqlRefused: It may not run.
        """
        _see_that_it_can_be_read(sql)
        try:
            statements = self._parser.parse(sql)
            query = _the_query(sql, statements)
            Walk(self._rules, Text(sql), CHECKS, Budget()).run(query)
        except SqlRefused:
            raise
        except Exception as error:  # whatever surprises is refused
            raise SqlRefused(
                "This SQL could not be read safely.",
                hint="Write it simpler: less deeply nested, and in plain PostgreSQL.",
            ) from error


def _installed() -> Parser:
    for make in (PgparseParser, PostgastParser):
        try:
            return make()
        except ConfigurationError:
            continue
    raise ConfigurationError(
        "SQL of a model is checked with a parser of PostgreSQL, and none is installed.",
        hint="pip install 'mcpdb[sql]'",
    )


def _see_that_it_can_be_read(sql: object) -> None:
    """What the parsers cannot be given: they stop at NUL, and see only what is before it."""
    if not isinstance(sql, str):
        raise SqlRefused("The SQL is not a text.", hint="Give one SELECT as a string.")
    if len(sql) > MOST_CHARACTERS:
        raise SqlRefused(
            f"The SQL has {len(sql):,} characters, and {MOST_CHARACTERS:,} are allowed.",
            hint="Ask for less at once, or shorten lists of values.",
        )
    if "\0" in sql:
        hint = "Leave it out."
        raise refusal("The SQL has a NUL character", hint, sql.index("\0") + 1)
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        hint = "Leave it out."
        what = "The SQL has half of a character (a lone surrogate)"
        raise refusal(what, hint, error.start + 1) from None


_BLANK: Final = re.compile(rb"(?:\s+|--[^\n\r]*)*")
_COMMENT: Final = re.compile(rb"/\*|\*/")


def _the_query(sql: str, statements: Sequence[Tree]) -> Tree:
    if not statements:
        raise SqlRefused("There is no SQL in this.", hint="Write one SELECT.")
    text = Text(sql)
    if len(statements) > 1:
        raise text.refuse(
            "This is a second statement, and one is allowed",
            "Give one SELECT at a time, or join them with UNION ALL or WITH.",
            _beginning(sql, statements[1]),
        )
    ((kind, query),) = statements[0]["stmt"].items()
    if kind != "SelectStmt":
        raise text.refuse(
            f"{STATEMENTS.get(kind, 'A statement that is not a query')} is not allowed",
            "Only read: write one SELECT.",
            _beginning(sql, statements[0]),
        )
    return cast("Tree", query)


def _beginning(sql: str, statement: Tree) -> int:
    """The byte at which it begins; PostgreSQL 17 counts blanks and comments before it in."""
    encoded = sql.encode()
    offset: int = statement.get("stmt_location", 0)
    while True:
        blank = _BLANK.match(encoded, offset)
        offset = blank.end() if blank else offset
        if not encoded.startswith(b"/*", offset):
            return offset
        depth = 0  # comments nest
        while (found := _COMMENT.search(encoded, offset)) is not None:
            depth += 1 if found.group() == b"/*" else -1
            offset = found.end()
            if depth == 0:
                break
        else:
            return offset
