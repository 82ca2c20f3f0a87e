"""Limits, timeouts and pools refuse what cannot work, and say which rule it breaks."""

import math
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpdb import ConfigurationError, Limits, PoolConfig, Timeouts

_NOT_SECONDS = [0, -1, 86_400, math.inf, math.nan]


@pytest.mark.parametrize("kind", [Limits, Timeouts, PoolConfig])
def test_the_defaults_are_valid_and_frozen(kind: type[Any]) -> None:
    made = kind()
    assert made == kind()
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(made)[0].name, 1)


@given(st.tuples(*[st.integers(-5, 1_000_000)] * 4))
def test_limits_hold_exactly_the_documented_laws(values: tuple[int, int, int, int]) -> None:
    rows, most_rows, size, most_size = values
    is_lawful = 0 < rows <= most_rows and 1_000 <= size <= most_size <= 900_000
    options: dict[str, Any] = {
        "default_rows": rows,
        "max_rows": most_rows,
        "default_text_bytes": size,
        "max_text_bytes": most_size,
    }
    if is_lawful:
        Limits(**options)
    else:
        with pytest.raises(ConfigurationError, match="breaks the rule"):
            Limits(**options)


@pytest.mark.parametrize("name", [field.name for field in fields(Timeouts)])
@pytest.mark.parametrize("seconds", _NOT_SECONDS)
def test_a_timeout_is_a_number_of_seconds_within_a_day(name: str, seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Timeouts(**{name: seconds})


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"size": 0}, "size"),
        ({"size": 1_001}, "size"),
        ({"max_waiting": -1}, "max_waiting"),
        ({"max_age_s": 0}, "max_age_s"),
        ({"max_age_s": math.nan}, "max_age_s"),
        ({"application_name": ""}, "application_name"),
        ({"application_name": "x" * 64}, "application_name"),
        ({"application_name": "mcp\0user\0postgres"}, "application_name"),
        ({"application_name": "größe"}, "application_name"),
        ({"pooler": "pgbouncer"}, "pooler"),
    ],
)
def test_a_pool_that_cannot_work_is_refused(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigurationError, match=rule):
        PoolConfig(**options)


@pytest.mark.parametrize(("cpus", "size"), [(None, 4), (1, 4), (2, 4), (8, 16), (64, 20)])
def test_the_pool_has_two_connections_for_each_cpu_within_bounds(
    monkeypatch: pytest.MonkeyPatch, cpus: int | None, size: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cpus)
    assert PoolConfig().size == size


def test_a_pooler_is_declared_by_its_name_and_none_is_the_default() -> None:
    assert PoolConfig().pooler is None
    assert PoolConfig(pooler="pgbouncer-transaction").pooler == "pgbouncer-transaction"
