"""Who is asking: from a request to the tenant whose rows it may see."""

from mcpdb.tenancy.base import TenancyProvider
from mcpdb.tenancy.fixed import FixedTenancy
from mcpdb.tenancy.header import HeaderTenancy

__all__ = ["FixedTenancy", "HeaderTenancy", "TenancyProvider"]
