"""Cancellation, errors and Ctrl-C: whatever was begun is undone or finished."""

import asyncio
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import TextIO

import pytest

from embedded.support import FAST, PATIENCE_S, alive, ask, child, made, server_pid, serving, until
from mcpdb.embedded import EmbeddedPostgres


@pytest.mark.parametrize("sign", ["cluster.new/PG_VERSION", "cluster/postmaster.pid"])
async def test_an_opening_that_is_cancelled_is_undone(new_folder: Path, sign: str) -> None:
    """Neither a lock nor a server nor half a cluster stays."""
    opening = asyncio.create_task(EmbeddedPostgres(new_folder, settings=FAST).__aenter__())
    await until((new_folder / sign).exists)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert serving(new_folder) is None
    assert not (new_folder / "cluster" / "postmaster.pid").exists()
    assert not (new_folder / "cluster.new").exists()
    async with EmbeddedPostgres(new_folder, settings=FAST, timeout_s=5) as pg:
        assert await ask(pg, "SELECT 1") == 1
    assert serving(new_folder) is None


async def test_an_opening_may_be_cancelled_at_any_moment(folder: Path) -> None:
    """Wherever it was, the same object opens afterwards, and no server stays."""
    await made(folder)
    pg = EmbeddedPostgres(folder, settings=FAST, timeout_s=5)
    for moment in range(15):
        opening = asyncio.create_task(pg.__aenter__())
        await asyncio.wait([opening], timeout=moment * 0.002)
        opening.cancel()
        try:
            await opening
        except asyncio.CancelledError:
            assert serving(folder) is None
        else:
            await pg.__aexit__(None, None, None)
    async with pg:
        assert await ask(pg, "SELECT answer FROM kept") == 42


async def test_an_opening_that_is_cancelled_when_it_was_ready_is_undone(folder: Path) -> None:
    """The loop was busy and learns of the cancellation before it learns of the server."""
    await made(folder)
    opening = asyncio.create_task(EmbeddedPostgres(folder, settings=FAST).__aenter__())
    await asyncio.sleep(0)
    _block_until_opened(folder)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert serving(folder) is None


def _block_until_opened(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with (folder / "mcpdb-users.lock").open() as lock:
        while time.monotonic() < deadline:
            found = serving(folder)
            if found is not None and found.ready and _in_use(lock):
                return
    pytest.fail("the folder was not opened in time")


def _in_use(lock: TextIO) -> bool:
    """Tell whether the opening has come so far that it shares the lock with us."""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True


async def test_a_wait_for_others_that_is_cancelled_ends_at_once(folder: Path) -> None:
    """The thread that waits for the lock does not stay behind, nor does a lock of its own."""
    await made(folder)
    with (folder / "mcpdb-turn.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), EmbeddedPostgres(folder, settings=FAST):
                pass
    async with EmbeddedPostgres(folder, settings=FAST, timeout_s=5) as pg:
        assert await ask(pg, "SELECT 1") == 1
    assert serving(folder) is None


async def test_a_closing_that_is_cancelled_still_stops_the_server(folder: Path) -> None:
    """Cancelling says that nobody waits, not that the server may stay."""
    pg = EmbeddedPostgres(folder, settings=FAST)
    await pg.__aenter__()
    closing = asyncio.create_task(pg.__aexit__(None, None, None))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert serving(folder) is None


async def test_an_error_in_the_body_stops_the_server_and_comes_out(folder: Path) -> None:
    """The error is not covered up."""
    with pytest.raises(ZeroDivisionError):
        async with EmbeddedPostgres(folder, settings=FAST):
            _ = 1 / 0
    assert serving(folder) is None


async def test_ctrl_c_ends_the_program_and_the_program_ends_the_server(folder: Path) -> None:
    """The terminal's signal does not reach the server, which others may be using."""
    async with child(folder) as other:
        pid = await other.opened()
        group = os.getpgid(other.process.pid)
        assert os.getsid(pid) != os.getsid(other.process.pid)
        async with EmbeddedPostgres(folder, settings=FAST) as pg:
            os.killpg(group, signal.SIGINT)
            await other.process.wait()
            assert server_pid(folder) == pid
            assert await ask(pg, "SELECT 1") == 1
    async with child(folder) as other:
        pid = await other.opened()
        os.killpg(os.getpgid(other.process.pid), signal.SIGINT)
        await other.process.wait()
        assert serving(folder) is None
        await until(lambda: not alive(pid))
