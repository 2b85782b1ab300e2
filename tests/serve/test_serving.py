"""The four answers over HTTP, a lane that dies under load, many clients, publications while being asked."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import publishing as p

from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.generations import Retention
from code_index_assets.index.manifest import Receipt
from code_index_assets.index.publish import publish
from code_index_assets.search.engine import SearchEngine
from code_index_assets.search.freshness import Heads
from code_index_assets.serve.http.app import create_app
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.inbox import Event, Inbox


class Model:
    """The query model; can be killed."""

    def __init__(self) -> None:
        self.alive = True

    def __call__(self, text: str) -> np.ndarray:
        if not self.alive:
            raise RuntimeError("the model was killed")
        return p.unit_vector(text)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"data": tmp_path / "data"})


@pytest.fixture
def layout(settings: Settings) -> Layout:
    return p.layout_at(settings.data)


@pytest.fixture
def put(layout: Layout) -> Callable[..., Receipt]:
    backend = EdgeBackend(layout, p.SPACE, p.DIM)

    def publish_files(files: dict[str, str], **options: Any) -> Receipt:
        content = p.make_content(layout, files, **options)
        return publish(p.permit_for(content), content, backend, layout, retention=Retention(2, 0)).receipt

    return publish_files


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def client(settings: Settings, layout: Layout, model: Model) -> Iterator[TestClient]:
    engine = SearchEngine(layout, settings, model, space=p.SPACE, head_of=Heads(layout))
    with TestClient(create_app(settings, layout, engine=engine)) as client:
        yield client


def ask(client: TestClient, q: str = "cart", **fields: Any) -> Any:
    return client.get("/v1/search", params={"q": q, **fields})


def test_four_answers(
    client: TestClient, layout: Layout, settings: Settings, put: Callable[..., Receipt], model: Model
) -> None:
    assert client.get("/readyz").status_code == 503
    nothing = ask(client)
    assert (nothing.status_code, nothing.json()["state"]) == (404, "not_indexed")
    assert "Nothing is indexed yet" in client.get("/").text
    Registry.load(settings.registry_file, layout).add("https://example.org/a/b", name="a/b")
    Inbox(layout).put(Event("a/b", "changed", "webhook", "d1", time.time()))
    waiting = ask(client)
    assert (waiting.status_code, waiting.json()["state"], waiting.headers["retry-after"]) == (503, "indexing", "5")
    page = client.get("/")
    assert "being indexed" in page.text and 'http-equiv="refresh"' in page.text
    put(p.SHOP)
    found, none = ask(client), ask(client, "zebra", lane=["symbol", "lexical"])
    assert (found.status_code, found.json()["outcome"]) == (none.status_code, "found") == (200, "found")
    assert (none.json()["outcome"], none.json()["hits"]) == ("no_match", [])
    assert "No match" in client.get("/", params={"q": '"zebra"'}).text
    other = ask(client, repo="a/b")
    assert (other.status_code, other.json()["error"]) == (503, "StillIndexingError")
    assert "Still indexing" in client.get("/", params={"q": "cart", "repo": "a/b"}).text
    never = client.get("/", params={"q": "cart", "repo": "x/y"})
    assert never.status_code == 404 and "Not indexed" in never.text and "What to do" in never.text
    model.alive = False
    degraded = ask(client).json()
    assert (degraded["outcome"], degraded["lanes"]["semantic"]["state"]) == ("degraded", "failed") and degraded["hits"]
    shown = client.get("/", params={"q": "cart"}).text
    assert "This answer may lack hits" in shown and "the model was killed" in shown
    dead = ask(client, lane="semantic")
    assert (dead.status_code, dead.json()["error"], dead.json()["retryable"]) == (503, "LanesFailedError", True)
    metrics = client.get("/metrics").text
    assert 'code_index_lane_failures_total{lane="semantic"} 2' in metrics
    for outcome in ("found", "no_match", "degraded", "not_indexed", "indexing"):
        assert f'code_index_answers_total{{outcome="{outcome}"}}' in metrics


def test_degraded_without_hits_is_no_empty_success(
    client: TestClient, put: Callable[..., Receipt], model: Model
) -> None:
    put(p.SHOP)
    model.alive = False
    told = ask(client, "zebra").json()
    assert (told["outcome"], told["hits"]) == ("degraded", [])
    page = client.get("/", params={"q": "zebra"}).text
    assert "No hit from the lanes that answered" in page and "No match" not in page


def test_a_lane_killed_under_load_degrades_and_comes_back(
    client: TestClient, put: Callable[..., Receipt], model: Model
) -> None:
    put(p.SHOP)
    assert ask(client).json()["outcome"] == "found"
    killed, revived = threading.Event(), threading.Event()

    def client_of(number: int) -> Any:
        outcomes = []
        for turn in range(30):
            if number == 0 and turn == 8:
                model.alive = False
                killed.set()
            if number == 0 and turn == 20:
                model.alive = True
                revived.set()
            before = (killed.is_set(), revived.is_set())
            answer = ask(client)
            assert answer.status_code == 200 and answer.json()["hits"], answer.text
            if before == (killed.is_set(), revived.is_set()):
                outcomes.append((before, answer.json()["outcome"]))
        return outcomes

    with ThreadPoolExecutor(8) as pool:
        outcomes = [one for many in pool.map(client_of, range(8)) for one in many]
    assert {outcome for at, outcome in outcomes if at == (False, False)} <= {"found"}
    assert {outcome for at, outcome in outcomes if at == (True, False)} == {"degraded"}
    assert ask(client).json()["outcome"] == "found"


def test_fifty_clients_at_once(client: TestClient, put: Callable[..., Receipt]) -> None:
    put(p.SHOP)
    paths = ["/v1/search?q=cart", "/?q=cart", "/v1/symbols?name=add_item", "/v1/status", "/v1/repositories",
             "/v1/files/acme/shop/shop/cart.py", "/healthz"]  # fmt: skip

    def one(number: int) -> Any:
        return [client.get(paths[(number + turn) % len(paths)]).status_code for turn in range(4)]

    with ThreadPoolExecutor(50) as pool:
        codes = [code for codes in pool.map(one, range(50)) for code in codes]
    assert len(codes) == 200 and set(codes) == {200}


def test_publications_come_in_without_a_failed_query(client: TestClient, put: Callable[..., Receipt]) -> None:
    """Each publication is seen by the first query after it; nothing old is kept beyond what a query needs."""
    put(p.SHOP)
    stop = threading.Event()
    failures: list[Any] = []
    seen: list[Any] = []

    def reader() -> None:
        while not stop.is_set():
            for path in ("/v1/search?q=moving+target", "/v1/files/acme/shop/moving.py", "/v1/symbols?name=moving"):
                answer = client.get(path)
                if answer.status_code != 200 and not (path.startswith("/v1/files") and not seen):
                    failures.append((path, answer.text))

    threads = [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(5):
            receipt = put(p.SHOP | {"moving.py": f"def moving(target):\n    return {turn}\n"})
            body = client.get("/v1/files/acme/shop/moving.py").json()
            assert f"return {turn}" in body["text"] and body["commit"] == receipt.commit
            found = ask(client, "symbol:moving").json()
            assert f"return {turn}" in found["hits"][0]["text"]
            seen.append(found["publication"])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert len(set(seen)) == 5


def test_a_state_asked_for_twice_is_not_older_than_the_publication(
    client: TestClient, put: Callable[..., Receipt]
) -> None:
    put(p.SHOP, commit="a" * 40)
    first = client.get("/v1/repositories").json()["repositories"][0]
    put(p.SHOP | {"b.py": "def b(): pass\n"}, commit="b" * 40)
    second = client.get("/v1/repositories").json()["repositories"][0]
    assert (first["commit"], second["commit"]) == ("a" * 40, "b" * 40)


def test_too_many_waiting_are_told_so(
    client: TestClient, put: Callable[..., Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(p.SHOP)
    monkeypatch.setattr("code_index_assets.serve.service.WAITING", 0)
    answer = ask(client)
    assert (answer.status_code, answer.json()["error"], answer.json()["retryable"]) == (503, "BusyError", True)
    assert client.get("/healthz").status_code == 200
