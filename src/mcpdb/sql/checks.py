"""What the names in a node have to be: one check for each kind of node that has names."""

from collections.abc import Mapping, Sequence
from typing import Final

from mcpdb.sql.arguments import length, too_much
from mcpdb.sql.columns import SYSTEM_COLUMNS
from mcpdb.sql.functions import FUNCTIONS, NAMED_OUTPUT
from mcpdb.sql.nodes import Tree
from mcpdb.sql.walk import Check, Scope, Walk, names_of, place
from mcpdb.sql.words import shown

_CLOCK: Final = frozenset(
    f"SVFOP_{name}{precision}"
    for name in ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")
    for precision in ("", "_N")
)
_MOST_REPEATED: Final = 1_000_000


def _select(walk: Walk, query: Tree, scope: Scope) -> bool:
    clause = query.get("withClause")
    if clause is None:
        return False
    walk.keys("WithClause", clause)
    # PostgreSQL's scope: a WITH query sees those before it; WITH RECURSIVE, all and itself.
    queries: list[Tree] = [one["CommonTableExpr"] for one in clause["ctes"]]
    names = [one["ctename"] for one in queries]
    inside = scope.union(names)
    rest = {name: value for name, value in query.items() if name != "withClause"}
    walk.fields("SelectStmt", rest, inside)
    for number in reversed(range(len(names))):
        seen = inside if clause.get("recursive") else scope.union(names[:number])
        walk.push("CommonTableExpr", queries[number], seen)
    return True


def _with(walk: Walk, query: Tree, _: Scope) -> bool:
    walk.columns.define(*names_of(query.get("aliascolnames", ())))
    return False


def _relation(walk: Walk, relation: Tree, scope: Scope) -> bool:
    if relation.get("catalogname"):
        return False  # not one of the fields
    walk.keys("RangeVar", relation)
    schema, name = relation.get("schemaname"), relation["relname"]
    given = relation.get("alias", {})
    alias = given.get("aliasname", name)
    walk.columns.define(*names_of(given.get("colnames", ())))
    if relation.get("relpersistence") != "p":
        hint = "Write only the name of the table."
        raise walk.text.refuse("A temporary table is not allowed", hint, place(relation))
    if schema is None and name in scope:
        walk.columns.record(alias)
        return True
    found = walk.rules.catalog.find(schema, name)
    if found is None:
        called = shown(*(part for part in (schema, name) if part is not None))
        raise walk.text.refuse(
            f"The relation {called} is not among those that may be read",
            walk.rules.instead_of_relation(name),
            place(relation),
        )
    walk.columns.table(alias, found, names_of(given.get("colnames", ())))
    return True


def _subselect(walk: Walk, subselect: Tree, _: Scope) -> bool:
    if "alias" in subselect:
        walk.columns.record(subselect["alias"]["aliasname"])
    return False


def _join(walk: Walk, join: Tree, _: Scope) -> bool:
    for name in ("alias", "join_using_alias"):
        if name in join:
            walk.columns.record(join[name]["aliasname"])
    for column in SYSTEM_COLUMNS.intersection(names_of(join.get("usingClause", ()))):
        walk.columns.refer([column], None)
    return False


def _json_table(walk: Walk, table: Tree, _: Scope) -> bool:
    walk.columns.record(table.get("alias", {}).get("aliasname", "json_table"))
    return False


def _alias(walk: Walk, alias: Tree, _: Scope) -> bool:
    walk.keys("Alias", alias)
    walk.columns.define(*names_of(alias.get("colnames", ())))
    return True


def _range_function(walk: Walk, ranged: Tree, _: Scope) -> bool:
    calls = [one["List"]["items"][0] for one in ranged["functions"]]
    definitions = [one["List"]["items"][1] for one in ranged["functions"]]
    columns = _defined(ranged.get("coldeflist", ()))
    for one in definitions:
        columns += _defined(one.get("List", {}).get("items", ()))
    alias = ranged.get("alias")
    if alias is not None:
        name = alias["aliasname"]
        columns += names_of(alias.get("colnames", ()))
        if not columns and len(calls) == 1 and _is_called_as_its_alias(calls[0]):
            columns = [name]
        walk.columns.function(name, columns)
        return False
    for call in calls:
        if "FuncCall" not in call:
            hint = "Give it one: ... AS x(name)."
            where = place(ranged)
            raise walk.text.refuse("An expression in FROM needs an alias", hint, where)
        # PostgreSQL takes the first one's name; the others do no harm. Of a record's columns
        # none is certain.
        walk.columns.function(names_of(call["FuncCall"]["funcname"])[-1], columns)
    return False


def _is_called_as_its_alias(call: Tree) -> bool:
    """Whether the one column of a function has the name of the alias: not if it has an own."""
    names = names_of(call["FuncCall"]["funcname"]) if "FuncCall" in call else [""]
    return _is_own(names) and names[-1] in FUNCTIONS - NAMED_OUTPUT


def _is_own(names: list[str]) -> bool:
    return names[:-1] in ([], ["pg_catalog"])


def _defined(definitions: Sequence[Tree]) -> list[str]:
    return [one["ColumnDef"]["colname"] for one in definitions]


def _named(*fields: str) -> Check:
    def check(walk: Walk, node: Tree, _: Scope) -> bool:
        walk.columns.define(*(node[field] for field in fields if field in node))
        return False

    return check


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


def _column(walk: Walk, column: Tree, _: Scope) -> bool:
    walk.keys("ColumnRef", column)
    parts = column["fields"]
    if "A_Star" not in parts[-1]:
        walk.columns.refer(names_of(parts), place(column))
    return True


def _indirection(walk: Walk, expression: Tree, _: Scope) -> bool:
    for one in expression["indirection"]:
        if "String" in one:
            where = place(expression)
            walk.columns.attribute(one["String"].get("sval", ""), where)
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
    "CommonTableExpr": _with,
    "CTESearchClause": _named("search_seq_column"),
    "CTECycleClause": _named("cycle_mark_column", "cycle_path_column"),
    "RangeVar": _relation,
    "RangeSubselect": _subselect,
    "RangeFunction": _range_function,
    "JoinExpr": _join,
    "JsonTable": _json_table,
    "Alias": _alias,
    "ResTarget": _named("name"),
    "ColumnDef": _named("colname"),
    "JsonTableColumn": _named("name"),
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
