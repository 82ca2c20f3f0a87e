"""The walk over a query's tree: every node and every field of it is known, or it is refused.

It does not recurse, so no tree is too deep for it. What the names in a node have to be is not
known here but in `checks.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from mcpdb.errors import SqlRefused
from mcpdb.sql.budget import Budget
from mcpdb.sql.columns import Columns, Level, Place
from mcpdb.sql.needles import Needles
from mcpdb.sql.nodes import FIELDS, NODES, REFUSED, SCALAR, STATEMENTS, Tree, place
from mcpdb.sql.outputs import Outputs, WithQueries
from mcpdb.sql.rules import Rules
from mcpdb.sql.words import Text, shown


@dataclass(frozen=True, slots=True)
class Scope:
    """What can be seen from a place in the query.

    Attributes:
        queries: The WITH queries.
        place: The aliases.
    """

    queries: WithQueries
    place: Place

    @property
    def level(self) -> Level:
        """The aliases of the SELECT."""
        return self.place.level


Check = Callable[["Walk", Tree, Scope], bool]
"""Looks at one node: True when its fields need no walk any more."""

_SCALARS: Final = (str, int, bool)
# They hold a text or a number and never a node, and are half of a tree.
_LEAVES: Final = frozenset({"String", "Integer", "Float", "Boolean", "BitString", "A_Star"})
_PLAIN: Final = "Say the same with plain SELECT, joins, WITH and functions."


class Walk:
    """One query on its way through the rules.

    Args:
        rules: What is allowed.
        text: The query's.
        checks: By the kind of node.
        budget: How much may be done for it.
    """

    def __init__(
        self, rules: Rules, text: Text, checks: Mapping[str, Check], budget: Budget
    ) -> None:
        self.rules = rules
        self.text = text
        self.budget = budget
        self.outputs = Outputs(rules.catalog, budget)
        self.columns = Columns(rules, text, self.outputs, budget)
        self.needles = Needles(self.columns, text, budget)
        self.repeated = 1  # by how much all the calls of repeat() together may lengthen a text
        self._checks = checks
        self._left: list[tuple[str, Tree, Scope]] = []

    def run(self, query: Tree) -> None:
        """Walk all of a SelectStmt.

        Raises:
            SqlRefused: Something in it is not allowed.
        """
        self.push("SelectStmt", query, Scope(WithQueries(), Place(Level())))
        while self._left:
            kind, fields, scope = self._left.pop()
            self.budget.spend()
            check = self._checks.get(kind)
            if check is None or not check(self, fields, scope):
                self.fields(kind, fields, scope)
        self.columns.check()
        self.needles.check()

    def push(self, kind: str, fields: Tree, scope: Scope) -> None:
        """Leave a node for later."""
        self._left.append((kind, fields, scope))

    def fields(self, kind: str, fields: Tree, scope: Scope) -> None:
        """Leave what a node holds for later.

        Raises:
            SqlRefused: The kind, or one of its fields, is not known.
        """
        known = FIELDS.get(kind)
        if known is None:
            raise self.unknown(kind, fields)
        found: list[tuple[str, Tree, Scope]] = []
        for name, value in fields.items():
            how = known.get(name)
            if how == NODES:
                _add(found, value, scope)
            elif how is None or (how == SCALAR and not isinstance(value, _SCALARS)):
                raise self.unknown(f"{kind}.{name}", [value, fields])
            elif how and how not in _LEAVES:
                found.append((how, cast("Tree", value), scope))
        # What stands first is looked at first, so that it is what is told of several.
        self._left.extend(reversed(found))

    def keys(self, kind: str, fields: Tree) -> None:
        """See to it that the fields of a node are known, where a check takes their place.

        Raises:
            SqlRefused: One is not.
        """
        if not fields.keys() <= FIELDS[kind].keys():
            odd = min(fields.keys() - FIELDS[kind].keys())
            raise self.unknown(f"{kind}.{odd}", [fields[odd], fields])

    def unknown(self, what: str, inside: object) -> SqlRefused:
        """The refusal of a kind of node, or of a field as `Kind.field`, with what is in it."""
        if what in STATEMENTS:
            name, hint = STATEMENTS[what], "Only read with SELECT; WITH may hold queries only."
        else:
            name, hint = REFUSED.get(what, (f"What PostgreSQL calls {shown(what)}", _PLAIN))
        return self.text.refuse(f"{name} is not allowed", hint, place(inside))


def _add(found: list[tuple[str, Tree, Scope]], value: Tree | list[Tree], scope: Scope) -> None:
    for node in value if isinstance(value, list) else (value,):
        if node:  # an empty one stands for none, as in DISTINCT without ON
            ((kind, fields),) = node.items()
            if kind not in _LEAVES:
                found.append((kind, fields, scope))
