"""`code-index grep`, certificates and doubt at the front doors: command line, HTTP, page, MCP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
from starlette.testclient import TestClient

from code_index_assets.search.service import open_engine
from code_index_assets.serve.http.app import create_app
from code_index_assets.serve.mcp.server import build_server
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

from .conftest import Command


def test_grep_finds_lines_and_proves_that_there_are_none(run: Command, indexed: Path) -> None:
    code, out, _ = run("grep", "def [a-z_]+\\(", "--json")
    answer = json.loads(out)
    assert code == 0 and answer["complete"] and answer["total"] == len(answer["matches"]) > 0
    first = answer["matches"][0]
    assert set(first) >= {"repository", "ref", "commit", "path", "line", "column", "text"}
    code, out, _ = run("grep", "def [a-z_]+\\(")
    assert code == 0 and f"{first['line']}:" in out and first["path"] in out
    code, out, _ = run("grep", "def", "--count", "--json")
    assert code == 0 and json.loads(out)["matches"] == [] and json.loads(out)["total"] > 0
    code, out, _ = run("grep", "-F", "no such (text", "--json")
    absence = json.loads(out)["absence"]
    assert code == (1 if absence["certified"] else 5) and absence["files_covered"] > 0
    assert run("grep", "a)(b")[0] == 2
    assert run("grep", "def", "--repo", "nowhere")[0] == 1


def test_the_doors_answer_alike(run: Command, indexed: Path) -> None:
    settings = Settings.model_validate({"data": indexed, "model": "test"})
    layout = Layout(indexed)
    client = TestClient(create_app(settings, layout))
    cli = json.loads(run("grep", "charge", "-w", "--json")[1])
    http = client.get("/v1/grep", params={"pattern": "charge", "word": True}).json()
    assert http["matches"] == cli["matches"] and http["total"] == cli["total"]
    assert client.get("/v1/grep", params={"pattern": "["}).status_code == 400

    server = build_server(settings, layout, open_engine(settings, layout), "stdio")

    def tool(name: str, **arguments: Any) -> Any:
        return anyio.run(lambda: server.call_tool(name, arguments))

    told = tool("grep_code", pattern="charge", word=True)
    assert told.structured_content["total"] == cli["total"]
    assert [(m["path"], m["line"]) for m in told.structured_content["matches"]] == [
        (m["path"], m["line"]) for m in cli["matches"]
    ]
    nothing = tool("grep_code", pattern="no such text", literal=True)
    assert "certified" in nothing.content[0].text and nothing.structured_content["absence"].count("\n") == 0
    assert len(server._tool_manager.list_tools()) <= 12
    searched = tool("search_code", query="charge the card")
    assert "confidence" in searched.content[0].text and 0 <= searched.structured_content["confidence"] <= 1
    page = client.get("/", params={"q": '"no such text at all"'}).text
    assert "certified" in page


def test_doubt_at_the_command_line(run: Command, indexed: Path) -> None:
    answer = json.loads(run("search", "charge the card", "--explain", "--json")[1])
    assert answer["confidence_word"] in ("strong", "weak", "probably not here") and answer["signals"]["words"] > 0
    assert all(0 <= hit["match"] <= 1 and hit["signals"] for hit in answer["hits"])
    assert "signals" not in json.loads(run("search", "charge the card", "--json")[1])
    assert answer["confidence_word"] in run("search", "charge the card")[1]
    relaxed = json.loads(run("search", 'charge the customers card "never written"', "--json")[1])
    assert (relaxed["outcome"], relaxed["ignored"]) == ("relaxed", ['"never written"'])
    for arguments in (("search", '"never written"'), ("symbol", "never_written"), ("references", "never_written")):
        code, out, _ = run(*arguments, "--json")
        absence = json.loads(out)["absence"]
        assert code == (1 if absence["certified"] else 5)
