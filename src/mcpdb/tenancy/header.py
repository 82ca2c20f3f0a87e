"""A tenant named by a request header, for development on one's own machine. Not authentication:
whoever can send a request can name any tenant."""

import ipaddress
import re
from collections.abc import Mapping

from typing_extensions import override

from mcpdb.errors import ConfigurationError, TenantError
from mcpdb.request import Request, Tenant
from mcpdb.tenancy.base import TenancyProvider

# A request with one of these was passed on by a proxy, whose own address says nothing.
_PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip"})
_PROXY_PREFIXES = ("x-forwarded", "x-original-", "cf-")


class HeaderTenancy(TenancyProvider):
    """Takes the tenant id from a header, and only from clients on the loopback interface.

    Args:
        header: The header's name, in any case.
        pattern: A regular expression that a whole id must match; a value that does not is refused
            before it is used.
        all_value: The one value that means all tenants. None: no value does.

    Raises:
        ConfigurationError: The name is not a header's, `pattern` is not a regular expression, or
            `all_value` is empty or would lose blanks on its way through a header.
    """

    development_warning = (
        "The tenant is taken from a request header: anyone who can reach this server can name any "
        "tenant. For development on this machine only, and never behind a proxy: a plain one "
        "cannot be told from a local client."
    )

    def __init__(
        self, *, header: str, pattern: str = r"[\w.:@-]{1,200}", all_value: str | None = None
    ) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]+", header):
            msg = "The tenant header's name may hold letters, digits and hyphens only."
            raise ConfigurationError(msg)
        if all_value is not None and (not all_value or all_value != all_value.strip()):
            msg = "The header's value for all tenants is a non-empty text without outer blanks."
            raise ConfigurationError(msg)
        try:
            self._pattern = re.compile(pattern)
        except re.error as error:
            msg = "The pattern of tenant ids is not a regular expression."
            raise ConfigurationError(msg, detail=str(error)) from error
        self._header = header.lower()
        self._all_value = all_value

    @override
    async def resolve(self, request: Request) -> Tenant:
        if request.peer is None:
            msg = f"No identity: the header {self._header} needs an HTTP request."
            raise TenantError(msg, hint="Over stdio, name the tenant with FixedTenancy.")
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


def _is_local(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether the client itself is on this machine, and not a proxy that speaks for others."""
    if any(name in _PROXY_HEADERS or name.startswith(_PROXY_PREFIXES) for name in headers):
        return False
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    # A server that listens on both families sees 127.0.0.1 as ::ffff:127.0.0.1, which not every
    # Python calls a loopback address.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
