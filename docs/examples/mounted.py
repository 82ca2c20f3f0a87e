"""mcpdb within an ASGI application of your own: `uvicorn mounted:app`."""

from readme import server
from starlette.applications import Starlette
from starlette.routing import Mount

shop = server.http_app(path="/", allowed_hosts=["localhost", "api.example.org"])
app = Starlette(routes=[Mount("/shop/mcp", shop)], lifespan=shop.router.lifespan_context)
