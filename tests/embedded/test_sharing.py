"""Many users of one folder: one server, started by the first and stopped by the last."""

import asyncio
import fcntl
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from embedded.support import (
    FAST,
    alive,
    ask,
    child,
    free_port,
    one_line,
    server_pid,
    serving,
    until,
)
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.errors import EmbeddedPostgresError


async def test_two_objects_in_one_process_share_one_server(folder: Path) -> None:
    """The first to close leaves it to the second."""
    second = EmbeddedPostgres(folder, settings=FAST)
    async with EmbeddedPostgres(folder, settings=FAST):
        pid = server_pid(folder)
        await second.__aenter__()
    assert server_pid(folder) == pid
    assert await ask(second, "SELECT 1") == 1
    await second.__aexit__(None, None, None)
    assert serving(folder) is None


@pytest.mark.parametrize("last", ["parent", "child"])
async def test_two_processes_share_one_server(folder: Path, last: str) -> None:
    """Whichever closes last stops it."""
    async with child(folder) as other:
        pid = await other.opened()
        async with EmbeddedPostgres(folder, settings=FAST) as pg:
            assert server_pid(folder) == pid
            if last == "parent":
                await other.close()
                assert await ask(pg, "SELECT 1") == 1
        if last == "child":
            assert server_pid(folder) == pid
            await other.close()
    assert serving(folder) is None
    await until(lambda: not alive(pid))


async def test_many_who_open_a_new_folder_at_once_get_one_server(new_folder: Path) -> None:
    """One of them makes the cluster, the others wait and join."""
    async with AsyncExitStack() as stack:
        users = [EmbeddedPostgres(new_folder, settings=FAST) for _ in range(8)]
        await asyncio.gather(*(stack.enter_async_context(user) for user in users))
        started = {await ask(user, "SELECT pg_postmaster_start_time()") for user in users}
        assert len(started) == 1
    assert serving(new_folder) is None


async def test_processes_that_open_and_close_all_the_time_do_not_disturb_each_other(
    folder: Path,
) -> None:
    """Every opening succeeds, and at the end there is no server."""
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(child(folder, rounds=8)) for _ in range(3)]
        for other in others:
            await other.opened()
        for other in others:
            await other.close()
    assert serving(folder) is None


async def test_the_server_of_a_killed_process_is_taken_over(folder: Path) -> None:
    """The next one joins it without a restart, and stops it in the end."""
    async with child(folder) as other:
        pid = await other.opened()
        await other.kill()
    assert server_pid(folder) == pid
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        assert server_pid(folder) == pid
        assert await ask(pg, "SELECT 1") == 1
    assert serving(folder) is None
    await until(lambda: not alive(pid))


async def test_another_port_than_the_server_has_is_refused_and_both_are_named(
    folder: Path,
) -> None:
    """Whoever does not care for the port joins; nobody is disturbed."""
    port, wanted = free_port(), free_port()
    async with EmbeddedPostgres(folder, port=port, settings=FAST) as pg:
        with pytest.raises(EmbeddedPostgresError) as refused:
            async with EmbeddedPostgres(folder, port=wanted, settings=FAST):
                pass
        assert f"TCP port {port}" in one_line(refused.value)
        assert f"TCP port {wanted}" in one_line(refused.value)
        async with EmbeddedPostgres(folder, settings=FAST) as joined:
            assert joined.port == port
        assert await ask(pg, "SELECT 1") == 1
    assert serving(folder) is None


async def test_a_port_is_refused_where_the_server_has_none(folder: Path) -> None:
    """A server does not open a port while it runs."""
    async with EmbeddedPostgres(folder, settings=FAST):
        with pytest.raises(EmbeddedPostgresError, match="runs without a TCP port"):
            async with EmbeddedPostgres(folder, port=free_port(), settings=FAST):
                pass


async def test_a_server_that_nobody_uses_any_more_gives_way_to_another_port(folder: Path) -> None:
    """After a kill nobody could close it, so asking for its old port would be no way out."""
    async with child(folder, port=free_port()) as other:
        old = await other.opened()
        await other.kill()
    port = free_port()
    async with EmbeddedPostgres(folder, port=port, settings=FAST) as pg:
        assert pg.port == port
        assert server_pid(folder) != old
        assert await ask(pg, "SHOW port") == str(port)


async def test_waiting_for_others_has_an_end(folder: Path) -> None:
    """Somebody who starts or stops the server for too long is an error, not a hang."""
    async with EmbeddedPostgres(folder, settings=FAST):
        pass
    with (folder / "mcpdb-turn.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedPostgresError) as refused:
            async with EmbeddedPostgres(folder, settings=FAST, timeout_s=0.2):
                pass
    assert "Another process" in one_line(refused.value)
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        assert await ask(pg, "SELECT 1") == 1
