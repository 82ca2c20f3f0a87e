"""The shape of the code: which way imports point, who touches the driver and the SDK, and how
long files and functions are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SOURCE = _ROOT / "src" / "mcpdb"

# A module may import from its own layer and those below it.
_LAYERS = (
    ("__init__", "testing"),
    ("server", "protocol", "stdio", "http", "http_server", "process", "embedded", "_embedded"),
    ("database",),
    ("admission", "lane", "translate", "tenancy", "isolation", "query", "embeddings"),
    ("request", "result", "cells", "config", "provider"),
    ("errors",),
)
_LAYER = {name: number for number, names in enumerate(_LAYERS) for name in names}

# The stages of a call do not know each other: the database hands a value from one to the next.
_STAGES = ("admission", "lane", "tenancy", "query", "embeddings")
# What the lane is made of: it enters the tenant, runs a query's selects, translates errors.
_TOGETHER = {("lane", "query")}

_SPEAK_MCP = {"server", "protocol", "http"}
_HAVE_CONNECTIONS = {"lane"}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(_SOURCE.rglob("*.py")):
        part = path.relative_to(_SOURCE).parts[0]
        yield part.removesuffix(".py"), path


def _imports(path: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""


def _own(path: Path) -> set[str]:
    return {
        name.split(".")[1] if "." in name else "__init__"
        for name in _imports(path)
        if name.split(".")[0] == "mcpdb"
    }


_ALL = list(_modules())
_IDS = [str(path.relative_to(_SOURCE)) for _, path in _ALL]


@pytest.mark.parametrize(("part", "path"), _ALL, ids=_IDS)
def test_imports_point_downwards(part: str, path: Path) -> None:
    assert part in _LAYER, f"{part} has no layer: give it one here"
    for imported in _own(path):
        assert _LAYER[imported] >= _LAYER[part], f"{part} imports {imported}"
        assert imported != "testing" or part == "testing"
        assert imported != "__init__" or part == "testing", f"{part} imports the package itself"


@pytest.mark.parametrize(("part", "path"), _ALL, ids=_IDS)
def test_the_stages_of_a_call_do_not_know_each_other(part: str, path: Path) -> None:
    if part in _STAGES:
        others = {name for name in _own(path) & set(_STAGES) if (part, name) not in _TOGETHER}
        assert others <= {part}


@pytest.mark.parametrize(("part", "path"), _ALL, ids=_IDS)
def test_only_the_edge_speaks_mcp(part: str, path: Path) -> None:
    speaks = {name.split(".")[0] for name in _imports(path)} & {"mcp", "mcp_types"}
    assert not speaks or part in _SPEAK_MCP


@pytest.mark.parametrize(("part", "path"), _ALL, ids=_IDS)
def test_only_the_lane_has_connections(part: str, path: Path) -> None:
    if part in _HAVE_CONNECTIONS:
        return
    source = path.read_text(encoding="utf-8")
    for word in ("create_async_engine", "create_engine", "AsyncConnection", "asyncpg.connect"):
        names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        assert word not in names, f"{part} has {word}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called = f"{node.value.id}.{node.attr}"
            assert called not in {"asyncpg.connect", "asyncpg.create_pool"}, f"{part} has {called}"


def test_the_lane_is_known_to_the_database_alone() -> None:
    assert {part for part, path in _ALL if "lane" in _own(path)} == {"database"}


def test_no_module_imports_itself_in_a_circle() -> None:
    names = {
        ".".join(("mcpdb", *path.relative_to(_SOURCE).with_suffix("").parts)): path
        for _, path in _ALL
    }
    graph = {
        name: {found for found in _imports(path) if found in names and found != name}
        for name, path in names.items()
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"a circle of imports: {' -> '.join((*above, name))}"
        if name not in done:
            for following in graph[name]:
                visit(following, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def _python_files() -> list[Path]:
    folders = ("src", "examples", "tests", "benchmarks", "docs")
    return sorted(
        path
        for folder in folders
        for path in (_ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
    )


@pytest.mark.parametrize("path", _python_files(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") < 300, "a file has fewer than 300 lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines < 60, f"{node.name} has {lines} lines; a function has fewer than 60"


@pytest.mark.parametrize("path", _python_files(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_no_file_is_a_drawer(path: Path) -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "shared", "misc", "manager"}
    assert not drawers & {part.removesuffix(".py") for part in path.relative_to(_ROOT).parts}
