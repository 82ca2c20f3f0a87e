"""What the conformance suite asks for by name: tools of every kind of content, resources, prompts
and a completion, put on the `MCPServer` that they are given. None of it touches the database."""

import base64
import json
from typing import Annotated, Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    AudioContent,
    Completion,
    CompletionArgument,
    CompletionContext,
    EmbeddedResource,
    ImageContent,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from mcpdb.protocol import registry

Host = MCPServer[None]

PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dw"
    "HwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
WAV: Final = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="


def image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=contents)


def add_content(mcp: Host) -> None:
    """Tools of each kind of content, one that fails, and one with the whole of JSON Schema."""

    @mcp.tool()
    def test_simple_text() -> str:
        """Answers with text."""
        return "This is a simple text response for testing."

    @mcp.tool()
    def test_image_content() -> list[ImageContent]:
        """Answers with an image."""
        return [image()]

    @mcp.tool()
    def test_audio_content() -> list[AudioContent]:
        """Answers with a sound."""
        return [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]

    @mcp.tool()
    def test_embedded_resource() -> list[EmbeddedResource]:
        """Answers with a resource."""
        return [embedded("test://embedded-resource", "This is an embedded resource content.")]

    @mcp.tool()
    def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
        """Answers with a text, an image and a resource."""
        data = '{"test": "data", "value": 123}'
        return [
            TextContent(type="text", text="Multiple content types test:"),
            image(),
            embedded("test://mixed-content-resource", data, "application/json"),
        ]

    @mcp.tool()
    def test_error_handling() -> str:
        """Fails."""
        raise ToolError("This tool intentionally returns an error for testing")

    @mcp.tool()
    def test_x_mcp_header(
        region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "<none>",
    ) -> str:
        """Takes an argument that the client repeats in a header (SEP-2243)."""
        return f"region={region}"

    @mcp.tool()
    def json_schema_2020_12_tool() -> str:
        """Publishes an input schema with the keywords of JSON Schema 2020-12 (SEP-1613)."""
        return "json_schema_2020_12_tool"

    # The SDK makes schemas of signatures only, in which these keywords cannot be said.
    registry(mcp)["json_schema_2020_12_tool"].parameters = JSON_SCHEMA_2020_12


JSON_SCHEMA_2020_12: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def add_resources(mcp: Host) -> None:
    """Resources and a template."""

    @mcp.resource("test://static-text")
    def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    @mcp.resource("test://static-binary")
    def static_binary() -> bytes:
        """An image."""
        return base64.b64decode(PNG)

    @mcp.resource("test://template/{id}/data")
    def template(id: str) -> str:  # noqa: A002  # the suite's name
        """One of many."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @mcp.resource("test://watched-resource")
    def watched() -> str:
        """A text that one may subscribe to."""
        return "Watched resource content"


def add_prompts(mcp: Host) -> None:
    """Prompts of each kind of content, and their completion."""

    @mcp.prompt()
    def test_simple_prompt() -> str:
        """A text."""
        return "This is a simple prompt for testing."

    @mcp.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """A text with arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @mcp.prompt()
    def test_prompt_with_embedded_resource(
        resourceUri: str,  # noqa: N803  # the suite's name
    ) -> list[UserMessage]:
        """A resource."""
        resource = embedded(resourceUri, "Embedded resource content for testing.")
        text = TextContent(type="text", text="Please process the embedded resource above.")
        return [UserMessage(resource), UserMessage(text)]

    @mcp.prompt()
    def test_prompt_with_image() -> list[UserMessage]:
        """An image."""
        text = TextContent(type="text", text="Please analyze the image above.")
        return [UserMessage(image()), UserMessage(text)]

    @mcp.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK's is untyped
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        asked = (ref.type, argument.name, context is not None)
        values = ["paris", "park", "party"] if asked[:2] == ("ref/prompt", "arg1") else []
        found = [value for value in values if value.startswith(argument.value)]
        return Completion(values=found, total=len(found), has_more=False)


ALL = (add_content, add_resources, add_prompts)
