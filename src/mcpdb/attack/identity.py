"""Who calls, and how that caller reaches the server. What tells one caller from another is secret:
it is used, and never shown."""

import base64
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from pydantic import JsonValue
from typing_extensions import override

from mcpdb.errors import ConfigurationError
from mcpdb.server import Server

_HTTP_TIMEOUT_S: Final = 60.0
_SPEAKING: Final = frozenset({"sub", "oid", "tenant", "tenant_id", "tid", "org", "org_id", "store"})
"""The claims of a token that are likely to name a tenant."""


class Identity(ABC):
    """One caller of an MCP server."""

    @abstractmethod
    def connect(self) -> AbstractAsyncContextManager[Client]:
        """A client of the SDK that speaks as this caller while it is open."""

    @property
    @abstractmethod
    def where(self) -> str:
        """The server, in words that hold no secret."""

    @property
    @abstractmethod
    def secrets(self) -> Sequence[str]:
        """The texts that make this caller who it is. They are never shown."""

    @property
    def ids(self) -> Sequence[str]:
        """What a forger would write to pass for this caller, as far as it can be told."""
        found = [each for secret in self.secrets for each in _ids_in(secret)]
        return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class HttpIdentity(Identity):
    """A caller over streamable HTTP, told by its headers.

    Args:
        url: Of the MCP endpoint.
        headers: Those of each request, in order; a name may stand there twice. None for nobody.

    Raises:
        ConfigurationError: The URL is not one of HTTP.
    """

    url: str
    headers: Sequence[tuple[str, str]] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError("The server's address is a URL such as http://host:8000/mcp.")

    @override
    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Client]:
        # As bytes, so that a header of any text can be sent; the client encodes str as ASCII.
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        async with httpx2.AsyncClient(headers=headers, timeout=_HTTP_TIMEOUT_S) as http:
            transport = streamable_http_client(self.url, http_client=http)
            async with Client(transport, cache=None) as client:
                yield client

    @property
    @override
    def where(self) -> str:
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    @property
    @override
    def secrets(self) -> Sequence[str]:
        return [value for _, value in self.headers]

    def sending(self, headers: Iterable[tuple[str, str]]) -> "HttpIdentity":
        """The same server, reached with these headers instead."""
        return replace(self, headers=tuple(headers))


@dataclass(frozen=True, slots=True)
class StdioIdentity(Identity):
    """A caller that starts a server process of its own, told by its arguments and environment.

    Args:
        command: The program and its arguments.
        environment: Added to the few variables that the SDK passes on.

    Raises:
        ConfigurationError: There is no program.
    """

    command: Sequence[str] = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def __post_init__(self) -> None:
        if not self.command:
            raise ConfigurationError("A server over stdio needs a command to be started.")

    @override
    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Client]:
        program, *arguments = self.command
        process = StdioServerParameters(
            command=program, args=arguments, env=dict(self.environment) or None
        )
        async with Client(process, cache=None) as client:
            yield client

    @property
    @override
    def where(self) -> str:
        return f"stdio: {self.command[0].rpartition('/')[2]}"

    @property
    @override
    def secrets(self) -> Sequence[str]:
        return [*self.environment.values(), *self.command[1:]]


@dataclass(frozen=True, slots=True)
class MemoryIdentity(Identity):
    """A caller within this process: a server object of its own, which knows whom it serves.

    Args:
        server: A `Server`, or an `MCPServer` of the SDK.
        tenant_ids: What a forger would write to pass for this caller.
    """

    server: "Server | MCPServer[Any]" = field(repr=False)
    tenant_ids: Sequence[str] = field(default=(), repr=False)

    @override
    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Client]:
        served = self.server.mcp() if isinstance(self.server, Server) else self.server
        async with Client(served, cache=None) as client:
            yield client

    @property
    @override
    def where(self) -> str:
        return f"in memory: {self.server.name}"

    @property
    @override
    def secrets(self) -> Sequence[str]:
        return list(self.tenant_ids)


class Redactor:
    """Takes what identifies the callers out of all that is shown."""

    def __init__(self, named: Mapping[str, Identity]) -> None:
        held = Counter(text for each in named.values() for text in set(each.secrets))
        shared = {text for text, times in held.items() if times == len(named)}
        pairs = {
            text: f"<{name}'s identity>"
            for name, identity in named.items()
            for secret in identity.secrets
            if secret not in shared or len(secret) >= 8
            for text in (secret, *_ids_in(secret))
            if text.strip()
        }
        # The longest first: a part of a secret must not break up the whole of it. Short ones are
        # replaced as words only, or a tenant called 1 would eat every number.
        self._patterns = [
            (re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE), instead)
            for text, instead in sorted(pairs.items(), key=lambda pair: -len(pair[0]))
        ]

    def __call__(self, text: str) -> str:
        """The text without them."""
        for pattern, instead in self._patterns:
            text = pattern.sub(instead, text)
        return text


def _ids_in(secret: str) -> list[str]:
    """The secret itself, or what a token in it says about its bearer."""
    bare = secret.removeprefix("Bearer ").removeprefix("bearer ").strip()
    parts = bare.split(".")
    if len(parts) == 3 and len(bare) > 40:
        return [*_claims(parts[1]), bare]
    return [bare] if bare else []


def _claims(payload: str) -> list[str]:
    """The values of a token's claims that may name a tenant. The signature is not our concern."""
    try:
        claims: JsonValue = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
    except ValueError:
        return []
    if not isinstance(claims, dict):
        return []
    named = {name: value for name, value in claims.items() if name.rpartition("/")[2] in _SPEAKING}
    return [str(value) for value in named.values() if isinstance(value, str | int)]
