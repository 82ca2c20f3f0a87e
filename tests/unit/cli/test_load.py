"""`module:attribute` from the current folder, and what is said when there is none."""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from mcpdb import ConfigurationError
from mcpdb.cli.load import load

MODULE = """
print("printed")

class Holder:
    number = 7

def made():
    return 8

async def later():
    return 8

def asks(name):
    return 8

def fails():
    raise KeyError("postgresql://me:hush@host/x")

number = 6
"""
_COUNT = iter(range(1_000))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """The name of a module in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"loaded_{next(_COUNT)}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    yield name
    sys.modules.pop(name, None)


def test_an_object_of_the_current_folder(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(f"{module}:number", [int]) == 6
    assert load(f"{module}:Holder.number", [str, int]) == 7
    assert load(f"{module}:made", [int], calls=True) == 8
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "printed\n")


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("none", r"The module loaded_\d+ has no none\."),
        ("Holder.none", r"The module loaded_\d+ has no Holder.none\."),
        ("Holder", "is not a int, but: the class Holder"),
        ("later", "is not a int, but: coroutine"),
        ("asks", "has the argument name"),
        ("fails", r"fails: KeyError: 'postgresql://... \(loaded_\d+.py, line 17\)"),
    ],
)
def test_what_is_not_there_or_another_thing(module: str, attribute: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(f"{module}:{attribute}", [int], calls=True)


@pytest.mark.parametrize("target", ["", ":", "a", "a:", ":a", "a b:c", "a:b:c", "a/b.py:c"])
def test_a_target_has_two_names(target: str) -> None:
    with pytest.raises(ConfigurationError, match="module:attribute"):
        load(target, [int])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import not_installed_anywhere", "cannot be imported: ModuleNotFoundError"),
        ("1 / 0", r"cannot be imported: ZeroDivisionError: division by zero \(\S+, line 1\)"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("x = (", r"cannot be imported: SyntaxError: .* \(\S+.py, line 1\)"),
        ("raise ValueError('mcpdb-key-1-" + "A" * 43 + "')", "ValueError: mcpdb-key-..."),
    ],
)
def test_a_module_that_fails(module: str, source: str, message: str) -> None:
    Path(f"{module}.py").write_text(source)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load(f"{module}:x", [int])
    assert "AAAA" not in str(caught.value)


def test_there_is_no_module(module: str) -> None:
    for name in ("not_there_at_all", f"{module}.inner", "mcpdb.not_there"):
        with pytest.raises(ConfigurationError, match=f"There is no module {name}"):
            load(f"{name}:x", [int])
