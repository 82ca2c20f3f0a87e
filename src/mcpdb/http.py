"""Streamable HTTP: which hosts may call, health, and a server process that closes cleanly."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Final

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError, Unavailable
from mcpdb.process import one_line_errors

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_BACKLOG: Final = 2_048
_GRACE_S: Final = 10


def transport_security(hosts: Sequence[str], origins: Sequence[str]) -> TransportSecuritySettings:
    """Which `Host` and `Origin` headers to accept: a page in a browser must not reach a server on
    this machine through a name that it rebinds (DNS rebinding)."""
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*hosts] or [f"{host}:*" for host in _LOOPBACK] + [*_LOOPBACK],
        allowed_origins=[*origins] or [f"http://{host}:*" for host in _LOOPBACK],
    )


Endpoint = Callable[[Request], Awaitable[Response]]


def health_routes(database: Database) -> dict[str, Endpoint]:
    """`/health/live`: the process answers. `/health/ready`: so does PostgreSQL, asked just now."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        try:
            await database.ping()
        except (Unavailable, ConfigurationError) as error:
            return JSONResponse({"status": "not ready", "reason": error.code}, status_code=503)
        return JSONResponse({"status": "ready"})

    return {"/health/live": live, "/health/ready": ready}


def serve_http(app: ASGIApp, database: Database, *, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then let the calls in flight finish for up to 10 s.

    Exits with 1 and one line on standard error when it cannot start.
    """
    with one_line_errors():
        asyncio.run(_serve(app, database, host=host, port=port))


async def _serve(app: ASGIApp, database: Database, *, host: str, port: int) -> None:
    listener = listen(host, port)
    try:
        # Opened here as well, so that a database that is down is one line and not a traceback.
        async with database:
            await serve_app(app, listener)
    finally:
        listener.close()


async def serve_app(app: ASGIApp, listener: socket.socket) -> None:
    """Serve an ASGI application on a listening socket until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=_GRACE_S, access_log=False
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    try:
        await server.serve(sockets=[listener])
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: The port is taken or may not be used, or the host is not ours.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, OverflowError) as error:
        msg = f"{host}:{port} is not an address of this machine."
        raise ConfigurationError(msg, detail=str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        msg = f"Cannot listen on {host}:{port}."
        hint = "Another program may have it: choose another port."
        raise ConfigurationError(msg, hint=hint, detail=str(error)) from error
    return listener


class _Server(uvicorn.Server):
    """Uvicorn without its signal handling, which ends the process by the signal, uncleanly."""

    def stop(self) -> None:
        """Finish; a second time, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
