"""Fixtures that say or ask the client something in the middle of a call, in the way of protocols
before 2026-07-28; for the later way see `rounds.py`."""

import asyncio
from typing import Any

from mcp import MCPError
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts import Prompt
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY, SamplingMessage, TextContent
from pydantic import BaseModel, Field

Host = MCPServer[None]
Ctx = Context[None, Any]


def add_notifications(mcp: Host) -> None:
    """Tools that tell the client something before they answer."""

    @mcp.tool()
    async def test_tool_with_logging(ctx: Ctx) -> str:
        """Logs to the client."""
        for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(text)  # pyright: ignore[reportDeprecated]
            await asyncio.sleep(0.05)
        return "Tool with logging executed successfully"

    @mcp.tool()
    async def test_logging_tool(ctx: Ctx) -> str:
        """Logs to a client that has not asked for it, and so must not get it (SEP-2575)."""
        await ctx.info("Not for you")  # pyright: ignore[reportDeprecated]
        return "Logged."

    @mcp.tool()
    async def test_tool_with_progress(ctx: Ctx) -> str:
        """Reports its progress."""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100, f"Completed step {done} of 100")
            await asyncio.sleep(0.05)
        return "Done."

    @mcp.tool()
    async def test_reconnection(ctx: Ctx) -> str:
        """Closes the client's stream and goes on (SEP-1699)."""
        await ctx.info("Before disconnect")  # pyright: ignore[reportDeprecated]
        await ctx.close_sse_stream()
        await asyncio.sleep(0.2)
        await ctx.info("After reconnect")  # pyright: ignore[reportDeprecated]
        return "Reconnection test completed"


def add_changes(mcp: Host) -> None:
    """Tools that change what there is."""

    @mcp.tool()
    async def test_trigger_tool_change(ctx: Ctx) -> str:
        """Adds a tool, removes it, and says so to who listens (SEP-2575)."""

        def test_dynamic_tool() -> str:
            """Is there for a moment."""
            return "dynamic"

        mcp.add_tool(test_dynamic_tool)
        mcp.remove_tool("test_dynamic_tool")
        await ctx.notify_tools_changed()
        return "tool list changed"

    @mcp.tool()
    async def test_trigger_prompt_change(ctx: Ctx) -> str:
        """Adds a prompt, removes it, and says so to who listens (SEP-2575)."""

        def test_dynamic_prompt() -> str:
            """Is there for a moment."""
            return "dynamic"

        mcp.add_prompt(Prompt.from_function(test_dynamic_prompt))
        mcp.remove_prompt("test_dynamic_prompt")
        await ctx.notify_prompts_changed()
        return "prompt list changed"


class UserResponse(BaseModel):
    response: str = Field(description="User's response")


class Defaults(BaseModel):
    """A default for each primitive type (SEP-1034)."""

    name: str = Field(default="John Doe", description="User name")
    age: int = Field(default=30, description="User age")
    score: float = Field(default=95.5, description="User score")
    status: str = Field(
        default="active",
        description="User status",
        json_schema_extra={"enum": ["active", "inactive", "pending"]},
    )
    verified: bool = Field(default=True, description="Verification status")


def titled(**titles: str) -> list[Any]:
    return [{"const": value, "title": title} for value, title in titles.items()]


class Enums(BaseModel):
    """Each way to say an enumeration (SEP-1330)."""

    untitledSingle: str = Field(  # noqa: N815  # the suite's name, as the others
        json_schema_extra={"enum": ["active", "inactive", "pending"]}
    )
    titledSingle: str = Field(  # noqa: N815
        json_schema_extra={"oneOf": titled(low="Low", medium="Medium", high="High")}
    )
    untitledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"type": "string", "enum": ["read", "write", "execute"]}}
    )
    titledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"anyOf": titled(feature="Feature", bug="Bug", docs="Docs")}}
    )
    legacyEnum: str = Field(  # noqa: N815
        json_schema_extra={"enum": ["small", "large"], "enumNames": ["Small Size", "Large Size"]}
    )


def add_requests(mcp: Host) -> None:
    """Tools that ask the client something in the middle of a call, as before 2026-07-28."""

    async def ask(ctx: Ctx, message: str, schema: type[BaseModel]) -> str:
        answer = await ctx.elicit(message=message, schema=schema)
        content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
        return f"action={answer.action}, content={content}"

    @mcp.tool()
    async def test_sampling(prompt: str, ctx: Ctx) -> str:
        """Asks the client's model."""
        question = TextContent(type="text", text=prompt)
        result = await ctx.session.create_message(  # pyright: ignore[reportDeprecated]
            messages=[SamplingMessage(role="user", content=question)],
            max_tokens=100,
            # On the stream of this call: the other may not be open yet.
            related_request_id=ctx.request_id,
        )
        assert result.content.type == "text"
        return f"LLM response: {result.content.text}"

    @mcp.tool()
    async def test_elicitation(message: str, ctx: Ctx) -> str:
        """Asks the user."""
        return f"User response: {await ask(ctx, message, UserResponse)}"

    @mcp.tool()
    async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
        """Asks the user, with defaults."""
        return await ask(ctx, "Please provide user information", Defaults)

    @mcp.tool()
    async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
        """Asks the user to choose."""
        return await ask(ctx, "Please select values", Enums)

    @mcp.tool()
    async def test_missing_capability(ctx: Ctx) -> str:
        """Needs a capability of the client."""
        there = ctx.session.client_capabilities
        if there is None or there.sampling is None:
            raise MCPError(
                code=MISSING_REQUIRED_CLIENT_CAPABILITY,
                message="This tool requires the client 'sampling' capability",
                data={"requiredCapabilities": {"sampling": {}}},
            )
        return "Client declared sampling capability; proceeding."


ALL = (add_notifications, add_changes, add_requests)
