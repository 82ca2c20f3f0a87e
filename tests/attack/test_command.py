"""`mcpdb attack` as a process: what it prints, writes and returns."""

import asyncio
import json
import re
import socket
import sys
from pathlib import Path

import pytest

from attack import weak_server
from attack.sales import HEADER, NORTH, SOUTH
from cli.running import Ran, run_mcpdb
from mcpdb.cli import app

pytestmark = pytest.mark.timeout(180)

_SECRET = "s3cr3t-token-of-a"


async def run(folder: Path, *arguments: str) -> Ran:
    """Run it while the servers of this process go on."""
    return await asyncio.to_thread(run_mcpdb, "attack", *arguments, folder=folder)


def _weak(dsn: str) -> list[str]:
    command = f"{sys.executable} {weak_server.__file__} {dsn}"
    return [
        *("--stdio-a", command, "--stdio-b", command),
        *("--env-a", f"WEAK_MANAGER={NORTH}", "--env-b", f"WEAK_MANAGER={SOUTH}"),
    ]


async def test_a_leak_is_shown_written_and_returned(weak_dsn: str, tmp_path: Path) -> None:
    classes = [x for each in ("honest", "files", "foreign-ids") for x in ("--class", each)]
    out = ("--output", "report.json")
    ran = await run(tmp_path, *_weak(weak_dsn), *classes, "--timeout", "3", *out)
    assert (ran.code, ran.err) == (1, "")
    assert re.search(r"store_sales\s+honest\s+\d+\s+\d+\s+LEAK 1", ran.out)
    assert re.search(r"list_orders\s+honest\s+\d+\s+\d+\s+ok", ran.out)
    assert "get_order, foreign-ids" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["ok"] is False
    assert {e["level"] for e in written["findings"]} <= {"leak", "note"}
    for secret in (NORTH, SOUTH, weak_dsn, "@south.example"):
        assert secret not in ran.out + json.dumps(written)


async def test_a_server_without_a_hole_ends_with_0(mended_url: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{NORTH}\n")
    callers = ("--a", f"{HEADER}: @a.txt", "--b", f"{HEADER}: {SOUTH}")
    few = ("--calls", "5", "--tool", "list_orders", "--tool", "get_order")
    ran = await run(tmp_path, mended_url, *callers, *few)
    assert (ran.code, ran.err) == (0, "")
    assert "Nothing of B's was seen." in ran.out
    assert NORTH not in ran.out
    ran = await run(tmp_path, mended_url, *callers, *few, "--class", "honest", "--json")
    found = json.loads(ran.out)
    assert (ran.code, found["ok"]) == (0, True)
    assert {row["family"] for row in found["rows"]} == {"honest"}


async def test_callers_who_see_the_same_prove_nothing(mended_url: str, tmp_path: Path) -> None:
    callers = ("--a", f"{HEADER}: {_SECRET}", "--b", f"{HEADER}: {_SECRET}-2")
    ran = await run(tmp_path, mended_url, *callers, "--calls", "1", "--class", "honest")
    assert ran.code == 2
    assert "This proves nothing" in ran.out
    assert _SECRET not in ran.out + ran.err


async def test_no_server_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://someone:{_SECRET}@127.0.0.1:{taken.getsockname()[1]}/mcp"
        ran = await run(tmp_path, url, "--a", f"x-user: {_SECRET}", "--b", "x-user: other")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: The MCP server does not answer")
    assert _SECRET not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say which server"),
        (["http://localhost/mcp", "--stdio-a", "x"], "Say which server"),
        (["http://localhost/mcp"], "A and B are the same"),
        (["ftp://localhost/mcp", "--a", "x: 1", "--b", "x: 2"], "The server's address"),
        (["http://localhost/mcp", "--a", _SECRET], "A header is written"),
        (["http://localhost/mcp", "--a", "x: @missing"], "cannot be read"),
        (["--stdio-a", "x"], "both are needed"),
        (["--stdio-a", "x", "--stdio-b", "x"], "A and B are the same"),
        (["--stdio-a", "x", "--stdio-b", "y", "--env-a", _SECRET], "NAME=VALUE"),
        (["http://x/mcp", "--a", "x: 1", "--b", "x: 2", "--class", "magic"], "There is no class"),
        (["http://x/mcp", "--a", "x: 1", "--b", "x: 2", "--arg", "x"], "An argument is written"),
        (["http://x/mcp", "--a", "x: 1", "--b", "x: 2", "--sql-tool", "x"], "has no dot"),
        (["http://x/mcp", "--nothing"], "No such option"),
    ],
)
def test_a_wrong_use_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mcpdb", "attack", *arguments])
    assert app.run() == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert _SECRET not in err
