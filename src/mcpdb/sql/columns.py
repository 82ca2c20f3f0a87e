"""Columns with something in front, such as `o.total`.

Where there is no such column, PostgreSQL takes `a.b` for the call b(a). So what stands behind the
dot is allowed by what stands in front: it has to be a column of that, or a function that may be
called.
"""

import re
from collections.abc import Iterable
from typing import Final

from mcpdb.query.catalog import Relation
from mcpdb.sql.functions import OUTPUT_NAMES
from mcpdb.sql.rules import Rules
from mcpdb.sql.words import Text, near, shown

SYSTEM_COLUMNS: Final = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_SOME: Final = 20  # columns, in a hint
_Refused = tuple[str, str]  # what, and what instead
_NUMBERED: Final = re.compile(r"column[1-9][0-9]{0,3}")  # of VALUES
_FIELD: Final = re.compile(r"f[1-9][0-9]{0,3}")  # of ROW(...)


class Columns:
    """The names of one query, gathered while it is walked, and held against each other after.

    Args:
        rules: What is allowed.
        text: The query's.
    """

    def __init__(self, rules: Rules, text: Text) -> None:
        self._rules = rules
        self._text = text
        self._tables: dict[str, list[Relation]] = {}
        self._renamed: set[tuple[str, str]] = set()
        self._records: set[str] = set()
        # The value of a function in FROM may be a plain text, which many functions take: its
        # alias is followed by its own columns only.
        self._functions: dict[str, frozenset[str]] = {}
        self._defined: set[str] = set()
        self._references: list[tuple[list[str], int | None]] = []

    def table(self, alias: str, relation: Relation, renamed: Iterable[str]) -> None:
        """A relation of the catalog is called so, and some of its columns."""
        self._tables.setdefault(self._called(alias), []).append(relation)
        self._renamed.update((alias.lower(), column) for column in renamed)

    def record(self, alias: str) -> None:
        """A sub-query, a WITH query, a join or a JSON_TABLE is called so."""
        self._records.add(self._called(alias))

    def function(self, alias: str, columns: Iterable[str]) -> None:
        """A function in FROM is called so, and has these columns for certain.

        Of two functions with one alias, only what both have is certain.
        """
        own = frozenset(columns)
        alias = self._called(alias)
        self._functions[alias] = self._functions.get(alias, own) & own

    def _called(self, alias: str) -> str:
        # A whole row can be a column of another query, by the name of its alias.
        self._defined.add(alias)
        # Aliases that differ in case are taken for one: a database in an encoding of one byte
        # folds the case of letters that are not ASCII, and the parser does not.
        return alias.lower()

    def define(self, *names: str) -> None:
        """The query gives columns these names."""
        self._defined.update(names)

    def refer(self, names: list[str], offset: int | None) -> None:
        """The query reads this column.

        Raises:
            SqlRefused: A system column.
        """
        if names[-1] in SYSTEM_COLUMNS:
            raise self._text.refuse(
                f"The system column {names[-1]} may not be read",
                "Use the table's own columns; give a column of the query another name.",
                offset,
            )
        if len(names) > 1:
            self._references.append((names, offset))

    def attribute(self, name: str, offset: int | None) -> None:
        """The query reads this of an expression: `(expression).name`.

        Raises:
            SqlRefused: It could be the call of a function that is not allowed.
        """
        known = name in self._rules.attributes or name in OUTPUT_NAMES or _FIELD.fullmatch(name)
        if not known:
            raise self._text.refuse(
                f"{shown(name)} may not be read of an expression in parentheses",
                f"Write alias.column, without parentheses: alias.{shown(name)}.",
                offset,
            )

    def check(self) -> None:
        """All of the columns that were referred to.

        Raises:
            SqlRefused: One may be the call of a function that is not allowed.
        """
        for names, offset in self._references:
            before, last = names[-2].lower(), names[-1]
            if len(names) > 2:
                refused = self._schema_in_front(names)
            elif before in self._functions:
                refused = self._of_function(before, last)
            elif before in self._tables:
                refused = self._of_tables(self._tables[before], before, last)
            elif before in self._records:
                refused = self._of_record(before, last)
            else:
                refused = self._of_nothing(before)
            if refused is not None:
                raise self._text.refuse(*refused, offset)

    def _of_nothing(self, alias: str) -> _Refused:
        what = f"There is no table or alias {shown(alias)} in FROM"
        known = [*self._tables, *self._records, *self._functions]
        listed = f"There are: {', '.join(map(shown, known[:_SOME]))}." if known else ""
        return what, near(alias, known) or listed or "Name a table in FROM first."

    def _schema_in_front(self, names: list[str]) -> _Refused | None:
        relation = self._rules.catalog.find(names[-3], names[-2]) if len(names) == 3 else None
        if relation is None:
            what = f"{shown(*names[:-1])} is not a table that may be read"
            return what, self._rules.instead_of_relation(names[-2])
        return self._of_tables([relation], names[-2].lower(), names[-1])

    def _of_tables(self, tables: list[Relation], alias: str, column: str) -> _Refused | None:
        if any(column in one.columns for one in tables) or column in self._rules.attributes:
            return None
        if (alias, column) in self._renamed:
            return None
        what = f"{shown(alias)} has no column {shown(column)} that may be read"
        if alias in self._records:
            # A function of the application may take a row of the table.
            return f"{what} for certain", _shared(alias)
        alike = self._rules.catalog.near_columns(column, among=tables)
        if alike:
            return what, f"Near it: {', '.join(f'{alias}.{_last(one)}' for one in alike)}."
        return what, f"It has: {', '.join(tables[0].columns[:_SOME])}."

    def _of_record(self, alias: str, column: str) -> _Refused | None:
        if column in self._rules.outputs or column in self._defined or _NUMBERED.fullmatch(column):
            return None
        what = f"{shown(alias)} has no column {shown(column)} that the query or a table names"
        alike = near(column, self._defined | self._rules.catalog.columns)
        return what, alike or "Name the column where it is made: expression AS name."

    def _of_function(self, alias: str, column: str) -> _Refused | None:
        own = self._functions[alias]
        if column in own or column in self._rules.attributes or column in OUTPUT_NAMES:
            return None
        what = f"{shown(column)} is not a column that the function's alias {shown(alias)} declares"
        if alias in self._tables or alias in self._records:
            return what, _shared(alias)
        return what, f"Declare it: {shown(alias)}({shown(column)}), or read one of its own columns."


def _shared(alias: str) -> str:
    return f"{shown(alias)} is also the name of something else: give each its own."


def _last(column: str) -> str:
    return column.rpartition(".")[2]
