"""The wall: how the tenant gets into the transaction, so that policies can see it."""

from mcpdb.isolation.base import Backend, Finding, Isolation, Prober
from mcpdb.isolation.plain import PlainSetting
from mcpdb.isolation.sealed import Sealed
from mcpdb.isolation.wall import Lookup, Protected, Roles, Shared, Wall

__all__ = [
    "Backend",
    "Finding",
    "Isolation",
    "Lookup",
    "PlainSetting",
    "Prober",
    "Protected",
    "Roles",
    "Sealed",
    "Shared",
    "Wall",
]
