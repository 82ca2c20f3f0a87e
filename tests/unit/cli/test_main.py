"""The command without its extra, and secrets in errors of others."""

import subprocess
import sys

from mcpdb.cli.main import without_secrets

_WITHOUT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"typer", "rich"}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Blocked())
from mcpdb.cli import main
main()
"""


def test_without_the_extra_it_says_what_to_install() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, timeout=50, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "The command mcpdb needs its extra: pip install 'mcpdb[cli]'\n"


def test_importing_the_library_does_not_import_the_extra() -> None:
    code = "import sys, mcpdb, mcpdb.cli; print({'typer', 'rich'} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True
    )
    assert ran.stdout == "set()\n"


def test_no_url_and_no_key_is_repeated() -> None:
    key = f"mcpdb-key-12-{'A-b_' * 11}"
    text = f"no way to postgresql+asyncpg://me:hush@host:1/x?ssl=require with {key}, sorry"
    assert without_secrets(text) == "no way to postgresql+asyncpg://... with mcpdb-key-..., sorry"
