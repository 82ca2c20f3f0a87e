"""The command `mcpdb`, for operators. Its extra, `mcpdb[cli]`, is needed to run it, not to import
this."""

from mcpdb.cli.main import main

__all__ = ["main"]
