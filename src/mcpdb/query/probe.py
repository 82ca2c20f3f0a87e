"""What is learned of a function when it is registered: it is called once with example arguments,
and what it returns tells its columns, their types and its output schema."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_origin

from pydantic import BaseModel
from sqlalchemy import Select

from mcpdb.errors import ConfigurationError, InvalidArguments
from mcpdb.query.arguments import Arguments
from mcpdb.query.base import Embedded, Report, Rows, is_rows
from mcpdb.query.columns import columns_of, schema_of
from mcpdb.query.example import example
from mcpdb.query.schema import model_schema, rows_schema, tables_schema
from mcpdb.result import Column


@dataclass(frozen=True, slots=True)
class Probe:
    """What a tool's function returned for example arguments: selects by name."""

    tool: str
    selects: Mapping[str, Rows]
    then_model: type[BaseModel] | None
    is_report: bool

    def columns(self) -> dict[str, tuple[Column, ...]]:
        """The columns of each select."""
        return {name: columns_of(select, self.tool) for name, select in self.selects.items()}

    def output_schema(self, *, is_dynamic: bool) -> dict[str, Any]:
        """The schema to publish; of any columns where they depend on the arguments."""
        if self.then_model is not None:
            return model_schema(self.then_model, self.tool)
        cells = {name: schema_of(select, self.tool) for name, select in self.selects.items()}
        if self.is_report:
            return tables_schema(None if is_dynamic else cells)
        return rows_schema(None if is_dynamic else cells["rows"])


def check_signature(function: Callable[..., object], tool: str) -> str:
    """The function's docstring, if the function is one that can be a tool.

    Raises:
        ConfigurationError: With the reason, in a sentence.
    """
    reason = _reason_against(function)
    if reason:
        msg = f"The tool {tool} {reason}"
        raise ConfigurationError(msg)
    return inspect.cleandoc(function.__doc__ or "")


def _reason_against(function: Callable[..., object]) -> str:  # noqa: PLR0911  # a list of reasons
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return "is not a function: write a def around it."
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is async: a tool is a plain function that returns a select; mcpdb runs it."
    if inspect.isgeneratorfunction(function):
        return "is a generator: a tool returns one select or one Report."
    if not (function.__doc__ or "").strip():
        return "has no docstring: it is the description that the model chooses by."
    try:
        signature = inspect.signature(function, eval_str=True)
    except Exception as error:  # noqa: BLE001  # an annotation in quotes is any expression
        return f"has an annotation that cannot be resolved: {error}."
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            return f"has the parameter {parameter}: every parameter has a name of its own."
        if parameter.annotation is inspect.Parameter.empty:
            return f"has the untyped parameter {parameter.name}: annotate it."
    returned = signature.return_annotation
    if returned is Report or get_origin(returned) is Select or returned is Select:
        return ""
    return "must be annotated to return Rows (one select) or Report (several)."


def probe(
    function: Callable[..., object], arguments: Arguments, *, dimensions: int | None, tool: str
) -> Probe:
    """Call the function once with example arguments and look at what it returns.

    Raises:
        ConfigurationError: No example could be made, the function failed on it, or it returned
            something else than it says.
    """
    made = _call(function, arguments, dimensions=dimensions, tool=tool)
    says_report = inspect.signature(function, eval_str=True).return_annotation is Report
    if says_report and isinstance(made, Report):
        model = None if made.then is None else _model_of(made.then, tool)
        return Probe(tool, made.selects, model, is_report=True)
    if not says_report and is_rows(made):
        return Probe(tool, {"rows": made}, None, is_report=False)
    wanted = "a Report" if says_report else "a select"
    msg = f"The tool {tool} is annotated to return {wanted}, but returned {type(made).__name__}."
    hint = "" if says_report else "Wrap a union with select(union(...).subquery())."
    raise ConfigurationError(msg, hint=hint)


def _call(
    function: Callable[..., object], arguments: Arguments, *, dimensions: int | None, tool: str
) -> object:
    values = _example_values(arguments, tool)
    if arguments.embedded and dimensions is None:
        msg = f"The tool {tool} takes an Embedded text, but the database has no embeddings."
        raise ConfigurationError(msg, hint="Give one: Database(..., embeddings=...).")
    unit = (1.0, *[0.0] * ((dimensions or 1) - 1))
    for name in arguments.embedded:
        values[name] = Embedded(values[name], unit)
    try:
        return function(**values)
    except ConfigurationError:
        raise
    except Exception as error:
        # The author's own words, to the author: a name that is defined further down, most often.
        said = f"{type(error).__name__}: {error}"
        msg = f"The tool {tool} failed when it was called once with example arguments ({said})."
        hint = "It must be a pure function of them; Field(examples=[...]) chooses others."
        raise ConfigurationError(msg, hint=hint, detail=repr(error)) from error


def _example_values(arguments: Arguments, tool: str) -> dict[str, Any]:
    definitions = arguments.schema.get("$defs", {})
    required = arguments.schema.get("required", ())
    try:
        raw = {n: example(arguments.schema["properties"][n], definitions) for n in required}
        return arguments.check(raw)
    except (ConfigurationError, InvalidArguments) as error:
        msg = f"The tool {tool} cannot be tried out: {error.message}"
        raise ConfigurationError(msg, hint="Give it one: Field(examples=[...]).") from error


def probe_notice(notice: Callable[[], object], tool: str) -> None:
    """Call a tool's notice function once and look at what it returns.

    Raises:
        ConfigurationError: It failed, or is not a select of one column.
    """
    try:
        made = notice()
    except Exception as error:
        msg = f"The notice of the tool {tool} failed when it was called once, without arguments."
        raise ConfigurationError(msg, detail=repr(error)) from error
    if not is_rows(made) or len(columns_of(made, tool)) != 1:
        msg = f"The notice of the tool {tool} is a function that returns a select of one column."
        raise ConfigurationError(msg)


def _model_of(then: Callable[..., BaseModel], tool: str) -> type[BaseModel]:
    msg = f"The `then` of the tool {tool} must be annotated to return a pydantic model."
    try:
        signature = inspect.signature(then, eval_str=True)
        signature.bind({})
    except Exception as error:
        msg = f"The `then` of the tool {tool} must be a function of the tables alone."
        raise ConfigurationError(msg, detail=repr(error)) from error
    model = cast("object", signature.return_annotation)
    if inspect.iscoroutinefunction(then):
        raise ConfigurationError(msg, hint="It is async; mcpdb calls it as a plain function.")
    if isinstance(model, type) and issubclass(model, BaseModel):
        return model
    raise ConfigurationError(msg)
