from collections.abc import Sequence
from pathlib import Path

import pytest
from custom_tenancy import CertificateTenancy

from mcpdb import Request, Tenant
from mcpdb.testing import TenancyContract


def request(fingerprint: str, peer: str | None = "10.0.0.2") -> Request:
    headers = {"x-client-fingerprint": fingerprint}
    return Request(tool="tool", arguments={}, headers=headers, peer=peer)


class TestCertificateTenancy(TenancyContract):
    """The contract, held by this provider."""

    @pytest.fixture
    def provider(self, tmp_path: Path) -> CertificateTenancy:
        directory = tmp_path / "tenants.toml"
        directory.write_text('9f86d081884c7d65 = "north"\n60303ae22b998861 = "south"\n')
        return CertificateTenancy(directory, proxy="10.0.0.2")

    @pytest.fixture
    def known(self) -> Sequence[tuple[Request, Tenant]]:
        return [
            (request("9f86d081884c7d65"), Tenant.of("north")),
            (request("60303ae22b998861"), Tenant.of("south")),
        ]

    @pytest.fixture
    def strangers(self) -> Sequence[Request]:
        return [
            request("0000000000000000"),
            request(""),
            request("9f86d081884c7d65", peer="10.0.0.3"),  # not from the proxy
            request("9f86d081884c7d65", peer=None),
        ]
