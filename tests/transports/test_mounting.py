"""The ASGI application within another one."""

import contextlib
from collections.abc import AsyncGenerator, Callable

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from mcpdb import FixedTenancy, Server, Tenant
from shop import shop_server
from transports.support import ERAS, Era, http_client, post, served, text_of


def north(dsn: str) -> Server:
    return shop_server(dsn, tenancy=FixedTenancy(Tenant.of("north")))


async def home(_: Request) -> Response:
    return PlainTextResponse("the outer application")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("path", ["/shop/mcp", "/shop/mcp/", "/shop", "/shop/"])
async def test_it_serves_under_a_prefix_with_and_without_a_slash_at_the_end(
    shop: Callable[..., str], path: str, era: Era
) -> None:
    inner = "/mcp" if "mcp" in path else "/"
    app = north(shop()).http_app(path=inner)
    outer = Starlette(
        routes=[Route("/", home), Mount("/shop", app)], lifespan=app.router.lifespan_context
    )
    async with (
        served(outer) as address,
        httpx2.AsyncClient() as http,
        http_client(f"{address}{path}", era=era) as client,
    ):
        assert (await http.get(address)).text == "the outer application"
        ready = await http.get(f"{address}/shop/health/ready")
        assert ready.json() == {"status": "ready"}
        assert (await http.get(f"{address}/health/ready")).status_code == 404
        assert not (await client.call_tool("shares")).is_error


async def test_an_application_with_a_lifespan_of_its_own_mounts_two_servers(
    shop: Callable[..., str],
) -> None:
    one = north(shop())
    other = shop_server(shop(), tenancy=FixedTenancy(Tenant.of("south")))
    apps = {"one": one.http_app(), "other": other.http_app()}
    events: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(outer: Starlette) -> AsyncGenerator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(outer))
            events.append("starts")
            yield
        events.append("ends")

    routes = [Mount(f"/{name}", app) for name, app in apps.items()]
    async with served(Starlette(routes=routes, lifespan=lifespan)) as address:
        for name, item in (("one", "north"), ("other", "south")):
            async with http_client(f"{address}/{name}/mcp") as client:
                assert item in text_of(await client.call_tool("by_item"))
    assert events == ["starts", "ends"]


async def test_the_security_of_the_inner_application_holds_under_a_prefix(
    shop: Callable[..., str],
) -> None:
    app = north(shop()).http_app()
    outer = Starlette(routes=[Mount("/shop", app)], lifespan=app.router.lifespan_context)
    async with served(outer) as address, httpx2.AsyncClient() as http:
        under = f"{address}/shop"
        assert (await post(http, under, ("host", "evil.example"))).status_code == 421
        assert (await post(http, under, ("origin", "https://evil.example"))).status_code == 403
        assert (await post(http, under)).status_code == 200


async def test_a_mounted_application_whose_lifespan_was_not_entered_says_so(
    shop: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    outer = Starlette(routes=[Mount("/shop", north(shop()).http_app())])
    async with served(outer) as address, httpx2.AsyncClient() as http:
        assert (await post(http, f"{address}/shop")).status_code == 500
    assert "Give the outer application lifespan=app.router.lifespan_context." in caplog.text


async def test_a_server_may_have_several_applications_at_once(shop: Callable[..., str]) -> None:
    server = north(shop())
    async with served(server.http_app()) as one, served(server.http_app(path="/other")) as two:
        for url in (f"{one}/mcp", f"{two}/other"):
            async with http_client(url) as client:
                assert not (await client.call_tool("shares")).is_error
