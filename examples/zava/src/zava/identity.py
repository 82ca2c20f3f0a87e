"""Who may ask: a store's manager, a regional manager, or the head office."""

from typing import Final

from typing_extensions import override

from mcpdb import ConfigurationError, HeaderTenancy, Request, TenancyProvider, Tenant, TenantError
from zava.catalogue import load_company

HEAD_OFFICE: Final = "00000000-0000-0000-0000-000000000000"
"""The id that sees all stores. To the database it is nobody's: here it becomes all tenants."""
HEADER: Final = "x-rls-user-id"
_UUID: Final = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class NoIdentity(TenancyProvider):
    """Refuses every call: what a server over HTTP does until it is told how to know its callers."""

    @override
    async def resolve(self, request: Request) -> Tenant:
        raise TenantError(
            "This server does not know who is asking.",
            hint=f"For development, start it with --dev-identity and send the header {HEADER}.",
        )


def development_identity() -> HeaderTenancy:
    """The id in a header, from this machine only."""
    return HeaderTenancy(header=HEADER, pattern=_UUID, all_value=HEAD_OFFICE)


def named_tenant(
    *, store: str | None = None, region: str | None = None, head_office: bool = False
) -> Tenant | None:
    """The tenant that the command line names, or None where it names nobody.

    Raises:
        ConfigurationError: It names two, or a store or region that does not exist.
    """
    if sum((store is not None, region is not None, head_office)) > 1:
        raise ConfigurationError("Choose one of --store, --region and --head-office.")
    if head_office:
        return Tenant.all()
    if store is not None:
        return Tenant.of(manager_id(store))
    if region is not None:
        return Tenant.of(
            _pick(region, {r.name: str(r.rls_user_id) for r in load_company().regions})
        )
    return None


def manager_id(store: str) -> str:
    """The id of a store's manager; the store by its short name, such as Seattle.

    Raises:
        ConfigurationError: There is no such store.
    """
    managers = {
        s.name.removeprefix("Zava Retail "): str(s.rls_user_id) for s in load_company().stores
    }
    return _pick(store, managers)


def _pick(name: str, known: dict[str, str]) -> str:
    for key, value in known.items():
        if key.casefold() == name.casefold():
            return value
    raise ConfigurationError(f"There is no {name!r}.", hint=f"Choose among: {', '.join(known)}.")
