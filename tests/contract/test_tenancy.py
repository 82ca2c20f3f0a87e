"""The tenancy contract, on every provider of ours and on the documentation's."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from custom_tenancy import CertificateTenancy
from custom_tenancy_test import TestCertificateTenancy  # the documentation's, run here

from mcpdb import ConfigurationError, FixedTenancy, HeaderTenancy, Principal, Request, Tenant
from mcpdb.testing import TenancyContract
from mcpdb.testing.tenancy_contract import Known

__all__ = ["TestCertificateTenancy"]


def _request(peer: str | None, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(tool="tool", arguments={}, headers=named, peer=peer)


class TestFixedTenancy(TenancyContract):
    identifies = False

    @pytest.fixture
    def provider(self) -> FixedTenancy:
        return FixedTenancy(Tenant.of("north", "south"))

    @pytest.fixture
    def known(self) -> Known:
        requests = [
            _request(None),
            _request("192.0.2.7", x_tenant="east"),
            Request(tool="tool", arguments={}, principal=Principal(subject="ann")),
        ]
        return [(request, Tenant.of("north", "south")) for request in requests]


class TestHeaderTenancy(TenancyContract):
    @pytest.fixture
    def provider(self) -> HeaderTenancy:
        return HeaderTenancy(header="x-tenant", all_value="*")

    @pytest.fixture
    def known(self) -> Known:
        return [
            (_request("127.0.0.1", x_tenant="north"), Tenant.of("north")),
            (_request("::1", x_tenant="south"), Tenant.of("south")),
            (_request("::1", x_tenant="*"), Tenant.all()),
        ]

    @pytest.fixture
    def strangers(self) -> Sequence[Request]:
        return [
            _request("192.0.2.7", x_tenant="north"),
            _request(None, x_tenant="north"),
            _request("127.0.0.1", x_tenant="north", x_forwarded_for="192.0.2.7"),
            _request("127.0.0.1", x_tenant="north,south"),
            _request("127.0.0.1", x_tenant="**"),
        ]


@pytest.mark.parametrize("text", ["=", "a = 1", 'a = ""', 'a = ["north"]', "[a]\nb = 'c'"])
async def test_a_directory_that_is_none_is_refused_when_opened(tmp_path: Path, text: str) -> None:
    directory = tmp_path / "tenants.toml"
    directory.write_text(text)
    for path in (directory, tmp_path / "absent.toml"):
        provider = CertificateTenancy(path, proxy="10.0.0.2")
        with pytest.raises(ConfigurationError, match="no directory of tenants"):
            await provider.open()
