"""Listens for what asyncio reports when a task, a future or a connection was forgotten."""

import asyncio
import gc
import logging
from collections.abc import Generator
from contextlib import contextmanager

from typing_extensions import override


class Heard(logging.Handler):
    """What was reported, as texts."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reports: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.reports.append(record.getMessage())

    async def nothing(self) -> None:
        """Fail if there was anything, now that what was forgotten is collected."""
        await asyncio.sleep(0)
        gc.collect()
        await asyncio.sleep(0)
        assert not self.reports, "\n".join(self.reports)


@contextmanager
def listening() -> Generator[Heard]:
    """Listen on the running loop and on asyncio's logger."""
    heard = Heard()
    loop = asyncio.get_running_loop()
    logger = logging.getLogger("asyncio")
    loop.set_exception_handler(lambda _, context: heard.reports.append(repr(context)))
    logger.addHandler(heard)
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        loop.set_exception_handler(None)
