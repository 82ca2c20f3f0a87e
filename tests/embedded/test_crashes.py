"""Crashes, cancellations and Ctrl-C: what comes after them works, and no server is forgotten."""

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TextIO

import pytest

from embedded.support import (
    FAST,
    PATIENCE_S,
    alive,
    ask,
    child,
    one_line,
    server_pid,
    serving,
    until,
)
from mcpdb._embedded.user import choose_user
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.errors import EmbeddedPostgresError


async def made(folder: Path) -> Path:
    """Make a cluster, with one table in it, and close it again; return its postmaster.pid."""
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        await ask(pg, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    return folder / "cluster" / "postmaster.pid"


async def test_after_a_crash_of_the_server_the_folder_opens(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing is quiet about the crash but for a warning; committed data is there again."""
    with caplog.at_level(logging.WARNING, logger="mcpdb.embedded"):
        async with EmbeddedPostgres(folder, settings=FAST) as pg:
            await ask(pg, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
            pid = server_pid(folder)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: not alive(pid))
    assert "was gone" in caplog.text
    assert (folder / "cluster" / "postmaster.pid").exists()
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        assert await ask(pg, "SELECT answer FROM kept") == 42


@asynccontextmanager
async def unrelated(folder: Path) -> AsyncGenerator[int]:
    """A living process of the same user as the server; yields its process id."""
    user = choose_user((await asyncio.to_thread(folder.stat)).st_uid)
    process = await asyncio.create_subprocess_exec("sleep", "60", user=user.uid, group=user.gid)
    try:
        yield process.pid
        assert process.returncode is None, "the unrelated process was harmed"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_pid_file_that_names_an_unrelated_process_does_not_matter(folder: Path) -> None:
    """After a restart of the machine its process id may belong to anybody, who is let alone."""
    pid_file = await made(folder)
    async with EmbeddedPostgres(folder, settings=FAST):
        note = pid_file.read_text()
        os.kill(server_pid(folder), signal.SIGKILL)
        await until(lambda: serving(folder) is None)
    async with unrelated(folder) as pid:
        pid_file.write_text("\n".join([str(pid), *note.splitlines()[1:]]) + "\n")
        async with EmbeddedPostgres(folder, settings=FAST) as pg:
            assert server_pid(folder) != pid
            assert await ask(pg, "SELECT answer FROM kept") == 42


async def test_a_pid_file_that_is_empty_does_not_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut may leave one; PostgreSQL alone would refuse to start for ever."""
    monkeypatch.setattr("mcpdb._embedded.cluster._LIMBO_S", 0.1)
    pid_file = await made(folder)
    pid_file.touch()
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        assert await ask(pg, "SELECT answer FROM kept") == 42


async def test_a_socket_lock_that_names_an_unrelated_process_does_not_matter(folder: Path) -> None:
    """Also where somebody removed postmaster.pid by hand, as the internet advises."""
    await made(folder)
    async with unrelated(folder) as pid:
        lock = folder / ".s.PGSQL.5432.lock"
        lock.write_text(f"{pid}\n{folder}/cluster\n0\n5432\n{folder}\n")
        async with EmbeddedPostgres(folder, settings=FAST) as pg:
            assert await ask(pg, "SELECT 1") == 1


async def test_a_copy_of_a_folder_in_use_gets_a_server_of_its_own(
    folder: Path, tmp_path: Path
) -> None:
    """The copied postmaster.pid names the original's server; the copy must not write there."""
    await made(folder)
    copy = tmp_path / "copy"
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        await ask(pg, "CHECKPOINT")
        copying = await asyncio.create_subprocess_exec("cp", "-a", str(folder), str(copy))
        await copying.wait()
        async with EmbeddedPostgres(copy, settings=FAST) as other:
            assert server_pid(copy) != server_pid(folder)
            assert await ask(other, "SHOW data_directory") == str(copy / "cluster")
        assert await ask(pg, "SELECT 1") == 1
    assert serving(copy) is None


async def test_a_cluster_whose_making_was_killed_is_made_anew(new_folder: Path) -> None:
    """What it left never counts as a cluster, also while its initdb is still at work."""
    async with child(new_folder) as other:
        await until((new_folder / "cluster.new" / "PG_VERSION").exists)
        await other.kill()
    assert not (new_folder / "cluster").exists()
    async with EmbeddedPostgres(new_folder, settings=FAST) as pg:
        assert await ask(pg, "SELECT 1") == 1
        assert not (new_folder / "cluster.new").exists()


async def test_a_server_whose_starter_was_killed_is_not_started_twice(folder: Path) -> None:
    """The next one finds it in the midst of its start, or dead, and goes on from there."""
    pid_file = await made(folder)
    for _ in range(5):
        async with child(folder) as other:
            await until(pid_file.exists)
            await other.kill()
        async with EmbeddedPostgres(folder, settings=FAST) as pg:
            assert await ask(pg, "SELECT answer FROM kept") == 42
        assert serving(folder) is None


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


async def test_a_folder_that_was_removed_in_use_is_one_line(new_folder: Path) -> None:
    """PostgreSQL notices within a minute; the test does not wait for that."""
    pg = EmbeddedPostgres(new_folder, settings=FAST)
    await pg.__aenter__()
    pid = server_pid(new_folder)
    shutil.rmtree(new_folder)
    with pytest.raises(EmbeddedPostgresError) as told:
        await pg.__aexit__(None, None, None)
    os.kill(pid, signal.SIGQUIT)
    assert "was removed" in one_line(told.value)
    await until(lambda: not alive(pid))
