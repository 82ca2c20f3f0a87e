"""From a select to what the driver takes, and from the driver's records to rows: compiled once by
its structure, run with the statement's own bind and result processors. It has no connection.

This is the one file that reaches into SQLAlchemy's execution, which is not public: the cache key,
the cached compilation and the merge of a compiled statement with the cursor's description. Each
step follows `DefaultExecutionContext._init_compiled` and `CursorResult`, and is property-tested
against SQLAlchemy's own execution.
"""
# ruff: noqa: SLF001  # see above

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

from asyncpg import Record
from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.cursor import CursorResultMetaData
from sqlalchemy.sql.compiler import WARN_LINTING, Compiled, SQLCompiler

from mcpdb.errors import ConfigurationError, NotAllowed
from mcpdb.recent import Recent
from mcpdb.result import Fetched

Description: TypeAlias = tuple[tuple[str, int], ...]
"""Name and type oid of each column, as the driver has them of PostgreSQL."""
Process: TypeAlias = Callable[[Any], Any]

_STATEMENTS: Final = 500
_DESCRIPTIONS: Final = 8
"""Descriptions of one compiled statement: another one only after its tables have changed."""
_UNSUPPORTED: Final = ("driver_column_names", "schema_translate_map")
"""Execution options of a statement that would change what comes out."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """How one compiled statement's records become rows, for one description of its columns."""

    names: tuple[str, ...]
    processors: tuple[tuple[int, Process], ...]

    def rows(self, records: Sequence[Record]) -> Sequence[tuple[Any, ...]]:
        if not self.processors:
            return [tuple(record) for record in records]
        made: list[tuple[Any, ...]] = []
        for record in records:
            row = list[Any](record)
            for index, process in self.processors:
                row[index] = process(row[index])
            made.append(tuple(row))
        return made


class Plan:
    """What is known of a compiled statement whatever its values are."""

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401  # an SQLCompiler's inside
        if compiled.insert_prefetch or compiled.update_prefetch:
            msg = "The select writes within a CTE: nothing can be written."
            raise NotAllowed(msg)
        # Without `compiled` itself, which is the weak key that this is found by.
        self._dialect: Dialect = compiled.dialect
        self._readers: Recent[Description, _Reader] = Recent(_DESCRIPTIONS)
        self._columns = (
            compiled._result_columns,
            compiled._ordered_columns,
            compiled._textual_ordered_columns,
            compiled._ad_hoc_textual,
            compiled._loose_column_name_matching,
        )

    def reader(self, description: Description) -> _Reader:
        """How to read records of this description."""
        reader = self._readers.get(description)
        if reader is None:
            reader = self._readers[description] = self._read(description)
        return reader

    def _read(self, description: Description) -> _Reader:
        if not description:  # SELECT of no columns at all: PostgreSQL allows it
            return _Reader((), ())
        context = SimpleNamespace(
            dialect=self._dialect,
            result_column_struct=self._columns,
            get_result_processor=self._processor,
            _translate_colname=None,
        )
        cursor = [(name, oid, None, None, None, None, None) for name, oid in description]
        merged: Any = CursorResultMetaData(cast("Any", SimpleNamespace(context=context)), cursor)
        found = enumerate(merged._processors)
        processors = tuple((index, process) for index, process in found if process is not None)
        return _Reader(tuple(merged._keys), processors)

    def _processor(self, type_: Any, _: str, oid: int) -> Process | None:  # noqa: ANN401
        process: Process | None = type_._cached_result_processor(self._dialect, oid)
        return process


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with the values of one call.

    Attributes:
        sql: With `$1` and so on for the arguments.
        arguments: As the driver takes them.
    """

    sql: str
    arguments: Sequence[Any]
    plan: Plan

    def fetched(self, description: Description, records: Sequence[Record]) -> Fetched:
        """The rows, through the processors of their columns' types."""
        reader = self.plan.reader(description)
        return Fetched(reader.names, reader.rows(records))


class Template:
    """A statement that is compiled once and for all, for the values of its named parameters."""

    def __init__(self, compiled: SQLCompiler) -> None:
        self._compiled = compiled
        self._plan = Plan(compiled)

    def bind(self, parameters: Mapping[str, Any]) -> Bound:
        """The statement with these values.

        Raises:
            sqlalchemy.exc.InvalidRequestError: A value is missing.
        """
        values = self._compiled.construct_params(parameters, escape_names=False)
        return _bound(self._compiled, self._plan, values)


class Compiler:
    """Compiles statements for one database, and remembers those that it compiled.

    Args:
        dialect: Initialised: it has met the server.
        size: How many compiled statements are kept.
    """

    def __init__(self, dialect: Dialect, *, size: int = _STATEMENTS) -> None:
        self._dialect = dialect
        self._cache: Recent[Any, Compiled] = Recent(size)
        self._plans: WeakKeyDictionary[Compiled, Plan] = WeakKeyDictionary()

    def bind(self, statement: ClauseElement) -> Bound:
        """Compile a statement, unless one of its structure was, and process this call's values.

        A statement without a cache key is compiled each time.

        Raises:
            ConfigurationError: The statement has an execution option that is not supported.
            NotAllowed: It writes.
        """
        _refuse(statement)
        inside: Any = statement
        compiled, extracted, collected, _ = inside._compile_w_cache(
            self._dialect,
            compiled_cache=self._cache,
            column_keys=[],
            linting=self._dialect.compiler_linting | WARN_LINTING,
        )
        values = compiled.construct_params(
            extracted_parameters=extracted, escape_names=False, _collected_params=collected
        )
        return _bound(compiled, self._plan(compiled), values)

    def template(self, statement: ClauseElement) -> Template:
        """Compile a statement of our own."""
        return Template(cast("SQLCompiler", statement.compile(dialect=self._dialect)))

    def _plan(self, compiled: Compiled) -> Plan:
        plan = self._plans.get(compiled)
        if plan is None:
            plan = self._plans[compiled] = Plan(compiled)
        return plan


def _refuse(statement: ClauseElement) -> None:
    options: Mapping[str, Any] = getattr(statement, "_execution_options", {})
    for name in _UNSUPPORTED:
        if options.get(name):
            msg = f"A tool's select cannot have the execution option {name}."
            raise ConfigurationError(msg)


def _bound(compiled: Any, plan: Plan, values: MutableMapping[str, Any]) -> Bound:  # noqa: ANN401
    sql: str = compiled.string
    processors: Mapping[str, Any] = compiled._bind_processors
    order: Sequence[str] = compiled.positiontup or ()
    if compiled.literal_execute_params or compiled.post_compile_params:
        # The lists of IN, whose length is part of the SQL, and values that stand in it.
        expanded = compiled._process_parameters_for_postcompile(values)
        sql = expanded.statement
        order = expanded.positiontup or ()
        processors = {**processors, **expanded.processors}
    arguments: list[Any] = [
        processors[name](values[name]) if name in processors else values[name] for name in order
    ]
    return Bound(sql, arguments, plan)
