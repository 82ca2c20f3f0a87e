"""Columns with something in front, such as `o.total`.

Where there is no such column, PostgreSQL takes `a.b` for the call b(a). So what stands behind the
dot is allowed by what stands in front: it has to be a column of that, or a function that may be
called.
"""

import difflib
import re
from dataclasses import dataclass
from typing import Final, Literal

from mcpdb.sql.budget import Budget
from mcpdb.sql.functions import OUTPUT_NAMES
from mcpdb.sql.names import Names
from mcpdb.sql.nodes import Tree
from mcpdb.sql.nodes import place as place_of
from mcpdb.sql.outputs import Outputs
from mcpdb.sql.rules import Rules
from mcpdb.sql.words import Text, near, shown

SYSTEM_COLUMNS: Final = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_SOME: Final = 20  # columns, in a hint
_Refused = tuple[str, str]  # what, and what instead
_NUMBERED: Final = re.compile(r"column[1-9][0-9]{0,3}")  # of VALUES
_FIELD: Final = re.compile(r"f[1-9][0-9]{0,3}")  # of ROW(...)


@dataclass(frozen=True, slots=True)
class Entry:
    """What something in FROM is, by its alias.

    Attributes:
        kind: A table of the catalog; a record, which is a sub-query, a WITH query, a join or a
            JSON_TABLE; or a function. The value of a function may be a plain text, which many
            functions take.
        columns: Those that it has for certain.
    """

    kind: Literal["table", "record", "function"]
    columns: frozenset[str]


