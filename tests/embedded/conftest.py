"""A folder for each test, and the promise that no test leaves a server behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from embedded.support import CHILD, CHILD_ENVIRONMENT, serving


@pytest.fixture
def new_folder(tmp_path: Path) -> Generator[Path]:
    """A data folder that does not exist yet."""
    yield tmp_path / "pg"
    _check_no_server(tmp_path / "pg")


@pytest.fixture(scope="session")
def cluster_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was opened and closed; made once, because that takes half a second."""
    path = tmp_path_factory.mktemp("made") / "pg"
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
