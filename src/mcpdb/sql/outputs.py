"""Which columns a query, or a part of its FROM, has for certain.

A name that is missed here is refused and has to be given with AS; one too many could be the call
of a function. So where it takes more than the text of the query to know, there is no name.
"""

from collections.abc import Sequence
from typing import Final

from mcpdb.query.catalog import Catalog, Relation
from mcpdb.sql.budget import Budget, too_large
from mcpdb.sql.functions import FUNCTIONS, NAMED_OUTPUT
from mcpdb.sql.nodes import Tree

Names = frozenset[str]

MOST_COLUMNS: Final = 1664
"""Of one query, or of one part of FROM: PostgreSQL has no more in one SELECT."""

_NONE: Final[Names] = frozenset()
_EVERYWHERE: Final = -1  # where a WITH query stands that even those before it can see


def names_of(nodes: Sequence[Tree]) -> list[str]:
    """The texts of a list of String."""
    return [node["String"].get("sval", "") for node in nodes]


class WithQueries:
    """The WITH queries that can be seen from a place, each with its columns.

    Args:
        outer: Those of the queries around it.
        own: Those of one WITH, with their places in it.
        before: The place before which they can be seen.
    """

    # Each is a view of what all in one WITH share: a copy for each would be their number squared.
    __slots__ = ("before", "outer", "own")

    def __init__(
        self,
        outer: "WithQueries | None" = None,
        own: dict[str, tuple[int, Names]] | None = None,
        before: int = 0,
    ) -> None:
        self.outer = outer
        self.own = {} if own is None else own
        self.before = before

    def find(self, name: str, budget: Budget) -> Names | None:
        """The columns of the one of this name, from inside out."""
        seen: WithQueries | None = self
        while seen is not None:
            budget.spend()
            found = seen.own.get(name)
            if found is not None and found[0] < seen.before:
                return found[1]
            seen = seen.outer
        return None


_With = tuple[list[tuple[Tree, WithQueries]], WithQueries]