class Level:
    """The aliases of one SELECT, within those of the SELECT around it.

    Args:
        outer: The one around it.
        sure: Whether all that is in FROM there can be seen from here: not from FROM itself, where
            it depends on LATERAL and on JOIN.
    """

    def __init__(self, outer: "Level | None" = None, *, sure: bool = False) -> None:
        self.outer = outer
        self.sure = sure
        self.hides = False  # some of its own aliases: a join with an alias does
        self.entries: dict[str, list[Entry]] = {}

    def add(self, alias: str, entry: Entry) -> None:
        """Something in FROM is called so."""
        # Aliases that differ in case are taken for one: a database in an encoding of one byte
        # folds the case of letters that are not ASCII, and the parser does not.
        self.entries.setdefault(alias.lower(), []).append(entry)

    def find(self, alias: str, budget: Budget, *, sure: bool) -> list[Entry]:
        """All that PostgreSQL could take for it, from inside out."""
        found: list[Entry] = []
        level: Level | None = self
        while level is not None:
            own = level.entries.get(alias.lower(), ())
            budget.spend(1 + len(own))
            found += own
            if found and sure and not level.hides:
                break
            sure = level.sure
            level = level.outer
        return found

    def aliases(self) -> list[str]:
        """All that may be seen from here."""
        found: list[str] = []
        level: Level | None = self
        while level is not None:
            found += level.entries
            level = level.outer
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the query something stands.

    Attributes:
        level: The SELECT.
        sure: Whether all that is in its FROM can be seen.
    """

    level: Level
    sure: bool = False


class Columns:
    """The columns that one query reads, gathered while it is walked, and looked up after.

    Args:
        rules: What is allowed.
        text: The query's.
        outputs: Likewise.
        budget: Likewise.
    """

    def __init__(self, rules: Rules, text: Text, outputs: Outputs, budget: Budget) -> None:
        self._rules = rules
        self._text = text
        self._outputs = outputs
        self._budget = budget
        self._names = Names(text)
        self._given: dict[str, set[Entry]] = {}
        self._references: list[tuple[Place, list[str], Tree]] = []

    def give(self, level: Level, alias: str, entry: Entry, node: Tree) -> None:
        """Something in FROM is called so.

        Raises:
            SqlRefused: The server might take another alias for it.
        """
        self.name(alias, node)
        level.add(alias, entry)
        self._given.setdefault(alias.lower(), set()).add(entry)

    def name(self, name: str, node: Tree) -> None:
        """The query gives this name to something that is not in FROM.

        Raises:
            SqlRefused: The server might take another name for it.
        """
        self._names.give(name, node)

    def is_stored(self, names: list[str]) -> bool:
        """Whether `alias.column` or `schema.table.column` is a column of a table of the catalog.

        It is known after the walk: elsewhere in the query the alias may be something else.
        """
        *before, last = names
        given = set(self._qualified(names))
        if len(before) == 1:
            given = self._given.get(before[0].lower(), given)
            self._budget.spend(len(given))
        return bool(given) and all(one.kind == "table" and last in one.columns for one in given)

    def refer(self, place: Place, names: list[str], node: Tree) -> None:
        """The query reads this column.

        Raises:
            SqlRefused: A system column, or a name that the server might cut off elsewhere.
        """
        if names[-1] in SYSTEM_COLUMNS:
            raise self._text.refuse(
                f"The system column {names[-1]} may not be read",
                "Use the table's own columns; give a column of the query another name.",
                place_of(node),
            )
        if len(names) > 1:
            for name in names:
                self._names.read(name, node)
            self._references.append((place, names, node))

    def is_attribute(self, name: str) -> bool:
        """Whether this may be read of an expression: `(expression).name`."""
        known = name in self._rules.attributes or name in OUTPUT_NAMES
        return known or _FIELD.fullmatch(name) is not None

    def check(self) -> None:
        """All of the columns that were referred to.

        Raises:
            SqlRefused: One may be the call of a function that is not allowed.
        """
        for place, names, node in self._references:
            before, last = names[-2], names[-1]
            if len(names) == 2:
                entries = place.level.find(before, self._budget, sure=place.sure)
            else:
                entries = self._qualified(names)
            if not entries:
                raise self._text.refuse(*self._nothing(place.level, names), place_of(node))
            for entry in entries:
                if not self._has(entry, last):
                    shared = len(entries) > 1
                    wrong = _missing(entry, before, last, shared=shared)
                    raise self._text.refuse(*wrong, place_of(node))

    def _qualified(self, names: list[str]) -> list[Entry]:
        if len(names) != 3:
            return []
        found, columns = self._outputs.of_table(*names[:2])
        return [Entry("table", columns)] if found else []

    def _has(self, entry: Entry, column: str) -> bool:
        if column in entry.columns or column in self._rules.attributes:
            return True
        if entry.kind == "record" and (
            column in self._rules.outputs or _NUMBERED.fullmatch(column)
        ):
            return True
        return entry.kind == "function" and column in OUTPUT_NAMES

    def _nothing(self, level: Level, names: list[str]) -> _Refused:
        if len(names) > 2:
            what = f"{shown(*names[:-1])} is not a table that may be read"
            return what, self._rules.instead_of_relation(names[-2])
        what = f"There is no table or alias {shown(names[0])} in FROM"
        known = level.aliases()
        listed = f"There are: {', '.join(map(shown, known[:_SOME]))}." if known else ""
        return what, near(names[0], known) or listed or "Name a table in FROM first."


def _missing(entry: Entry, alias: str, column: str, *, shared: bool) -> _Refused:
    alias, column = shown(alias), shown(column)
    what = f"{alias} has no column {column} that may be read"
    if entry.kind == "function":
        what = f"{column} is not a column that the function's alias {alias} declares"
    if shared:
        return what, f"{alias} is also the name of something else: give each its own."
    alike = difflib.get_close_matches(column, sorted(entry.columns), n=3)
    if alike:
        return what, f"Near it: {', '.join(f'{alias}.{shown(one)}' for one in alike)}."
    if entry.kind == "function":
        return what, f"Declare it: {alias}({column}), or read one of its own columns."
    if entry.kind == "record":
        return what, "Name the column where it is made: expression AS name."
    return what, f"It has: {', '.join(sorted(entry.columns)[:_SOME])}."
