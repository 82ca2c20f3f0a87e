"""The fixtures of 2026-07-28 that need the client in the middle of a call: each answers with what
it wants to know, and is called again with the answers (SEP-2322)."""

import json
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

Host = MCPServer[None]
Ctx = Context[None, Any]


def ask(message: str, **properties: str) -> ElicitRequest:
    """A question to the user, for values of these JSON types."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def ask_model(text: str) -> CreateMessageRequest:
    """A question to the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[message], max_tokens=100)
    )


def answer(ctx: Ctx, question: str, name: str) -> str | None:
    """What the user said, or None if the question was not answered."""
    given = (ctx.input_responses or {}).get(question)
    if isinstance(given, ElicitResult) and given.content:
        return str(given.content.get(name))
    return None


def add_single(mcp: Host) -> None:
    """One question of each kind."""

    @mcp.tool()
    async def test_input_required_result_elicitation(ctx: Ctx) -> str | InputRequiredResult:
        """Asks the user."""
        if name := answer(ctx, "user_name", "name"):
            return f"Hello, {name}!"
        question = ask("What is your name?", name="string")
        return InputRequiredResult(input_requests={"user_name": question})

    @mcp.tool()
    async def test_input_required_result_sampling(ctx: Ctx) -> str | InputRequiredResult:
        """Asks the client's model."""
        given = (ctx.input_responses or {}).get("capital_question")
        if isinstance(given, CreateMessageResult) and given.content.type == "text":
            return f"Model said: {given.content.text}"
        question = ask_model("What is the capital of France?")
        return InputRequiredResult(input_requests={"capital_question": question})

    @mcp.tool()
    async def test_input_required_result_list_roots(ctx: Ctx) -> str | InputRequiredResult:
        """Asks for the client's roots."""
        given = (ctx.input_responses or {}).get("client_roots")
        if isinstance(given, ListRootsResult):
            return f"Client exposed {len(given.roots)} root(s)."
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})

    @mcp.tool()
    async def test_streaming_elicitation(ctx: Ctx) -> str | InputRequiredResult:
        """Tells the client something, and then asks the user."""
        await ctx.report_progress(1, 2, "Asking")
        if name := answer(ctx, "user_name", "name"):
            return f"Hello, {name}!"
        question = ask("What is your name?", name="string")
        return InputRequiredResult(input_requests={"user_name": question})


def add_prompt(mcp: Host) -> None:
    """A question before a prompt."""

    @mcp.prompt()
    async def test_input_required_result_prompt(
        ctx: Ctx,
    ) -> list[UserMessage] | InputRequiredResult:
        """A prompt that asks the user."""
        if context := answer(ctx, "user_context", "context"):
            return [UserMessage(f"Use the following context: {context}")]
        question = ask("What context should the prompt use?", context="string")
        return InputRequiredResult(input_requests={"user_context": question})


def add_many(mcp: Host) -> None:
    """Several questions, or a state that comes back with the answers."""

    @mcp.tool()
    async def test_input_required_result_request_state(ctx: Ctx) -> str | InputRequiredResult:
        """Has its state come back."""
        if answer(ctx, "confirm", "ok") and ctx.request_state == "nonce":
            return "state-ok: confirmation received"
        question = ask("Please confirm", ok="boolean")
        return InputRequiredResult(input_requests={"confirm": question}, request_state="nonce")

    @mcp.tool()
    async def test_input_required_result_tampered_state(ctx: Ctx) -> str | InputRequiredResult:
        """Is not called with a state that was changed on the way."""
        if ctx.request_state is not None:
            return f"state-ok: {ctx.request_state}"
        question = ask("Please confirm", ok="boolean")
        return InputRequiredResult(input_requests={"confirm": question}, request_state="round-1")

    @mcp.tool()
    async def test_input_required_result_multiple_inputs(ctx: Ctx) -> str | InputRequiredResult:
        """Asks three things at once."""
        questions: dict[str, InputRequest] = {
            "user_name": ask("What is your name?", name="string"),
            "greeting": ask_model("Generate a greeting"),
            "client_roots": ListRootsRequest(),
        }
        if questions.keys() <= (ctx.input_responses or {}).keys():
            return "All inputs received."
        return InputRequiredResult(input_requests=questions, request_state="multiple-inputs")

    @mcp.tool()
    async def test_input_required_result_capabilities(ctx: Ctx) -> InputRequiredResult:
        """Asks only what the client says that it can answer."""
        there = ctx.client_capabilities
        questions: dict[str, InputRequest] = {}
        if there is None or there.sampling is not None:
            questions["sample"] = ask_model("Say hello")
        if there is None or there.elicitation is not None:
            questions["ask"] = ask("What is your name?", name="string")
        return InputRequiredResult(input_requests=questions, request_state="capability-gated")


def add_rounds(mcp: Host) -> None:
    """More rounds than one."""

    @mcp.tool()
    async def test_input_required_result_multi_round(ctx: Ctx) -> str | InputRequiredResult:
        """Asks again, after the first answer."""
        state: dict[str, Any] = json.loads(ctx.request_state or "{}")
        name, color = answer(ctx, "step1", "name"), answer(ctx, "step2", "color")
        if "name" in state and color:
            return f"{state['name']} likes {color}."
        questions: dict[str, InputRequest]
        if state and name:
            questions = {"step2": ask("Step 2: What is your favorite color?", color="string")}
            state = {"round": 2, "name": name}
        else:
            questions = {"step1": ask("Step 1: What is your name?", name="string")}
            state = {"round": 1}
        return InputRequiredResult(input_requests=questions, request_state=json.dumps(state))


ALL = (add_single, add_prompt, add_many, add_rounds)
