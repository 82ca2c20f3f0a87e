"""On a server of the SDK that verifies access tokens, the principal is the token's."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl
from typing_extensions import override

from mcpdb import Request, Server, TenancyProvider, Tenant, TenantError
from shop import ROWS_PER_TENANT, shop_server
from transports.support import ERAS, Era, http_client, served, text_of

# Test keys: the name of a tenant is all that such a token holds.
TOKENS = {f"test-token-of-{tenant}": tenant for tenant in ROWS_PER_TENANT}


class Verifier(TokenVerifier):
    """Knows the tokens of the two tenants."""

    async def verify_token(self, token: str) -> AccessToken | None:
        tenant = TOKENS.get(token)
        if tenant is None:
            return None
        claims = {"store": tenant}
        return AccessToken(token=token, client_id="test", scopes=["read"], claims=claims)


class FromClaim(TenancyProvider):
    """The tenant is a claim of the verified token."""

    @override
    async def resolve(self, request: Request) -> Tenant:
        store = request.principal.claims.get("store")
        if not isinstance(store, str) or "read" not in request.principal.scopes:
            raise TenantError("The token names no store.")
        return Tenant.of(store)


def with_authorization(server: Server) -> MCPServer[None]:
    """A server of the SDK that asks for a token, with the shop's tools on it."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncGenerator[None]:
        async with server.database:
            yield

    url = AnyHttpUrl("http://127.0.0.1:1/")
    settings = AuthSettings(issuer_url=url, resource_server_url=url, validate_token_resource=False)
    mcp = MCPServer("guarded", lifespan=lifespan, auth=settings, token_verifier=Verifier())
    server.attach(mcp)
    return mcp


@pytest.mark.parametrize("era", ERAS)
async def test_each_token_sees_the_rows_of_its_own_tenant(
    shop: Callable[..., str], era: Era
) -> None:
    """Also when both ask at once."""
    app = with_authorization(shop_server(shop(), tenancy=FromClaim())).streamable_http_app()

    async def ask(address: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        async with http_client(f"{address}/mcp", era=era, headers=headers) as client:
            for _ in range(4):
                rows = (await client.call_tool("all_sales")).structured_content["rows"]
                assert rows
                assert {row[1].partition("-")[0] for row in rows} == {TOKENS[token]}

    async with served(app) as address:
        await asyncio.gather(*(ask(address, token) for token in [*TOKENS, *TOKENS]))


async def test_without_authorization_nobody_is_verified(shop: Callable[..., str]) -> None:
    """Whatever the request calls itself."""
    app = shop_server(shop(), tenancy=FromClaim()).http_app()
    headers = {"authorization": f"Bearer {next(iter(TOKENS))}"}
    async with (
        served(app) as address,
        http_client(f"{address}/mcp", headers=headers) as client,
    ):
        refused = await client.call_tool("all_sales")
        assert refused.is_error
        assert "The token names no store." in text_of(refused)


async def test_a_tool_can_be_called_within_the_process(shop: Callable[..., str]) -> None:
    """Through the SDK's own `call_tool`, where there is no request."""
    server = shop_server(shop(), tenancy=FromClaim())
    async with server.database:
        refused = await server.mcp().call_tool("all_sales", {})
    assert getattr(refused, "is_error", False)
