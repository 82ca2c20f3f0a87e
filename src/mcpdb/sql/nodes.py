"""Every node of PostgreSQL's raw parse tree that a query may consist of, with every field that it
may have. What is not in the table is refused, so a node that PostgreSQL adds is refused too.

The names are those of libpg_query's JSON; its grammars of PostgreSQL 17 and 18 differ in the
positions only that are kept of lists.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

Tree = dict[str, Any]
"""The fields of one node, or a node itself: one entry, from its kind to its fields."""

SCALAR: Final = ""
NODES: Final = "*"

# A word ending in * is a node or a list of nodes; name=Kind is the fields of a node of that kind,
# without the kind around them; any other word is a number, a text or a truth value.
_TABLE: Final = """
    SelectStmt: distinctClause* targetList* fromClause* whereClause* groupClause* groupDistinct
        havingClause* windowClause* valuesLists* sortClause* limitOffset* limitCount* limitOption
        withClause=WithClause op all larg=SelectStmt rarg=SelectStmt
    WithClause: ctes* recursive location
    CommonTableExpr: ctename aliascolnames* ctematerialized ctequery*
        search_clause=CTESearchClause cycle_clause=CTECycleClause location
    CTESearchClause: search_col_list* search_breadth_first search_seq_column location
    CTECycleClause: cycle_col_list* cycle_mark_column cycle_mark_value* cycle_mark_default*
        cycle_path_column location
    ResTarget: name val* location
    ColumnRef: fields* location
    A_Star:
    A_Const: ival=Integer fval=Float boolval=Boolean sval=String bsval=BitString isnull location
    A_Expr: kind name* lexpr* rexpr* location rexpr_list_start rexpr_list_end
    A_Indirection: arg* indirection*
    A_Indices: is_slice lidx* uidx*
    A_ArrayExpr: elements* location list_start list_end
    BoolExpr: boolop args* location
    BooleanTest: arg* booltesttype location
    NullTest: arg* nulltesttype location
    CaseExpr: arg* args* defresult* location
    CaseWhen: expr* result* location
    CoalesceExpr: args* location
    MinMaxExpr: op args* location
    RowExpr: args* row_format colnames* location
    SubLink: subLinkType testexpr* operName* subselect* location
    FuncCall: funcname* args* agg_order* agg_filter* over=WindowDef agg_within_group agg_star
        agg_distinct func_variadic funcformat location
    NamedArgExpr: arg* name argnumber location
    TypeCast: arg* typeName=TypeName location
    TypeName: names* typmods* typemod arrayBounds* location
    CollateClause: arg* collname* location
    SQLValueFunction: op typmod location
    GroupingFunc: args* location
    GroupingSet: kind content* location
    SortBy: node* sortby_dir sortby_nulls useOp* location
    WindowDef: name refname partitionClause* orderClause* frameOptions startOffset* endOffset*
        location
    RangeVar: schemaname relname inh relpersistence alias=Alias location
    RangeSubselect: lateral subquery* alias=Alias
    RangeFunction: lateral ordinality is_rowsfrom functions* alias=Alias coldeflist*
    JoinExpr: jointype isNatural larg* rarg* usingClause* join_using_alias=Alias quals*
        alias=Alias
    Alias: aliasname colnames*
    ColumnDef: colname typeName=TypeName is_local collClause=CollateClause location
    List: items*
    String: sval
    Integer: ival
    Float: fval
    Boolean: boolval
    BitString: bsval
    JsonObjectConstructor: exprs* output=JsonOutput absent_on_null unique location
    JsonArrayConstructor: exprs* output=JsonOutput absent_on_null location
    JsonArrayQueryConstructor: query* output=JsonOutput format=JsonFormat absent_on_null location
    JsonObjectAgg: constructor=JsonAggConstructor arg=JsonKeyValue absent_on_null unique
    JsonArrayAgg: constructor=JsonAggConstructor arg=JsonValueExpr absent_on_null
    JsonAggConstructor: output=JsonOutput agg_filter* agg_order* over=WindowDef location
    JsonKeyValue: key* value=JsonValueExpr
    JsonValueExpr: raw_expr* formatted_expr* format=JsonFormat
    JsonOutput: typeName=TypeName returning=JsonReturning
    JsonReturning: format=JsonFormat
    JsonFormat: format_type encoding location
    JsonIsPredicate: expr* format=JsonFormat item_type unique_keys location
    JsonParseExpr: expr=JsonValueExpr output=JsonOutput unique_keys location
    JsonScalarExpr: expr* output=JsonOutput location
    JsonSerializeExpr: expr=JsonValueExpr output=JsonOutput location
    JsonFuncExpr: op context_item=JsonValueExpr pathspec* passing* output=JsonOutput
        on_empty=JsonBehavior on_error=JsonBehavior wrapper quotes location
    JsonArgument: val=JsonValueExpr name
    JsonBehavior: btype expr* location
    JsonTable: context_item=JsonValueExpr pathspec=JsonTablePathSpec passing* columns*
        on_error=JsonBehavior alias=Alias lateral location
    JsonTablePathSpec: string* name name_location location
    JsonTableColumn: coltype name typeName=TypeName pathspec=JsonTablePathSpec format=JsonFormat
        wrapper quotes columns* on_empty=JsonBehavior on_error=JsonBehavior location
