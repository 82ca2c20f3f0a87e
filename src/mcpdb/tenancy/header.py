"""A tenant named by a request header, for development on one's own machine. Not authentication:
whoever can send a request can name any tenant."""

import ipaddress
import re
from collections.abc import Mapping

from typing_extensions import override

from mcpdb.errors import ConfigurationError, TenantError
from mcpdb.request import Request, Tenant
from mcpdb.tenancy.base import TenancyProvider

_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")


class HeaderTenancy(TenancyProvider):
    """Takes the tenant id from a header, and only from clients on the loopback interface.

    Args:
        header: The header's name, in any case.
        pattern: A regular expression that a whole id must match; a value that does not is refused
            before it is used.
        all_value: The one value that means all tenants. None: no value does.
    """

    development_warning = (
        "The tenant is taken from a request header: anyone who can reach this server can name any "
        "tenant. For development on this machine only."
    )

    def __init__(
        self, *, header: str, pattern: str = r"[\w.:@-]{1,200}", all_value: str | None = None
    ) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]+", header):
            msg = "The tenant header's name may hold letters, digits and hyphens only."
            raise ConfigurationError(msg)
        self._header = header.lower()
        self._pattern = re.compile(pattern)
        self._all_value = all_value

    @override
    async def resolve(self, request: Request) -> Tenant:
        if not _is_local(request.peer, request.headers):
            msg = "The development identity is accepted from this machine only."
            raise TenantError(msg, hint="Serve with verified identities to be reached from afar.")
        value = request.headers.get(self._header, "").strip()
        if not value:
            msg = f"No identity: the header {self._header} is missing."
            raise TenantError(msg, hint=f"Send {self._header} with the tenant's id.")
        if value == self._all_value:
            return Tenant.all()
        if not self._pattern.fullmatch(value):
            msg = f"The header {self._header} does not hold a tenant id of the expected form."
            raise TenantError(msg, hint="Send exactly one id, without quotes.")
        return Tenant.of(value)


def _is_local(peer: str | None, headers: Mapping[str, str]) -> bool:
    """Whether the client itself is on this machine, and not a proxy that speaks for others."""
    if peer is None or any(name in headers for name in _PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
