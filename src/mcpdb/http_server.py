"""Serving an ASGI application with Uvicorn: a socket of our own, and an end that is clean and comes
soon, whatever streams are open."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Generator
from typing import Final

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError
from mcpdb.process import opened, stop_signals

_BACKLOG: Final = 2_048
_GRACE_S: Final = 5
"""For the calls in flight to finish at a shutdown. With three seconds more to stop them in
PostgreSQL, all is over before Docker kills, ten seconds after it has asked."""


async def serve_http(
    app: ASGIApp, database: Database, *, host: str, port: int, on_listening: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM, then let the calls in flight finish for a few seconds.

    Args:
        app: The application.
        database: Open meanwhile.
        host: The interface.
        port: The port; 0 for any that is free.
        on_listening: Called with the address when it takes connections.

    Raises:
        ConfigurationError: The address cannot be listened on, or the database not be opened.
    """
    with contextlib.closing(listen(host, port)) as listener:
        async with opened(database) as is_open:
            if is_open:
                shown = f"[{host}]" if ":" in host else host
                on_listening(f"http://{shown}:{listener.getsockname()[1]}")
                await serve_app(app, listener)


async def serve_app(app: ASGIApp, listener: socket.socket) -> None:
    """Serve an ASGI application on a listening socket until SIGINT or SIGTERM."""
    streams = _EndableStreams(app)
    config = uvicorn.Config(
        streams,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # tenancy relies on the peer being who connects
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)

    def stop() -> None:
        server.should_exit = True
        streams.end()

    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        with stop_signals(stop):
            await asyncio.shield(serving)
    except asyncio.CancelledError:
        stop()
        await serving
        raise


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: The port is taken or may not be used, or the host is not ours.
    """
    if not 0 <= port <= 65_535:
        raise ConfigurationError(f"{port} is not a port: they go from 0 to 65535.")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"There is no host {host!r}.", detail=str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = _REASONS.get(error.errno or 0, "the system refuses")
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {reason}.", detail=str(error)
        ) from error
    return listener


_REASONS: Final = {
    errno.EADDRINUSE: "another program has this port",
    errno.EADDRNOTAVAIL: "it is not an address of this machine",
    errno.EACCES: "this user may not have this port",
}


class _Server(uvicorn.Server):
    """Uvicorn without its signal handling, which ends the process by the signal, uncleanly."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _EndableStreams:
    """Ends, at a shutdown, the responses that do not end by themselves: a legacy session's stream
    of notifications, and a subscription. Uvicorn would wait for them as for calls in flight."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Tell the application that the clients of these streams have gone."""
        self._ending.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_endless(scope):
            await self._app(scope, receive, send)
            return
        is_open = False

        async def receive_until_end() -> Message:
            receiving = asyncio.ensure_future(receive())
            ending = asyncio.ensure_future(self._ending.wait())
            try:
                await asyncio.wait({receiving, ending}, return_when=asyncio.FIRST_COMPLETED)
                return {"type": "http.disconnect"} if ending.done() else receiving.result()
            finally:
                receiving.cancel()
                ending.cancel()

        async def watch(message: Message) -> None:
            nonlocal is_open
            is_open = message.get("more_body", message["type"] == "http.response.start")
            await send(message)

        await self._app(scope, receive_until_end, watch)
        if is_open and self._ending.is_set():
            await send({"type": "http.response.body", "body": b""})


def _is_endless(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    headers = Headers(scope=scope)
    if scope["method"] == "GET":
        return "text/event-stream" in headers.get("accept", "")
    return headers.get("mcp-method") == "subscriptions/listen"