"""


def _field(word: str) -> tuple[str, str]:
    name, _, kind = word.partition("=")
    return (name[:-1], NODES) if name.endswith("*") else (name, kind or SCALAR)


def _table(text: str) -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for word in text.split():
        if word.endswith(":"):
            fields = table[word[:-1]] = {}
        else:
            name, how = _field(word)
            fields[name] = how
    return table


FIELDS: Final[Mapping[str, Mapping[str, str]]] = _table(_TABLE)
"""From a kind of node to its fields, each `SCALAR`, `NODES`, or the kind of what it holds."""

STATEMENTS: Final = {
    "InsertStmt": "INSERT",
    "UpdateStmt": "UPDATE",
    "DeleteStmt": "DELETE",
    "MergeStmt": "MERGE",
    "ExplainStmt": "EXPLAIN",
    "VariableSetStmt": "SET",
    "VariableShowStmt": "SHOW",
    "CopyStmt": "COPY",
    "DoStmt": "DO",
    "CallStmt": "CALL",
    "PrepareStmt": "PREPARE",
    "ExecuteStmt": "EXECUTE",
    "DeallocateStmt": "DEALLOCATE",
    "DeclareCursorStmt": "DECLARE",
    "FetchStmt": "FETCH",
    "TransactionStmt": "BEGIN, COMMIT, ROLLBACK and the like",
    "LockStmt": "LOCK",
    "ListenStmt": "LISTEN",
    "NotifyStmt": "NOTIFY",
    "TruncateStmt": "TRUNCATE",
    "CreateStmt": "CREATE TABLE",
    "CreateTableAsStmt": "CREATE TABLE AS",
    "ViewStmt": "CREATE VIEW",
    "DropStmt": "DROP",
    "GrantStmt": "GRANT",
    "VacuumStmt": "VACUUM and ANALYZE",
}
"""What the statements are called that are not queries; those that models write, not all."""

REFUSED: Final = {
    "ParamRef": ("A parameter ($1)", "Write the value itself into the SQL."),
    "SetToDefault": ("DEFAULT", "Write the value itself."),
    "RangeTableSample": ("TABLESAMPLE", "Read the table without it, with a WHERE or a LIMIT."),
    "RangeTableFunc": ("XMLTABLE", "XML cannot be read here; JSON can, with JSON_TABLE."),
    "XmlExpr": ("An XML expression", "XML cannot be made here; JSON can, with json_build_object."),
    "XmlSerialize": ("XMLSERIALIZE", "XML cannot be made here; JSON can."),
    "MergeSupportFunc": ("MERGE_ACTION()", "Only read with SELECT."),
    "SelectStmt.intoClause": ("SELECT ... INTO", "Leave INTO out: rows are returned, not stored."),
    "SelectStmt.lockingClause": (
        "FOR UPDATE, or another lock on rows,",
        "Leave it out: rows are only read.",
    ),
    "RangeVar.catalogname": (
        "A table's name with a database in front",
        "Write schema.table: there is one database.",
    ),
    "TypeName.setof": ("SETOF", "Name the type alone."),
    "TypeName.pct_type": ("%TYPE", "Name a type, such as text or numeric."),
}
"""Nodes, and fields of nodes, that have words of their own when they are refused."""


def place(inside: object) -> int | None:
    """The byte at which a node begins, or the first one in it that says so."""
    left = [inside]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            fields = cast("Tree", one)
            offset = fields.get("location", -1)  # also said by libpg_query, for nowhere
            if isinstance(offset, int) and offset >= 0:
                return offset
            left.extend(reversed(fields.values()))
        elif isinstance(one, list):
            left.extend(reversed(cast("list[object]", one)))
    return None
