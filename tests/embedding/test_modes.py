"""Indexing modes: the same artifacts in every one; a stream that is bounded, cancels cleanly and hides no failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from chains import Chain, DagsterChain, GitRepository, failure

from code_index_assets.chain.embed import embed_chunks
from code_index_assets.chain.modes import EmbeddingStream, _choice, chunk_in_mode, recommend
from code_index_assets.chain.observe import observe_repository
from code_index_assets.chain.run import ChainRun, StepResult
from code_index_assets.chain.select import hash_files
from code_index_assets.embedding.cache.vectors import VectorCache, as_kept
from code_index_assets.embedding.chunk_vectors import ChunkVectors
from code_index_assets.embedding.interface import InputType, Vectors
from code_index_assets.embedding.models.hashed_words import TestEmbedder
from code_index_assets.errors import EmbeddingError
from code_index_assets.progress import Stages, StageTime
from code_index_assets.settings import Settings
from code_index_assets.tables import CHUNKS

MODES = ("sequential", "parallel", "pipeline")
FILES = {
    f"pkg{n % 7}/m{n}.py": f"import os\n\n\ndef compute_{n}(first, second):\n    return first + second * {n}\n\n\nclass Part{n}:\n    size = {n}\n"
    for n in range(400)
}


def embedded(chain: Chain, mode: str) -> tuple[StepResult, StepResult, list[StageTime]]:
    """The steps up to the embeddings in a mode: results of `chunks` and `embeddings`, and all stages."""
    stages = []
    results = []
    run = ChainRun("r", f"run-{mode}", chain.layout, chain.settings, Stages())
    for step in (observe_repository, hash_files, lambda c: chunk_in_mode(c, mode), embed_chunks):  # type: ignore[arg-type]
        run.begin(Stages())
        results.append(step(run))
        stages += run.stages.done
    return results[2], results[3], stages


def rows(result: StepResult, table: str) -> pl.DataFrame:
    assert result.artifact is not None
    return result.artifact.read(table)


def test_all_modes_make_the_same_artifacts(make_chain: Callable[..., Chain], repository: GitRepository) -> None:
    repository.commit(FILES)
    made = {}
    for mode in MODES:
        chain = make_chain(mode)
        chain.register(f"file://{repository.path}", "r")
        made[mode] = embedded(chain, mode)
        assert made[mode][0].info["indexing_mode"] == mode
    first_chunks, first_vectors, _ = made["sequential"]
    for chunks, vectors, _ in made.values():
        assert chunks.artifact.fingerprint == first_chunks.artifact.fingerprint  # type: ignore[union-attr]
        assert vectors.artifact.fingerprint == first_vectors.artifact.fingerprint  # type: ignore[union-attr]
        for table in ("chunks", "symbols", "imports", "references", "diagnostics"):
            assert rows(chunks, table).equals(rows(first_chunks, table))
        assert rows(vectors, "embeddings").equals(rows(first_vectors, "embeddings"))
        assert vectors.info["computed"] == first_vectors.info["computed"] >= 400
    ahead = next(stage for stage in made["pipeline"][2] if stage.name == "embed ahead")
    assert ahead.items is not None and ahead.items > 0
    assert ahead.info["queue_most"] <= ahead.info["queue_limit"]
    assert 0 <= ahead.info["busy"] <= 1


def test_a_push_in_pipeline_mode_computes_what_is_new(chain: Chain, repository: GitRepository) -> None:
    repository.commit(FILES)
    chain.register(f"file://{repository.path}", "r")
    embedded(chain, "pipeline")
    repository.commit({"pkg0/m0.py": "def other():\n    return 'other'\n"})
    chunks, vectors, _ = embedded(chain, "pipeline")
    assert chunks.info["parsed_files"] == 1
    assert vectors.info["computed"] == 1


class SlowEmbedder(TestEmbedder):
    """Computes when it is allowed to; fails after so many texts."""

    def __init__(self, fail_after: int = 1 << 30) -> None:
        super().__init__()
        self.allowed = threading.Event()
        self.entered = threading.Event()
        self.fail_after = fail_after

    def embed(self, texts: list[str], input_type: InputType) -> Vectors:  # type: ignore[override]
        self.entered.set()
        assert self.allowed.wait(120)
        if self.texts_embedded + len(texts) > self.fail_after:
            raise EmbeddingError("the model fell over")
        return super().embed(texts, input_type)


def stream_of(model: TestEmbedder, folder: Path, batches: int = 3) -> EmbeddingStream:
    cache = VectorCache(folder / "vectors", model.space.dimension)
    stream = EmbeddingStream(ChunkVectors(model.space, lambda: model, cache, Stages()), batches)
    stream.start()
    return stream


def chunk_rows(start: int, count: int) -> pl.DataFrame:
    return CHUNKS.frame(
        [{"kind": "function", "local_name": f"f{n}", "text": f"def f{n}(): ..."} for n in range(start, start + count)]
    )


def test_a_full_queue_leaves_the_rest_for_later_and_holds_nobody_up(tmp_path: Path) -> None:
    model = SlowEmbedder()
    stream = stream_of(model, tmp_path)
    stream.offer(chunk_rows(0, 10))
    assert model.entered.wait(120)
    for n in range(1, 11):
        stream.offer(chunk_rows(n * 10, 10))  # the model is stuck: three fit in the queue
    assert stream.counts.skipped == 70
    threading.Timer(0.05, model.allowed.set).start()
    stream.stop()
    assert stream.counts.embedded == 10
    assert stream.counts.skipped == 100
    assert len(stream.vectors.cache) == 10
    assert stream.failure is None


def test_a_stop_ends_a_window_early_and_keeps_what_was_done(tmp_path: Path) -> None:
    model = SlowEmbedder()
    stream = stream_of(model, tmp_path)
    stream.offer(chunk_rows(0, 2000))
    assert model.entered.wait(120)
    threading.Timer(0.05, model.allowed.set).start()
    stream.stop()
    done = stream.counts.embedded
    assert 0 < done < 2000
    assert len(stream.vectors.cache) == len(stream.vectors.ahead) == done
    assert not stream._thread.is_alive()


def test_a_failing_model_stops_the_stream_and_is_reported_by_the_embeddings_step(
    chain: Chain, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(FILES)
    chain.register(f"file://{repository.path}", "r")
    model = SlowEmbedder(fail_after=300)
    model.allowed.set()
    monkeypatch.setattr("code_index_assets.chain.embed.document_embedder", lambda *_: model)
    with pytest.raises(EmbeddingError, match="fell over"):
        embedded(chain, "pipeline")
    assert chain.store.require("chunks", "r").rows_of("chunks") >= 400  # the chunks are there
    assert not (chain.data / "embeddings").exists()
    monkeypatch.undo()
    computed = TestEmbedder()
    monkeypatch.setattr("code_index_assets.chain.embed.document_embedder", lambda *_: computed)
    _, vectors, _ = embedded(chain, "pipeline")
    assert vectors.outcome == "built"
    assert computed.texts_embedded < vectors.info["vectors"]  # what was kept before the failure is not computed again


def test_an_error_while_parsing_ends_the_stream(
    chain: Chain, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(FILES)
    chain.register(f"file://{repository.path}", "r")

    def broken(*arguments: object, **options: object) -> Any:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("code_index_assets.chain.chunk.parse_files", broken)
    with pytest.raises(KeyboardInterrupt):
        embedded(chain, "pipeline")
    deadline = time.monotonic() + 120
    while any(thread.name == "embed-ahead" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(thread.name == "embed-ahead" for thread in threading.enumerate())
    assert not [path for path in (chain.data / "tmp").iterdir() if path.is_dir()]


def test_what_is_recommended() -> None:
    def mode(files: int, size: int, **options: object) -> str:
        given = {"cores": 8, "free_cores": 7.5, "free_mb": 16_000, "embeds": "here"} | options
        return recommend(files, size, **given).mode  # type: ignore[arg-type]

    assert mode(20, 100_000) == mode(20, 100_000, embeds="table") == "sequential"
    assert mode(5000, 50_000_000) == "parallel"
    assert mode(5000, 50_000_000, embeds="table") == "pipeline"
    assert mode(5000, 50_000_000, free_cores=2.0, embeds="table") == "parallel"
    assert mode(5000, 50_000_000, cores=1, embeds="table") == "sequential"
    assert mode(5000, 50_000_000, free_mb=200) == "sequential"
    assert mode(5000, 50_000_000, embeds="away") == mode(20, 100_000, embeds="away") == "pipeline"
    assert mode(0, 0, embeds="away") == "sequential"
    bounded = Settings.model_validate({"model": "voyage", "budget_usd": 1})
    assert {_choice(asked, 100, 50_000_000, bounded, 8.0).mode for asked in ("auto", "pipeline")} == {"parallel"}


def test_the_mode_is_run_configuration_too(dagster_chain: DagsterChain, repository: GitRepository) -> None:
    import dagster as dg

    from code_index_assets.code_location import build_defs

    chain = dagster_chain
    repository.commit({"a.py": "def a():\n    return 1\n"})
    chain.register(f"file://{repository.path}", "r")
    defs = build_defs({"data": str(chain.data), "model": "test"})
    names = ("repository", "file_hashes", "chunks")

    def run(mode: str) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [defs.get_assets_def(name) for name in names], partition_key="r", instance=chain.instance,
            resources=defs.resources, run_config={"ops": {"chunks": {"config": {"indexing_mode": mode}}}}, raise_on_error=False,
        )  # fmt: skip

    result = run("pipeline")
    assert result.success
    (made,) = result.asset_materializations_for_node("chunks")
    assert made.metadata["indexing_mode"].value == "pipeline"
    repository.commit({"b.py": "def b():\n    return 1\n"})
    assert "no indexing mode" in failure(run("sideways"))


def test_vectors_kept_by_a_stream_are_the_models(tmp_path: Path) -> None:
    model = TestEmbedder()
    stream = stream_of(model, tmp_path)
    stream.offer(chunk_rows(0, 30))
    deadline = time.monotonic() + 120
    while stream.counts.embedded < 30 and time.monotonic() < deadline:
        time.sleep(0.01)
    stream.stop()
    frame = stream.vectors.embed(chunk_rows(0, 30).with_columns(chunk_id=pl.int_range(30).cast(pl.String)))
    texts = [f"function f{n}\nf {n}\ndef f{n}(): ..." for n in range(30)]
    assert np.array_equal(frame.get_column("vector").to_numpy(), as_kept(TestEmbedder().embed(texts, "document")))
