"""One caller's connection: a call goes in, an `Answer` comes out, whatever happens."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final, Self, cast

from mcp import Client, MCPError
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, TextContent, Tool

from mcpdb.attack.answer import Answer, Kind, facts_of
from mcpdb.attack.identity import Identity
from mcpdb.errors import Unavailable

_OPENING_S: Final = 30.0
_CLOSING_S: Final = 5.0
_PAGES: Final = 50
_KINDS: Final[Mapping[int, Kind]] = {REQUEST_TIMEOUT: "timeout", CONNECTION_CLOSED: "gone"}


class Session:
    """A caller, connected.

    Args:
        identity: Who calls.
        timeout_s: How long a call may take. After that the client gives it up.
    """

    def __init__(self, identity: Identity, *, timeout_s: float) -> None:
        self.identity = identity
        self.timeout_s = timeout_s
        self._client: Client | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._is_gone = False

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def tools(self) -> list[Tool]:
        """All tools that the server lists for this caller."""
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await self._connected.list_tools(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        return found

    async def call(
        self, tool: str, arguments: dict[str, Any], *, timeout_s: float | None = None
    ) -> Answer:
        """Call a tool; errors, timeouts and a connection that broke are answers too."""
        began = time.monotonic()
        limit = timeout_s or self.timeout_s
        try:
            # The second limit is for a transport that hangs before the request is on its way.
            async with asyncio.timeout(limit + 5):
                result = await self._connected.call_tool(
                    tool, arguments, read_timeout_seconds=limit
                )
        except MCPError as error:
            kind = _KINDS.get(error.code, "error")
            self._is_gone = self._is_gone or kind == "gone"
            return Answer(kind, str(error), seconds=time.monotonic() - began)
        except TimeoutError:
            return Answer("timeout", "", seconds=time.monotonic() - began)
        except Exception as error:  # noqa: BLE001  # whatever the transport throws is an answer
            self._is_gone = True
            return Answer("gone", _words(error), seconds=time.monotonic() - began)
        return _answer(result, time.monotonic() - began)

    async def mend(self) -> None:
        """Connect again if the connection broke.

        Raises:
            Unavailable: The server does not take connections any more.
        """
        if self._is_gone:
            await self._close()
            await self._open()

    @property
    def _connected(self) -> Client:
        assert self._client is not None
        return self._client

    async def _open(self) -> None:
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        # In a task of its own: the SDK's contexts end in the order of their task, and one of the
        # two callers may have to connect again while the other stays.
        self._keeper = asyncio.create_task(self._keep(ready, self._stop))
        try:
            async with asyncio.timeout(_OPENING_S):
                self._client = await ready
        except Exception as error:
            await self._close()
            raise Unavailable(
                f"The MCP server does not answer ({self.identity.where}).",
                hint="Check its address, and that this caller may connect.",
                detail=_words(error),
            ) from error
        self._is_gone = False

    async def _keep(self, ready: "asyncio.Future[Client]", stop: asyncio.Event) -> None:
        try:
            async with self.identity.connect() as client:
                ready.set_result(client)
                await stop.wait()
        except Exception as error:  # noqa: BLE001  # a broken connection may break again at its end
            if not ready.done():
                ready.set_exception(error)
        finally:
            ready.cancel()

    async def _close(self) -> None:
        self._client = None
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            self._stop.set()
            _, pending = await asyncio.wait([keeper], timeout=_CLOSING_S)
            if pending:
                keeper.cancel()
                await asyncio.wait([keeper])


def _answer(result: CallToolResult, seconds: float) -> Answer:
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    structured = result.structured_content
    others = [
        block.model_dump_json() for block in result.content if not isinstance(block, TextContent)
    ]
    # Hosts show the model one half or the other: both are searched.
    whole = [*texts, *others]
    if structured is not None:
        whole.append(json.dumps(structured, ensure_ascii=False, default=str))
    return Answer(
        "error" if result.is_error else "answer",
        "\n".join(whole),
        facts_of(structured, texts),
        seconds,
    )


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return "; ".join(_words(each) for each in group.exceptions)
    return f"{type(error).__name__}: {error}"
