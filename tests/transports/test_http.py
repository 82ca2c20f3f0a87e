"""The ASGI application: which hosts and origins may call, how large a body may be, who the peer is,
and health."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from typing_extensions import override

from mcpdb import (
    ConfigurationError,
    Database,
    FixedTenancy,
    PlainSetting,
    Request,
    Server,
    Tenant,
)
from mcpdb.embedded import EmbeddedPostgres
from shop import APP_ROLE, make_shop, shop_server
from transports.support import ERAS, Era, eventually, http_client, post, served, text_of, until

FAST = {"fsync": "off"}

EVIL_HOSTS = (
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil:80",
    "",
)


async def test_the_default_accepts_hosts_of_the_loopback_interface_only(
    shop: Callable[..., str],
) -> None:
    async with served(shop_server(shop()).http_app()) as address, httpx2.AsyncClient() as http:
        for host in ("127.0.0.1", "127.0.0.1:9", "localhost:1234", "localhost", "[::1]:8000"):
            assert (await post(http, address, ("host", host))).status_code == 200, host
        for host in EVIL_HOSTS:
            assert (await post(http, address, ("host", host))).status_code in (421, 400), host
        assert (await post(http, address, ("host", EVIL_HOSTS[0]))).status_code == 421


async def test_the_default_accepts_origins_of_the_loopback_interface_only(
    shop: Callable[..., str],
) -> None:
    async with served(shop_server(shop()).http_app()) as address, httpx2.AsyncClient() as http:
        for origin in ("http://localhost:6274", "http://127.0.0.1", "http://[::1]:3000"):
            assert (await post(http, address, ("origin", origin))).status_code == 200, origin
        for origin in ("https://evil.example", "http://localhost.evil.example", "null"):
            assert (await post(http, address, ("origin", origin))).status_code == 403, origin


async def test_hosts_and_origins_that_are_allowed_replace_the_default(
    shop: Callable[..., str],
) -> None:
    app = shop_server(shop()).http_app(
        allowed_hosts=["api.example.org", "other.example.org:8443"],
        allowed_origins=["https://app.example.org"],
    )
    async with served(app) as address, httpx2.AsyncClient() as http:
        for host in ("api.example.org", "api.example.org:8443", "other.example.org:8443"):
            assert (await post(http, address, ("host", host))).status_code == 200, host
        for host in ("localhost", "other.example.org", "x.api.example.org", "evil.example"):
            assert (await post(http, address, ("host", host))).status_code == 421, host
        for origin, status in {
            "https://app.example.org": 200,
            "http://app.example.org": 403,
            "http://localhost:6274": 403,
        }.items():
            answer = await post(http, address, ("host", "api.example.org"), ("origin", origin))
            assert answer.status_code == status, origin


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "mcp"}, "begins with /"),
        ({"allowed_hosts": ["https://api.example.org"]}, "allowed_hosts are names"),
        ({"allowed_hosts": ["*"]}, "allowed_hosts are names"),
        ({"allowed_hosts": "api.example.org"}, "allowed_hosts are names"),
        ({"allowed_origins": ["app.example.org"]}, "allowed_origins are origins"),
        ({"allowed_origins": ["https://app.example.org/"]}, "allowed_origins are origins"),
    ],
)
def test_what_could_never_match_is_refused(options: dict[str, Any], said: str) -> None:
    server = shop_server("postgresql://nowhere/shop")
    with pytest.raises(ConfigurationError, match=said):
        server.http_app(**options)


async def test_no_cors_preflight_is_answered_and_no_cors_header_sent(
    shop: Callable[..., str],
) -> None:
    origin = {"origin": "http://localhost:6274", "access-control-request-method": "POST"}
    async with served(shop_server(shop()).http_app()) as address, httpx2.AsyncClient() as http:
        preflight = await http.options(f"{address}/mcp", headers=origin)
        answer = await post(http, address, ("origin", origin["origin"]))
    assert preflight.status_code == 405
    for response in (preflight, answer):
        assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_body_over_4_mib_is_refused(shop: Callable[..., str]) -> None:
    async with served(shop_server(shop()).http_app()) as address, httpx2.AsyncClient() as http:
        answer = await post(http, address, padding="x" * 4 * 1024 * 1024)
    assert answer.status_code == 413


@pytest.mark.parametrize("era", ERAS)
async def test_the_tenant_of_a_header_is_served_to_a_client_on_this_machine(
    shop: Callable[..., str], era: Era
) -> None:
    app = shop_server(shop()).http_app()
    async with served(app) as address:
        for tenant, first in (("north", "north-9"), ("south", "south-9")):
            headers = {"x-tenant": tenant}
            async with http_client(f"{address}/mcp", era=era, headers=headers) as client:
                result = await client.call_tool("by_item")
            assert result.structured_content is not None
            items = {row[0] for row in result.structured_content["rows"]}
            assert first in items
            assert all(item.startswith(tenant) for item in items)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "the header x-tenant is missing"),
        ({"x-tenant": "north", "x-forwarded-for": "127.0.0.1"}, "from this machine only"),
        ({"x-tenant": "north", "forwarded": "for=127.0.0.1"}, "from this machine only"),
        ({"x-tenant": "north,south"}, "not hold a tenant id"),
    ],
)
async def test_without_one_identity_from_this_machine_a_call_is_refused(
    shop: Callable[..., str], era: Era, headers: dict[str, str], said: str
) -> None:
    async with (
        served(shop_server(shop()).http_app()) as address,
        http_client(f"{address}/mcp", era=era, headers=headers) as client,
    ):
        result = await client.call_tool("by_item")
    assert result.is_error
    assert result.structured_content is None
    assert said in text_of(result)


async def test_the_peer_is_who_connects_and_not_who_a_header_names(
    shop: Callable[..., str],
) -> None:
    peers: list[str | None] = []

    class Seen(FixedTenancy):
        @override
        async def resolve(self, request: Request) -> Tenant:
            peers.append(request.peer)
            return await super().resolve(request)

    app = shop_server(shop(), tenancy=Seen(Tenant.of("north"))).http_app()
    headers = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9"}
    async with (
        served(app) as address,
        http_client(f"{address}/mcp", headers=headers) as client,
    ):
        await client.call_tool("shares")
    assert peers == ["127.0.0.1"]


async def test_of_two_identity_headers_none_is_believed(shop: Callable[..., str]) -> None:
    """A proxy that adds the true one must not be outdone by the client's own, nor the reverse."""
    async with (
        served(shop_server(shop()).http_app()) as address,
        httpx2.AsyncClient() as http,
    ):
        answer = await post(
            http,
            address,
            ("x-tenant", "north"),
            ("x-tenant", "south"),
            method="tools/call",
            params={"name": "by_item", "arguments": {}},
        )
    result = answer.json()["result"]
    assert result["isError"]
    assert "not hold a tenant id" in result["content"][0]["text"]


