"""Freshness: states of repositories, and the reason given where something is not indexed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import publishing as p

from code_index_assets.errors import LanesFailedError, NotIndexedError, StillIndexingError
from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.manifest import Receipt
from code_index_assets.index.publish import publish
from code_index_assets.records.failures import record_failure
from code_index_assets.records.observations import Observation, observe
from code_index_assets.records.run_log import RunLog
from code_index_assets.search.answers import SearchAnswer
from code_index_assets.search.definitions import find_definitions
from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.search.filters import SearchFilters
from code_index_assets.search.freshness import Heads, repository_statuses
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.heads import Polled, save_heads
from code_index_assets.triggers.inbox import Event, Inbox

COMMIT = "c" * 40


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"data": tmp_path / "data"})


@pytest.fixture
def layout(settings: Settings) -> Layout:
    return p.layout_at(settings.data)


@pytest.fixture
def engine(layout: Layout, settings: Settings) -> SearchEngine:
    return SearchEngine(layout, settings, p.unit_vector, space=p.SPACE, head_of=Heads(layout))


@pytest.fixture
def put(layout: Layout) -> Callable[..., Receipt]:
    def publish_files(files: dict[str, str], **options: Any) -> Receipt:
        content = p.make_content(layout, files, **options)
        return publish(p.permit_for(content), content, EdgeBackend(layout, p.SPACE, p.DIM), layout).receipt

    return publish_files


@pytest.fixture
def register(settings: Settings, layout: Layout) -> Callable[..., None]:
    def add(name: str, **options: Any) -> None:
        Registry.load(settings.registry_file, layout).add(f"https://example.org/{name}", name=name, **options)

    return add


def ask(engine: SearchEngine, query: str = "cart", **options: Any) -> SearchAnswer:
    return engine.search(SearchRequest(query, **options))


def event(key: str) -> Event:
    return Event(key, "changed", "webhook", f"d-{key}", time.time())


def states(layout: Layout, settings: Settings, engine: SearchEngine | None = None) -> dict[str, str]:
    return {row.key: row.state for row in repository_statuses(layout, settings, engine.receipts() if engine else None)}


def test_every_state_is_told(
    layout: Layout, settings: Settings, engine: SearchEngine, put: Callable[..., Receipt], register: Callable[..., None]
) -> None:
    for name in ("a/current", "a/behind", "a/unknown", "a/failed", "a/new", "a/waiting", "a/running"):
        register(name)
    for name in ("a/current", "a/behind", "a/unknown", "a/failed", "a/gone"):
        put({"x.py": f"def {name[2:]}(): pass"}, key=name, commit=COMMIT)
    observe(layout, "a/current", Observation(COMMIT, COMMIT, time.time()))
    observe(layout, "a/behind", Observation("d" * 40, "d" * 40, time.time()))
    record_failure(layout, "a/failed", "chunks", "EmbeddingError", "the model is gone", False, "r1")
    Inbox(layout).put(event("a/waiting"))
    with layout.lock("partition-a/running"):
        rows = {row.key: row for row in repository_statuses(layout, settings, engine.receipts() if engine else None)}
    assert {key: row.state for key, row in rows.items()} == {
        "a/current": "current", "a/behind": "behind", "a/unknown": "unknown", "a/failed": "failed", "a/new": "not_indexed",
        "a/waiting": "indexing", "a/running": "indexing", "a/gone": "unknown",
    }  # fmt: skip
    assert "the model is gone" in rows["a/failed"].why and rows["a/failed"].published == "unknown"
    assert "no longer registered" in rows["a/gone"].why
    found = rows["a/current"]
    assert (found.commit, found.head, found.points, found.coverage["kept"]) == (COMMIT, COMMIT, 1, 1)
    assert found.location == "https://example.org/a/current" and found.indexed_at and found.head_seen_at
    # Looking changes nothing: the event waits, nothing is locked, and no lock file was made for what never ran.
    assert states(layout, settings) == {key: row.state for key, row in rows.items()} | {"a/running": "not_indexed"}
    assert not (layout.root / "locks" / "partition-a%2Fnew.lock").exists()


def test_a_later_poll_tells_that_a_repository_is_behind(
    layout: Layout, settings: Settings, engine: SearchEngine, put: Callable[..., Receipt], register: Callable[..., None]
) -> None:
    register("a/b")
    put(p.SHOP, key="a/b", commit=COMMIT)
    observe(layout, "a/b", Observation(COMMIT, COMMIT, time.time() - 100))
    now = time.time()
    save_heads(layout, {"a/b": Polled(heads={"a/b": COMMIT[:12]}, polled_at=now)})
    assert ask(engine).repositories[0].state == "current"
    head = Heads(layout)("a/b")
    assert head is not None and head.seen_at == now
    time.sleep(0.01)
    save_heads(layout, {"a/b": Polled(heads={"a/b": "e" * 40}, polled_at=now + 1)})
    assert ask(engine).repositories[0].state == states(layout, settings)["a/b"] == "behind"
    time.sleep(0.01)
    save_heads(layout, {"a/b": Polled(heads={"a/b": "e" * 40}, polled_at=now + 2, failures=1, errors={"": "refused"})})
    (row,) = repository_statuses(layout, settings, engine.receipts() if engine else None)
    assert row.state == "current" and "refused" in row.why


def test_nothing_indexed_and_still_indexing_are_two_answers(
    layout: Layout, engine: SearchEngine, put: Callable[..., Receipt], register: Callable[..., None]
) -> None:
    with pytest.raises(NotIndexedError, match="nothing is indexed") as nothing:
        ask(engine)
    assert (nothing.value.state, nothing.value.retryable) == ("not_indexed", False)
    register("a/b")
    Inbox(layout).put(event("a/b"))
    with pytest.raises(StillIndexingError, match="a/b is: it waits") as waiting:
        ask(engine)
    assert (waiting.value.state, waiting.value.retryable) == ("indexing", True)
    put(p.SHOP)
    for call in (
        lambda: ask(engine, repositories=("a/b",)),
        lambda: find_definitions(engine, "x", SearchFilters(repositories=("b",))),
    ):
        with pytest.raises(StillIndexingError, match="still being indexed"):
            call()
    assert ask(engine).outcome == "found"
    assert ask(engine, "zebra", lanes=("lexical",)).outcome == "no_match"


def test_why_a_registered_repository_is_not_indexed(
    layout: Layout, engine: SearchEngine, put: Callable[..., Receipt], register: Callable[..., None]
) -> None:
    put(p.SHOP)
    register("a/b")
    register("a/refs", refs=("main", "release/*"))
    with pytest.raises(NotIndexedError, match="registered but not indexed yet"):
        ask(engine, repositories=("a/b",))
    record_failure(layout, "a/b", "repository", "SourceError", "refused by the host", False, "r1")
    with pytest.raises(NotIndexedError, match="refused by the host") as failed:
        ask(engine, repositories=("a/b",))
    assert failed.value.state == "failed"
    with layout.lock("partition-a/refs@release/2"), pytest.raises(StillIndexingError):
        ask(engine, repositories=("a/refs@release/2",))
    with pytest.raises(NotIndexedError, match="a/c is not indexed") as never:
        ask(engine, repositories=("a/c",))
    assert never.value.state == "not_indexed"


def test_a_run_between_two_steps_is_at_work(
    layout: Layout, settings: Settings, register: Callable[..., None], put: Callable[..., Receipt]
) -> None:
    """A run holds its lock step by step."""
    register("a/b")

    def pin(run: Any, kind: str) -> Any:
        path = layout.root / "pins" / run / f"a%2Fb.{kind}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        return path

    chunks = pin("r1", "chunks")
    assert states(layout, settings) == {"a/b": "indexing"}
    record_failure(layout, "a/b", "embeddings", "EmbeddingError", "gone", False, "r1")
    assert states(layout, settings) == {"a/b": "failed"}
    os.utime(chunks.parent, (1, 1))
    assert states(layout, settings) == {"a/b": "failed"}
    time.sleep(0.01)
    pin("r2", "repository")
    assert states(layout, settings) == {"a/b": "indexing"}
    pin("r2", "quality")
    assert states(layout, settings) == {"a/b": "indexing"}
    RunLog(layout).append("step", "r2", [{"asset": "search_index", "partition": "a/b", "outcome": "reused"}])
    assert states(layout, settings) == {"a/b": "failed"}


def test_no_lane_is_not_no_match(layout: Layout, settings: Settings, put: Callable[..., Receipt]) -> None:
    put(p.SHOP)

    def broken(text: str) -> np.ndarray:
        raise RuntimeError("gone")

    with pytest.raises(LanesFailedError) as caught:
        ask(SearchEngine(layout, settings, broken), lanes=("semantic",))
    assert caught.value.retryable and not isinstance(caught.value, NotIndexedError)


def test_unreadable_state_is_no_state(
    layout: Layout, settings: Settings, put: Callable[..., Receipt], register: Callable[..., None]
) -> None:
    register("a/b")
    put(p.SHOP, key="a/b")
    (layout.root / "polls.json").write_text("{")
    folder = layout.inbox / "new"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(json.dumps([1]))
    assert states(layout, settings) == {"a/b": "unknown"}
    assert (folder / "x.json").exists()
