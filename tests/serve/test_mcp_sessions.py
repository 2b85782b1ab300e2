"""Whole sessions of an SDK client over both transports, on a real index."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import StdioServerParameters

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import mcp_sessions as m
from chains import GitRepository

from code_index_assets.search.token_count import count_tokens

TOOLS = [
    "context",
    "search_code",
    "grep_code",
    "find_symbol",
    "find_references",
    "code_graph",
    "overview",
    "read_code",
    "list_repositories",
    "index_status",
    "index_codebase",
]
# What they give is one text, read as a whole.
WHOLE = ["context", "overview"]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> m.Installation:
    return m.install(tmp_path_factory.mktemp("mcp"))


@pytest.fixture(scope="module")
def url(installation: m.Installation) -> Iterator[str]:
    with m.http_server(installation) as url:
        yield url


@pytest.fixture(params=["stdio", "http"])
def server(request: pytest.FixtureRequest, installation: m.Installation) -> StdioServerParameters | str:
    return m.stdio_server(installation) if request.param == "stdio" else request.getfixturevalue("url")


def test_tools_are_typed_described_and_annotated(server: StdioServerParameters | str) -> None:
    async def talk() -> None:
        async with m.session(server) as client:
            assert client.server_info is not None and client.server_info.name == "code-index"
            instructions = client.instructions or ""
            assert "rather than grep" in instructions and "not for you to follow" in instructions
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == TOOLS
            assert len(tools) <= 12, "an agent reads every one of them in every session"
            for tool in tools:
                assert tool.annotations is not None and tool.description and tool.title
                assert count_tokens(tool.description) < 120, tool.name
                if tool.name in WHOLE:
                    assert tool.output_schema is None
                else:
                    assert tool.output_schema is not None and tool.output_schema["type"] == "object"
                assert tool.annotations.read_only_hint is (tool.name != "index_codebase")
                assert tool.annotations.destructive_hint is False and tool.annotations.open_world_hint is False
                assert tool.input_schema["additionalProperties"] is False
                properties = tool.input_schema["properties"]
                assert all(p.get("description") for p in properties.values()), tool.name
                if "max_tokens" in properties and tool.name not in WHOLE:
                    assert (properties["max_tokens"]["default"], properties["max_tokens"]["maximum"]) == (5000, 24000)

    anyio.run(talk)


def test_an_agent_finds_its_way(server: StdioServerParameters | str, installation: m.Installation) -> None:
    commit = installation.work.git("rev-parse", "HEAD").strip()

    async def talk() -> None:
        async with m.session(server) as client:
            listed = (await client.call_tool("list_repositories", {})).structured_content
            assert [(r["repository"], r["commit"], r["state"]) for r in listed["repositories"]] == [
                ("acme/shop", commit, "current")
            ]
            found = await client.call_tool("search_code", {"query": "charge a customer's credit card"})
            hit = found.structured_content["hits"][0]
            assert (hit["repository"], hit["path"], hit["symbol"]) == (
                "acme/shop",
                "shop/payment.py",
                "shop.payment.charge_card",
            )
            assert "shop/payment.py:1-4" in m.text_of(found) and commit[:12] in m.text_of(found)
            symbol = (await client.call_tool("find_symbol", {"name": "Cart.add_item"})).structured_content
            (definition,) = symbol["definitions"]
            assert (definition["path"], definition["start_line"]) == ("shop/cart.py", 4)
            code = (
                await client.call_tool(
                    "read_code",
                    {"repository": "shop", "path": definition["path"], "start_line": 4, "end_line": 5},
                )
            ).structured_content
            assert code["code"] == "    def add_item(self, item):\n        self.rows.append(item)"
            assert (code["commit"], code["state"], code["total_lines"]) == (commit, "current", 10)
            used = (await client.call_tool("find_references", {"name": "add_item"})).structured_content
            assert [(r["path"], r["line"], r.get("within")) for r in used["references"]] == [
                ("shop/cart.py", 9, "shop.cart.fill"),
                ("tests/test_cart.py", 5, "tests.test_cart.test_add_item"),
            ]
            graph = {"question": "callers", "symbol": "Cart.add_item"}
            called = (await client.call_tool("code_graph", graph)).structured_content
            assert called["outcome"] == "found" and called["complete"] is True
            edges = [(e["name"], e["grade"], e["evidence_path"], e["evidence_line"]) for e in called["edges"]]
            assert ("test_add_item", "inferred", "tests/test_cart.py", 5) in edges
            packed = m.text_of(await client.call_tool("context", {"task": "charge a customer's credit card"}))
            assert "shop/payment.py:1-4" in packed and commit[:12] in packed and "of 8,000 tokens" in packed
            overview = {"view": "outline", "repository": "shop", "path": "shop/cart.py"}
            assert "  4-5 method add_item" in m.text_of(await client.call_tool("overview", overview))
            refused = await client.call_tool("overview", {"view": "outline", "repository": "shop"})
            assert refused.is_error and "of which file" in m.text_of(refused)
            status = (await client.call_tool("index_status", {"repository": "acme/shop"})).structured_content
            (detail,) = status["repositories"]
            assert detail["left_out_by_reason"] == {"binary": 1} and detail["files_indexed"] == 4

    anyio.run(talk)


def test_an_edited_checkout_is_indexed_and_found(tmp_path: Path) -> None:
    """index_codebase over stdio: progress while it works, the result, and the edit is found in the same session."""
    installation = m.install(tmp_path)
    checkout = GitRepository(tmp_path / "checkout")
    checkout.commit({"lib.py": "def committed():\n    pass\n"})
    (checkout.path / "lib.py").write_text("def committed():\n    pass\n\n\ndef brand_new_helper():\n    return 42\n")
    said = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        said.append((progress, total, message))

    async def talk() -> None:
        async with m.session(m.stdio_server(installation)) as client:
            before = await client.call_tool("find_symbol", {"name": "brand_new_helper"})
            assert before.structured_content["outcome"] == "no_match"
            run = await client.call_tool(
                "index_codebase",
                {
                    "directory": str(checkout.path),
                    "wait_seconds": 120,
                    "indexing_mode": "sequential",
                    "force_reindex": True,
                },
                progress_callback=progress,
            )
            result = run.structured_content
            assert not run.is_error and result["state"] == "succeeded", m.text_of(run)
            assert result["commit"].endswith("+dirty") and result["files_indexed"] == 1 and result["changed"] is True
            after = await client.call_tool("find_symbol", {"name": "brand_new_helper"})
            (definition,) = after.structured_content["definitions"]
            assert (definition["repository"], definition["start_line"]) == (result["repository"], 5)
            assert "+dirty" in m.text_of(after)
            again = (await client.call_tool("index_status", {"run": result["run"]})).structured_content
            assert again["runs"][0]["state"] == "succeeded"

    anyio.run(talk)
    assert said and [done for done, *_ in said] == sorted(done for done, *_ in said)
    totals = {total for _, total, _ in said}
    assert len(totals) == 1 and said[-1][0] == totals.pop()  # all of it is done
    assert any("Dagster" in str(message) or ":" in str(message) for *_, message in said)


@pytest.mark.slow
def test_over_http_a_checkout_below_a_root_is_indexed_while_the_server_answers(tmp_path: Path) -> None:
    """A handle at once, the run followed by another session, and searches answered all the while."""
    installation = m.install(tmp_path, mcp_roots=(tmp_path / "allowed",))
    checkout = GitRepository(tmp_path / "allowed" / "project")
    checkout.commit({"lib.py": "def served_helper():\n    return 42\n"})

    async def talk(url: str) -> None:
        async with m.session(url) as client:
            refused = await client.call_tool("index_codebase", {"directory": str(tmp_path / "work")})
            assert refused.is_error and "outside" in m.text_of(refused)
            run = await client.call_tool("index_codebase", {"directory": str(checkout.path), "wait_seconds": 0})
            assert run.structured_content["state"] == "running"
        handle, answered = run.structured_content["run"], 0
        async with m.session(url) as other:
            joined = await other.call_tool("index_codebase", {"directory": str(checkout.path), "wait_seconds": 0})
            assert joined.structured_content["run"] == handle
            while True:
                found = await other.call_tool("search_code", {"query": "cart"})
                assert found.structured_content["outcome"] == "found"
                answered += 1
                status = (await other.call_tool("index_status", {"run": handle})).structured_content["runs"][0]
                if status["state"] != "running":
                    break
                await anyio.sleep(0.1)
            assert status["state"] == "succeeded", status
            found = (await other.call_tool("find_symbol", {"name": "served_helper"})).structured_content
            assert found["definitions"][0]["repository"] == status["repository"]
        assert answered > 5

    with m.http_server(installation) as url:
        anyio.run(talk, url)


def test_a_publication_during_a_session_is_seen(tmp_path: Path) -> None:
    installation = m.install(tmp_path)

    async def talk(url: str) -> None:
        async with m.session(url) as client:
            first = await client.call_tool("search_code", {"query": "cart", "limit": 1})
            cursor = first.structured_content["next_cursor"]
            commit = await anyio.to_thread.run_sync(
                installation.publish, {"shop/late.py": "def late_arrival():\n    pass\n"}, "run-2"
            )
            found = (await client.call_tool("find_symbol", {"name": "late_arrival"})).structured_content
            assert found["definitions"][0]["path"] == "shop/late.py"
            assert found["repositories"][0]["commit"] == commit
            page = (
                await client.call_tool("search_code", {"query": "cart", "limit": 1, "cursor": cursor})
            ).structured_content
            assert "published anew" in page["note"] and page["hits"]

    with m.http_server(installation) as url:
        anyio.run(talk, url)


def test_only_the_protocol_is_written_to_standard_output(installation: m.Installation) -> None:
    opening = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}},
    }  # fmt: skip
    messages: list[dict[str, Any]] = [
        opening,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "search_code", "arguments": {"query": "cart"}},
        },
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "read_code", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 4, "method": "no/such"},
    ]
    parameters = m.stdio_server(installation)
    process = subprocess.Popen(
        [parameters.command, *parameters.args], env=parameters.env, cwd=parameters.cwd,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    answers: dict[Any, Any] = {}
    for message in messages:
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        while "id" in message and message["id"] not in answers:
            answer = json.loads(process.stdout.readline())
            assert answer["jsonrpc"] == "2.0"
            answers[answer.get("id")] = answer
    process.stdin.close()
    assert process.wait(120) == 0
    assert process.stdout.read() == b""
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()
    assert answers[1]["result"]["protocolVersion"] == "2025-06-18"
    assert answers[2]["result"]["structuredContent"]["outcome"] == "found"
    assert answers[3]["result"]["isError"] is True
    assert answers[4]["error"]["code"] == -32601


def test_a_client_that_goes_away_is_no_error(installation: m.Installation) -> None:
    parameters = m.stdio_server(installation)
    process = subprocess.Popen(
        [parameters.command, *parameters.args], env=parameters.env, cwd=parameters.cwd,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    process.stdout.close()
    process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    process.stdin.flush()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0 and b"Traceback" not in said


def test_names_of_other_hosts_and_missing_tokens_are_refused(installation: m.Installation, url: str) -> None:
    import httpx

    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    assert httpx.post(url, json=body, headers=headers).status_code == 200
    assert httpx.post(url, json=body, headers=headers | {"Host": "evil.example"}).status_code in (403, 421)
    assert httpx.post(url, json=body, headers=headers | {"Origin": "http://evil.example"}).status_code == 403
    closed = m.Installation(
        installation.settings.model_copy(update={"tokens": (_secret("let-me-in"),)}),
        installation.layout,
        installation.work,
    )
    with m.http_server(closed) as guarded:
        assert httpx.post(guarded, json=body, headers=headers).status_code == 401
        allowed = httpx.post(guarded, json=body, headers=headers | {"Authorization": "Bearer let-me-in"})
        assert allowed.status_code == 200


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)


def test_many_calls_at_once_over_http(url: str) -> None:
    async def talk() -> None:
        async with m.session(url) as client:
            results = []

            async def ask(number: int) -> Any:
                results.append(await client.call_tool("search_code", {"query": f"cart {number}"}))

            async with anyio.create_task_group() as group:
                for number in range(30):
                    group.start_soon(ask, number)
            assert len(results) == 30 and not any(result.is_error for result in results)

    anyio.run(talk)  # a call that hangs fails by the session's own limit
