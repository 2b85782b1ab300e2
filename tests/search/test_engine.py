"""The engine end to end on a published index: hits, honest states, freshness, degraded lanes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import publishing as p

from code_index_assets.errors import NotIndexedError, QueryError, SpaceMismatchError
from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.generations import Retention, prune_generations
from code_index_assets.index.manifest import Receipt
from code_index_assets.index.publish import publish
from code_index_assets.search.answer_fields import to_json
from code_index_assets.search.answers import SearchAnswer
from code_index_assets.search.definitions import find_definitions
from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.search.filters import SearchFilters
from code_index_assets.search.freshness import Head
from code_index_assets.search.render import render_answer, render_symbols
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return p.layout_at(tmp_path / "data")


@pytest.fixture
def put(layout: Layout) -> Callable[..., Receipt]:
    backend = EdgeBackend(layout, p.SPACE, p.DIM)

    def publish_files(files: dict[str, str], **options: Any) -> Receipt:
        content = p.make_content(layout, files, **options)
        return publish(p.permit_for(content), content, backend, layout, retention=Retention(10, 600)).receipt

    return publish_files


@pytest.fixture
def engine(layout: Layout) -> SearchEngine:
    return SearchEngine(layout, Settings(), p.unit_vector, space=p.SPACE)


def ask(engine: SearchEngine, query: str, **options: Any) -> SearchAnswer:
    return engine.search(SearchRequest(query, **options))


def test_a_definition_comes_first(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    for query, path, name in (
        ("add_item", "shop/cart.py", "add_item"),
        ("PaymentGateway", "shop/payment/gateway.py", "PaymentGateway"),
        ("ServeHTTP(", "server/http.go", "ServeHTTP"),
        ("total price", "shop/cart.py", "totalPrice"),
        ("symbol:charge_card", "shop/payment/gateway.py", "charge_card"),
    ):
        hit = ask(engine, query).hits[0]
        assert (hit.path, hit.name) == (path, name), query
        assert "symbol" in hit.lanes


def test_words_find_and_tests_come_after_unless_asked(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    hits = ask(engine, "charge the credit card of a customer", lanes=("lexical", "symbol")).hits
    assert hits[0].name == "charge_card"
    paths = [hit.path for hit in ask(engine, "add item cart", lanes=("lexical", "symbol")).hits]
    assert paths.index("shop/cart.py") < paths.index("tests/test_cart.py")
    assert ask(engine, "test add item cart", lanes=("lexical", "symbol")).hits[0].path == "tests/test_cart.py"


def test_an_answer_says_what_it_knows(put: Callable[..., Receipt], layout: Layout) -> None:
    receipt = put(p.SHOP, commit="c" * 40)
    heads = {"acme/shop": Head("c" * 40, 5.0)}
    engine = SearchEngine(layout, Settings(), p.unit_vector, space=p.SPACE, head_of=heads.get)
    answer = ask(engine, "cart")
    (state,) = answer.repositories
    assert (state.commit, state.state, state.coverage) == ("c" * 40, "current", {"kept": 5, "skipped": {"binary": 1}})
    assert state.indexed_at == receipt.published_at
    assert answer.outcome == "found"
    assert answer.lanes["semantic"].state == answer.lanes["lexical"].state == "ran"
    heads["acme/shop"] = Head("d" * 40)
    assert ask(engine, "cart").repositories[0].state == "behind"
    heads.clear()
    assert ask(engine, "cart").repositories[0].state == "unknown"
    hit = answer.hits[0]
    assert hit.commit == "c" * 40
    assert hit.text.split("\n")[hit.snippet.start_line - hit.start_line] == hit.snippet.lines[0]
    body = to_json(answer)
    fields = {"repository", "ref", "commit", "path", "start_line", "end_line", "qualified_name", "kind", "language"}
    assert fields | {"score", "lanes"} <= body["hits"][0].keys()
    assert {"hits", "repositories", "took_ms"} <= body.keys()
    text = render_answer(answer, now=receipt.published_at)
    assert "shop/cart.py:" in text and "cccccccccccc" in text and "5 files indexed, 1 left out" in text


def test_the_four_answers_differ(put: Callable[..., Receipt], engine: SearchEngine, layout: Layout) -> None:
    with pytest.raises(NotIndexedError, match="nothing is indexed"):
        ask(engine, "cart")
    put(p.SHOP)
    none = ask(engine, "zebra", lanes=("symbol", "lexical"))
    assert (none.outcome, none.hits) == ("no_match", ())
    assert "No match" in render_answer(none)
    with pytest.raises(NotIndexedError, match=r"acme/shopp is not indexed \(near: acme/shop\)"):
        ask(engine, "cart repo:acme/shopp")

    def broken(text: str) -> np.ndarray:
        raise RuntimeError("the model is gone")

    degraded = ask(SearchEngine(layout, Settings(), broken), "cart")
    assert degraded.outcome == "degraded" and degraded.hits
    assert degraded.lanes["semantic"].state == "failed" and "model is gone" in degraded.lanes["semantic"].reason
    assert "semantic lane failed" in render_answer(degraded)
    with pytest.raises(QueryError, match="no lane"):
        ask(SearchEngine(layout, Settings(), broken), "cart", lanes=("semantic",))


def test_another_space_is_refused(put: Callable[..., Receipt], layout: Layout) -> None:
    put(p.SHOP)
    with pytest.raises(SpaceMismatchError):
        ask(SearchEngine(layout, Settings(), p.unit_vector, space="other-space"), "cart")
    wrong = ask(SearchEngine(layout, Settings(), lambda text: np.ones(7, np.float32)), "cart")
    assert wrong.lanes["semantic"].state == "failed" and "7 dimensions" in wrong.lanes["semantic"].reason


def test_the_default_ref_answers_unless_another_is_asked(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    put({"old.py": "def add_item(): pass"}, key="acme/shop@v1", default_ref=False)
    put({"lib.py": "def add_item(): pass"}, key="acme/lib")
    assert {hit.key for hit in ask(engine, "add_item").hits} == {"acme/shop", "acme/lib"}
    assert {hit.key for hit in ask(engine, "add_item ref:v1").hits} == {"acme/shop@v1"}
    assert {hit.key for hit in ask(engine, "add_item", refs=("v*",)).hits} == {"acme/shop@v1"}
    assert {hit.key for hit in ask(engine, "add_item repo:shop").hits} == {"acme/shop"}
    assert {hit.key for hit in ask(engine, "add_item", repositories=("acme/shop@v1",)).hits} == {"acme/shop@v1"}
    with pytest.raises(NotIndexedError, match="ref v9 is not indexed"):
        ask(engine, "add_item ref:v9")


def test_operators_filter(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    for query, holds in (
        ("cart lang:py", lambda h: h.language == "python"),
        ("cart path:shop/**", lambda h: h.path.startswith("shop/")),
        ("cart kind:class", lambda h: h.kind == "class"),
        ("cart -test", lambda h: "test" not in h.text and "test" not in h.path.replace("_", "/").split("/")),
        ('"credit card"', lambda h: "credit card" in h.text),
    ):
        hits = ask(engine, query, limit=50).hits
        assert hits and all(holds(hit) for hit in hits), query
    assert not ask(engine, "cart lang:cobol").hits


def test_copies_are_collapsed_and_neighbours_folded(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    put(p.SHOP, key="acme/fork")
    hits = ask(engine, "charge_card", lanes=("lexical", "symbol")).hits
    assert [hit.name for hit in hits].count("charge_card") == 1
    assert len(hits[0].also_in) == 1
    rows = [p.chunk_row("long.py", i, 1 + 2 * i, None, f"retry backoff {i}\nmore", "lines") for i in range(4)]
    put(rows, key="acme/long")
    (hit,) = ask(engine, "retry backoff", lanes=("lexical",)).hits
    assert len(hit.more_lines) == 3


def test_a_new_publication_is_seen_by_the_next_query(
    put: Callable[..., Receipt], engine: SearchEngine, layout: Layout
) -> None:
    put(p.SHOP)
    assert not [h for h in ask(engine, "brand_new_name").hits if h.name == "brand_new_name"]
    put(p.SHOP | {"n.py": "def brand_new_name(): pass"})
    prune_generations(EdgeBackend(layout, p.SPACE, p.DIM), layout, p.SPACE, Retention(1, 0))
    assert ask(engine, "brand_new_name").hits[0].name == "brand_new_name"


def test_symbols_by_exact_name_prefix_and_qualifier(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    put({"other/cart.py": "def add_item(): pass"}, key="acme/lib")

    def defined(name: str, **options: Any) -> Any:
        prefix = options.pop("prefix", False)
        return list(find_definitions(engine, name, SearchFilters(**options), prefix=prefix).symbols)

    assert [(h.path, h.start_line) for h in defined("add_item", repositories=("shop",))] == [("shop/cart.py", 3)]
    assert {h.repository for h in defined("ADD_ITEM")} == {"acme/shop", "acme/lib"}
    assert [h.path for h in defined("other.cart.add_item")] == ["other/cart.py"]
    assert {h.name for h in defined("test_", prefix=True)} == {"test_add_item"}
    assert defined("nothing_of_the_kind") == []
    assert defined("PaymentGateway", kinds=("class",))[0].kind == "class"
    assert "other/cart.py:1" in render_symbols(defined("add_item"))


def test_scores_stay_in_range_and_order(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    for query in ("cart", "add_item", "shop/cart.py", "how are payments charged to a card", "README.md"):
        scores = [hit.score for hit in ask(engine, query, limit=100).hits]
        assert scores == sorted(scores, reverse=True) and all(0 <= s <= 1 for s in scores) and scores[0] == 1


def test_a_path_finds_its_file(put: Callable[..., Receipt], engine: SearchEngine) -> None:
    put(p.SHOP)
    assert ask(engine, "shop/payment/gateway.py").hits[0].path == "shop/payment/gateway.py"
    assert ask(engine, "http.go").hits[0].path == "server/http.go"


@pytest.mark.parametrize("bad", ["", "   ", "lang:go", "-word", "x" * 70_000, "a -path:b"])
def test_what_cannot_be_asked_is_refused(put: Callable[..., Receipt], engine: SearchEngine, bad: str) -> None:
    put(p.SHOP)
    with pytest.raises(QueryError):
        ask(engine, bad)


def test_words_that_nobody_knows_match_nothing(put: Callable[..., Receipt], layout: Layout) -> None:
    put(p.SHOP)

    class Model:
        def __call__(self, text: str) -> np.ndarray:
            return p.unit_vector(text)

        def knows(self, text: str) -> bool:
            return "shopping" in text

    engine = SearchEngine(layout, Settings(), Model(), space=p.SPACE)
    answer = ask(engine, "qzxwv vvkkq")
    assert (answer.outcome, answer.hits) == ("no_match", ())
    assert answer.lanes["semantic"].state == "skipped" and "no word" in answer.lanes["semantic"].reason
    # A word of the language that the index has not is answered by meaning.
    assert ask(engine, "shopping").lanes["semantic"].state == "ran"
    # One known word is enough.
    assert ask(engine, "qzxwv add_item").hits