class Outputs:
    """The columns of all that one statement holds, each found once.

    Args:
        catalog: The relations that may be read.
        budget: The statement's.
    """

    def __init__(self, catalog: Catalog, budget: Budget) -> None:
        self._catalog = catalog
        self._budget = budget
        # By identity: the tree outlives this, and a part of it stands at one place only.
        self._with: dict[int, _With] = {}
        self._found: dict[int, Names] = {}
        self._relations: dict[tuple[str | None, str], tuple[Relation | None, Names]] = {}

    def with_queries(self, query: Tree, outer: WithQueries) -> _With:
        """The WITH queries of a SelectStmt, each with those it sees, and those the rest sees.

        A WITH query sees those before it; of WITH RECURSIVE, all and itself.
        """
        clause = query.get("withClause")
        if clause is None:
            return [], outer
        known = self._with.get(id(query))
        if known is not None:
            return known
        queries: list[Tree] = [one["CommonTableExpr"] for one in clause["ctes"]]
        recursive = bool(clause.get("recursive"))
        own: dict[str, tuple[int, Names]] = {}
        if recursive:
            own.update((one["ctename"], (_EVERYWHERE, _NONE)) for one in queries)
        seen: list[tuple[Tree, WithQueries]] = []
        for place, one in enumerate(queries):
            before = WithQueries(outer, own, place)
            seen.append((one, before))
            columns = self._of_with_query(one, before)
            own[one["ctename"]] = (_EVERYWHERE if recursive else place, columns)
        inside = WithQueries(outer, own, len(queries))
        self._with[id(query)] = seen, inside
        return seen, inside

    def _of_with_query(self, one: Tree, seen: WithQueries) -> Names:
        query = one["ctequery"].get("SelectStmt")
        own = _NONE if query is None else self.of_query(query, seen)
        search, cycle = one.get("search_clause", {}), one.get("cycle_clause", {})
        added = (
            search.get("search_seq_column"),
            cycle.get("cycle_mark_column"),
            cycle.get("cycle_path_column"),
        )
        found = _renamed(one.get("aliascolnames", ()), own)
        return found.union(name for name in added if name) if search or cycle else found

    def of_query(self, query: Tree, outer: WithQueries) -> Names:
        """The columns of a SelectStmt."""
        known = self._found.get(id(query))
        if known is not None:
            return known
        first, seen = query, outer
        while True:
            _, seen = self.with_queries(first, seen)
            if "larg" not in first:
                break
            self._budget.spend()
            first = first["larg"]  # the first of a UNION gives the names
        found: set[str] = set()
        every = False
        for target in first.get("targetList", ()):
            own = target["ResTarget"]
            if "name" in own:
                found.add(own["name"])
            elif _is_star(own["val"]):
                every = True
            else:
                found.add(self._name(own["val"]))
        for item in first.get("fromClause", ()) if every else ():
            found |= self._counted(self.of_from(item, seen))
        result = self._found[id(query)] = self._counted(frozenset(found))
        return result

    def _name(self, value: Tree) -> str:
        """The name that PostgreSQL gives an expression, where it is a column's or a function's."""
        otherwise = ""
        while True:
            self._budget.spend()
            ((kind, fields),) = value.items()
            if kind == "TypeCast":
                names = fields["typeName"]["names"]
                value, otherwise = fields["arg"], otherwise or names_of(names)[-1]
            elif kind == "CollateClause":
                value = fields["arg"]
            elif kind == "CaseExpr" and "defresult" in fields:
                value = fields["defresult"]
            elif kind in {"ColumnRef", "FuncCall"}:
                return names_of(fields["fields" if kind == "ColumnRef" else "funcname"])[-1]
            elif kind == "SubLink" and fields.get("subLinkType") == "EXPR_SUBLINK":
                target = self._first_target(fields["subselect"]["SelectStmt"])
                if target is None or "name" in target or _is_star(target["val"]):
                    return otherwise if target is None else str(target.get("name", ""))
                value = target["val"]
            else:
                return otherwise

    def _first_target(self, query: Tree) -> Tree | None:
        while "larg" in query:
            self._budget.spend()
            query = query["larg"]
        for target in query.get("targetList", ()):
            own: Tree = target["ResTarget"]
            return own
        return None

    def of_from(self, item: Tree, seen: WithQueries) -> Names:
        """The columns of a part of FROM."""
        ((kind, fields),) = item.items()
        renamed = fields.get("alias", {}).get("colnames", ())
        if renamed and kind != "RangeFunction":
            return frozenset(names_of(renamed))
        if kind == "RangeVar":
            return self._of_relation(fields, seen)
        if kind == "RangeSubselect":
            return self.of_query(fields["subquery"]["SelectStmt"], seen)
        known = self._found.get(id(fields))
        if known is not None:
            return known
        if kind == "JoinExpr":
            left = self._counted(self.of_from(fields["larg"], seen))
            found = left | self._counted(self.of_from(fields["rarg"], seen))
        elif kind == "RangeFunction":
            found = of_function(fields)
        else:
            found = _of_json(fields.get("columns", ()))
        self._found[id(fields)] = self._counted(found)
        return found

    def _of_relation(self, relation: Tree, seen: WithQueries) -> Names:
        schema, name = relation.get("schemaname"), relation["relname"]
        if schema is None:
            found = seen.find(name, self._budget)
            if found is not None:
                return found
        return self.of_table(schema, name)[1]

    def of_table(self, schema: str | None, name: str) -> tuple[Relation | None, Names]:
        """The relation of the catalog, and its columns."""
        known = self._relations.get((schema, name))
        if known is None:
            found = self._catalog.find(schema, name)
            known = found, frozenset(found.columns) if found else _NONE
            self._relations[schema, name] = known
        return known

    def _counted(self, names: Names) -> Names:
        if len(names) > MOST_COLUMNS:
            raise too_large()
        self._budget.spend(len(names))
        return names


def _renamed(given: Sequence[Tree], own: Names) -> Names:
    # Fewer names than columns rename the first ones: which are left is not looked into.
    return frozenset(names_of(given)) if given else own


def _is_star(value: Tree) -> bool:
    return "ColumnRef" in value and "A_Star" in value["ColumnRef"]["fields"][-1]


def _of_json(columns: Sequence[Tree]) -> Names:
    found: set[str] = set()
    left = [*columns]
    while left:
        own = left.pop()["JsonTableColumn"]
        if "name" in own:
            found.add(own["name"])
        else:
            left += own.get("columns", ())
    return frozenset(found)


def of_function(ranged: Tree) -> Names:
    """The columns of a RangeFunction that its alias declares, or that is called as its alias."""
    calls = [one["List"]["items"][0] for one in ranged["functions"]]
    definitions = [*ranged.get("coldeflist", ())]
    for one in ranged["functions"]:
        definitions += one["List"]["items"][1].get("List", {}).get("items", ())
    alias = ranged.get("alias", {})
    found = {one["ColumnDef"]["colname"] for one in definitions}
    found.update(names_of(alias.get("colnames", ())))
    if not found and alias and len(calls) == 1 and _is_called_as_its_alias(calls[0]):
        found.add(alias["aliasname"])
    return frozenset(found)


def _is_called_as_its_alias(call: Tree) -> bool:
    """Whether the one column of a function has the name of the alias: not if it has an own."""
    names = names_of(call["FuncCall"]["funcname"]) if "FuncCall" in call else [""]
    own = names[:-1] in ([], ["pg_catalog"])
    return own and names[-1] in FUNCTIONS and names[-1] not in NAMED_OUTPUT
