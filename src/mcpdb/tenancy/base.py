"""The contract: a request goes in, a tenant comes out, or an error. Never a default tenant."""

from abc import abstractmethod

from mcpdb.provider import Provider
from mcpdb.request import Request, Tenant


class TenancyProvider(Provider):
    """Decides whose rows a request may see.

    Subclass it where claims, sessions or a directory of your own decide. An implementation must
    be safe for concurrent calls, must not keep anything of one request for another, and must
    hold no database connection of the pool while it waits.
    """

    development_warning: str = ""
    """A sentence that is logged at every start when this provider must not serve production."""

    @abstractmethod
    async def resolve(self, request: Request) -> Tenant:
        """The tenant of this request.

        Raises:
            TenantError: Nobody is identified, or somebody who may see nothing. This is the only
                answer to a missing identity; returning a wide or empty tenant instead is a leak.
            Unavailable: The directory that knows cannot be reached now.
        """
