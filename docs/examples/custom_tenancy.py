"""Tenancy by client certificate: nginx checks the certificate, and a file says whose it is."""

import tomllib
from pathlib import Path

from typing_extensions import override

from mcpdb import ConfigurationError, Request, TenancyProvider, Tenant, TenantError


class CertificateTenancy(TenancyProvider):
    """Looks the fingerprint of the client's certificate up in a TOML file.

    Args:
        directory: A line such as `9f86d081884c7d65 = "north"` for each certificate.
        proxy: The address that nginx connects from. There it sets the header on every request
            (`proxy_set_header X-Client-Fingerprint $ssl_client_fingerprint;`), so that no client
            can forge it; from any other address the header is not looked at.
    """

    def __init__(self, directory: Path, *, proxy: str) -> None:
        self._directory = directory
        self._proxy = proxy
        self._tenants: dict[str, Tenant] = {}

    @override
    async def open(self) -> None:
        try:
            stores = tomllib.loads(self._directory.read_text(encoding="utf-8"))
            self._tenants = {print_: Tenant.of(store) for print_, store in stores.items()}
        except (OSError, ValueError, TenantError) as error:
            raise ConfigurationError(f"{self._directory} is no directory of tenants.") from error

    @override
    async def resolve(self, request: Request) -> Tenant:
        fingerprint = request.headers.get("x-client-fingerprint", "")
        if request.peer != self._proxy or fingerprint not in self._tenants:
            raise TenantError("No known client certificate came with the request.")
        return self._tenants[fingerprint]
