"""Providers over HTTP, against a server of ours that has their limits and faults."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedding_server import KEY, EmbeddingServer

from code_index_assets.embedding.interface import unit
from code_index_assets.embedding.loading import document_embedder, query_embedder, space_of
from code_index_assets.embedding.model_spec import ModelSpec
from code_index_assets.embedding.providers.requests import RequestEmbedder
from code_index_assets.embedding.providers.spending import Spending
from code_index_assets.embedding.providers.voyage import VoyageEmbedder
from code_index_assets.errors import BudgetError, ConfigurationError, EmbeddingError, ProviderUnavailableError
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

Ask = Callable[..., RequestEmbedder]


def texts(count: int) -> list[str]:
    return [f"def compute_{i}(first, second): return first * {i} + second_{i % 7}" for i in range(count)]


def expected(server: EmbeddingServer, wanted: list[str]) -> np.ndarray:
    return unit(np.stack([server.vector(text) for text in wanted]))


def small_batches(embedder: RequestEmbedder, inputs: int) -> RequestEmbedder:
    embedder._inputs = inputs
    return embedder


def test_vectors_come_in_the_order_of_the_texts(server: EmbeddingServer, ask: Ask) -> None:
    embedder = small_batches(ask(server), 7)
    assert np.array_equal(embedder.embed(texts(50), "document"), expected(server, texts(50)))
    assert max(len(body["input"]) for body in server.requests) == 7
    assert embedder.spending.tokens == sum(map(server.tokens, texts(50)))


def test_voyage_is_told_type_dimension_and_dtype(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.setenv("VOYAGE_AI_API_KEY", KEY)
    server = EmbeddingServer("voyage")
    embedder = ask(server, embedding_dimension=32, embedding_dtype="int8")
    found = embedder.embed(texts(3), "query")
    body = server.requests[0]
    assert (body["model"], body["input_type"], body["output_dimension"], body["output_dtype"]) == (
        "voyage-code-3",
        "query",
        32,
        "int8",
    )
    assert found.shape == (3, 32)
    assert (found * unit(np.stack([server.vector(t)[:32] for t in texts(3)]))).sum(axis=1).min() > 0.99
    assert embedder.space.dimension == 32
    bits = ask(server, embedding_dtype="ubinary").embed(texts(2), "document")
    assert np.array_equal(np.sign(bits), np.where(np.stack([server.vector(t) for t in texts(2)]) > 0, 1, -1))
    server.close()


def test_the_endpoint_is_asked_its_dimension_once(tmp_path: Path, ask: Ask) -> None:
    server = EmbeddingServer("openai", dimension=48)
    embedder = ask(server, document_prefix="passage: ", query_prefix="query: ")
    assert embedder.space.dimension == 48
    assert len(server.requests) == 1
    embedder.embed(["text"], "document")
    embedder.embed(["text"], "query")
    assert [body["input"] for body in server.requests[1:]] == [["passage: text"], ["query: text"]]
    again = ask(server, document_prefix="passage: ", query_prefix="query: ")
    assert again.space == embedder.space
    assert len(server.requests) == 3
    assert ask(server).space.id != embedder.space.id
    server.close()


def test_an_endpoint_without_base64_is_asked_for_numbers(ask: Ask) -> None:
    server = EmbeddingServer("openai")
    server.base64 = False
    found = ask(server).embed(texts(4), "document")
    assert np.allclose(found, expected(server, texts(4)), atol=1e-6)
    assert server.requests[-1]["encoding_format"] == "float"
    server.close()


@pytest.mark.parametrize(
    "fault",
    [
        ("status", 429),
        ("status", 500),
        ("status", 503),
        ("drop", None),
        ("short", None),
        ("same index", None),
        ("shuffle", None),
    ],
)
def test_faults_that_pass_change_nothing(server: EmbeddingServer, ask: Ask, fault: tuple[str, object]) -> None:
    embedder = small_batches(ask(server), 5)
    server.faults.extend([fault] * 2)
    assert np.array_equal(embedder.embed(texts(20), "document"), expected(server, texts(20)))
    assert embedder.work.retries == (0 if fault[0] == "shuffle" else 2)


def test_a_storm_of_refusals_is_sat_out(server: EmbeddingServer, ask: Ask) -> None:
    embedder = small_batches(ask(server), 2)
    server.faults.extend([("status", 429)] * 40)
    assert np.array_equal(embedder.embed(texts(20), "document"), expected(server, texts(20)))
    assert embedder.work.retries == 40
    # Nothing was paid for twice.
    assert sorted(server.paid[-20:]) == sorted(texts(20))


def test_a_refusal_says_when_to_come_back(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    asked_before = len(server.arrivals)
    server.faults.append(("status", (429, {"Retry-After": "0.3"})))
    embedder.embed(["a"], "document")
    first, second = server.arrivals[asked_before:]
    assert second - first >= 0.3


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server, embedding_timeout_seconds=2)
    server.faults.append(("hang", 60))
    assert np.array_equal(embedder.embed(texts(3), "document"), expected(server, texts(3)))
    assert embedder.work.retries == 1


def test_patience_ends_with_an_error_that_may_be_tried_again(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server, embedding_patience_seconds=0)
    server.faults.extend([("status", 503)] * 50)
    with pytest.raises(ProviderUnavailableError, match="503") as caught:
        embedder.embed(texts(3), "document")
    assert caught.value.retryable
    assert "run again" in caught.value.remedy


def test_a_request_that_is_too_large_is_halved(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    server.most_tokens = 200
    wanted = texts(60)
    assert np.array_equal(embedder.embed(wanted, "document"), expected(server, wanted))
    assert embedder.work.splits >= 1
    assert all(sum(map(server.tokens, body["input"])) <= 200 for body in server.requests)


def test_a_limit_on_inputs_is_learned(server: EmbeddingServer, ask: Ask) -> None:
    server.most_inputs = 4
    embedder = ask(server, embedding_in_flight=1)
    assert np.array_equal(embedder.embed(texts(64), "document"), expected(server, texts(64)))
    refused = len(server.refusals)
    embedder.embed(texts(64), "document")
    assert len(server.refusals) == refused


def test_a_text_too_large_alone_is_cut_and_counted(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    server.most_tokens = 100
    long = " ".join(f"word{i}" for i in range(100))
    assert np.array_equal(embedder.embed([long], "document"), expected(server, [long[: len(long) // 2]]))
    assert embedder.work.cut == 1


def test_a_poison_text_is_refused_by_name_and_the_others_go_on(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    wanted = texts(40)
    wanted[17] = "POISON in the middle"
    found: dict[int, Any] = {}
    refused: dict[int, str] = {}
    for part in embedder.embed_each(wanted):
        found.update(zip(part.rows, part.vectors, strict=True))
        refused |= part.refused
    assert list(refused) == [17]
    assert "not valid" in refused[17]
    others = [row for row in range(40) if row != 17]
    assert np.array_equal(np.stack([found[row] for row in others]), expected(server, [wanted[row] for row in others]))


def test_a_vector_that_is_not_finite_is_refused(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    server.faults.extend([("nan", "compute_3(")] * 20)
    refused: dict[int, str] = {}
    done = 0
    for part in embedder.embed_each(texts(8)):
        refused |= part.refused
        done += len(part.rows)
    assert list(refused) == [3]
    assert done == 7


def test_an_endpoint_that_refuses_everything_is_told_from_a_poison_text(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    server.poison = ""
    with pytest.raises(EmbeddingError, match="refuses every request") as caught:
        embedder.embed(texts(16), "document")
    assert "CODE_INDEX_MODEL" in caught.value.remedy


def test_another_dimension_is_an_error_at_once(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    server.faults.append(("dimension", None))
    with pytest.raises(EmbeddingError, match="dimension 65"):
        embedder.embed(texts(4), "document")
    assert embedder.work.retries == 0


def test_replies_that_stay_short_are_an_error(server: EmbeddingServer, ask: Ask) -> None:
    embedder = ask(server)
    server.faults.extend([("short", None)] * 3)
    with pytest.raises(EmbeddingError, match="3 vectors for 4 texts"):
        embedder.embed(texts(4), "document")


def test_what_is_under_way_when_a_request_fails_for_good_is_handed_on(server: EmbeddingServer, ask: Ask) -> None:
    embedder = small_batches(ask(server, embedding_in_flight=4), 2)
    server.delay = 0.2
    server.faults.extend([("dimension", None)])
    done = []
    with pytest.raises(EmbeddingError, match="dimension"):
        for part in embedder.embed_each(texts(40)):
            done += part.rows
    paid = len(server.paid) - (server.api == "openai")  # the endpoint's dimension was asked with a text
    assert len(done) == paid - 2 > 0


def test_the_key_is_told_to_nobody(server: EmbeddingServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "pa-wrong-9876543210"
    embedder = ask(server)
    monkeypatch.setenv("VOYAGE_API_KEY", wrong)
    server.key = "another"
    with pytest.raises(EmbeddingError, match="does not accept the key") as caught:
        ask(server, embedding_key=wrong).embed(["a"], "document")
    told = "".join(traceback.format_exception(caught.value)) + caught.value.remedy
    assert wrong not in told
    assert "***" in told  # the server repeats it
    for thing in (embedder, embedder.transport, embedder.limits, embedder.space, embedder.facts, embedder.runtime):
        assert KEY not in repr(thing)


def test_no_key_is_said_before_anything_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOYAGE_API_KEY", raising=False)
    monkeypatch.delenv("VOYAGE_AI_API_KEY", raising=False)
    settings = Settings.model_validate({"data": tmp_path, "model": "voyage"})
    assert space_of(settings, Layout(tmp_path)).model == "voyage-code-3"
    with pytest.raises(ConfigurationError, match="needs a key") as caught:
        document_embedder(settings, Layout(tmp_path))
    assert "VOYAGE_AI_API_KEY" in caught.value.remedy


def test_many_requests_are_in_flight_and_no_more_than_allowed(server: EmbeddingServer, ask: Ask) -> None:
    embedder = small_batches(ask(server, embedding_in_flight=6), 1)
    server.delay = 0.05
    embedder.embed(texts(30), "document")
    assert 3 <= server.most_at_once <= 6


def test_the_budget_stops_before_the_request_that_would_exceed_it(server: EmbeddingServer, ask: Ask) -> None:
    wanted = texts(40)
    total = sum(map(server.tokens, wanted))
    account = Spending(ModelSpec.parse("voyage"), price=0.18, budget_tokens=total // 2)
    embedder = small_batches(ask(server, account), 4)
    done = []
    with pytest.raises(BudgetError, match="CODE_INDEX_BUDGET") as caught:
        for part in embedder.embed_each(wanted):
            done += part.rows
    assert 0 < account.tokens <= total // 2
    assert sum(server.tokens(wanted[row]) for row in done) == account.tokens
    assert f"{total // 2:,} tokens" in caught.value.message


def test_a_query_does_not_wait_long_for_a_provider(server: EmbeddingServer, tmp_path: Path, ask: Ask) -> None:
    ask(server)
    settings = Settings.model_validate({
        "data": tmp_path / "data", "model": "voyage" if server.api == "voyage" else "openai:test-model",
        "embedding_url": server.url, "embedding_key": KEY,
        "embedding_dimension": 64 if server.api == "voyage" else 0, "embedding_patience_seconds": 0,
    })  # fmt: skip
    query = query_embedder(settings, Layout(settings.data))
    assert np.array_equal(query.embed(["a b"], "query"), expected(server, ["a b"]))
    if isinstance(query, VoyageEmbedder):
        assert server.requests[-1]["input_type"] == "query"
    server.faults.extend([("status", 500)] * 5)
    with pytest.raises(ProviderUnavailableError):
        query.embed(["a b"], "query")
