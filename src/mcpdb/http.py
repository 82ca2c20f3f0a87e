"""Streamable HTTP as an ASGI application: which hosts may call it, its lifespan, and health."""

import asyncio
import contextlib
import ipaddress
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError, McpdbError

_log = logging.getLogger("mcpdb")

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_HOST: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:(\d{1,5}|\*))?")
_ORIGIN: Final = re.compile(r"https?://" + _HOST.pattern)

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(
    mcp: MCPServer[Any],
    database: Database,
    *,
    path: str,
    allowed_hosts: Sequence[str],
    allowed_origins: Sequence[str],
) -> Starlette:
    """The ASGI application of an MCP server and of its database's health.

    Raises:
        ConfigurationError: The path, a host or an origin cannot be one.
    """
    if not path.startswith("/"):
        raise ConfigurationError(f"The path of the MCP endpoint begins with /, unlike {path!r}.")
    for route, endpoint in _health(database).items():
        mcp.custom_route(route, methods=["GET"])(endpoint)
    app = mcp.streamable_http_app(
        streamable_http_path=path,
        transport_security=_transport_security(allowed_hosts, allowed_origins),
    )
    lifespan = _MarkedLifespan(app.router.lifespan_context)
    app.router.lifespan_context = lifespan
    app.add_middleware(_NeedsLifespan, lifespan=lifespan)
    return app


def _transport_security(hosts: Sequence[str], origins: Sequence[str]) -> TransportSecuritySettings:
    """Which `Host` and `Origin` headers to accept: a page in a browser must not reach a server on
    this machine through a name that it rebinds (DNS rebinding)."""
    allowed_hosts = _with_ports(hosts, _HOST, "allowed_hosts are names such as api.example.org.")
    allowed_origins = _with_ports(
        origins, _ORIGIN, "allowed_origins are origins such as https://app.example.org."
    )
    if not hosts:
        allowed_hosts = _with_ports(_LOOPBACK, _HOST)
        allowed_origins += _with_ports([f"http://{host}" for host in _LOOPBACK], _ORIGIN)
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=allowed_hosts,
        allowed_origins=allowed_origins,
    )


def _with_ports(names: Sequence[str], pattern: re.Pattern[str], rule: str = "") -> list[str]:
    """Each name that has no port as it is, and with any port."""
    found: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        match = pattern.fullmatch(name)
        if match is None or isinstance(names, str):
            raise ConfigurationError(f"{rule} This is none: {name!r}.")
        found += [name] if match["port"] else [name, f"{name}:*"]
    return found


def check_reachable(host: str, allowed_hosts: Sequence[str]) -> None:
    """Refuse to listen to the network where every caller from there would be refused.

    Raises:
        ConfigurationError: The host is not of the loopback interface and no host is allowed.
    """
    if allowed_hosts or host == "localhost":
        return
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return
    raise ConfigurationError(
        f"To serve on {host}, say by which names clients reach this server.",
        hint='Give them as allowed_hosts=["api.example.org"].',
    )


class _MarkedLifespan:
    """A lifespan that remembers whether it was entered."""

    def __init__(self, lifespan: Lifespan[Any]) -> None:
        self._lifespan = lifespan
        self.is_entered = False

    @contextlib.asynccontextmanager
    async def __call__(self, app: Any) -> AsyncGenerator[Any]:  # noqa: ANN401  # any outer application
        async with self._lifespan(app) as state:
            self.is_entered = True
            yield state


class _NeedsLifespan:
    """Says what is missing when the application was mounted and its lifespan not entered."""

    def __init__(self, app: ASGIApp, *, lifespan: _MarkedLifespan) -> None:
        self._app = app
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._lifespan.is_entered:
            raise ConfigurationError(
                "The MCP application is mounted, but its lifespan was not entered.",
                hint="Give the outer application lifespan=app.router.lifespan_context.",
            )
        await self._app(scope, receive, send)


def _health(database: Database) -> dict[str, Endpoint]:
    """`/health/live`: the process answers. `/health/ready`: so does PostgreSQL, asked just now.

    Neither looks at the `Host` header, since probes call by address, nor says more than yes or no:
    anybody can ask.
    """
    asking: asyncio.Task[bool] | None = None
    was_ready = True

    async def ask() -> bool:
        nonlocal was_ready
        try:
            await database.ping()
        except McpdbError as error:
            if was_ready:
                _log.warning("Not ready: %s (%r)", error.message, error.detail)
            was_ready = False
        else:
            if not was_ready:
                _log.info("Ready again.")
            was_ready = True
        return was_ready

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        # Whoever asks meanwhile shares the question: it takes one connection, and not the pool.
        nonlocal asking
        if asking is None or asking.done():
            asking = asyncio.ensure_future(ask())
        if await asyncio.shield(asking):
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready"}, status_code=503)

    return {"/health/live": live, "/health/ready": ready}
