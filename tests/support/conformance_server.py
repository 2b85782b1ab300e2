"""A server with the tools, resources and prompts that the official conformance suite asks for by name, on our server class,
our mounting and our HTTP layer: what the suite can say of those. Arguments: data folder, port."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from mcp.server.mcpserver import AssistantMessage, Audio, Context, Image, UserMessage
from mcp_types import Completion, EmbeddedResource, ImageContent, TextContent, TextResourceContents
from starlette.middleware.gzip import GZipMiddleware

from code_index_assets.serve.http.access import Access
from code_index_assets.serve.http.middleware import Gatekeeper
from code_index_assets.serve.mcp.app import mount_server
from code_index_assets.serve.mcp.server import CodeIndexServer
from code_index_assets.serve.metrics import Metrics
from code_index_assets.settings import Settings

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
WAV = b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00D\xac\x00\x00\x88X\x01\x00\x02\x00\x10\x00data\x00\x00\x00\x00"


def text_resource(uri: str, text: str, kind: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=kind, text=text))


def image() -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")


def add_tools(server: CodeIndexServer) -> None:
    @server.tool(structured_output=False, description="As the suite asks for it.")
    def test_simple_text() -> str:
        return "This is a simple text response for testing."

    @server.tool(structured_output=False, description="As the suite asks for it.")
    def test_image_content() -> Image:
        return Image(data=PNG, format="png")

    @server.tool(structured_output=False, description="As the suite asks for it.")
    def test_audio_content() -> Audio:
        return Audio(data=WAV, format="wav")

    @server.tool(structured_output=False, description="As the suite asks for it.")
    def test_embedded_resource() -> EmbeddedResource:
        return text_resource("test://embedded-resource", "This is an embedded resource content.")

    @server.tool(structured_output=False, description="As the suite asks for it.")
    def test_multiple_content_types() -> list[Any]:
        mixed = text_resource("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
        return [TextContent(type="text", text="Multiple content types test:"), image(), mixed]

    @server.tool(structured_output=False, description="As the suite asks for it.")
    def test_error_handling() -> str:
        raise RuntimeError("This tool intentionally returns an error for testing")

    @server.tool(structured_output=False, description="As the suite asks for it.")
    async def test_tool_with_progress(ctx: Context) -> str:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
            await asyncio.sleep(0.05)
        return "done"

    @server.tool(structured_output=False, description="As the suite asks for it.")
    async def test_tool_with_logging(ctx: Context) -> str:
        for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.log("info", line)
            await asyncio.sleep(0.05)
        return "done"

    @server.tool(
        name="json_schema_2020_12_tool", description="Tool with JSON Schema 2020-12 features", structured_output=False
    )
    def with_schema(name: str = "", address: dict[str, Any] | None = None) -> str:
        return name

    address = {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}
    tool = server._tool_manager.get_tool("json_schema_2020_12_tool")
    assert tool is not None
    tool.parameters = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": address},
        "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
        "additionalProperties": False,
    }


def add_resources(server: CodeIndexServer) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return PNG

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def add_prompts(server: CodeIndexServer) -> None:
    @server.prompt(description="As the suite asks for it.")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="As the suite asks for it.")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="As the suite asks for it.")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage | AssistantMessage]:
        embedded = text_resource(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(embedded), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="As the suite asks for it.")
    def test_prompt_with_image() -> list[UserMessage | AssistantMessage]:
        return [UserMessage(image()), UserMessage("Please analyze the image above.")]

    @server.completion()  # type: ignore[no-untyped-call,untyped-decorator]  # the SDK does not type this one
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        return Completion(values=["paris", "park", "party"], total=150, has_more=False)


def main() -> None:
    settings = Settings.model_validate({"data": Path(sys.argv[1])})
    server = CodeIndexServer("conformance", version="1", log_level="ERROR")
    for add in (add_tools, add_resources, add_prompts):
        add(server)
    app = FastAPI()
    mount_server(app, server, settings)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Gatekeeper, access=Access(settings), metrics=Metrics(), hosts=("127.0.0.1", "localhost"))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")


if __name__ == "__main__":
    main()
