"""A tool: an ordinary function, checked once at registration, together with what is published of
it. For each call it builds a `Query` from checked arguments, and a `Result` from the rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from mcpdb.cells import to_cell
from mcpdb.config import Limits
from mcpdb.errors import ConfigurationError, QueryFailed, ResultError
from mcpdb.query.arguments import Arguments
from mcpdb.query.base import Embedded, Query, Report, Rows, is_rows
from mcpdb.query.columns import columns_of
from mcpdb.query.limit import limited
from mcpdb.query.options import byte_limit, checked_name, row_limit
from mcpdb.query.probe import check_signature, probe, probe_notice
from mcpdb.result import (
    Column,
    Fetched,
    Result,
    Table,
    frame_fits,
    make_table,
    model_result,
    shorten_notice,
    table_result,
    tables_result,
)

ToolFunction: TypeAlias = Callable[..., Rows] | Callable[..., Report]

_ROWS: Final = "rows"
_NOTICE: Final = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOptions:
    """What a tool may ask for besides its function. None stands for the server's default.

    Attributes:
        name: The function's name by default; up to 128 letters, digits, `_`, `-` and `.`.
        title: For people; the name in words by default.
        max_rows: Rows of each table in a result.
        max_bytes: UTF-8 bytes of the result's text, at least 1,000.
        timeout_s: From arrival to answer; never more than the server's deadline.
        columns: "dynamic" for a tool whose columns depend on its arguments.
        notice: A function without parameters that returns a select of one text. It runs in the
            call's own transaction, and its value is said in the result's notice: what a reader
            of the rows must know, such as the day on which the data ends. One that is longer than
            a sixteenth of `max_bytes`, or 4,000 characters, is cut off.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    name: str | None = None
    title: str | None = None
    max_rows: int | None = None
    max_bytes: int | None = None
    timeout_s: float | None = None
    columns: Literal["fixed", "dynamic"] = "fixed"
    notice: Callable[[], Rows] | None = None

    def __post_init__(self) -> None:
        if self.timeout_s is not None and not self.timeout_s > 0:
            msg = "timeout_s is more than 0."
            raise ConfigurationError(msg)
        if self.columns not in ("fixed", "dynamic"):
            msg = "columns is 'fixed' or 'dynamic'."
            raise ConfigurationError(msg)


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
        self.name = options.name or str(getattr(function, "__name__", "?"))
        self.description = check_signature(function, self.name)
        checked_name(self.name)
        self.title = options.title or self.name.replace("_", " ").capitalize()
        self.timeout_s = options.timeout_s
        self._function = function
        self._arguments = Arguments(function)
        self.embedded = self._arguments.embedded
        self._max_rows = row_limit(options.max_rows, limits)
        self._max_bytes = byte_limit(options.max_bytes, limits)
        self._notice = options.notice
        self._is_dynamic = options.columns == "dynamic"
        self._probed = probe(function, self._arguments, dimensions=dimensions, tool=self.name)
        self._published = self._probed.columns()
        self.input_schema = self._arguments.schema
        self.output_schema = self._probed.output_schema(is_dynamic=self._is_dynamic)
        self._check_notice()
        self._check_frame()

    def check(self, arguments: Mapping[str, object]) -> dict[str, Any]:
        """The arguments as Python values; embedded ones are still texts.

        Raises:
            InvalidArguments: In words that help a model to correct itself.
        """
        return self._arguments.check(arguments)

    async def inspect(self, values: Mapping[str, Any]) -> None:
        """Nothing: what the arguments can say is in the function's hands."""

    def build(self, values: Mapping[str, Any], vectors: Mapping[str, Sequence[float]]) -> Query:
        """The query of a call: a pure function of checked arguments and their vectors.

        Raises:
            ResultError: The function returned something else than at registration.
        """
        embedded = {name: Embedded(values[name], vector) for name, vector in vectors.items()}
        made = self._function(**{**values, **embedded})
        self._check_kind(made)
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
                notice=None if query.is_report else self._notice_of(fetched.get(_NOTICE)),
            )
            for name in query.selects
            if query.is_report or name == _ROWS
        }
        if query.is_report:
            return tables_result(tables, max_bytes=self._max_bytes)
        return table_result(tables[_ROWS], max_bytes=self._max_bytes)

    def explain(self, error: QueryFailed, values: Mapping[str, Any]) -> QueryFailed:  # noqa: ARG002
        """The error as it is: a model cannot change the tool's select."""
        return error

    def _computed(self, query: Query, fetched: Mapping[str, Fetched]) -> Result:
        for name, table in fetched.items():
            if len(table.rows) > self._max_rows:
                msg = f"The report's table {name!r} has more than {self._max_rows} rows."
                raise ResultError(msg, hint="Ask for a shorter period or fewer groups.")
        assert query.then is not None
        model: BaseModel = query.then({name: table.dicts() for name, table in fetched.items()})
        try:
            structured = model.model_dump(mode="json", by_alias=True)
        except ValueError as error:  # pydantic's own, or bytes that are no text
            msg = f"The report of the tool {self.name} holds a value that JSON cannot hold."
            raise ResultError(msg, detail=str(error)) from error
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

    def _notice_of(self, fetched: Fetched | None) -> str | None:
        if fetched is None or not fetched.rows or fetched.rows[0][0] is None:
            return None
        return shorten_notice(str(to_cell(fetched.rows[0][0])), max_bytes=self._max_bytes)

    def _check_kind(self, made: Rows | Report) -> None:
        is_same = is_rows(made) and not self._probed.is_report
        if isinstance(made, Report) and self._probed.is_report:
            is_same = (made.then is None) == (self._probed.then_model is None)
            if made.then is None and not self._is_dynamic:
                is_same &= made.selects.keys() == self._published.keys()
        if not is_same:
            msg = f"The tool {self.name} returned something else than it published."
            detail = "Rows and Report, `then`, and the names of selects are the same in each call"
            raise ResultError(msg, detail=detail)

    def _check_notice(self) -> None:
        if self._notice is None:
            return
        if self._probed.is_report:
            msg = f"The tool {self.name} returns a report: put the notice into what `then` makes."
            raise ConfigurationError(msg)
        probe_notice(self._notice, self.name)

    def _check_frame(self) -> None:
        tables = [Table(columns=columns, rows=()) for columns in self._published.values()]
        if self._probed.then_model is None and not frame_fits(tables, max_bytes=self._max_bytes):
            msg = f"The columns of the tool {self.name} take more than half of its max_bytes."
            raise ConfigurationError(msg, hint="Return fewer columns, or allow more bytes.")
