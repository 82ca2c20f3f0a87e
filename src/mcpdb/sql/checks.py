"""What the names in a node have to be: one check for each kind of node that has names."""

from collections.abc import Mapping
from typing import Final

from mcpdb.sql.arguments import length, too_much
from mcpdb.sql.columns import SYSTEM_COLUMNS, Entry, Level, Place
from mcpdb.sql.nodes import Tree, place
from mcpdb.sql.outputs import names_of, of_function
from mcpdb.sql.walk import Check, Scope, Walk
from mcpdb.sql.words import shown

_CLOCK: Final = frozenset(
    f"SVFOP_{name}{precision}"
    for name in ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")
    for precision in ("", "_N")
)
_MOST_REPEATED: Final = 1_000_000


def _select(walk: Walk, query: Tree, scope: Scope) -> bool:
    walk.keys("WithClause", query.get("withClause", {}))
    queries, inside = walk.outputs.with_queries(query, scope.queries)
    level = Level(scope.level, sure=scope.place.sure)
    # The last that is pushed is the first to be looked at: WITH, FROM, and then the rest.
    rest = {
        name: value for name, value in query.items() if name not in {"withClause", "fromClause"}
    }
    walk.fields("SelectStmt", rest, Scope(inside, Place(level, sure=True)))
    within = Place(level)
    walk.fields("SelectStmt", {"fromClause": query.get("fromClause", [])}, Scope(inside, within))
    for one, _ in queries:
        walk.columns.name(one["ctename"], one)
        walk.needles.computed = True
    for one, seen in reversed(queries):
        walk.push("CommonTableExpr", one, Scope(seen, within))
    return True


def _relation(walk: Walk, relation: Tree, scope: Scope) -> bool:
    if relation.get("catalogname"):
        return False  # not one of the fields
    walk.keys("RangeVar", relation)
    schema, name = relation.get("schemaname"), relation["relname"]
    given = relation.get("alias", {})
    alias, renamed = given.get("aliasname", name), frozenset(names_of(given.get("colnames", ())))
    walk.keys("Alias", given)
    if relation.get("relpersistence") != "p":
        hint = "Write only the name of the table."
        raise walk.text.refuse("A temporary table is not allowed", hint, place(relation))
    made = scope.queries.find(name, walk.budget) if schema is None else None
    if made is not None:
        walk.columns.give(scope.level, alias, Entry("record", renamed or made), relation)
        return True
    found, columns = walk.outputs.of_table(schema, name)
    if found is None:
        called = shown(*(part for part in (schema, name) if part is not None))
        raise walk.text.refuse(
            f"The relation {called} is not among those that may be read",
            walk.rules.instead_of_relation(name),
            place(relation),
        )
    entry = Entry("table", renamed | columns if renamed else columns)
    walk.columns.give(scope.level, alias, entry, relation)
    return True


def _record(kind: str, unnamed: str | None = None) -> Check:
    def check(walk: Walk, item: Tree, scope: Scope) -> bool:
        alias = item.get("alias", {}).get("aliasname", unnamed)
        walk.needles.computed |= kind != "JoinExpr"
        if alias is not None:
            entry = Entry("record", walk.outputs.of_from({kind: item}, scope.queries))
            walk.columns.give(scope.level, alias, entry, item)
        return False

    return check


_joined: Final = _record("JoinExpr")


def _join(walk: Walk, join: Tree, scope: Scope) -> bool:
    merged = names_of(join.get("usingClause", ()))
    for column in SYSTEM_COLUMNS.intersection(merged):
        walk.columns.refer(scope.place, [column], join)
    if "join_using_alias" in join:
        entry = Entry("record", frozenset(merged))
        alias = join["join_using_alias"]["aliasname"]
        walk.columns.give(scope.level, alias, entry, join)
    scope.level.hides |= "alias" in join
    return _joined(walk, join, scope)


def _range_function(walk: Walk, ranged: Tree, scope: Scope) -> bool:
    entry = Entry("function", of_function(ranged))
    walk.needles.computed = True
    if "alias" in ranged:
        walk.columns.give(scope.level, ranged["alias"]["aliasname"], entry, ranged)
        return False
    for one in ranged["functions"]:
        call = one["List"]["items"][0]
        if "FuncCall" not in call:
            hint = "Give it one: ... AS x(name)."
            where = place(ranged)
            raise walk.text.refuse("An expression in FROM needs an alias", hint, where)
        # PostgreSQL takes the first one's name; the others do no harm.
        alias = names_of(call["FuncCall"]["funcname"])[-1]
        walk.columns.give(scope.level, alias, entry, call)
    return False