async def test_health_tells_whether_postgresql_answers_and_nothing_else() -> None:
    """The database of this test is really stopped, and started again."""
    async with contextlib.AsyncExitStack() as stack:
        # A short path: that of a socket is limited.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg"))
        running = await stack.enter_async_context(contextlib.AsyncExitStack())
        pg = await running.enter_async_context(EmbeddedPostgres(folder, settings=FAST))
        await make_shop(pg.dsn().replace("+asyncpg", ""))
        server = shop_server(pg.dsn(user=APP_ROLE), tenancy=FixedTenancy(Tenant.of("north")))
        address = await stack.enter_async_context(served(server.http_app()))
        client = await stack.enter_async_context(http_client(f"{address}/mcp"))
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=20))

        async def health(kind: str, **headers: str) -> tuple[int, str]:
            answer = await http.get(f"{address}/health/{kind}", headers=headers)
            return answer.status_code, answer.text

        async def is_ready() -> bool:
            return await health("ready") == (200, '{"status":"ready"}')

        assert await is_ready()
        # Probes call by address, whatever it is. It tells a page on an evil host yes or no.
        assert await health("ready", host="evil.example") == (200, '{"status":"ready"}')

        await running.aclose()
        assert await health("ready") == (503, '{"status":"not ready"}')
        assert await health("ready", host="evil.example") == (503, '{"status":"not ready"}')
        assert await health("live") == (200, '{"status":"live"}')
        refused = await client.call_tool("by_item")
        assert refused.is_error
        assert "database_unavailable; the same call may succeed later" in text_of(refused)

        await running.enter_async_context(EmbeddedPostgres(folder, settings=FAST))
        await eventually(is_ready, lambda: "the server is ready again")
        assert not (await client.call_tool("by_item")).is_error


async def test_many_readiness_checks_at_once_take_one_connection(shop: Callable[..., str]) -> None:
    """Anybody can ask: it must not be a way to take the tools' connections."""
    asked: list[object] = []

    class Slow(Database):
        @override
        async def ping(self) -> None:
            asked.append(None)
            await release.wait()
            await super().ping()

    release = asyncio.Event()
    database = Slow(
        shop(),
        tenancy=FixedTenancy(Tenant.of("north")),
        isolation=PlainSetting(setting="app.tenant"),
    )
    app = Server("shop", database).http_app()
    async with served(app) as address, httpx2.AsyncClient(timeout=20) as http:
        url = f"{address}/health/ready"
        waiting = [asyncio.create_task(http.get(url)) for _ in range(20)]
        await until(lambda: asked, lambda: "PostgreSQL is asked")
        # One more, which is answered only after those that came before it.
        release.set()
        answers = await asyncio.gather(*waiting)
        assert {answer.status_code for answer in answers} == {200}
        assert len(asked) < 20
        before = len(asked)
        assert (await http.get(url)).status_code == 200
    assert len(asked) == before + 1
