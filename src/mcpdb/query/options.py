"""What all kinds of tools may be given: a name, and limits within those of the server."""

import re
from typing import Final

from mcpdb.errors import ConfigurationError

FEWEST_BYTES: Final = 1_000
"""Of a result's text."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""What the protocol's specification allows as a tool's name."""


def checked_name(name: str) -> str:
    """The name, if a tool can have it.

    Raises:
        ConfigurationError: It cannot.
    """
    if not _NAME.fullmatch(name):
        msg = f"The tool {name} is not named by 1 to 128 letters, digits, _, - or periods."
        raise ConfigurationError(msg, hint="Give it a name: tool(name=...).")
    return name


def within(asked: int | None, least: int, default: int, most: int, *, name: str) -> int:
    """What was asked for, or the default.

    Raises:
        ConfigurationError: It is out of its range.
    """
    if asked is None:
        return default
    if not least <= asked <= most:
        msg = f"{name} is from {least} to {most}, the server's limit."
        raise ConfigurationError(msg)
    return asked
