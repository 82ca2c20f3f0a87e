"""An attacker for MCP servers: two callers, a library of escapes, and what betrays a leak."""

from mcpdb.attack.campaign import FAMILIES, Options
from mcpdb.attack.identity import HttpIdentity, Identity, MemoryIdentity, StdioIdentity
from mcpdb.attack.report import Leak, Report, Row
from mcpdb.attack.run import attack

__all__ = [
    "FAMILIES",
    "HttpIdentity",
    "Identity",
    "Leak",
    "MemoryIdentity",
    "Options",
    "Report",
    "Row",
    "StdioIdentity",
    "attack",
]
