"""The wall: how the tenant gets into the transaction, so that policies can see it."""

from mcpdb.isolation.base import Isolation
from mcpdb.isolation.plain import PlainSetting

__all__ = ["Isolation", "PlainSetting"]
