"""Which columns a query, or a part of its FROM, has for certain.

A name that is missed here is refused and has to be given with AS; one too many could be the call
of a function. So where it takes more than the text of the query to know, there is no name.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from mcpdb.query.catalog import Catalog
from mcpdb.sql.functions import FUNCTIONS, NAMED_OUTPUT
from mcpdb.sql.nodes import Tree

Names = frozenset[str]
WithQueries = Mapping[str, Names]
"""The WITH queries that can be seen from a place, each with its columns."""

_NONE: Final[Names] = frozenset()


def names_of(nodes: Sequence[Tree]) -> list[str]:
    """The texts of a list of String."""
    return [node["String"].get("sval", "") for node in nodes]


def with_queries(
    query: Tree, catalog: Catalog, outer: WithQueries
) -> tuple[list[tuple[Tree, WithQueries]], WithQueries]:
    """The WITH queries of a SelectStmt, each with those that it sees, and those that the rest sees.

    A WITH query sees those before it; of WITH RECURSIVE, all and itself.
    """
    clause = query.get("withClause")
    if clause is None:
        return [], outer
    queries: list[Tree] = [one["CommonTableExpr"] for one in clause["ctes"]]
    inside = dict(outer)
    if clause.get("recursive"):
        inside.update((one["ctename"], _NONE) for one in queries)
    seen: list[tuple[Tree, WithQueries]] = []
    for one in queries:
        before = inside if clause.get("recursive") else dict(inside)
        seen.append((one, before))
        own = _of_with_query(one, catalog, before)
        inside[one["ctename"]] = own
    return seen, inside


def _of_with_query(one: Tree, catalog: Catalog, seen: WithQueries) -> Names:
    query = one["ctequery"].get("SelectStmt")
    own = _NONE if query is None else outputs(query, catalog, seen)
    search, cycle = one.get("search_clause", {}), one.get("cycle_clause", {})
    added = (
        search.get("search_seq_column"),
        cycle.get("cycle_mark_column"),
        cycle.get("cycle_path_column"),
    )
    return _renamed(one.get("aliascolnames", ()), own) | {name for name in added if name}


def _renamed(given: Sequence[Tree], own: Names) -> Names:
    # Fewer names than columns rename the first ones: which are left is not looked into.
    return frozenset(names_of(given)) if given else own


def outputs(query: Tree, catalog: Catalog, outer: WithQueries) -> Names:
    """The columns of a SelectStmt."""
    seen = outer
    while True:
        _, seen = with_queries(query, catalog, seen)
        if "larg" not in query:
            break
        query = query["larg"]  # the first of a UNION gives the names
    found: set[str] = set()
    for target in query.get("targetList", ()):
        own = target["ResTarget"]
        if "name" in own:
            found.add(own["name"])
        elif _is_star(own["val"]):
            for item in query.get("fromClause", ()):
                found |= of_from(item, catalog, seen)
        else:
            found.add(_name(own["val"]))
    return frozenset(found)


def _is_star(value: Tree) -> bool:
    return "ColumnRef" in value and "A_Star" in value["ColumnRef"]["fields"][-1]


def _name(value: Tree) -> str:
    """The name that PostgreSQL gives to an expression, where it is a column's or a function's."""
    otherwise = ""
    while True:
        ((kind, fields),) = value.items()
        if kind == "TypeCast":
            value, otherwise = fields["arg"], otherwise or names_of(fields["typeName"]["names"])[-1]
        elif kind == "CollateClause":
            value = fields["arg"]
        elif kind == "CaseExpr" and "defresult" in fields:
            value = fields["defresult"]
        elif kind in {"ColumnRef", "FuncCall"}:
            return names_of(fields["fields" if kind == "ColumnRef" else "funcname"])[-1]
        elif kind == "SubLink" and fields.get("subLinkType") == "EXPR_SUBLINK":
            target = _first_target(fields["subselect"]["SelectStmt"])
            if target is None or "name" in target or _is_star(target["val"]):
                return otherwise if target is None else str(target.get("name", ""))
            value = target["val"]
        else:
            return otherwise


def _first_target(query: Tree) -> Tree | None:
    while "larg" in query:
        query = query["larg"]
    for target in query.get("targetList", ()):
        own: Tree = target["ResTarget"]
        return own
    return None


def of_from(item: Tree, catalog: Catalog, seen: WithQueries) -> Names:
    """The columns of a part of FROM."""
    ((kind, fields),) = item.items()
    renamed = fields.get("alias", {}).get("colnames", ())
    if kind == "RangeVar":
        return _renamed(renamed, _of_relation(fields, catalog, seen))
    if kind == "RangeSubselect":
        query = fields["subquery"]["SelectStmt"]
        return _renamed(renamed, outputs(query, catalog, seen) if not renamed else _NONE)
    if kind == "JoinExpr":
        sides = (of_from(fields[side], catalog, seen) for side in ("larg", "rarg"))
        return _renamed(renamed, _NONE.union(*sides) if not renamed else _NONE)
    if kind == "RangeFunction":
        return of_function(fields)
    return _renamed(renamed, _of_json(fields.get("columns", ())))


def _of_relation(relation: Tree, catalog: Catalog, seen: WithQueries) -> Names:
    schema, name = relation.get("schemaname"), relation["relname"]
    if schema is None and name in seen:
        return seen[name]
    found = catalog.find(schema, name)
    return frozenset(found.columns) if found else _NONE


def _of_json(columns: Sequence[Tree]) -> Names:
    found: set[str] = set()
    for one in columns:
        own = one["JsonTableColumn"]
        found |= {own["name"]} if "name" in own else _of_json(own.get("columns", ()))
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
    return own and names[-1] in FUNCTIONS - NAMED_OUTPUT
