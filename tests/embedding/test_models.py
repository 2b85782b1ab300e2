"""Models: batches, unit vectors, and the real ones against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.embedding.interface import unit
from code_index_assets.embedding.models.hashed_words import TestEmbedder
from code_index_assets.embedding.models.transformer import token_batches
from code_index_assets.embedding.text import chunk_text, identifier_words
from code_index_assets.errors import ConfigurationError, SpaceMismatchError
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout


@given(st.lists(st.integers(1, 200), max_size=60), st.integers(64, 2048))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget


def test_no_text_has_a_zero_vector() -> None:
    assert np.allclose(np.linalg.norm(unit(np.zeros((2, 4))), axis=1), 1)
    assert np.allclose(np.linalg.norm(TestEmbedder().embed(["", "(){};", "a b"], "document"), axis=1), 1)


def test_identifiers_split_into_words() -> None:
    assert identifier_words("parseHTTPResponse2_now") == ["parse", "http", "response", "2", "now"]


def test_the_embedded_text_names_no_folder() -> None:
    assert (
        chunk_text("method", "Engine.start", "def start(self): ...")
        == "method Engine.start\nengine start\ndef start(self): ..."
    )


def test_an_unknown_model_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from code_index_assets.embedding.loading import document_embedder

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = Settings.model_validate({"data": tmp_path, "model": "nobody/no-such-model"})
    with pytest.raises(ConfigurationError, match="nobody/no-such-model"):
        document_embedder(settings, Layout(tmp_path))


def test_a_query_in_another_space_fails_loudly(tmp_path: Path) -> None:
    from code_index_assets.embedding.loading import query_embedder_for

    settings = Settings.model_validate({"data": tmp_path, "model": "test"})
    with pytest.raises(SpaceMismatchError, match="CODE_INDEX_MODEL"):
        query_embedder_for("static-other-256-00000000", settings, Layout(tmp_path))


@pytest.mark.slow
def test_the_runtimes_of_one_space_agree(tmp_path: Path) -> None:
    from code_index_assets.embedding.loading import document_embedder, query_embedder

    settings = Settings.model_validate({"data": tmp_path, "model": "minilm", "device": "cpu"})
    layout = Layout(tmp_path).create()
    texts = [f"def function_{i}(a, b): return a * {i} + len(b) # {'word ' * (i % 40)}" for i in range(60)]
    torch, light = document_embedder(settings, layout), query_embedder(settings, layout)
    assert torch.space == light.space
    assert (torch.embed(texts, "document") * light.embed(texts, "document")).sum(axis=1).min() > 0.999
    alone = np.concatenate([torch.embed([text], "document") for text in texts[:10]])
    assert (torch.embed(texts, "document")[:10] * alone).sum(axis=1).min() > 0.999


def test_threads_of_a_server_get_the_vectors_of_one(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from code_index_assets.embedding.loading import document_embedder

    layout = Layout(tmp_path).create()
    settings = Settings.model_validate({"data": tmp_path, "model": "static"})
    texts = [f"word{n} parse_{n}_config handle{n % 7}Request" for n in range(3000)]
    expected = document_embedder(settings, layout).embed(texts, "document")
    shared = document_embedder(settings, layout)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda text: shared.embed([text], "query")[0], texts))
    assert np.allclose(np.stack(found), expected, atol=1e-6)
