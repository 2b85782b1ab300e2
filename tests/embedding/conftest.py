"""Embedding servers of our own, and embedders that ask them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from embedding_server import KEY, EmbeddingServer

from code_index_assets.embedding.loading import document_embedder
from code_index_assets.embedding.providers.requests import RequestEmbedder
from code_index_assets.embedding.providers.spending import Spending
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout


@pytest.fixture(params=["voyage", "openai"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    """A server of each API."""
    monkeypatch.setenv("VOYAGE_API_KEY", KEY)
    server = EmbeddingServer(request.param)
    yield server
    server.close()


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., RequestEmbedder]:
    """An embedder of a server, which tries again at once."""

    def make(server: EmbeddingServer, spending: Spending | None = None, **options: object) -> RequestEmbedder:
        settings = remote_settings(server, tmp_path, **options)
        embedder = document_embedder(settings, Layout(settings.data).create(), spending=spending)
        assert isinstance(embedder, RequestEmbedder)
        object.__setattr__(embedder.limits, "backoff_seconds", 0.001)
        return embedder

    return make


def remote_settings(server: EmbeddingServer, data: Path, **options: object) -> Settings:
    model = "voyage:voyage-code-3" if server.api == "voyage" else "openai:test-model"
    chosen = {"embedding_dimension": server.dimension} if server.api == "voyage" else {"embedding_key": KEY}
    return Settings.model_validate(
        {"data": data / "data", "model": model, "embedding_url": server.url, **chosen, **options}
    )
