"""A tool: an ordinary function, checked once at registration, together with what is published of
it. For each call it builds a `Query` from checked arguments, and a `Result` from the rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from mcpdb.cells import to_cell
from mcpdb.config import Limits
from mcpdb.errors import ConfigurationError, ResultError
from mcpdb.query.arguments import Arguments
from mcpdb.query.base import Embedded, Query, Report, Rows
from mcpdb.query.columns import columns_of
from mcpdb.query.limit import limited
from mcpdb.query.probe import Probe, check_signature, probe
from mcpdb.result import (
    Column,
    Fetched,
    Result,
    make_table,
    model_result,
    table_result,
    tables_result,
)

ToolFunction: TypeAlias = Callable[..., Rows] | Callable[..., Report]

_ROWS = "rows"
_NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOptions:
    """What a tool may ask for besides its function. None stands for the server's default.

    Attributes:
        name: The function's name by default.
        title: For people; the name in words by default.
        max_rows: Rows of each table in a result.
        max_bytes: UTF-8 bytes of the result's text.
        timeout_s: From arrival to answer; never more than the server's deadline.
        columns: "dynamic" for a tool whose columns depend on its arguments.
        notice: A function without parameters that returns a select of one text. It runs in the
            call's own transaction, and its value is said in the result's notice: what a reader
            of the rows must know, such as the day on which the data ends.
    """

    name: str | None = None
    title: str | None = None
    max_rows: int | None = None
    max_bytes: int | None = None
    timeout_s: float | None = None
    columns: Literal["fixed", "dynamic"] = "fixed"
    notice: Callable[[], Rows] | None = None


class Tool:
    """A registered tool.

    Attributes:
        name: As the model calls it.
        title: For people.
        description: The function's docstring.
        input_schema: JSON Schema of the arguments.
        output_schema: JSON Schema of `Result.structured`.
        embedded: The names of the arguments to embed before `build`.
        timeout_s: From arrival to answer, or None for the database's deadline.
    """

    def __init__(
        self,
        function: ToolFunction,
        options: ToolOptions,
        *,
        limits: Limits,
        dimensions: int | None,
    ) -> None:
        self.name = options.name or function.__name__
        self.title = options.title or self.name.replace("_", " ").capitalize()
        self.description = check_signature(function, self.name)
        self.timeout_s = options.timeout_s
        self._function = function
        self._arguments = Arguments(function)
        self.embedded = self._arguments.embedded
        self._max_rows = _within(options.max_rows, limits.default_rows, limits.max_rows, "max_rows")
        self._max_bytes = _within(
            options.max_bytes, limits.default_text_bytes, limits.max_text_bytes, "max_bytes"
        )
        self._notice = options.notice
        self._is_dynamic = options.columns == "dynamic"
        probed = probe(function, self._arguments, dimensions=dimensions, tool=self.name)
        self._published = {} if self._is_dynamic else probed.columns(self.name)
        self.input_schema = self._arguments.schema
        self.output_schema = probed.output_schema(is_dynamic=self._is_dynamic)
        self._check_notice(probed)

    def check(self, arguments: Mapping[str, object]) -> dict[str, Any]:
        """The arguments as Python values; embedded ones are still texts.

        Raises:
            InvalidArguments: In words that help a model to correct itself.
        """
        return self._arguments.check(arguments)

    def build(self, values: Mapping[str, Any], vectors: Mapping[str, Sequence[float]]) -> Query:
        """The query of a call: a pure function of checked arguments and their vectors."""
        embedded = {name: Embedded(values[name], vector) for name, vector in vectors.items()}
        made = self._function(**{**values, **embedded})
        if isinstance(made, Report):
            selects = {name: limited(s, self._max_rows + 1) for name, s in made.selects.items()}
            return Query(selects=selects, then=made.then, is_report=True)
        selects = {_ROWS: limited(made, self._max_rows + 1)}
        if self._notice is not None:
            selects[_NOTICE] = limited(self._notice(), 1)
        return Query(selects=selects)

    def result(self, query: Query, fetched: Mapping[str, Fetched]) -> Result:
        """The result of a call from the rows that its query fetched.

        Raises:
            ResultError: The rows are not what was published, have a cell that JSON cannot hold,
                or are too many for a report that computes from them.
        """
        if query.then is not None:
            return self._computed(query, fetched)
        tables = {
            name: make_table(
                self._columns(query, name, fetched[name]),
                fetched[name].rows,
                max_rows=self._max_rows,
                notice=None if query.is_report else _text_of(fetched.get(_NOTICE)),
            )
            for name in query.selects
            if query.is_report or name == _ROWS
        }
        if query.is_report:
            return tables_result(tables, max_bytes=self._max_bytes)
        return table_result(tables[_ROWS], max_bytes=self._max_bytes)

    def _computed(self, query: Query, fetched: Mapping[str, Fetched]) -> Result:
        for name, table in fetched.items():
            if len(table.rows) > self._max_rows:
                msg = f"The report's table {name!r} has more than {self._max_rows} rows."
                raise ResultError(msg, hint="Ask for a shorter period or fewer groups.")
        assert query.then is not None
        model: BaseModel = query.then({name: table.dicts() for name, table in fetched.items()})
        structured = to_cell(model.model_dump(mode="json", by_alias=True))
        assert isinstance(structured, dict)
        return model_result(structured, max_bytes=self._max_bytes)

    def _columns(self, query: Query, name: str, fetched: Fetched) -> tuple[Column, ...]:
        if self._is_dynamic:
            return columns_of(query.selects[name], self.name)
        columns = self._published.get(name, ())
        if fetched.names == tuple(column.name for column in columns):
            return columns
        msg = f"The tool {self.name} returned other columns than it published."
        raise ResultError(
            msg, detail="columns depend on arguments: register with columns='dynamic'"
        )

    def _check_notice(self, probed: Probe) -> None:
        if self._notice is None:
            return
        if probed.is_report:
            msg = f"The tool {self.name} returns a report: put the notice into what `then` makes."
            raise ConfigurationError(msg)
        if len(columns_of(self._notice(), self.name)) != 1:
            msg = f"The notice of the tool {self.name} is a select of one column."
            raise ConfigurationError(msg)


def _text_of(fetched: Fetched | None) -> str | None:
    if fetched is None or not fetched.rows or fetched.rows[0][0] is None:
        return None
    return str(to_cell(fetched.rows[0][0]))


def _within(asked: int | None, default: int, most: int, name: str) -> int:
    if asked is None:
        return default
    if not 1 <= asked <= most:
        msg = f"{name} is from 1 to {most}, the server's limit."
        raise ConfigurationError(msg)
    return asked
