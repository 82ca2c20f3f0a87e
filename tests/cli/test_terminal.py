"""At a terminal the command asks, and Ctrl-C ends it."""

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cli.running import MCPDB, Ran, run_mcpdb, write_wall
from servers import Fresh

pytestmark = pytest.mark.timeout(180)  # each command takes a second to start

_PATIENCE_S = 50.0


def at_a_terminal(folder: Path, *arguments: str, answer: str | None) -> Ran:
    """Run the command with a terminal as its input; no answer is Ctrl-C at the question."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [str(MCPDB), *arguments],
        cwd=folder,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = ""
        give_up_at = time.monotonic() + _PATIENCE_S
        is_asked = False
        while time.monotonic() < give_up_at:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                shown += os.read(ours, 65_536).decode()
            except OSError:  # the terminal's other end is closed
                break
            if "[y/N]" in shown and not is_asked:
                is_asked = True
                if answer is None:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, f"{answer}\n".encode())
        assert process.stdout is not None
        out = process.stdout.read().decode()
        code = process.wait(_PATIENCE_S)
    os.close(ours)
    return Ran(code, out, shown)


def test_it_asks_before_it_changes_anything(unwalled: Fresh, tmp_path: Path) -> None:
    wall, dsn = write_wall(tmp_path, unwalled), ("--dsn", unwalled.dsn())
    apply = ("isolation", "apply", wall, *dsn)
    refused = at_a_terminal(tmp_path, *apply, answer="n")
    assert (refused.code, refused.out) == (1, "")
    assert "Nothing was changed." in refused.err
    interrupted = at_a_terminal(tmp_path, *apply, answer=None)
    assert (interrupted.code, interrupted.out) == (130, "")
    assert "Traceback" not in interrupted.err
    assert run_mcpdb("isolation", "check", wall, *dsn, folder=tmp_path).code == 1

    agreed = at_a_terminal(tmp_path, *apply, answer="y")
    assert agreed.code == 0
    assert agreed.out.startswith("mcpdb-key-1-")
    assert agreed.out.strip() not in agreed.err
    gone = at_a_terminal(tmp_path, "isolation", "remove", *dsn, answer="y")
    assert gone.code == 0
    assert "is gone" in gone.err
