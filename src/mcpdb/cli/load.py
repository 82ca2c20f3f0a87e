"""Finds what an operator names: `module:attribute`, also in the current folder."""

import contextlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from mcpdb.cli.main import told, without_secrets
from mcpdb.errors import ConfigurationError

T = TypeVar("T")


def load(target: str, kinds: Sequence[type[T]], *, calls: bool = False) -> T:
    """The object that a target names.

    Args:
        target: `module:attribute`; an attribute of an attribute has a dot.
        kinds: What it may be.
        calls: Whether it may also be a function without arguments that returns one.

    Raises:
        ConfigurationError: There is no such thing, or it is another one.
    """
    name, _, attribute = target.partition(":")
    if not all(part.isidentifier() for part in [*name.split("."), *attribute.split(".")]):
        raise ConfigurationError("A target looks like module:attribute, such as shop.wall:wall.")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    # What a module prints is not the answer to this command.
    with contextlib.redirect_stdout(sys.stderr):
        value = _attribute(_module(name), target, attribute)
        if calls and (inspect.isfunction(value) or inspect.ismethod(value)):
            value = _called(value, target)
    for kind in kinds:
        if isinstance(value, kind):
            return value
    if inspect.iscoroutine(value):
        value.close()
    wanted = " nor a ".join(kind.__name__ for kind in kinds)
    found = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
    raise ConfigurationError(f"{target} is not a {wanted}, but: {found}.")


def _module(name: str) -> Any:  # noqa: ANN401  # a module of anyone's
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(f"The module {name} cannot be imported", error) from error
        hint = "It is looked for in the current folder and among what is installed."
        raise ConfigurationError(f"There is no module {name}.", hint=hint) from error
    except (Exception, SystemExit) as error:
        raise _failed(f"The module {name} cannot be imported", error) from error


def _attribute(module: object, target: str, attribute: str) -> Any:  # noqa: ANN401
    value: Any = module
    for part in attribute.split("."):
        try:
            value = getattr(value, part)
        except AttributeError as error:
            where = target.partition(":")[0]
            raise ConfigurationError(f"The module {where} has no {attribute}.") from error
    return value


def _called(function: Any, target: str) -> Any:  # noqa: ANN401
    required = [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    if required:
        raise ConfigurationError(f"{target} has the argument {required[0]}: it must take none.")
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise _failed(f"{target} fails", error) from error


def _failed(what: str, error: BaseException) -> ConfigurationError:
    """Says what went wrong in somebody's module, and in which line of which file."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{Path(error.filename).name}, line {error.lineno}"
        told_ = f"{type(error).__name__}: {error.msg}"
    else:
        where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
        told_ = told(error)
    return ConfigurationError(f"{what}: {without_secrets(told_)} ({where}).")
