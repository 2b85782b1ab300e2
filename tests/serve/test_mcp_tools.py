"""Tools called by an SDK client in this process: four answers, hostile arguments, folders, budgets of real answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Literal

import anyio
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import mcp_sessions as m
from chains import GitRepository

from code_index_assets.errors import QueryError
from code_index_assets.search.engine import SearchEngine
from code_index_assets.serve.http.tokens import count_tokens, json_tokens
from code_index_assets.serve.mcp.folders import indexable_folder
from code_index_assets.serve.mcp.server import build_server
from code_index_assets.sources.registry import Registry


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> m.Installation:
    return m.install(tmp_path_factory.mktemp("tools"))


def call(
    installation: m.Installation,
    tool: str,
    engine: SearchEngine | None = None,
    transport: Literal["stdio", "http"] = "http",
    **arguments: Any,
) -> Any:
    async def talk() -> Any:
        server = build_server(installation.settings, installation.layout, engine or installation.engine(), transport)
        async with m.session(server) as client:
            return await client.call_tool(tool, arguments)

    return anyio.run(talk)


def broken(text: str) -> np.ndarray:
    raise RuntimeError("the model is gone")


# -- four answers ----------------------------------------------------------------------------------------------------


def test_no_match_is_an_answer_that_says_what_was_searched(installation: m.Installation) -> None:
    result = call(installation, "find_symbol", name="no_such_name")
    body = result.structured_content
    assert not result.is_error and body["outcome"] == "no_match" and body["searched"]["repositories"] == 1
    assert "search_code" in body["note"]
    spelled = call(installation, "find_references", name="CART").structured_content
    assert spelled["outcome"] == "no_match" and "Cart" in spelled["note"]


def test_a_checkout_is_answered_for_as_it_is(
    installation: m.Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Registry.load(installation.settings.registry_file, installation.layout).entries[0]
    checkout = tmp_path / "linked"
    GitRepository(Path(entry.path or "")).git("worktree", "add", "-q", "--detach", str(checkout))
    (checkout / "fresh.py").write_text("def weigh_parcel(parcel):\n    return parcel\n")
    asked: Any = {"transport": "stdio", "worktree": str(checkout)}
    found = call(installation, "find_symbol", name="weigh_parcel", **asked).structured_content
    assert [hit["path"] for hit in found["definitions"]] == ["fresh.py"]
    hits = call(installation, "search_code", query="weigh_parcel", **asked).structured_content
    assert hits["hits"][0]["path"] == "fresh.py" and "working tree at" in hits["note"]
    lines = call(installation, "grep_code", pattern="weigh_parcel", **asked).structured_content
    assert [line["path"] for line in lines["matches"]] == ["fresh.py"]
    read = call(installation, "read_code", repository=entry.name, path="fresh.py", **asked)
    assert "return parcel" in m.text_of(read)
    assert call(installation, "find_symbol", name="weigh_parcel").structured_content["definitions"] == []
    # Over HTTP a client names folders only below the roots that the operator set.
    refused = call(installation, "search_code", query="x", worktree=str(checkout))
    assert refused.is_error and "CODE_INDEX_MCP_ROOTS" in m.text_of(refused)
    # An agent starts its own server in the checkout it works in.
    monkeypatch.chdir(checkout)
    found = call(installation, "find_symbol", transport="stdio", name="weigh_parcel").structured_content
    assert [hit["path"] for hit in found["definitions"]] == ["fresh.py"]


def test_not_indexed_is_an_error_that_says_what_to_do(installation: m.Installation) -> None:
    result = call(installation, "search_code", query="cart", repositories=["acme/other"])
    assert result.is_error and m.text_of(result).startswith("not_indexed: acme/other")
    assert "index_codebase" in m.text_of(result)
    assert result.meta["code_index/state"] == "not_indexed"


def test_still_indexing_is_another_error(installation: m.Installation, tmp_path: Path) -> None:
    place = GitRepository(tmp_path / "slow")
    place.commit({"a.py": "x = 1\n"})
    Registry.load(installation.settings.registry_file, installation.layout).add(str(place.path), name="acme/slow")
    try:
        with installation.layout.lock("partition-acme/slow"):
            result = call(installation, "search_code", query="cart", repositories=["acme/slow"])
            status = call(installation, "index_status", repository="acme/slow").structured_content
        assert result.is_error and m.text_of(result).startswith("indexing:")
        assert result.meta["code_index/retryable"] is True
        assert status["repositories"][0]["state"] == "indexing"
        assert m.text_of(call(installation, "search_code", query="x", repositories=["acme/slow"])).startswith(
            "not_indexed"
        )
    finally:
        Registry.load(installation.settings.registry_file, installation.layout).remove("acme/slow")


def test_a_lane_that_is_down_degrades_the_answer_and_says_so(installation: m.Installation) -> None:
    engine = SearchEngine(installation.layout, installation.settings, broken)
    result = call(installation, "search_code", engine, query="cart")
    body = result.structured_content
    assert not result.is_error and body["outcome"] == "degraded" and body["hits"]
    assert body["failed_lanes"] == {"semantic": "the model is gone"}
    assert "semantic lane failed" in m.text_of(result)
    nothing = call(installation, "search_code", engine, query="zebra quagga").structured_content
    assert nothing["outcome"] == "degraded" and nothing["hits"] == []


def test_all_lanes_down_is_an_error_not_an_empty_answer(
    installation: m.Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from code_index_assets.index.reader import IndexSnapshot

    monkeypatch.setattr(IndexSnapshot, "search_lexical", lambda *a, **k: broken(""))
    monkeypatch.setattr(IndexSnapshot, "search_names", lambda *a, **k: broken(""))
    result = call(
        installation, "search_code", SearchEngine(installation.layout, installation.settings, broken), query="cart"
    )
    assert result.is_error and m.text_of(result).startswith("lanes_failed:")
    assert "says nothing about whether there is a match" in m.text_of(result)


def test_an_empty_installation_says_so(tmp_path: Path) -> None:
    from steps_alone import settings_of

    from code_index_assets.search.service import open_engine
    from code_index_assets.storage.layout import Layout

    settings = settings_of(tmp_path / "empty")
    empty = m.Installation(settings, Layout(settings.data).create(), GitRepository(tmp_path / "work"))
    engine = open_engine(settings, empty.layout)
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("search_code", {"query": "x y"}),
        ("find_symbol", {"name": "xx"}),
        ("find_references", {"name": "xx"}),
        ("read_code", {"repository": "a", "path": "b"}),
    )
    for tool, arguments in calls:
        result = call(empty, tool, engine, **arguments)
        assert result.is_error and m.text_of(result).startswith("not_indexed"), tool
    assert call(empty, "list_repositories", engine).structured_content["total"] == 0
    assert "Nothing is published" not in m.text_of(call(empty, "list_repositories", engine))


# -- hostile arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("read_code", {"repository": "acme/shop", "path": "../../etc/passwd"}),
        ("read_code", {"repository": "acme/shop", "path": "/etc/passwd"}),
        ("read_code", {"repository": "acme/shop", "path": "shop/../../x"}),
        ("read_code", {"repository": "acme/shop", "path": "shop/cart.py\0"}),
        ("read_code", {"repository": "../..", "path": "shop/cart.py"}),
        ("read_code", {"repository": "acme/shop", "path": ".git/config"}),
        ("read_code", {"repository": "acme/shop", "path": "assets/logo.png"}),
        ("read_code", {"repository": "acme/shop", "path": "shop/cart.py", "start_line": 10_000}),
        ("read_code", {"repository": "acme/shop", "path": "shop/cart.py", "start_line": 5, "end_line": 2}),
        ("read_code", {"repository": "acme/shop", "path": "shop/cart.py", "start_line": -1}),
        ("read_code", {"repository": "acme/shop", "path": "x" * 5000}),
        ("search_code", {"query": ""}),
        ("search_code", {"query": "x" * 70_000}),
        ("search_code", {"query": "cart", "limit": 10**9}),
        ("search_code", {"query": "cart", "limit": "many"}),
        ("search_code", {"query": "cart", "max_tokens": 10**9}),
        ("search_code", {"query": "cart", "max_tokens": 1}),
        ("search_code", {"query": {"$ne": None}}),
        ("search_code", {"query": "cart", "repositories": ["x"] * 1000}),
        ("search_code", {"query": "cart", "repositories": [1, 2]}),
        ("search_code", {"query": "cart", "content": "everything"}),
        ("search_code", {"query": "cart", "cursor": "nonsense"}),
        ("search_code", {"query": "cart", "repo": "acme/shop"}),
        ("find_symbol", {"name": "Cart", "cursor": "W10"}),
        ("find_references", {"name": "x"}),
        ("find_references", {"name": "Cart", "limit": 0}),
        ("list_repositories", {"state": "happy"}),
        ("list_repositories", {"cursor": "é"}),
        ("index_status", {"run": "../../../etc"}),
        ("index_status", {"run": "run-0000000000-00000000"}),
        ("index_status", {"repository": "nope"}),
        ("index_codebase", {"directory": "/etc"}),
        ("index_codebase", {"directory": "relative/path"}),
        ("index_codebase", {"directory": "/tmp", "indexing_mode": "; rm -rf /"}),
        ("no_such_tool", {}),
    ],
)  # fmt: skip
def test_hostile_arguments_are_refused_with_advice(
    installation: m.Installation, tool: str, arguments: dict[str, Any]
) -> None:
    result = call(installation, tool, **arguments)
    text = m.text_of(result)
    assert result.is_error and "\n→ " in text and len(text) < 2000, text
    assert "Traceback" not in text and "root:" not in text
    assert "unexpectedly" not in text, text


def test_one_text_stands_for_a_list_of_one(installation: m.Installation) -> None:
    both = [
        call(installation, "search_code", query="cart", paths=paths).structured_content["hits"]
        for paths in ("shop/**", ["shop/**"])
    ]
    assert both[0] == both[1] and both[0]


def test_a_cursor_of_another_question_is_refused(installation: m.Installation) -> None:
    cursor = call(installation, "search_code", query="cart", limit=1).structured_content["next_cursor"]
    result = call(installation, "search_code", query="payment", limit=1, cursor=cursor)
    assert result.is_error and "another question" in m.text_of(result)


def test_pages_do_not_repeat(installation: m.Installation) -> None:
    seen, cursor = [], None
    for _ in range(10):
        page = call(installation, "search_code", query="cart item", limit=2, cursor=cursor).structured_content
        seen += [(hit["path"], hit["start_line"]) for hit in page["hits"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert cursor is None and len(seen) == len(set(seen)) == page["total"]


def test_what_repositories_say_is_passed_on_as_data(installation: m.Installation) -> None:
    result = call(installation, "search_code", query="charge_card", content="full")
    assert "IGNORE ALL PREVIOUS" in result.structured_content["hits"][0]["code"]


def test_an_unexpected_failure_keeps_its_particulars_to_the_log(
    installation: m.Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchEngine, "search", lambda *a: dict[str, str]()["secret particulars"])
    result = call(installation, "search_code", query="cart")
    assert result.is_error and "unexpectedly" in m.text_of(result) and "secret" not in m.text_of(result)


# -- budgets of real answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1000, 1500, 5000])
def test_answers_keep_to_their_budget(installation: m.Installation, most: int) -> None:
    for tool, arguments in (
        ("search_code", {"query": "cart", "limit": 50, "content": "full"}),
        ("find_symbol", {"name": "a", "prefix": True, "limit": 100}),
        ("find_references", {"name": "Cart", "limit": 200}),
        ("read_code", {"repository": "acme/shop", "path": "shop/cart.py"}),
        ("list_repositories", {}),
        ("index_status", {"repository": "acme/shop"}),
    ):
        result = call(installation, tool, max_tokens=most, **arguments)
        assert not result.is_error, m.text_of(result)
        assert count_tokens(m.text_of(result)) + json_tokens(result.structured_content) <= most, tool
        json.dumps(result.structured_content)


# -- folders ---------------------------------------------------------------------------------------------------------


def folder_of(
    installation: m.Installation, directory: Any, transport: Literal["stdio", "http"] = "http", **changes: Any
) -> Any:
    settings = installation.settings.model_copy(update=changes)
    return indexable_folder(str(directory), settings, installation.layout, transport)


def test_over_http_only_folders_below_the_roots(installation: m.Installation, tmp_path: Path) -> None:
    root = tmp_path / "allowed"
    inside, outside = root / "project", tmp_path / "elsewhere"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
    (root / "link").symlink_to(outside)
    with pytest.raises(QueryError, match="indexes no local folders"):
        folder_of(installation, inside)
    assert folder_of(installation, inside, mcp_roots=(root,)).path == inside.resolve()
    for wrong in (outside, root / "link", root / ".." / "elsewhere", root / "link" / "..", "/etc/passwd", "/", "/nope"):
        with pytest.raises(QueryError, match="outside"):
            folder_of(installation, wrong, mcp_roots=(root,))
    with pytest.raises(QueryError, match="there is no folder"):
        folder_of(installation, root / "missing", mcp_roots=(root,))


def test_over_stdio_any_project_but_not_the_machine(installation: m.Installation, tmp_path: Path) -> None:
    assert folder_of(installation, tmp_path, "stdio").arguments == [str(tmp_path.resolve())]
    for wrong in (
        "/",
        Path.home(),
        installation.layout.root,
        installation.layout.root / "index",
        "not/absolute",
        "a\0b",
    ):
        with pytest.raises(QueryError):
            folder_of(installation, wrong, "stdio")


def test_a_checkout_is_taken_as_it_lies_under_a_name_of_its_own(installation: m.Installation, tmp_path: Path) -> None:
    fresh = GitRepository(tmp_path / "fresh")
    assert folder_of(installation, fresh.path, "stdio").arguments == [str(fresh.path.resolve()), "--worktree"]
    known = installation.work.path.resolve()
    assert folder_of(installation, known, "stdio").arguments == [
        str(known),
        "--worktree",
        "--name",
        "acme/shop-worktree",
    ]
    registry = Registry.load(installation.settings.registry_file, installation.layout)
    registry.add(str(fresh.path), name="acme/fresh", worktree=True)
    try:
        assert folder_of(installation, fresh.path, "stdio").arguments == ["acme/fresh"]
    finally:
        registry.remove("acme/fresh")
