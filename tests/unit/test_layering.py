"""The shape of the code: which way imports point, who touches the driver and the SDK, and how
long files and functions are."""

import ast
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_SOURCE = _ROOT / "src" / "mcpdb"

# A module may import from its own layer and those below it.
_LAYERS = (
    ("__init__", "testing"),
    ("cli",),
    ("attack",),
    ("server", "protocol", "stdio", "http", "http_server", "process", "embedded", "_embedded"),
    ("operate",),
    ("database",),
    ("sql",),
    ("admission", "lane", "opening", "tenancy", "isolation", "query", "embeddings"),
    ("pool", "connector"),
    ("driver",),
    ("codecs", "compiled", "flight", "translate", "work"),
    ("request", "result", "cells", "config", "provider", "recent"),
    ("errors",),
)
_LAYER = {name: number for number, names in enumerate(_LAYERS) for name in names}

# The stages of a call do not know each other: the database hands a value from one to the next.
_STAGES = ("admission", "lane", "tenancy", "query", "embeddings")
# What the lane is made of: it enters the tenant, runs a query's selects, translates errors.
_TOGETHER = {("lane", "query")}

# The edge of a call, and the client that attacks any server.
_SPEAK_MCP = {"server", "protocol", "http", "attack"}
# The lane's, and the one place of operators' commands.
_HAVE_CONNECTIONS = {"connector", "operate"}


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


def test_imports_point_downwards() -> None:
    assert not {part for part, _ in _ALL} - set(_LAYER), "A new part has no layer: give it one here"
    wrong = [
        f"{path} imports {imported}"
        for part, path in _ALL
        for imported in _own(path)
        if _LAYER[imported] < _LAYER[part]
        or (imported in _LAYERS[0] and part not in {"testing", imported})
    ]
    assert not wrong


def test_the_stages_of_a_call_do_not_know_each_other() -> None:
    wrong = [
        f"{path} imports {imported}"
        for part, path in _ALL
        for imported in _own(path)
        if {part, imported} <= set(_STAGES) and part != imported
        if (part, imported) not in _TOGETHER
    ]
    assert not wrong


def test_only_the_edge_speaks_mcp() -> None:
    speakers = {
        part
        for part, path in _ALL
        if {name.split(".")[0] for name in _imports(path)} & {"mcp", "mcp_types"}
    }
    assert speakers == _SPEAK_MCP


def test_only_the_lane_has_connections() -> None:
    connecting = {
        "asyncpg.Pool",
        "asyncpg.connect",
        "asyncpg.create_pool",
        "create_async_engine",
        "create_engine",
        "create_pool",
    }
    having = set[str]()
    for part, path in _ALL:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id in connecting:
                having.add(part)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                having |= {part} if {name, node.attr} & connecting else set()
    assert having == _HAVE_CONNECTIONS


def test_the_lane_is_known_to_the_database_alone() -> None:
    assert {part for part, path in _ALL if "lane" in _own(path)} == {"database"}
    for part in ("pool", "connector", "opening"):
        assert {one for one, path in _ALL if part in _own(path)} <= {"lane", "opening"}


def test_one_file_reaches_into_sqlalchemy() -> None:
    inside = ("sqlalchemy.engine.cursor", "sqlalchemy.sql.compiler")
    reaching = {part for part, path in _ALL if set(inside) & set(_imports(path))}
    assert reaching == {"compiled"}


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


def test_files_are_short() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in _python_files()}
    assert not {f"{path}: {lines} lines" for path, lines in lengths.items() if lines >= 300}


def test_functions_are_short() -> None:
    long: list[str] = []
    for path in _python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                long += [f"{path}: {node.name} has {lines} lines"] if lines >= 60 else []
    assert not long


def test_no_file_is_a_drawer() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "shared", "misc", "manager"}
    wrong = [
        path
        for path in _python_files()
        if drawers & {part.removesuffix(".py") for part in path.relative_to(_ROOT).parts}
    ]
    assert not wrong
