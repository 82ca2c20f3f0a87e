"""The documentation's examples are files that run, and the README shows the very same text."""

import asyncio
import importlib
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
INCLUDE = re.compile(r'^--8<-- "([^"]+)"$', re.MULTILINE)


def test_the_readme_shows_the_examples_as_they_are() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    shown = [EXAMPLES / "readme.py", ROOT / "examples" / "existing_server.py"]
    assert blocks == [file.read_text() for file in shown]


@pytest.mark.timeout(120)
async def test_the_tutorial_prints_what_it_says(tmp_path: Path) -> None:
    for name in ("first_server.py", "ask.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "ask.py",
        cwd=tmp_path,
        env=dict(os.environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, problems = await asyncio.wait_for(process.communicate(), timeout=100)
    page = (ROOT / "docs" / "tutorial" / "first-server.md").read_text()
    assert printed.decode() in page, problems.decode()
    assert printed


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_every_link_and_every_included_file_exists(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+\.md)", text):
        assert (page.parent / target).is_file(), target
    for included in INCLUDE.findall(text):
        assert (ROOT / included).is_file(), included


def test_every_example_is_shown_on_a_page() -> None:
    pages = [page.read_text() for page in (ROOT / "docs").rglob("*.md")]
    shown = {included for text in pages for included in INCLUDE.findall(text)}
    examples = {str(file.relative_to(ROOT)) for file in EXAMPLES.glob("*.py")}
    assert examples <= shown


def test_every_link_of_the_readme_exists() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), target


def test_the_example_of_the_tools_registers_what_its_page_describes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    tools = importlib.import_module("tools").server.tools
    assert set(tools) == {"daily_sales", "find_items", "summary", "sums_by"}
    assert tools["find_items"].embedded == ("like",)
    assert set(tools["summary"].output_schema["properties"]) == {"revenue", "best_item"}
    rows = tools["sums_by"].output_schema["properties"]["rows"]
    assert "prefixItems" not in rows["items"]


def test_the_mounted_example_serves_under_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    (mount,) = importlib.import_module("mounted").app.routes
    assert mount.path == "/shop/mcp"
