"""The edge of the command line: every error is one line on standard error, and no secret in it."""

import os
import re
import sys
from typing import Final, NoReturn

from mcpdb.errors import McpdbError

_EXTRA: Final = frozenset({"rich", "shellingham", "typer"})
_SECRETS: Final = (
    (re.compile(r"\b([a-z][a-z0-9+]*)://\S+"), r"\1://..."),
    (re.compile(r"\bmcpdb-key-[0-9]+-[A-Za-z0-9_-]+"), "mcpdb-key-..."),
)


def main() -> None:
    """Run the command line: 1 is the exit code of an error, 2 of a wrong use, 130 of Ctrl-C."""
    try:
        from mcpdb.cli.app import run  # noqa: PLC0415  # nothing else needs the extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA:
            raise
        _end("The command mcpdb needs its extra: pip install 'mcpdb[cli]'", 1)
    try:
        code = run()
    except McpdbError as error:
        _end(f"error: {error}", 1)
    except KeyboardInterrupt:
        _end("Interrupted.", 130)
    except BrokenPipeError:
        # Who read the output has gone. What is still buffered would fail again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001  # a line is what an operator can read
        _end(f"error: a bug in mcpdb, or something that it calls: {told(error)}", 1)
    raise SystemExit(code)


def told(error: BaseException) -> str:
    """The kind of an error and its words."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def without_secrets(text: str) -> str:
    """The text with no URL's inside and no key, which a foreign error may repeat."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _end(line: str, code: int) -> NoReturn:
    sys.stderr.write(f"{without_secrets(' '.join(line.split()))}\n")
    raise SystemExit(code) from None
