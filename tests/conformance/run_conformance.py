"""Runs the official conformance suites against a server built with mcpdb, in both protocol eras,
and says what passed. Exits with 1 if anything failed that is not expected to.

What package.json pins is installed where it is missing; any Node with npm does for that."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
START_S = 120
SUITE_S = 300


@dataclass(frozen=True)
class Leg:
    """One suite, at the protocol revision that its clients speak."""

    package: str
    revision: str


LEGS = (
    Leg("conformance-2025-11-25", "2025-11-25"),
    Leg("conformance-2026-07-28", "2025-11-25"),
    Leg("conformance-2026-07-28", "2026-07-28"),
)


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def install() -> None:
    """Have the pinned packages, of which one is a Node that is new enough for the suites."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    if all(version(name) == pin.rpartition("@")[2] for name, pin in wanted.items()):
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed once, to install the conformance suites.")
    say("Installing the conformance suites ...")
    subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)


def version(package: str) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return str(json.loads((MODULES / package / "package.json").read_text())["version"])
    return None


@contextlib.contextmanager
def running_server(log: Path) -> Generator[str]:
    """The server's URL."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, HERE / "server.py"], stderr=file, env=environment
        )
    try:
        yield listening(process, log)
    finally:
        process.terminate()
        process.wait(timeout=30)


def listening(process: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"listens at http://127\.0\.0\.1:(\d+)/mcp", log.read_text()):
            return f"http://localhost:{found[1]}/mcp"
        time.sleep(0.1)
    sys.exit(f"The server did not start:\n{log.read_text()}")


def run(leg: Leg, url: str, results: Path) -> int:
    """The suite's exit code."""
    command: list[str | Path] = [
        MODULES / ".bin" / "node",
        MODULES / leg.package / "dist" / "index.js",
        *("server", "--url", url, "--suite", "all", "--spec-version", leg.revision),
        *("--expected-failures", HERE / f"expected-failures.{leg.revision}.yml"),
        *("-o", results),
    ]
    output = results / "output.txt"
    results.mkdir(parents=True)
    with output.open("wb") as file:
        done = subprocess.run(
            command, cwd=HERE, stdout=file, stderr=file, timeout=SUITE_S, check=False
        )
    if done.returncode:
        say(output.read_text().partition("=== SUMMARY ===")[2] or output.read_text())
    return done.returncode


def counts(results: Path) -> tuple[Counter[str], list[str]]:
    """How many checks ended how, and the scenarios with a failure."""
    ended: Counter[str] = Counter()
    failed: list[str] = []
    for file in sorted(results.glob("*/checks.json")):
        statuses = [check["status"] for check in json.loads(file.read_text())]
        ended.update(statuses)
        if "FAILURE" in statuses:
            failed.append(re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", file.parent.name))
    return ended, failed


def main() -> int:
    install()
    code = 0
    with tempfile.TemporaryDirectory(prefix="mcpdb-conformance-") as folder:
        log = Path(folder, "server.log")
        with running_server(log) as url:
            for number, leg in enumerate(LEGS):
                results = Path(folder, str(number))
                code |= run(leg, url, results)
                ended, failed = counts(results)
                say(
                    f"{leg.revision} (suite {version(leg.package)}): {ended['SUCCESS']} passed, "
                    f"{ended['FAILURE']} failed, {ended['WARNING']} warnings"
                    + (f"; failed in {', '.join(failed)}" if failed else "")
                )
        # A check of a tool's answer may be satisfied by the error that there is no such tool.
        if missing := sorted(set(re.findall(r"'(\S+)': unknown_tool", log.read_text()))):
            say(f"The suites called tools that the server lacks: {', '.join(missing)}")
            code = 1
    say("Nothing failed that was not expected to." if code == 0 else "There are failures.")
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main())
