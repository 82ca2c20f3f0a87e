"""How long blocking code goes on waiting, and how it learns that its caller was cancelled."""

import threading
import time


class GivenUp(Exception):
    """The caller does not want the result any more; undo and stop. Never leaves mcpdb."""


class Patience:
    """How long to go on waiting: until the time is up, or the caller gives up.

    Args:
        timeout_s: Seconds from now on.
        give_up: Set by the caller, from its own thread, when it does not want the result.
    """

    def __init__(self, timeout_s: float, *, give_up: threading.Event) -> None:
        self.timeout_s = timeout_s
        self.give_up = give_up
        self._deadline = time.monotonic() + timeout_s

    def pause(self, pause_s: float) -> bool:
        """Wait a moment; return whether there is time for another look.

        Raises:
            GivenUp: The caller gave up before or during the pause.
        """
        if self.give_up.wait(pause_s):
            raise GivenUp
        return time.monotonic() < self._deadline
