"""One tenant for a whole process: a server over stdio for one person, and tests."""

from typing_extensions import override

from mcpdb.request import Request, Tenant
from mcpdb.tenancy.base import TenancyProvider


class FixedTenancy(TenancyProvider):
    """Every call is made as the same tenant, named when the server starts.

    Right over stdio, where the process belongs to one user. Over HTTP it gives everyone who can
    reach the port that tenant's rows.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    @override
    async def resolve(self, request: Request) -> Tenant:
        return self._tenant
