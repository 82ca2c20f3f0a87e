"""Crashes of the server and of its users: what comes after them works."""

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from embedded.support import (
    FAST,
    alive,
    ask,
    child,
    children,
    made,
    names,
    one_line,
    server_pid,
    serving,
    until,
)
from mcpdb._embedded.user import choose_user
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.errors import EmbeddedPostgresError


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


def _log(folder: Path) -> str:
    try:
        return (folder / "server.log").read_text()
    except FileNotFoundError:  # each start begins a new one
        return ""


async def test_a_server_whose_last_processes_linger_is_waited_for(folder: Path) -> None:
    """They may still write what they have in memory, so PostgreSQL refuses to start beside them."""
    pg = EmbeddedPostgres(folder, settings=FAST)
    async with pg:
        lingering = await asyncpg.connect(host=str(pg.socket_dir), user="postgres")
        backend = int(await lingering.fetchval("SELECT pg_backend_pid()"))
        os.kill(backend, signal.SIGSTOP)
        os.kill(server_pid(folder), signal.SIGKILL)
        lingering.terminate()
        await until(lambda: serving(folder) is None)
    opening = asyncio.create_task(pg.__aenter__())
    await until(lambda: "shared memory block" in _log(folder))
    os.kill(backend, signal.SIGCONT)
    await opening
    assert await ask(pg, "SELECT 1") == 1
    await pg.__aexit__(None, None, None)


async def test_a_cluster_whose_making_was_killed_is_made_anew(new_folder: Path) -> None:
    """What it left never counts as a cluster, nor is it cleared away under a living initdb."""
    async with child(new_folder) as other:
        await until((new_folder / "cluster.new" / "PG_VERSION").exists)
        initdb = children(other.process.pid)["initdb"]
        os.kill(initdb, signal.SIGSTOP)
        await other.kill()
    try:
        with pytest.raises(EmbeddedPostgresError, match="Another process"):
            async with EmbeddedPostgres(new_folder, settings=FAST, timeout_s=0.3):
                pass
    finally:
        os.kill(initdb, signal.SIGCONT)
    async with EmbeddedPostgres(new_folder, settings=FAST) as pg:
        assert await ask(pg, "SELECT 1") == 1
    assert "cluster.new" not in names(new_folder)


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


@pytest.mark.parametrize("made_again", [False, True])
async def test_a_folder_that_was_removed_in_use_is_one_line(
    new_folder: Path, *, made_again: bool
) -> None:
    """Its server is not looked for in a folder that has the name now.

    PostgreSQL notices the loss within a minute; the test neither waits for that nor lets it come.
    """
    pg, others = (EmbeddedPostgres(new_folder, settings=FAST) for _ in range(2))
    await pg.__aenter__()
    pid = server_pid(new_folder)
    os.kill(pid, signal.SIGSTOP)
    shutil.rmtree(new_folder)
    if made_again:
        await others.__aenter__()
    with pytest.raises(EmbeddedPostgresError) as told:
        await pg.__aexit__(None, None, None)
    assert "was removed" in one_line(told.value)
    if made_again:
        assert await ask(others, "SELECT 1") == 1
        await others.__aexit__(None, None, None)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not alive(pid))
