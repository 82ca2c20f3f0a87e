"""A thread whose stack is deep enough for the deepest tree that the guard reads.

The parsers recurse in C: on a small stack they end the process, and the stack of an event loop's
thread may be any.
"""

import asyncio
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Final

from mcpdb.errors import TooManyCalls

_MOST_WAITING: Final = 100
_BYTES: Final = 16 * 1024 * 1024
# The size is a setting of the process, for threads that are started next.
_STARTING: Final = threading.Lock()

_Outcome = asyncio.Future[None]
_Job = tuple[Callable[[], None], asyncio.AbstractEventLoop, _Outcome]


class DeepStack:
    """Runs what it is given on its own thread, one after another.

    The thread is started by the first job, and ends when this object is no longer used. Any
    number of event loops may share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[], None]) -> None:
        """Run it there, and raise what it raises.

        A caller who is cancelled leaves at once: work that has not begun is dropped then, and
        other work goes to its end.

        Raises:
            TooManyCalls: As much as may wait does so already.
        """
        loop = asyncio.get_running_loop()
        outcome: _Outcome = loop.create_future()
        self._put((work, loop, outcome))
        try:
            await outcome
        finally:
            # What it raises holds this frame: without this they would keep each other alive.
            del outcome

    def _put(self, job: _Job) -> None:
        with self._lock:  # or else others could put theirs between the look and the put
            jobs = self._started()
            # What was cancelled counts until its turn: it takes up memory until then.
            if jobs.qsize() >= _MOST_WAITING:
                raise TooManyCalls(
                    "Too much SQL waits to be read.",
                    hint="Try again in a few seconds.",
                    retry_after_s=1.0,
                )
            jobs.put(job)

    def _started(self) -> "SimpleQueue[_Job | None]":
        if self._jobs is None or self._thread is None or not self._thread.is_alive():
            self._jobs = SimpleQueue()
            # The thread knows the queue alone, or this object would live as long as it.
            weakref.finalize(self, self._jobs.put, None)
            self._thread = _start(self._jobs)
        return self._jobs


def _start(jobs: "SimpleQueue[_Job | None]") -> threading.Thread:
    thread = threading.Thread(target=_work, args=(jobs,), name="mcpdb-sql-guard", daemon=True)
    with _STARTING:
        before = threading.stack_size(_BYTES)
        try:
            thread.start()
        finally:
            threading.stack_size(before)
    return thread


def _work(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        work, loop, outcome = job
        if not outcome.cancelled():
            error = _error_of(work)
            with suppress(RuntimeError):  # its loop was closed meanwhile: nobody waits
                loop.call_soon_threadsafe(_settle, outcome, error)
            del error
        # Nothing of the last job is kept while the thread waits for the next.
        del job, work, loop, outcome


def _error_of(work: Callable[[], None]) -> BaseException | None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is the caller's
        return error
    return None


def _settle(outcome: _Outcome, error: BaseException | None) -> None:
    if outcome.done():  # cancelled
        return
    if error is None:
        outcome.set_result(None)
    else:
        outcome.set_exception(error)
