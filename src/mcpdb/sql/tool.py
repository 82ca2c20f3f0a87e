"""The tool by which a model asks in SQL: its text goes through the guard, and then by a login that
may read nothing to a function of the database, which runs it for the tenant alone."""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field
from sqlalchemy import Integer, Text, bindparam, func, select

from mcpdb.cells import decode
from mcpdb.config import Limits
from mcpdb.errors import McpdbError, QueryFailed, ResultError
from mcpdb.query.arguments import Arguments
from mcpdb.query.base import Query
from mcpdb.query.catalog import Catalog
from mcpdb.query.options import byte_limit, checked_name, row_limit
from mcpdb.query.schema import rows_schema
from mcpdb.result import Column, Fetched, Result, make_table, table_result
from mcpdb.sql.explain import explained
from mcpdb.sql.guard import MOST_CHARACTERS, Guard
from mcpdb.sql.options import SqlToolOptions

_LINES: Final = "lines"
_RAW: Final = 8
"""How much longer lines may be than the text of the result: they repeat the names of columns."""
_SHOWN_CATALOG: Final = 4_000
_VECTOR: Final = re.compile(r"(?:.+\.)?(?:vector|halfvec)(?:\[\])?")


class SqlTool:
    """A registered tool that takes SQL. It is what `Tool` is for a function.

    Attributes:
        name: As the model calls it.
        title: For people.
        description: For the model.
        input_schema: JSON Schema of the one argument.
        output_schema: JSON Schema of `Result.structured`.
        embedded: Nothing.
        timeout_s: From arrival to answer.
    """

    embedded: tuple[str, ...] = ()

    def __init__(
        self, name: str, *, catalog: Catalog, options: SqlToolOptions, limits: Limits
    ) -> None:
        self.name = checked_name(name)
        self.title = options.title or name.replace("_", " ").capitalize()
        self.description = options.description or _describe(catalog)
        self.timeout_s: float | None = options.timeout_s
        self.output_schema = rows_schema(None)
        self._catalog = catalog
        self._guard = Guard(catalog, functions=options.functions, types=options.types)
        self._parameter = options.parameter
        self._arguments = Arguments(_function(options.parameter))
        self.input_schema = self._arguments.schema
        self._max_rows = row_limit(options.max_rows, limits)
        self._max_bytes = byte_limit(options.max_bytes, limits)
        self._memory = None if options.work_mem_mb is None else f"{options.work_mem_mb}MB"

    def check(self, arguments: Mapping[str, object]) -> dict[str, Any]:
        """The argument, as a text.

        Raises:
            InvalidArguments: It is missing, or there is another.
        """
        return self._arguments.check(arguments)

    async def inspect(self, values: Mapping[str, Any]) -> None:
        """Let the guard look at it.

        Raises:
            SqlRefused: With the reason, its position, and what to do instead.
        """
        await self._guard.check(values[self._parameter])

    def build(
        self,
        values: Mapping[str, Any],
        vectors: Mapping[str, Sequence[float]],  # noqa: ARG002
    ) -> Query:
        """The call of the function that runs it. It is a value there, and never part of a text."""
        lines = func.mcpdb.run(
            bindparam("query", values[self._parameter], type_=Text),
            bindparam("max_rows", self._max_rows + 1, type_=Integer),
            bindparam("max_bytes", self._max_bytes * _RAW, type_=Integer),
            bindparam("memory", self._memory, type_=Text),
            type_=Text,
        )
        return Query(selects={_LINES: select(lines.label("line"))}, lane="sql")

    def result(self, query: Query, fetched: Mapping[str, Fetched]) -> Result:  # noqa: ARG002
        """The result from the lines that the function returned.

        Raises:
            ResultError: A value is nested too deeply.
        """
        (header,), *lines = fetched[_LINES].rows
        columns = tuple(Column(name, kind) for name, kind in json.loads(header))
        is_cut = bool(lines) and lines[-1][0] is None
        rows = _rows([line for (line,) in (lines[:-1] if is_cut else lines)], columns)
        table = make_table(columns, rows, max_rows=self._max_rows, is_cut=is_cut)
        return table_result(table, max_bytes=self._max_bytes)

    def explain(self, error: QueryFailed, values: Mapping[str, Any]) -> McpdbError:
        """What PostgreSQL says against the query, in words that help a model to correct itself."""
        return explained(error, values[self._parameter], self._catalog)


def _function(parameter: str) -> Callable[..., object]:
    """A function whose arguments are those of the tool: its schema is made as any tool's."""

    def query() -> None:
        """Nothing calls it."""

    text = Annotated[str, Field(max_length=MOST_CHARACTERS, description="One SELECT.")]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(parameter, kind, annotation=text)])
    query.__signature__ = signature  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return query


def _rows(lines: Sequence[str], columns: tuple[Column, ...]) -> Sequence[Sequence[Any]]:
    """The values of rows, each of which came as an object with the names of its columns."""
    is_plain = len({column.name for column in columns}) == len(columns)
    # All at once, which takes a fifth of the time.
    found = decode(f"[{','.join(lines)}]", make=None if is_plain else _Pairs)
    if isinstance(found, str):  # too deep to be read, it stayed a text
        raise _too_deep()
    try:
        rows = [
            list(row.values()) if is_plain else [_plain(value) for _, value in row] for row in found
        ]
    except RecursionError:
        raise _too_deep() from None
    for index, column in enumerate(columns):
        if _VECTOR.fullmatch(column.type):
            for row in rows:
                row[index] = _numbers(row[index])
    return rows


def _too_deep() -> ResultError:
    msg = "A column holds a value that is nested too deeply."
    return ResultError(msg, hint="Cast it to text.")


def _numbers(value: Any) -> Any:  # noqa: ANN401  # JSON
    """A vector as a list, as other tools give it; or an array of them."""
    if isinstance(value, list):
        return list(map(_numbers, value))  # pyright: ignore[reportUnknownArgumentType]
    is_vector = isinstance(value, str) and value[:1] == "["  # a type of that name may be another
    return decode(value) if is_vector else value


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, with all of its keys."""


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, _Pairs):
        return {key: _plain(each) for key, each in value}
    if isinstance(value, list):
        return list(map(_plain, value))  # pyright: ignore[reportUnknownArgumentType]
    return value


def _describe(catalog: Catalog) -> str:
    """How to ask, and of what. The columns too, unless they are so many that a model would rather
    ask for them."""
    relations = [f"{one}({', '.join(one.columns)})" for one in catalog.relations]
    if len("; ".join(relations)) > _SHOWN_CATALOG:
        relations = [str(one) for one in catalog.relations]
    return (
        "Answer a question with one SELECT in PostgreSQL's SQL (CTEs, joins, window functions and"
        " set operations too). It sees the rows of whom you act for, and no others, and changes"
        " nothing. Aggregate in SQL and name the columns that you need: only the first rows come"
        f" back. Relations: {'; '.join(relations)}."
    )
