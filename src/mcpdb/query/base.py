"""What a tool returns and what it may take: `Rows`, `Report` and `Embedded`. All of it is pure:
no connection, no tenant and no embedding service is within a tool's reach."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Protocol, TypeAlias, TypeGuard

from pydantic import BaseModel
from sqlalchemy import Select

from mcpdb.errors import ConfigurationError, McpdbError, QueryFailed
from mcpdb.result import Fetched, Result

Rows: TypeAlias = Select[*tuple[Any, ...]]
"""A select: what a tool of one table returns. The server adds the row limit, the database the
tenant."""


def is_rows(value: object) -> TypeGuard[Rows]:
    """Whether this is a select, whatever a function's annotation says it is."""
    return isinstance(value, Select)


Tables: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]
"""What a report's `then` gets: for each named select its rows, each from column name to value, as
the driver made them (a numeric is a Decimal, a date is a date)."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A text from the model together with its embedding.

    Annotate a tool's parameter with it: the model sends a text, mcpdb asks the embedding provider
    before it builds the query, and the tool sees both. The parameter is required. Its text has at
    most 8,000 characters, unless `Annotated[Embedded, Field(max_length=...)]` says otherwise.
    """

    text: str
    vector: Sequence[float] = field(repr=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> NoReturn:
        # In a union, a list or a model, pydantic would take it for an object with two fields, and
        # a model could send a vector of its own.
        msg = "Embedded is the whole type of a parameter, or stands in Annotated[Embedded, ...]."
        raise ConfigurationError(msg, hint="It cannot be optional, in a list or in a model.")


@dataclass(frozen=True, slots=True, init=False)
class Report:
    """Several named selects that run in one transaction, so that they see one tenant.

    Args:
        selects: From a name to a select, at least one.
        then: A pure function from the rows to a pydantic model, called when the connection is
            back in the pool. Its return annotation becomes the tool's output schema. A select
            that has more rows than the tool's row limit is an error then: a ratio of cut-off
            tables would be wrong. Without `then`, the tables themselves are the result.
    """

    selects: Mapping[str, Rows]
    then: Callable[[Tables], BaseModel] | None

    def __init__(
        self,
        selects: Mapping[str, Rows],
        *,
        then: Callable[[Tables], BaseModel] | None = None,
    ) -> None:
        if not selects:
            msg = "A report has at least one select."
            raise ConfigurationError(msg)
        for name, part in selects.items():
            if not is_rows(part):
                msg = f"The part {name!r} of a report is not a select."
                raise ConfigurationError(msg)
        object.__setattr__(self, "selects", MappingProxyType(dict(selects)))
        object.__setattr__(self, "then", then)


class AnyTool(Protocol):
    """What a call needs of a tool, whoever wrote its query: see `Tool` and `SqlTool`."""

    @property
    def name(self) -> str:
        """As the model calls it."""
        ...

    @property
    def title(self) -> str:
        """For people."""
        ...

    @property
    def description(self) -> str:
        """For the model."""
        ...

    @property
    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        ...

    @property
    def output_schema(self) -> dict[str, Any]:
        """JSON Schema of `Result.structured`."""
        ...

    @property
    def embedded(self) -> tuple[str, ...]:
        """The names of the arguments to embed before `build`."""
        ...

    @property
    def timeout_s(self) -> float | None:
        """From arrival to answer, or None for the database's deadline."""
        ...

    def check(self, arguments: Mapping[str, object]) -> dict[str, Any]:
        """The arguments as Python values, or `InvalidArguments`."""
        ...

    async def inspect(self, values: Mapping[str, Any]) -> None:
        """Refuse, with an error, what must not run."""
        ...

    def build(self, values: Mapping[str, Any], vectors: Mapping[str, Sequence[float]]) -> "Query":
        """The query of a call."""
        ...

    def result(self, query: "Query", fetched: Mapping[str, Fetched]) -> Result:
        """The result of a call from the rows that its query fetched."""
        ...

    def explain(self, error: QueryFailed, values: Mapping[str, Any]) -> McpdbError:
        """What PostgreSQL said against the query, as the caller is to hear it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What the lane runs for one call: selects by name, each with its row limit already in it.

    `lane` says which: the one for SQL that a model wrote, in a value of a select, is another.
    """

    selects: Mapping[str, Rows]
    then: Callable[[Tables], BaseModel] | None = None
    is_report: bool = False
    lane: Literal["query", "sql"] = "query"
