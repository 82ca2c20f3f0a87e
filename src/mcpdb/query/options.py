"""What all kinds of tools may be given: a name, and limits within those of the server."""

import re
from typing import Final

from mcpdb.config import Limits
from mcpdb.errors import ConfigurationError

_FEWEST_BYTES: Final = 1_000
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


def row_limit(asked: int | None, limits: Limits) -> int:
    """How many rows a tool returns.

    Raises:
        ConfigurationError: It asks for more than the server allows, or for none.
    """
    return _within(asked, 1, limits.default_rows, limits.max_rows, name="max_rows")


def byte_limit(asked: int | None, limits: Limits) -> int:
    """How many bytes of text a tool returns.

    Raises:
        ConfigurationError: It asks for more than the server allows, or for too few.
    """
    return _within(
        asked, _FEWEST_BYTES, limits.default_text_bytes, limits.max_text_bytes, name="max_bytes"
    )


def _within(asked: int | None, least: int, default: int, most: int, *, name: str) -> int:
    if asked is None:
        return default
    if not least <= asked <= most:
        msg = f"{name} is from {least} to {most}, the server's limit."
        raise ConfigurationError(msg)
    return asked
