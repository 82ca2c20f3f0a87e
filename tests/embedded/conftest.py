"""A folder for each test, and the promise that no test leaves a server behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from embedded.support import CHILD, CHILD_ENVIRONMENT, serving


@pytest.fixture(scope="session")
def place() -> Generator[Path]:
    """A temporary folder that only its owner may enter."""
    with tempfile.TemporaryDirectory(prefix="mcpdb-test-") as path:
        yield Path(path).resolve()


@pytest.fixture
def tmp_path(place: Path) -> Path:
    """As pytest's own, but elsewhere.

    Whenever another run of pytest starts, it closes the folder of all runs to others again: to
    the server's user as well, where root runs the tests.
    """
    return Path(tempfile.mkdtemp(dir=place))


@pytest.fixture
def new_folder(tmp_path: Path) -> Generator[Path]:
    """A data folder that does not exist yet."""
    yield tmp_path / "pg"
    _check_no_server(tmp_path / "pg")


@pytest.fixture(scope="session")
def cluster_folder(place: Path) -> Path:
    """A data folder that was opened and closed; made once, because that takes half a second."""
    path = place / "made" / "pg"
    options = json.dumps({"version": 18, "port": None, "uid": None, "rounds": 1})
    subprocess.run(
        [sys.executable, CHILD, path, options], input=b"close", check=True, env=CHILD_ENVIRONMENT
    )
    return path


@pytest.fixture
def folder(cluster_folder: Path) -> Generator[Path]:
    """A data folder with a cluster that nobody has open; what tests write in it may stay."""
    yield cluster_folder
    _check_no_server(cluster_folder)


def _check_no_server(path: Path) -> None:
    left = serving(path)
    if left is not None:
        os.kill(left.pid, signal.SIGQUIT)
    assert left is None, f"the test left a server behind, process {left.pid}"
