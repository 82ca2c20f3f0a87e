"""The log: an application's own is left alone, and a server process has a readable one."""

import contextlib
import logging
import re
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from mcpdb.process import log_to_stderr
from mcpdb.protocol import logging_left_alone
from shop import shop_server
from transports.support import call, initialize, server_process

RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING|ERROR) [\w.]+: \S.*")


@contextlib.contextmanager
def bare_root() -> Generator[logging.Logger]:
    """The root logger as an application finds it that has not set up anything. Not a fixture:
    pytest adds its handlers again for each phase of a test."""
    root, ours = logging.getLogger(), logging.getLogger("mcpdb")
    before = root.handlers[:], root.level, ours.level
    root.handlers[:] = []
    try:
        yield root
    finally:
        root.handlers[:], level, our_level = before
        root.setLevel(level)
        ours.setLevel(our_level)


def test_to_make_a_server_leaves_the_applications_logging_alone() -> None:
    with bare_root() as root:
        level = root.level
        server = shop_server("postgresql://nowhere/shop")
        server.mcp()
        server.http_app()
        assert root.handlers == []
        assert root.level == level


def test_what_is_logged_while_a_server_is_made_is_not_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "lastResort", logging.StreamHandler(sys.stderr))
    with bare_root() as root, logging_left_alone():
        MCPServer("somebody's")
        logging.getLogger("elsewhere").warning("in the middle")
        assert len(root.handlers) == 1
    assert capsys.readouterr().err == "in the middle\n"


def test_handlers_of_the_application_stay() -> None:
    own = logging.NullHandler()
    with bare_root() as root:
        root.addHandler(own)
        shop_server("postgresql://nowhere/shop").http_app()
        log_to_stderr()
        assert root.handlers == [own]
        assert logging.getLogger("mcpdb").level == logging.NOTSET


def test_a_record_is_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    with bare_root():
        log_to_stderr()
        log = logging.getLogger("mcpdb")
        log.info("said %s", "one\n2026-01-01 00:00:00,000 ERROR mcpdb: forged\r\nmore")
        logging.getLogger("other").info("not of interest")
        logging.getLogger("other").warning("of interest")
    written = capsys.readouterr().err.splitlines()
    assert len(written) == 2
    assert all(RECORD.fullmatch(line) for line in written)
    assert written[1].endswith("WARNING other: of interest")


async def test_the_log_of_a_process_has_the_traceback_of_an_incident(
    tmp_path: Path, shop: Callable[..., str]
) -> None:
    with server_process(tmp_path, shop()) as child:
        child.write(*initialize(), call(2, "buggy"), call(3, "sales_rows", limit=0))
        answer = await child.answer(2)
        await child.answer(3)
        child.close_stdin()
        assert await child.ends() == 0

    said = answer["result"]["content"][0]["text"]
    found = re.fullmatch(r"The server failed \(incident ([0-9a-f]{8})\); its log says more\.", said)
    assert found is not None
    assert f"ERROR mcpdb: incident {found[1]} in the tool buggy" in child.log
    assert "RuntimeError: a bug with 1 tables" in child.log
    assert "INFO mcpdb: sales_rows: invalid_arguments: " in child.log
    before, _, after = child.log.partition("Traceback (most recent call last):")
    for line in before.splitlines():
        if not line.startswith(("printed", "tenancy", "ran")):
            assert RECORD.fullmatch(line), line
    assert after
