"""What PostgreSQL says against a model's query, in words of our own by SQLSTATE: its own words may
repeat values of rows, and are in the language of the server. Nothing of DETAIL is ever said."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from mcpdb.errors import McpdbError, NotAllowed, QueryFailed, QueryTimeout
from mcpdb.query.catalog import Catalog, Relation

_SHOWN: Final = 80
_WORD: Final = re.compile(
    r'(?:[^\W\d][\w$]*|"(?:[^"]|"")+")(?:\s*\.\s*(?:[^\W\d][\w$]*|"[^"]+"))*'
    r"|'(?:[^']|'')*'|\d[\w.]*|\S"
)

# What went wrong, and what to do about it
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_STATES: Final = {
    "42703": ("there is no such column", ""),
    "42P01": ("there is no such table or alias here", ""),
    "42883": (
        "there is no function or operator of this name for arguments of these types",
        "Check the types, and cast where needed: x::numeric.",
    ),
    "42601": ("the syntax is not PostgreSQL's", ""),
    "42702": ("the column is in several of the tables", "Write alias.column."),
    "42712": ("the alias is used twice", "Give each table its own."),
    "42725": ("several functions fit", "Cast the arguments."),
    "42803": (
        "a column is neither grouped nor in an aggregate, or an aggregate is where none can be",
        "Name it in GROUP BY, aggregate it, or filter aggregates in HAVING.",
    ),
    "42P20": ("a window function is where none can be", "Compute it in a CTE, and filter outside."),
    "42P10": ("a column is referred to that the query does not return", ""),
    "42804": ("the types do not fit together", "Cast one of them."),
    "42846": ("there is no such cast", ""),
    "42704": ("there is no such type or collation", ""),
    "42P18": ("a type cannot be told", "Cast it: NULL::text."),
    "42P19": ("the recursive query is not one that PostgreSQL can run", ""),
    "21000": ("a sub-query returns more than one row", "Aggregate it, or LIMIT 1."),
    "22012": ("it divides by zero", "Write x / nullif(y, 0)."),
    "22P02": ("a text is not of the type that it is taken for", "Check the literal."),
    "22007": ("a text is not a date or time", "Write dates as '2024-12-31'."),
    "22008": ("a date or time is out of its range", ""),
    "22003": ("a number is out of the range of its type", "Cast to numeric."),
    "2201B": ("the regular expression is not valid", ""),
    "0A000": ("PostgreSQL cannot do this", ""),
    "54000": ("it is too large or too deep", "Ask for less."),
    "54001": ("it is too large or too deep", "Ask for less."),
    "53200": ("it takes too much memory", "Ask for less."),
    "53400": ("it takes more than a limit allows", "Ask for less."),
}


def explained(error: QueryFailed, sql: str, catalog: Catalog) -> McpdbError:
    """The error for a model that wrote this SQL.

    Args:
        error: As the lane raised it.
        sql: What ran.
        catalog: What the model may know of.
    """
    if isinstance(error, QueryTimeout):
        error.hint = "Ask for a shorter period or fewer rows, and aggregate in SQL."
        return error
    position = error.position if error.within == sql else None
    word = _word(sql, position)
    where = f"SQLSTATE {error.sqlstate}"
    if position is not None:
        where += f", at character {position}"
    if isinstance(error, NotAllowed):
        known: QueryFailed = NotAllowed(
            f"The database does not allow this query ({where}).",
            hint=_readable(sql, catalog),
            detail=error.detail,
        )
    else:
        what, hint = _STATES.get(error.sqlstate, ("it cannot be run", error.hint))
        at = f" ({where}, near {word})" if word else f" ({where})"
        known = QueryFailed(
            f"PostgreSQL refuses the query: {what}{at}.",
            hint=_near(error.sqlstate, word, sql, catalog) or hint,
            detail=error.detail,
        )
    known.sqlstate, known.position = error.sqlstate, position
    return known


def _word(sql: str, position: int | None) -> str:
    """What of the model's own text stands there."""
    if position is None or not 0 < position <= len(sql):
        return ""
    match = _WORD.match(sql, position - 1)
    return match[0][:_SHOWN] if match else ""


def _near(state: str, word: str, sql: str, catalog: Catalog) -> str:
    *_, name = [part.strip().strip('"') for part in word.split(".")]
    if state == "42703":
        mentioned = _mentioned(sql, catalog)
        near = catalog.near_columns(name.lower(), among=mentioned)
        if near:
            return f"Did you mean {_either(near)}?"
        return _columns(mentioned)
    if state == "42P01":
        near = catalog.near_relations(name.lower())
        return f"Did you mean {_either(near)}?" if near else "Name each table in FROM."
    return ""


def _readable(sql: str, catalog: Catalog) -> str:
    return _columns(_mentioned(sql, catalog)) or "Ask for columns that the tool's description has."


def _columns(relations: Iterable[Relation]) -> str:
    parts = [f"{one.name} has {', '.join(one.columns)}" for one in relations]
    return f"Name the columns: {'; '.join(parts)}." if parts else ""


def _mentioned(sql: str, catalog: Catalog) -> Sequence[Relation]:
    words = set(re.findall(r"[^\W\d][\w$]*", sql.lower()))
    return [one for one in catalog.relations if one.name.lower() in words]


def _either(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
