"""int8 products, calibrated once: near float32, the same beside any texts, in a space of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from code_index_assets.embedding.loading import document_embedder, query_embedder, query_embedder_for, space_of
from code_index_assets.embedding.models.local_transformer import CpuTransformer
from code_index_assets.embedding.models.transformer import MINILM, find_model
from code_index_assets.embedding.runtimes import calibration
from code_index_assets.embedding.runtimes import choice as runtimes
from code_index_assets.embedding.runtimes import int8 as int8_model
from code_index_assets.embedding.runtimes.calibration import calibration_texts
from code_index_assets.embedding.runtimes.int8 import int8_graph
from code_index_assets.embedding.runtimes.onnx import OnnxEmbedder, export
from code_index_assets.embedding.runtimes.runtime import Runtime
from code_index_assets.embedding.runtimes.worker import load
from code_index_assets.errors import ConfigurationError, EmbeddingError, SpaceMismatchError
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

MODEL = find_model(f"{MINILM}:int8")
# Held apart from the calibration sample, of very different lengths.
TEXTS = [
    f"def merge_{n}(left, right):\n    total = {n}\n" + "    total += left.pop() * right.pop()\n" * (n % 9)
    for n in range(30)
] + ["class Queue { push(item) { this.items.unshift(item) } }", "remove a file", "}", "SELECT max(price) FROM orders"]

needs_int8 = pytest.mark.skipif(not int8_model.cpu_has_int8(), reason="a CPU without int8 dot products")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("data")).create()


@pytest.fixture(scope="module")
def embedder(layout: Layout) -> OnnxEmbedder:
    return OnnxEmbedder(MODEL, int8_graph(MODEL, layout, print))


def settings(layout: Layout, model: str = "minilm:int8") -> Settings:
    return Settings.model_validate({"data": layout.root, "model": model})


@needs_int8
def test_vectors_are_near_float32_but_not_float32(layout: Layout, embedder: OnnxEmbedder) -> None:
    plain = find_model(MINILM)
    exact = OnnxEmbedder(plain, export(plain, layout)).embed(TEXTS, "document")
    cosines = (embedder.embed(TEXTS, "document") * exact).sum(axis=1)
    assert cosines.min() >= 0.99
    assert cosines.min() < 0.9999, "nothing was quantized"


@needs_int8
@hypothesis_settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, len(TEXTS) - 1), min_size=2, max_size=20))
def test_a_vector_does_not_depend_on_the_texts_beside_it(embedder: OnnxEmbedder, rows: list[int]) -> None:
    together = embedder.embed([TEXTS[row] for row in rows], "document")
    alone = np.stack([embedder.embed([TEXTS[row]], "document")[0] for row in rows])
    assert (together * alone).sum(axis=1).min() >= int8_model.MIN_AGREEMENT


@needs_int8
@pytest.mark.parametrize("name", runtimes.INT8_NAMES)
def test_the_runtimes_of_the_space_agree(layout: Layout, embedder: OnnxEmbedder, name: str) -> None:
    if name.startswith("openvino"):
        pytest.importorskip("openvino")
    other = load(MODEL, 0, name, 1, str(int8_graph(MODEL, layout, print)), "cpu")
    assert other.space == embedder.space
    assert "int8" in other.runtime
    assert (other.embed(TEXTS, "document") * embedder.embed(TEXTS, "document")).sum(axis=1).min() >= 0.999


def test_the_space_is_its_own_and_known_without_making_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path / "data").create()
    plain, int8 = (space_of(settings(layout, model), layout) for model in ("minilm", "minilm:int8"))
    assert int8.id != plain.id
    assert "int8" in int8.id
    assert not list(layout.models.glob("*"))
    monkeypatch.setattr(calibration, "calibration_digest", lambda: "another sample")
    assert space_of(settings(layout), layout).id != int8.id


@needs_int8
def test_queries_and_documents_are_of_one_space_and_others_are_refused(layout: Layout, embedder: OnnxEmbedder) -> None:
    documents, queries = document_embedder(settings(layout), layout), query_embedder(settings(layout), layout)
    assert documents.space == queries.space == embedder.space == space_of(settings(layout), layout)
    assert (documents.embed(TEXTS[:3], "document") * queries.embed(TEXTS[:3], "query")).sum(axis=1).min() >= 0.999
    plain = space_of(settings(layout, "minilm"), layout).id
    with pytest.raises(SpaceMismatchError, match="CODE_INDEX_MODEL"):
        query_embedder_for(plain, settings(layout), layout)
    with pytest.raises(SpaceMismatchError, match="CODE_INDEX_MODEL"):
        query_embedder_for(embedder.space.id, settings(layout, "minilm"), layout)


def test_an_int8_model_stays_on_the_cpu(tmp_path: Path) -> None:
    layout = Layout(tmp_path).create()
    asked = settings(layout).model_copy(update={"device": "cuda"})
    assert isinstance(document_embedder(asked, layout, local=True), CpuTransformer)


@needs_int8
def test_the_graph_is_made_once_and_what_is_half_written_is_not_used(
    layout: Layout, embedder: OnnxEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = int8_graph(MODEL, layout, print)
    other = Layout(tmp_path / "data").create()
    shutil.copytree(export(find_model(MINILM), layout), other.models / export(find_model(MINILM), layout).name)
    (other.models / made.name).mkdir()
    (other.models / made.name / "model.onnx").write_bytes(b"half")
    said: list[str] = []
    again = int8_graph(MODEL, other, said.append)
    assert (again / "model.onnx").read_bytes() == (made / "model.onnx").read_bytes()
    assert json.loads((again / "model.json").read_text())["cosine"] >= int8_model.MIN_COSINE
    assert any("kept in" in line for line in said)

    def unexpected(*given: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(int8_model, "_make", unexpected)
    assert int8_graph(MODEL, other, unexpected) == again


@needs_int8
def test_a_model_that_int8_changes_too_much_is_refused_and_nothing_is_left(
    layout: Layout, embedder: OnnxEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Layout(tmp_path / "data").create()
    shutil.copytree(export(find_model(MINILM), layout), other.models / export(find_model(MINILM), layout).name)
    few = calibration_texts()[:18]
    monkeypatch.setattr(int8_model, "MIN_COSINE", 0.99999)
    monkeypatch.setattr(int8_model, "calibration_texts", lambda: few)
    with pytest.raises(EmbeddingError, match="too much") as caught:
        query_embedder(settings(other), other)
    assert "without `:int8`" in str(caught.value.remedy)
    assert not list(other.models.glob("*int8*"))
    assert not list((other.root / "tmp").iterdir())


def test_a_cpu_whose_products_saturate_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_model, "cpu_has_int8", lambda: False)
    with pytest.raises(ConfigurationError, match="VNNI"):
        query_embedder(settings(Layout(tmp_path).create()), Layout(tmp_path))


def test_runtimes_are_those_of_the_space() -> None:
    assert {runtime.name for runtime in runtimes.candidates(2, int8=True)} <= set(runtimes.INT8_NAMES)
    assert runtimes.preferred(2, int8=True).name in runtimes.INT8_NAMES
    assert runtimes.asked("onnx-int8", 0, 2, int8=True) == Runtime("onnx-int8", 2)
    for name, int8 in (("onnx-int8", False), ("openvino-bf16", True)):
        with pytest.raises(ConfigurationError, match="for this model"):
            runtimes.asked(name, 0, 2, int8)


def test_the_sample_is_of_many_short_texts() -> None:
    assert len(calibration_texts()) == 90
    assert all(text.strip() for text in calibration_texts())
