"""Embedding in other processes: the pool on a CPU, and the long-lived process that runs and searches share."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from code_index_assets.embedding.interface import Embedder
from code_index_assets.embedding.loading import document_embedder, query_embedder
from code_index_assets.embedding.models.hashed_words import TestEmbedder
from code_index_assets.embedding.models.local_transformer import CpuTransformer
from code_index_assets.embedding.models.transformer import MINILM, TransformerEmbedder, find_model
from code_index_assets.embedding.runtimes import choice as runtimes
from code_index_assets.embedding.runtimes.process import EmbeddingServer
from code_index_assets.embedding.runtimes.process_client import ProcessEmbedder, connect, status
from code_index_assets.embedding.runtimes.runtime import Runtime
from code_index_assets.embedding.runtimes.worker_pool import WorkerPool
from code_index_assets.errors import ConfigurationError, EmbeddingError
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

TEXTS = [f"def handler_{n}(request):\n    return respond({n}, {'x' * (n % 37)!r})" for n in range(90)]


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("data")).create()


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    return TransformerEmbedder(find_model(MINILM), device="cpu", exact=True).embed(TEXTS, "document")


def settings(layout: Layout, **options: object) -> Settings:
    return Settings.model_validate({"data": layout.root, "model": "minilm", "device": "cpu", **options})


def test_processes_make_the_vectors_of_float32_and_a_dead_one_is_replaced(layout: Layout, exact: np.ndarray) -> None:
    model = find_model(MINILM)
    with WorkerPool(model, 0, layout, Runtime("onnx-fp32", 2)) as pool:
        out = np.zeros_like(exact)
        killed = False
        for rows, vectors in pool.compute(TEXTS, "document"):
            out[rows] = vectors
            if not killed:
                killed = True
                next(worker for worker in pool._team if worker.rows or True).process.kill()
        assert (out * exact).sum(axis=1).min() > 0.9999
        for worker in pool._team:
            worker.process.kill()
        pool._restarts = 0
        with pytest.raises(EmbeddingError, match="died again") as caught:
            list(pool.compute(TEXTS, "document"))
        assert "CODE_INDEX_EMBED_WORKERS" in str(caught.value.remedy)


def test_few_texts_are_computed_here_and_many_in_processes(
    layout: Layout, exact: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "SMALL_JOB", 20)
    embedder = CpuTransformer(find_model(MINILM), settings(layout, runtime="onnx-fp32", embed_workers=1), layout, print)
    few = embedder.embed(TEXTS[:5], "document")
    assert embedder._pool is None
    many = np.zeros_like(exact)
    for computed in embedder.embed_each(TEXTS):
        many[computed.rows] = computed.vectors
    assert embedder.runtime.endswith("1 x 2") or embedder.runtime.endswith("1 x 1") or "1 x" in embedder.runtime
    assert (few * exact[:5]).sum(axis=1).min() > 0.9999
    assert (many * exact).sum(axis=1).min() > 0.9999
    embedder.close()


def test_a_runtime_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(ConfigurationError, match="no runtime 'tensor'") as caught:
        runtimes.asked("tensor", 0, 2)
    assert "onnx-fp32" in str(caught.value.remedy)


def test_the_fastest_candidate_is_kept_for_the_machine(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    model = find_model(MINILM)
    timed: list[Runtime] = []
    found = [Runtime("torch-bf16", 2), Runtime("onnx-fp32", 2)]
    monkeypatch.setattr(runtimes, "usable_cores", lambda: 2)
    monkeypatch.setattr(runtimes, "candidates", lambda cores, int8=False: found)

    def measure(model: Any, max_tokens: int, layout: Layout, runtime: Any) -> Any:
        timed.append(runtime)
        return {"torch-bf16": 10.0, "onnx-fp32": 30.0}[runtime.name] * runtime.workers

    monkeypatch.setattr(runtimes, "measure", measure)
    said: list[str] = []
    assert runtimes.choose(model, 7, layout, said.append, texts=10) == runtimes.preferred(2)
    assert not timed
    assert runtimes.choose(model, 7, layout, said.append) == Runtime("onnx-fp32", 2)
    assert timed == [*found, Runtime("onnx-fp32", 1, 2)]
    assert any("kept" in line for line in said)
    assert runtimes.choose(model, 7, layout, said.append) == Runtime("onnx-fp32", 2)
    assert len(timed) == 3


class Slow(TestEmbedder):
    """Counts its windows; holds the first until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[int] = []
        self.go = threading.Event()

    def embed_each(self, texts: Sequence[str]) -> Any:
        self.windows.append(len(texts))
        if len(self.windows) == 1:
            assert self.go.wait(120)
        return super().embed_each(texts)


