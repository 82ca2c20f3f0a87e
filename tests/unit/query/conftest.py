"""Arguments and tools made of a few words, and what a refusal of theirs says."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from mcpdb import ConfigurationError, InvalidArguments, Limits, ToolOptions
from mcpdb.query.arguments import Arguments
from mcpdb.query.tool import Tool


@pytest.fixture(scope="session")
def arguments_of() -> Callable[..., Arguments]:
    """The arguments of a function of one parameter `value`, and of others by name."""

    def make(annotation: Any, **others: Any) -> Arguments:
        def tool(**_: Any) -> None: ...

        kind = inspect.Parameter.KEYWORD_ONLY
        tool.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(name, kind, annotation=annotated)
                for name, annotated in {"value": annotation, **others}.items()
            ]
        )
        return Arguments(tool)

    return make


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """The message with which arguments refuse these values."""

    def refuse(arguments: Arguments, **raw: object) -> str:
        with pytest.raises(InvalidArguments) as refused:
            arguments.check(raw)
        error = refused.value
        assert error.__cause__ is None
        # Pydantic's error holds the values: no traceback may show it.
        assert error.__context__ is None or error.__suppress_context__
        return error.message

    return refuse


@pytest.fixture(scope="session")
def tool_of() -> Callable[..., Tool]:
    """The tool of a function, with options of the tool by name."""

    def make(function: Any, *, dimensions: int | None = 8, **options: Any) -> Tool:
        return Tool(function, ToolOptions(**options), limits=Limits(), dimensions=dimensions)

    return make


@pytest.fixture(scope="session")
def refused(tool_of: Callable[..., Tool]) -> Callable[..., ConfigurationError]:
    """The error with which a function is refused as a tool, which must say this."""

    def refuse(function: Any, said: str, **options: Any) -> ConfigurationError:
        with pytest.raises(ConfigurationError, match=said) as error:
            tool_of(function, **options)
        assert type(error.value) is ConfigurationError
        return error.value

    return refuse
