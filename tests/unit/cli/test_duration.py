"""Durations as operators write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpdb import ConfigurationError
from mcpdb.cli.duration import seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("0s", 0)]
)
def test_a_number_with_its_unit(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1.5h", "1h30m", "1w", "1 h", "9" * 12])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="A duration looks like"):
        seconds(text)


@given(st.integers(0, 10**6))
def test_units_agree(number: int) -> None:
    assert seconds(f"{number}m") == seconds(f"{number * 60}s")
    assert seconds(f"{number}d") == seconds(f"{number * 24}h")
