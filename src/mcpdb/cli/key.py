"""Where a new key goes: to standard output, once, or into a file that nobody else may read."""

import contextlib
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

from mcpdb.errors import ConfigurationError


@contextlib.contextmanager
def place_for_key(path: Path | None) -> Generator[Callable[[str], None]]:
    """A function that takes the key.

    A file is made first, so that a key that cannot be written is not made either. Without a key
    it is removed again.

    Raises:
        ConfigurationError: The file is there already, or cannot be made.
    """
    if path is None:
        yield lambda key: print(key, flush=True)  # noqa: T201  # the answer of the command
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(
            f"The file {path} is there already. Nothing was changed.", hint="Name a new one."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The file {path} cannot be made: {error.strerror}. Nothing was changed."
        ) from error
    is_written = False

    def write(key: str) -> None:
        nonlocal is_written
        try:
            os.write(handle, f"{key}\n".encode())
            os.fsync(handle)
        except OSError as error:
            raise ConfigurationError(
                f"The new key could not be written to {path}: {error.strerror}.",
                hint="Make another one: mcpdb isolation rotate-keys.",
            ) from error
        is_written = True
        sys.stderr.write(f"The key is in {path}, which only you may read.\n")

    try:
        yield write
    finally:
        os.close(handle)
        if not is_written:
            path.unlink(missing_ok=True)
