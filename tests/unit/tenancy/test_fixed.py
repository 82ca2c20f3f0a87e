"""FixedTenancy: one tenant, whatever a request says."""

import pytest

from mcpdb import FixedTenancy, Principal, Request, Tenant


@pytest.mark.parametrize("tenant", [Tenant.of("north"), Tenant.of("a", "b"), Tenant.all()])
async def test_every_request_is_of_the_same_tenant(tenant: Tenant) -> None:
    tenancy = FixedTenancy(tenant)
    requests = [
        Request(tool="t", arguments={}),
        Request(tool="t", arguments={"tenant": "south"}, headers={"x-tenant": "south"}),
        Request(tool="t", arguments={}, principal=Principal(subject="south"), peer="192.0.2.1"),
    ]
    assert [await tenancy.resolve(request) for request in requests] == [tenant] * 3


def test_it_needs_no_warning() -> None:
    assert FixedTenancy(Tenant.all()).development_warning == ""
