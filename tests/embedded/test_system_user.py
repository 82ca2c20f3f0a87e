"""Whom the server runs as: root never, an ordinary user as itself."""

import logging
import os
import pwd
import stat
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from embedded.support import FAST, ask, child, names, one_line, owners, serving
from mcpdb._embedded.programs import find_programs
from mcpdb._embedded.user import SystemUser
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.errors import EmbeddedPostgresError

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can switch to another user")


def _make_for(folder: Path, uid: int, gid: int) -> None:
    folder.mkdir()
    os.chown(folder, uid, gid)


def mode(path: Path) -> int:
    """Return the permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


@only_root
async def test_as_root_the_server_runs_as_the_service_user(new_folder: Path) -> None:
    """Not as root, which PostgreSQL refuses, nor as the user that owns Debian's clusters."""
    async with EmbeddedPostgres(new_folder, settings=FAST) as pg:
        for path in (new_folder, new_folder / "cluster" / "postmaster.pid"):
            assert pwd.getpwuid(path.stat().st_uid).pw_name in {"mcpdb", "nobody"}
        assert await ask(pg, "SELECT 1") == 1
    assert mode(new_folder) == 0o700


@only_root
async def test_as_root_the_server_runs_as_the_owner_of_the_folder(new_folder: Path) -> None:
    """So root and that user can open it in turn."""
    nobody = pwd.getpwnam("nobody")
    _make_for(new_folder, nobody.pw_uid, nobody.pw_gid)
    async with EmbeddedPostgres(new_folder, settings=FAST):
        assert owners(new_folder) == {nobody.pw_uid}
        assert (new_folder / "cluster" / "postmaster.pid").stat().st_uid == nobody.pw_uid


@only_root
async def test_an_owner_whom_the_system_does_not_know_is_one_line(new_folder: Path) -> None:
    """initdb would fail for it in words that help nobody."""
    _make_for(new_folder, 54321, 54321)
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(new_folder):
            pass
    assert "user id 54321" in one_line(refused.value)
    assert names(new_folder) == set()


@only_root
async def test_files_of_another_user_are_one_line(new_folder: Path) -> None:
    """Such as a folder that was copied by root."""
    async with EmbeddedPostgres(new_folder, settings=FAST):
        pass
    os.chown(new_folder / "cluster", 0, 0)
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(new_folder, settings=FAST):
            pass
    assert "user id 0" in one_line(refused.value)
    assert "chown" in one_line(refused.value)


@only_root
async def test_closed_folders_on_the_way_get_execute_only_and_one_log_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Others may pass, not list; a folder that is open already is left as it is."""
    closed, passable = tmp_path / "closed", tmp_path / "closed" / "passable"
    closed.mkdir(mode=0o700)
    passable.mkdir(mode=0o711)
    folder = passable / "pg"
    with caplog.at_level(logging.INFO, logger="mcpdb.embedded"):
        async with EmbeddedPostgres(folder, settings=FAST):
            pass
        first = [line for line in caplog.messages if str(closed) in line]
        caplog.clear()
        async with EmbeddedPostgres(folder, settings=FAST):
            pass
    assert len(first) == 1
    assert str(passable) not in first[0]
    assert "o+x" in first[0]
    assert (mode(closed), mode(passable)) == (0o701, 0o711)
    assert caplog.messages == []


@only_root
async def test_a_folder_that_cannot_be_opened_up_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that is mounted read-only: the chmod that would help is named."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    change = Path.chmod

    def chmod(path: Path, bits: int, *, follow_symlinks: bool = True) -> None:
        if path == closed:
            raise OSError(30, "Read-only file system")
        change(path, bits, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "chmod", chmod)
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(closed / "pg", settings=FAST):
            pass
    assert f"chmod o+x {closed}" in one_line(refused.value)


@pytest.fixture
def ordinary() -> Generator[tuple[Path, int | None]]:
    """A folder of an ordinary user, and its id where we have to become it first."""
    if os.geteuid() != 0:
        with tempfile.TemporaryDirectory() as own:
            yield Path(own), None
        return
    nobody = SystemUser.of(pwd.getpwnam("nobody"))
    postgres = find_programs(18) / "postgres"
    barred = [str(path) for path in postgres.parents if not nobody.may_enter(path)]
    if barred:
        pytest.skip(f"the user nobody may not enter {', '.join(barred)}, where PostgreSQL is")
    with tempfile.TemporaryDirectory() as own:
        nobody.own(Path(own))
        yield Path(own), nobody.uid


async def test_an_ordinary_user_runs_the_server_as_itself(
    ordinary: tuple[Path, int | None],
) -> None:
    """No user is switched to or made, and no folder changes its mode."""
    parent, uid = ordinary
    before, folder = mode(parent), parent / "pg"
    async with child(folder, uid=uid) as other:
        await other.opened()
        owner = os.geteuid() if uid is None else uid
        assert (folder / "cluster" / "postmaster.pid").stat().st_uid == owner
        assert mode(parent) == before
        await other.close()
    assert serving(folder) is None


async def test_root_and_the_owner_share_one_server(ordinary: tuple[Path, int | None]) -> None:
    """Either may be first or last."""
    parent, uid = ordinary
    folder = parent / "pg"
    async with child(folder, uid=uid) as other:
        await other.opened()
        async with EmbeddedPostgres(folder, settings=FAST) as pg:
            await other.close()
            assert await ask(pg, "SELECT 1") == 1
            async with child(folder, uid=uid) as again:
                await again.opened()
                await again.close()
    assert serving(folder) is None


async def test_a_folder_that_may_not_be_written_is_one_line(
    ordinary: tuple[Path, int | None],
) -> None:
    """Whether it exists or would have to be made."""
    parent, uid = ordinary
    locked = parent / "locked"
    locked.mkdir(mode=0o555)
    for folder in (locked, locked / "pg"):
        async with child(folder, uid=uid) as other:
            line = await other.line()
            assert line.startswith("refused PostgreSQL cannot use the data folder")
            assert str(folder) in line