def serve(layout: Layout, embedder: Embedder) -> EmbeddingServer:
    server = EmbeddingServer(settings(layout), layout, print, embedder=embedder)
    server.start()
    return server


def client(layout: Layout) -> ProcessEmbedder:
    connection = connect(layout)
    assert connection is not None
    return ProcessEmbedder(TestEmbedder().space, connection, TestEmbedder, print)


def test_clients_share_windows_and_get_their_own_vectors(tmp_path: Path) -> None:
    layout = Layout(tmp_path).create()
    model = Slow()
    server = serve(layout, model)
    try:
        expected = TestEmbedder().embed(TEXTS, "document")
        results: dict[int, np.ndarray] = {}

        def run(number: int) -> None:
            results[number] = client(layout).embed(TEXTS[number:], "document")

        threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
        for number, thread in enumerate(threads):
            thread.start()
            while number == 0 and not model.windows:
                time.sleep(0.01)
        deadline = time.monotonic() + 120
        while server.status["waiting"] < sum(len(TEXTS) - n for n in range(1, 6)) and time.monotonic() < deadline:
            time.sleep(0.01)
        # A query does not wait for documents.
        assert np.array_equal(client(layout).embed(["find it"], "query"), TestEmbedder().embed(["find it"], "query"))
        model.go.set()
        for thread in threads:
            thread.join(120)
        for number in range(6):
            assert np.array_equal(results[number], expected[number:])
        assert len(model.windows) < 6
        found = status(layout)
        assert found is not None and found["texts"] == sum(len(TEXTS) - n for n in range(6))
        assert found["space"] == model.space.id and 0 < found["busy"] <= 1
        with pytest.raises(ConfigurationError, match="already serves"):
            serve(layout, TestEmbedder())
        assert (tmp_path / "embedder.sock").stat().st_mode & 0o077 == 0
    finally:
        server.stop()
    assert connect(layout) is None and not (tmp_path / "embedder.sock").exists()


def test_a_run_goes_on_when_the_process_ends(tmp_path: Path) -> None:
    layout = Layout(tmp_path).create()
    server = serve(layout, TestEmbedder())
    said: list[str] = []
    connection = connect(layout)
    assert connection is not None
    embedder = ProcessEmbedder(TestEmbedder().space, connection, TestEmbedder, said.append)
    assert embedder.embed(TEXTS[:3], "document").shape[0] == 3
    server.stop()
    connection.close()
    assert np.array_equal(embedder.embed(TEXTS, "document"), TestEmbedder().embed(TEXTS, "document"))
    assert any("going on without it" in line for line in said)


def test_an_error_of_the_model_reaches_the_client_and_the_process_lives(tmp_path: Path) -> None:
    class Picky(TestEmbedder):
        def embed_each(self, texts: Sequence[str]) -> Any:
            if "poison" in texts:
                raise EmbeddingError("a text cannot be embedded", remedy="leave it out")
            return super().embed_each(texts)

    layout = Layout(tmp_path).create()
    server = serve(layout, Picky())
    try:
        with pytest.raises(EmbeddingError, match="cannot be embedded"):
            client(layout).embed(["poison"], "document")
        assert client(layout).embed(["fine"], "document").shape[0] == 1
    finally:
        server.stop()


def test_a_stale_address_and_another_space_are_passed_over(layout: Layout, tmp_path: Path) -> None:
    fresh = Layout(tmp_path).create()
    (tmp_path / "embedder.json").write_text('{"socket": "/nowhere/at.sock", "space": "x"}')
    assert connect(fresh) is None
    server = serve(fresh, TestEmbedder())
    try:
        other = settings(fresh)
        assert isinstance(document_embedder(other, fresh), CpuTransformer)
        assert not isinstance(query_embedder(other.model_copy(update={"model": "test"}), fresh), ProcessEmbedder)
    finally:
        server.stop()


def test_models_that_load_at_once_need_no_process(tmp_path: Path) -> None:
    layout = Layout(tmp_path).create()
    with pytest.raises(ConfigurationError, match="needs no embedding process"):
        EmbeddingServer(settings(layout, model="static"), layout, print)