def _is_own(names: list[str]) -> bool:
    return names[:-1] in ([], ["pg_catalog"])


def _function(walk: Walk, call: Tree, _: Scope) -> bool:
    names = names_of(call["funcname"])
    if not walk.rules.may_call(names):
        raise walk.text.refuse(
            f"The function {shown(*names)} is not among those that may be called",
            walk.rules.instead_of_function(names),
            place(call),
        )
    name, given = names[-1], call.get("args", [])
    if not _is_own(names):
        return False
    walk.needles.call(name, given, call)
    wrong = too_much(name, given)
    if wrong is not None:
        raise walk.text.refuse(*wrong, place(call))
    if name == "repeat":
        walk.repeated *= max(length(given) or 1, 1)
        if walk.repeated > _MOST_REPEATED:
            hint = "Repeat what was repeated less often."
            where = place(call)
            raise walk.text.refuse("All calls of repeat together make too long a text", hint, where)
    return False


def _type(walk: Walk, named: Tree, _: Scope) -> bool:
    if named.get("setof") or named.get("pct_type"):
        return False  # not among the fields
    walk.keys("TypeName", named)
    names = names_of(named.get("names", ()))
    if not names or not walk.rules.may_cast(names):
        raise walk.text.refuse(
            f"The type {shown(*names)} is not among those that may be cast to",
            walk.rules.instead_of_type(names),
            place(named),
        )
    if not all("A_Const" in one for one in named.get("typmods", ())):
        hint = "Write numbers there, such as numeric(10, 2)."
        where = place(named)
        raise walk.text.refuse("What is in a type's parentheses is not a number", hint, where)
    return True


def _column(walk: Walk, column: Tree, scope: Scope) -> bool:
    walk.keys("ColumnRef", column)
    parts = column["fields"]
    if "A_Star" not in parts[-1]:
        walk.columns.refer(scope.place, names_of(parts), column)
    return True


def _indirection(walk: Walk, expression: Tree, _: Scope) -> bool:
    for one in expression["indirection"]:
        name = one["String"].get("sval", "") if "String" in one else None
        if name is not None and not walk.columns.is_attribute(name):
            raise walk.text.refuse(
                f"{shown(name)} may not be read of an expression in parentheses",
                f"Write alias.column, without parentheses: alias.{shown(name)}.",
                place(expression),
            )
    return False


def _constant(walk: Walk, constant: Tree, _: Scope) -> bool:
    walk.keys("A_Const", constant)
    return True


def _operator(field: str) -> Check:
    def check(walk: Walk, node: Tree, _: Scope) -> bool:
        names = names_of(node.get(field, ()))
        between = "BETWEEN" in node.get("kind", "")  # its name is not an operator's
        if names and not between and not walk.rules.may_operate(names):
            raise walk.text.refuse(
                f"The operator {shown(*names)} is not among those that may be used",
                "Use PostgreSQL's own operators, or pgvector's.",
                place(node),
            )
        if names and not between:
            walk.needles.operator(names[-1], node)
        return False

    return check


def _clock(walk: Walk, value: Tree, _: Scope) -> bool:
    if value.get("op") not in _CLOCK:
        called = str(value.get("op")).removeprefix("SVFOP_").lower()
        hint = "Who is asking is known already, and need not be read."
        where = place(value)
        raise walk.text.refuse(f"{called} may not be read", hint, where)
    return False


def _collation(walk: Walk, clause: Tree, _: Scope) -> bool:
    names = names_of(clause["collname"])
    if len(names) > 1 and names[:-1] != ["pg_catalog"]:
        hint = 'Write the name alone, such as "C".'
        where = place(clause)
        raise walk.text.refuse(f"The collation {shown(*names)} may not be used", hint, where)
    return False


CHECKS: Final[Mapping[str, Check]] = {
    "SelectStmt": _select,
    "RangeVar": _relation,
    "RangeSubselect": _record("RangeSubselect"),
    "RangeFunction": _range_function,
    "JoinExpr": _join,
    "JsonTable": _record("JsonTable", "json_table"),
    "FuncCall": _function,
    "TypeName": _type,
    "ColumnRef": _column,
    "A_Indirection": _indirection,
    "A_Const": _constant,
    "A_Expr": _operator("name"),
    "SortBy": _operator("useOp"),
    "SubLink": _operator("operName"),
    "SQLValueFunction": _clock,
    "CollateClause": _collation,
}
"""By the kind of node; a node of another kind has no names."""
