"""What functions and operators look for, one place after another: it has to be short.

PostgreSQL does not look up while they run, neither for a limit of time nor for a cancellation, and
the time that they take is the product of two lengths. The other one may be any.
"""

import re
from typing import Final, cast

from mcpdb.sql.budget import Budget
from mcpdb.sql.columns import Columns
from mcpdb.sql.nodes import Tree, place
from mcpdb.sql.outputs import names_of
from mcpdb.sql.words import Text, listed

LONGEST: Final = 1000
"""Characters of all the constants in what is looked for."""

_Wrong = tuple[str, str]  # what, and what instead
# By name, the arguments that are looked for.
_CALLS: Final = {
    **dict.fromkeys(("btrim", "ltrim", "rtrim", "strpos", "position", "replace"), (1,)),
    **dict.fromkeys(("split_part", "string_to_array", "string_to_table"), (1,)),
    "translate": (1, 2),
    # They sort marks that stand behind a letter, one place after another.
    **dict.fromkeys(("normalize", "is_normalized"), (0,)),
}
_RIGHT: Final = {
    **dict.fromkeys(("~~", "!~~"), "The pattern of LIKE"),
    **dict.fromkeys(("~~*", "!~~*"), "The pattern of ILIKE"),
    **{name: f"The right side of {name}" for name in ("?|", "?&")},
}
_EITHER: Final = frozenset({"@>", "<@", "&&"})
_SIMILAR: Final = "AEXPR_SIMILAR"

# What they make is not longer than what they are given.
_KEEPING: Final = frozenset({"lower", "upper", "like_escape", "similar_to_escape"})
_KEEPING_OPERATORS: Final = frozenset({"||", "->", "->>", "#>", "#>>"})
# What they make is short, whatever they are given.
_RANGES: Final = listed("int4range int8range numrange tsrange tstzrange daterange")
_SHORT_TYPES: Final = _RANGES | listed(
    "bool int2 int4 int8 float4 float8 date time timetz timestamp timestamptz interval uuid"
)
_PLACEHOLDERS: Final = re.compile(r"%(?:%|(?:[0-9]+\$)?[sIL])")
_INSTEAD: Final = "Write a text, or alias.column of a table in FROM, or these joined with ||."


class Needles:
    """Of one query: gathered while it is walked, and looked at after.

    Args:
        columns: The query's.
        text: Likewise.
        budget: Likewise.
    """

    def __init__(self, columns: Columns, text: Text, budget: Budget) -> None:
        self._columns = columns
        self._text = text
        self._budget = budget
        self._found: list[tuple[str, list[Tree], Tree]] = []
        self.computed = False  # some of what is in FROM: no table of the catalog

    def call(self, name: str, arguments: list[Tree], node: Tree) -> None:
        """The query calls a function of PostgreSQL's.

        Raises:
            SqlRefused: The format of `format` may make any length.
        """
        if name == "format":
            wrong = _wrong_format(arguments)
            if wrong is not None:
                raise self._text.refuse(*wrong, place(node))
        for at in _CALLS.get(name, ()):
            # With names, arguments may stand anywhere.
            own = [one for one in arguments if "NamedArgExpr" in one] + arguments[at : at + 1]
            what = f"What {name} looks for" if at else f"The text of {name}"
            self._found += [(what, [one], node) for one in own]

    def operator(self, name: str, node: Tree) -> None:
        """The query has this operator, in an A_Expr or a SubLink."""
        # None stands for the rows of a sub-query, which are not looked into.
        none: Tree = {}
        sides: list[Tree] = [node.get("rexpr", none)]
        if name in _EITHER:
            what = f"One side of {name}"
            sides.append(node.get("lexpr") or node.get("testexpr", none))
        elif node.get("kind") == _SIMILAR:
            what = "The pattern of SIMILAR TO"
        elif name in _RIGHT:
            what = _RIGHT[name]
        else:
            return
        self._found.append((what, sides, node))

    def check(self) -> None:
        """All that was gathered.

        Raises:
            SqlRefused: Something is looked for that may be long.
        """
        for what, sides, node in self._found:
            lengths = [length for side in sides if (length := self._length(side)) is not None]
            if not lengths:
                raise self._text.refuse(
                    f"{what} has to be a constant or a column of a table, not something computed",
                    _INSTEAD,
                    place(node),
                )
            if min(lengths) > LONGEST:
                raise self._text.refuse(
                    f"{what} is longer than {LONGEST:,} characters", "Make it shorter.", place(node)
                )

    def _length(self, side: Tree) -> int | None:
        """How many characters its constants have; None where there may be any number."""
        length = 0
        left = [side]
        while left:
            self._budget.spend()
            one = left.pop()
            if "A_Const" in one:
                length += _length_of(one["A_Const"])
                continue
            if self._is_short(one):
                continue
            parts = _parts(one)
            if not parts:
                return None
            left += parts
        return length

    def _is_short(self, node: Tree) -> bool:
        kind, fields = _opened(node)
        if kind == "ColumnRef":
            return self._is_of_a_table(fields["fields"])
        if kind == "FuncCall":
            return _own(fields["funcname"]) in _RANGES
        if kind == "TypeCast":
            named = fields["typeName"]
            return "arrayBounds" not in named and _own(named["names"]) in _SHORT_TYPES
        return kind == "SQLValueFunction"

    def _is_of_a_table(self, fields: list[Tree]) -> bool:
        if "A_Star" in fields[-1]:
            return False
        names = names_of(fields)
        return not self.computed if len(names) == 1 else self._columns.is_stored(names)


