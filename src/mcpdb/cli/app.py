"""The commands together, and how one of them is run."""

import sys
from typing import Final

import typer

from mcpdb.cli import attack, doctor, isolation

app: Final = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="PostgreSQL behind the Model Context Protocol, for many tenants at once.",
)
app.add_typer(isolation.app, name="isolation")
app.command("doctor")(doctor.doctor)
app.command("attack")(attack.attack)


def run() -> int:
    """Run what the arguments say; returns the exit code."""
    try:
        code = app(args=sys.argv[1:] or ["--help"], standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        # A wrong use is an error of click, or of Typer's own copy of it: they have these three.
        tell, context = getattr(error, "format_message", None), getattr(error, "ctx", None)
        if tell is None or not hasattr(error, "exit_code"):
            raise
        command = context.command_path if context is not None else "mcpdb"
        words = " ".join(tell().split())
        sys.stderr.write(f"error: {words} See {command} --help.\n")
        return 2
    return code if isinstance(code, int) else 0
