"""Serving an ASGI application with Uvicorn: on a socket of our own, and to an end that is clean and
comes soon, whatever is in flight."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Generator
from typing import Final

import anyio
import uvicorn
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError
from mcpdb.process import done_or_stopped, opened, stop_signals

_BACKLOG: Final = 2_048
_GRACE_S: Final = 4
"""For the calls in flight to finish at a shutdown."""
_STOP_S: Final = 4
"""For the others to be stopped in PostgreSQL. Docker kills ten seconds after it has asked."""


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
    with contextlib.closing(listen(host, port)) as listener, stop_signals() as stop:
        async with opened(database, stop) as is_open:
            if is_open:
                shown = f"[{host}]" if ":" in host else host
                on_listening(f"http://{shown}:{listener.getsockname()[1]}")
                await serve_app(app, listener, stop)


async def serve_app(app: ASGIApp, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve an ASGI application on a listening socket until it is asked to stop, or cancelled."""
    requests = _Requests(app)
    config = uvicorn.Config(
        requests,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # tenancy relies on the peer being who connects
        timeout_graceful_shutdown=_GRACE_S + _STOP_S,
    )
    server = _Server(config)

    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await done_or_stopped(serving, stop)
    finally:
        server.should_exit = True
        requests.end()
        await serving


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: The port is taken or may not be used, or the host is not ours.
    """
    if not 0 <= port <= 65_535:
        raise ConfigurationError(f"{port} is not a port: they go from 0 to 65535.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        family, kind, protocol, _, address = found
        # With its protocol named, or asyncio does not turn Nagle's algorithm off, and an answer
        # that is sent in two parts waits 40 ms for the client's acknowledgement.
        listener = socket.socket(family, kind, protocol)
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


class _Requests:
    """The requests in flight, which a shutdown lets finish for a while and then ends.

    Uvicorn's own way would wait as long for a legacy session's stream of notifications and for a
    subscription, which never finish; and it cancels without waiting for the query to stop.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._calls: set[anyio.CancelScope] = set()
        self._streams: set[anyio.CancelScope] = set()

    def end(self) -> None:
        """End the streams now, and the calls when they have had their time."""
        _cancel(self._streams)
        asyncio.get_running_loop().call_later(_GRACE_S, _cancel, self._calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = is_complete = False

        async def watch(message: Message) -> None:
            nonlocal is_started, is_complete
            is_started = True
            is_complete = message["type"].endswith("body") and not message.get("more_body")
            await send(message)

        peers = self._streams if _is_endless(scope) else self._calls
        with anyio.CancelScope() as ending:
            peers.add(ending)
            try:
                await self._app(scope, receive, watch)
            finally:
                peers.discard(ending)
        if not ending.cancelled_caught or is_complete:
            return
        if is_started:
            await send({"type": "http.response.body", "body": b""})
        else:
            gone = Response("The server is stopping.", status_code=503, media_type="text/plain")
            await gone(scope, receive, send)


def _cancel(scopes: set[anyio.CancelScope]) -> None:
    for scope in tuple(scopes):
        scope.cancel()


def _is_endless(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    if scope["method"] == "GET":
        return "text/event-stream" in headers.get("accept", "")
    return headers.get("mcp-method") == "subscriptions/listen"
