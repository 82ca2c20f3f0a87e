"""The conformance server can be made, and has what the suite asks for. The suite itself needs Node:
`python tests/conformance/run_conformance.py`."""

from pathlib import Path

import pytest

from conformance.server import make_server

HERE = Path(__file__).parent


async def test_it_has_the_tools_of_mcpdb_beside_the_fixtures() -> None:
    mcp = make_server("postgresql://nowhere/items").mcp()
    tools = {tool.name: tool for tool in await mcp.list_tools()}
    assert {"top_items", "overview", "average", "test_simple_text", "json_schema_2020_12_tool"} <= (
        tools.keys()
    )
    assert all(tool.description for tool in tools.values())
    assert len(await mcp.list_prompts()) == 5
    assert len(await mcp.list_resources()) == 3


@pytest.mark.parametrize("file", sorted(HERE.glob("*.yml")), ids=lambda file: file.name)
def test_every_expected_failure_has_its_reason(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if line.strip().startswith("-")]
    assert all(" # " in line for line in lines)
    assert len(lines) <= 5