def _parts(node: Tree) -> list[Tree]:
    """Of what they are not longer than, together; nothing where that is not known."""
    kind, fields = _opened(node)
    found: list[Tree] = []
    if kind in {"TypeCast", "CollateClause", "NamedArgExpr"}:
        found = [fields["arg"]]
    elif kind == "A_ArrayExpr":
        found = fields.get("elements") or [{"A_Const": {}}]
    elif kind == "CoalesceExpr":
        found = fields["args"]
    elif kind == "A_Indirection" and all("A_Indices" in one for one in fields["indirection"]):
        found = [fields["arg"]]
    elif kind == "FuncCall" and _own(fields["funcname"]) in _KEEPING:
        found = fields.get("args", [])[:1]  # the second is one character
    elif kind == "A_Expr" and fields["kind"] == "AEXPR_OP":
        name = _own(fields["name"])
        if name in _KEEPING_OPERATORS and "lexpr" in fields:
            found = [fields["lexpr"], fields["rexpr"]] if name == "||" else [fields["lexpr"]]
    return found


def _opened(node: Tree) -> tuple[str, Tree]:
    """Its kind and its fields; those of none are empty."""
    for kind, fields in node.items():
        return kind, cast("Tree", fields)
    return "", {}


def _own(names: list[Tree]) -> str:
    """The name of something of PostgreSQL's; empty for that of another schema."""
    parts = names_of(names)
    return str(parts[-1]) if parts[:-1] in ([], ["pg_catalog"]) else ""


def _length_of(constant: Tree) -> int:
    length = 1
    for value in ("sval", "ival", "fval", "bsval"):
        own: Tree = constant.get(value, {})
        length += sum(len(str(one)) for one in own.values())
    return length


def _wrong_format(arguments: list[Tree]) -> _Wrong | None:
    first = arguments[0] if arguments else {}
    while "TypeCast" in first:
        first = first["TypeCast"]["arg"]
    constant = first.get("A_Const", {})
    if "sval" not in constant:
        return (
            "The first argument of format has to be a constant",
            "Write the text itself, such as format('%s of %s', a, b).",
        )
    if "%" in _PLACEHOLDERS.sub("", constant["sval"].get("sval", "")):
        return (
            "The first argument of format has a placeholder other than %s, %I and %L",
            "Write %s, or %1$s, without a width: lpad(x, 10) fills a text up.",
        )
    return None
