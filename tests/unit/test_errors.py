"""The error tree: one root, stable codes, safe words."""

import copy
import inspect
import pickle

import pytest

from mcpdb import errors
from mcpdb.errors import McpdbError

_ALL = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, McpdbError)
]

# Programs compare with these words: a change here is a breaking change.
_CODES = {
    "ConfigurationError": "configuration",
    "DatabaseUnavailable": "database_unavailable",
    "EmbeddedPostgresError": "embedded_postgres",
    "IsolationError": "isolation",
    "EmbeddingsUnavailable": "embeddings_unavailable",
    "InvalidArguments": "invalid_arguments",
    "McpdbError": "error",
    "NotAllowed": "not_allowed",
    "QueryFailed": "query_failed",
    "QueryTimeout": "query_timeout",
    "Refused": "refused",
    "ResultError": "result",
    "SqlRefused": "sql_refused",
    "TenantError": "tenant",
    "TooManyCalls": "too_many_calls",
    "Unavailable": "unavailable",
    "UnknownTool": "unknown_tool",
}
_RETRYABLE = {
    "DatabaseUnavailable",
    "EmbeddingsUnavailable",
    "TooManyCalls",
    "Unavailable",
}


def _drawn() -> dict[str, str]:
    """From each class in the docstring's drawing to the one that it hangs under."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]
        words = line.strip("│├└─ ").split()
        if not words or words[0] not in _CODES:
            continue
        depth = line.index(words[0]) // 4 - 1
        path[depth:] = [words[0]]
        parents[words[0]] = path[depth - 1] if depth else "Exception"
    return parents


def test_the_drawing_shows_the_tree_as_it_is() -> None:
    assert _drawn() == {kind.__name__: kind.__base__.__name__ for kind in _ALL if kind.__base__}


def test_codes_never_change() -> None:
    assert {kind.__name__: kind.code for kind in _ALL} == _CODES


def test_codes_are_unique() -> None:
    assert len({kind.code for kind in _ALL}) == len(_ALL)


def test_only_the_weather_and_full_houses_are_worth_another_try() -> None:
    assert {kind.__name__ for kind in _ALL if kind.retryable} == _RETRYABLE


@pytest.mark.parametrize("kind", _ALL)
def test_every_error_has_a_docstring_of_its_own(kind: type[McpdbError]) -> None:
    assert "__doc__" in vars(kind)
    assert kind.__doc__


@pytest.mark.parametrize("kind", _ALL)
def test_an_error_speaks_without_its_detail(kind: type[McpdbError]) -> None:
    error = kind("It failed.", hint="Try less.", detail="password=s3cret")
    assert str(error) == "It failed. Try less."
    assert "s3cret" not in repr(error)
    assert str(kind("It failed.")) == "It failed."


@pytest.mark.parametrize("kind", _ALL)
def test_an_error_survives_a_copy_and_another_process(kind: type[McpdbError]) -> None:
    error = kind("It failed.", hint="Try less.", detail="more", retry_after_s=2.0)
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is kind
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
