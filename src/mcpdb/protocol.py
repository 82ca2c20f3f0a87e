"""The MCP edge: a call becomes a `Request`, and a `Result` or an error what the protocol carries.
What leans on how the SDK is built is here too, so that a new SDK is a change of this file."""

import difflib
import logging
import secrets
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool as SdkTool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import PrivateAttr
from typing_extensions import override

from mcpdb.database import Database
from mcpdb.errors import ConfigurationError, McpdbError, Refused, ResultError, UnknownTool
from mcpdb.query.base import AnyTool
from mcpdb.request import ANONYMOUS, Principal, Request
from mcpdb.result import Result

_log = logging.getLogger("mcpdb")

_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


class OwnMcpServer(MCPServer[None]):
    """The SDK's server, which answers a call of an unknown tool in our words."""

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError:
            known = [tool.name for tool in await self.list_tools()]
            if name in known:
                raise
            error = _unknown(name, known)
            _log.info("%r: %s", name, error.code)
            return _failure(error)


@contextmanager
def logging_left_alone() -> Generator[None]:
    """Keep the SDK's constructor from setting up the logging of the whole application.

    It calls `logging.basicConfig`, which does nothing where the root logger has a handler. So
    meanwhile it has one: the one that Python uses anyway as long as there is none.
    """
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    stand_in = logging.lastResort or logging.NullHandler()
    root.addHandler(stand_in)
    try:
        yield
    finally:
        root.removeHandler(stand_in)


def registry(mcp: MCPServer[Any]) -> dict[str, SdkTool]:
    """The SDK's tools by name, to be added to.

    Its public `add_tool` takes a function and checks the arguments itself, in words that repeat
    the caller's values, and publishes a schema of its own; a finished tool can be given to the
    constructor only.

    Raises:
        ConfigurationError: They are kept elsewhere.
    """
    try:
        found: object = mcp._tool_manager._tools  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    except AttributeError:
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(
            "This version of the MCP SDK keeps its tools elsewhere.", hint="Use mcp >= 2.3, < 3."
        )
    return found


class DatabaseTool(SdkTool):
    """A tool in the SDK's registry whose calls go to the database."""

    _tool: AnyTool = PrivateAttr()
    _database: Database = PrivateAttr()

    @classmethod
    def of(cls, tool: AnyTool, database: Database) -> "DatabaseTool":
        """This tool, called on this database."""
        made = cls(
            fn=_unused,
            name=tool.name,
            title=tool.title,
            description=tool.description,
            parameters=tool.input_schema,
            # A schema without a model: it is published, and the result is not validated again.
            fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=tool.output_schema),
            is_async=True,
            context_kwarg=None,
            annotations=_READS,
        )
        made._tool = tool
        made._database = database
        return made

    @override
    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,
    ) -> CallToolResult:
        try:
            request = _request(self._tool.name, arguments, context)
            return _answer(await self._database.call(self._tool, request))
        except McpdbError as error:
            # What the driver says may repeat what the caller sent: %r keeps it in its line.
            level = _level(error)
            _log.log(level, "%s: %s: %s %r", self.name, error.code, error.message, error.detail)
            return _failure(error)
        except Exception:  # noqa: BLE001  # the edge: whatever else it is, it is a bug
            incident = secrets.token_hex(4)
            _log.exception("incident %s in the tool %s", incident, self._tool.name)
            return _error(f"The server failed (incident {incident}); its log says more.")


def _unused() -> None:  # pragma: no cover
    """Stands where the SDK wants a function; `DatabaseTool.run` never calls it."""


def _level(error: McpdbError) -> int:
    """A caller's mistake is news, the weather is a warning, and an author's mistake an error."""
    if isinstance(error, ConfigurationError | ResultError):
        return logging.ERROR
    return logging.INFO if isinstance(error, Refused) else logging.WARNING


def _request(tool: str, arguments: dict[str, Any], context: Context[Any, Any]) -> Request:
    try:
        http = context.request_context.request
    except ValueError:  # called within the process, by `MCPServer.call_tool`
        http = None
    if http is None:
        return Request(tool=tool, arguments=arguments)
    headers: dict[str, str] = {}
    for name, value in http.headers.items():
        # Repeated ones are one list, as RFC 9110 5.3 has it. Whoever puts a second identity before
        # or behind a proxy's must not have it taken for the proxy's.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    peer = http.client.host if http.client else None
    return Request(
        tool=tool, arguments=arguments, principal=_principal(), headers=headers, peer=peer
    )


def _principal() -> Principal:
    """Whose access token the server's own verifier has accepted for this very request."""
    token = get_access_token()
    if token is None:
        return ANONYMOUS
    return Principal(
        subject=token.subject or token.client_id,
        claims=token.claims or {},
        scopes=frozenset(token.scopes),
    )


def _unknown(name: str, known: Iterable[str]) -> UnknownTool:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
    return UnknownTool("There is no tool of that name.", hint=hint)


def _answer(result: Result) -> CallToolResult:
    text = TextContent(type="text", text=result.text)
    return CallToolResult(content=[text], structured_content=result.structured)


def _failure(error: McpdbError) -> CallToolResult:
    """All facts of the error as text: some hosts show the model nothing else of an error."""
    facts = error.code
    if error.retryable:
        after = "" if error.retry_after_s is None else f" after {error.retry_after_s:g} s"
        facts = f"{facts}; the same call may succeed{after or ' later'}"
    return _error(f"{error} [{facts}]")


def _error(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
