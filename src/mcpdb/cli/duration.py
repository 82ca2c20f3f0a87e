"""Durations as operators write them: 90s, 15m, 24h, 7d."""

import re
from typing import Final

from mcpdb.errors import ConfigurationError

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(text: str) -> float:
    """The seconds of a duration.

    Raises:
        ConfigurationError: It is not a whole number with a unit.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text.strip())
    if match is None:
        raise ConfigurationError(f"A duration looks like 90s, 15m, 24h or 7d, not {text[:40]!r}.")
    return float(int(match[1]) * _SECONDS[match[2]])
