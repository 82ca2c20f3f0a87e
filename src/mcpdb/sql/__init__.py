"""SQL that a model wrote: whether it may run.

Importing this imports no parser; a `Guard` needs one: `pip install 'mcpdb[sql]'`.
"""

from mcpdb.sql.guard import Guard

__all__ = ["Guard"]
