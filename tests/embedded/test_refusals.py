"""What cannot be served is refused in one line, and nothing is harmed."""

import asyncio
import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.support import (
    CHILD_ENVIRONMENT,
    FAST,
    ask,
    names,
    one_line,
)
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.errors import EmbeddedPostgresError


async def test_a_taken_port_is_named_in_one_line(folder: Path) -> None:
    """The folder is as usable as before."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
        with pytest.raises(EmbeddedPostgresError) as refused:
            async with EmbeddedPostgres(folder, port=port, settings=FAST):
                pass
    assert f"TCP port {port} on 127.0.0.1 is taken" in one_line(refused.value)
    async with EmbeddedPostgres(folder, port=port, settings=FAST) as pg:
        assert await ask(pg, "SELECT 1") == 1


async def test_a_start_that_fails_is_one_line_and_the_log_is_the_detail(folder: Path) -> None:
    """The line is safe to show; what PostgreSQL said is for the operator."""
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(folder, settings={**FAST, "max_connections": "many"}):
            pass
    assert "did not start" in one_line(refused.value)
    assert str(folder / "server.log") in one_line(refused.value)
    assert "max_connections" in refused.value.detail


@pytest.mark.parametrize("name", ["port", "listen_addresses", "hba_file", "Port", "a=b", ""])
def test_a_setting_that_is_ours_or_no_setting_is_refused_at_once(name: str) -> None:
    """Otherwise a setting could open the server to the network."""
    with pytest.raises(EmbeddedPostgresError, match="setting"):
        EmbeddedPostgres("pg", settings={name: "x"})


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_number_that_is_no_port_is_refused_at_once(port: int) -> None:
    """The constructor checks what it can without any I/O."""
    with pytest.raises(EmbeddedPostgresError, match="not a TCP port"):
        EmbeddedPostgres("pg", port=port)


def _find_nothing(_name: str) -> None:
    return None


async def test_without_the_wheel_the_line_names_the_extra(
    new_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no folder is made."""
    monkeypatch.setattr(importlib.util, "find_spec", _find_nothing)
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(new_folder):
            pass
    assert one_line(refused.value).endswith("needs the extra: pip install 'mcpdb[embedded]'")
    assert names(new_folder.parent) == set()


def test_on_windows_importing_works_and_opening_says_no() -> None:
    """`import mcpdb.embedded` needs nothing that Windows lacks."""
    code = """
import asyncio, mcpdb, sys
assert "mcpdb.embedded" not in sys.modules
sys.platform = "win32"
sys.modules["fcntl"] = sys.modules["pwd"] = None
from mcpdb.embedded import EmbeddedPostgres
async def main():
    async with EmbeddedPostgres("pg"): pass
try: asyncio.run(main())
except Exception as error: print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=CHILD_ENVIRONMENT,
    )
    assert done.stdout.startswith("EmbeddedPostgresError The embedded PostgreSQL runs on Linux")


async def test_a_folder_of_another_version_is_refused_and_both_are_named(new_folder: Path) -> None:
    """With what to do about it."""
    async with EmbeddedPostgres(new_folder, version=16, settings=FAST):
        pass
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(new_folder, version=18, settings=FAST):
            pass
    assert "PostgreSQL 16" in one_line(refused.value)
    assert "version 18" in one_line(refused.value)
    assert refused.value.hint.startswith("Open it with the version that it has")


def _with_a_thesis(folder: Path) -> tuple[int, int, int]:
    folder.mkdir(mode=0o755)
    (folder / "thesis.txt").write_text("important")
    return _facts(folder)


def _facts(folder: Path) -> tuple[int, int, int]:
    found = folder.stat()
    return found.st_mode, found.st_uid, found.st_mtime_ns


async def test_a_folder_with_something_else_in_it_is_not_touched(new_folder: Path) -> None:
    """Neither a file in it nor its own mode changes."""
    before = _with_a_thesis(new_folder)
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(new_folder):
            pass
    assert "not empty" in one_line(refused.value)
    assert names(new_folder) == {"thesis.txt"}
    assert _facts(new_folder) == before


@pytest.mark.parametrize("below", ["", "pg"])
async def test_a_file_in_the_place_of_a_folder_is_one_line(new_folder: Path, below: str) -> None:
    """Whether it is the folder or a parent of it."""
    _ = await asyncio.to_thread(new_folder.write_text, "a file")
    with pytest.raises(EmbeddedPostgresError) as refused:
        async with EmbeddedPostgres(new_folder / below):
            pass
    assert str(new_folder) in one_line(refused.value)


async def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    """Somebody could have made it first, to sit between us and the server."""
    folder = tmp_path / ("x" * 120)
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        place = pg.socket_dir
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    try:
        with pytest.raises(EmbeddedPostgresError) as refused:
            async with EmbeddedPostgres(folder, settings=FAST):
                pass
    finally:
        place.rmdir()
    assert str(place) in one_line(refused.value)


async def test_what_needs_an_open_server_says_so(folder: Path) -> None:
    """Before `async with` there is no port and no socket; and one object is opened once."""
    pg = EmbeddedPostgres(folder, settings=FAST)
    with pytest.raises(EmbeddedPostgresError, match="not open"):
        pg.dsn(database="shop")
    async with pg:
        with pytest.raises(EmbeddedPostgresError, match="open already"):
            await pg.__aenter__()
        assert await ask(pg, "SELECT 1") == 1
    with pytest.raises(EmbeddedPostgresError, match="not open"):
        _ = pg.port
