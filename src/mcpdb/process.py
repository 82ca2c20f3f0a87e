"""How a server process ends: an error that its operator can mend is one line, not a traceback."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager

from mcpdb.errors import McpdbError

_log = logging.getLogger("mcpdb")


@contextmanager
def one_line_errors() -> Generator[None]:
    """Turn an `McpdbError` into one line on standard error and the exit code 1."""
    try:
        yield
    except McpdbError as error:
        _log.debug("%s: %s", error.code, error.detail)
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
