"""Choosing the model: from the setting `model` to an embedder for documents or for queries.

What lives here: what `auto` means, and which runtime serves which use. What does not: the models.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import CodeIndexError, SpaceMismatchError
from ..index.published import resolved
from ..progress import Say
from ..settings import Settings
from ..storage.layout import Layout
from .interface import Embedder
from .providers.spending import Spending, open_account
from .space import EmbeddingSpace

# A search does not wait for a provider as long as a run does: without it the other lanes answer.
QUERY_PATIENCE_SECONDS = 8.0
QUERY_TIMEOUT_SECONDS = 10.0


def chosen_model(settings: Settings) -> str:
    """The model that `settings.model` means on this machine; in a data folder `spaces.resolved` comes first."""
    if settings.model in ("voyage", "voyage:"):
        return "voyage:voyage-code-3"
    if settings.model != "auto":
        return settings.model
    from .models.transformer import pick_device

    return "static" if pick_device(settings.device) == "cpu" else "minilm"


def is_remote(model: str) -> bool:
    """Whether a model setting names a provider."""
    return model.startswith(("voyage:", "openai:"))


def is_table(model: str) -> bool:
    """Whether a model setting names a static table: the package's, or one in a folder."""
    return model == "static" or model.startswith("static:")


def document_embedder(
    settings: Settings,
    layout: Layout,
    say: Say = lambda line: None,
    spending: Spending | None = None,
    *,
    local: bool = False,
) -> Embedder:
    """The embedder for chunks. `spending` is the run's account with a provider; `local` asks no embedding process.

    Raises ConfigurationError, EmbeddingError.
    """
    settings = resolved(settings, layout)
    model = chosen_model(settings)
    if is_remote(model):
        return _remote(settings, layout, model, spending or open_account(settings, model))
    if model == "test":
        from .models.hashed_words import TestEmbedder

        return TestEmbedder()
    if is_table(model):
        from .models.static_table import PACKAGED, StaticTableEmbedder

        folder = model.partition(":")[2]
        return StaticTableEmbedder(Path(folder).expanduser().absolute() if folder else PACKAGED)
    from .models.transformer import find_model, pick_device

    if not local and (
        shared := _shared(settings, layout, say, lambda: document_embedder(settings, layout, say, local=True))
    ):
        return shared
    from .models.local_transformer import CpuTransformer, gpu_transformer

    transformer = find_model(model)
    device = "cpu" if transformer.int8 else pick_device(settings.device)
    if device == "cpu":
        return CpuTransformer(transformer, settings, layout, say, lasting=local)
    return gpu_transformer(transformer, settings, layout, device)


def space_of(settings: Settings, layout: Layout, say: Say = lambda line: None) -> EmbeddingSpace:
    """The embedding space of the chosen model, without loading a transformer's weights."""
    settings = resolved(settings, layout)
    model = chosen_model(settings)
    if model == "test" or is_table(model):
        return document_embedder(settings, layout, say).space
    if model.startswith("voyage:"):
        from .providers.voyage import voyage_space

        return voyage_space(settings, model)
    if model.startswith("openai:"):
        from .providers.openai_compatible import openai_space

        return openai_space(settings, layout, model)
    from .models.transformer import find_model

    return find_model(model).space(settings.max_tokens)


def _shared(settings: Settings, layout: Layout, say: Say, here: Callable[[], Embedder]) -> Embedder | None:
    """The embedding process, if one runs for this model."""
    from .runtimes.process_client import ProcessEmbedder, connect

    if not (layout.root / "embedder.json").exists():
        return None
    space = space_of(settings, layout, say)
    connection = connect(layout, space.id)
    return None if connection is None else ProcessEmbedder(space, connection, here, say)


def query_embedder(
    settings: Settings, layout: Layout, say: Say = lambda line: None, *, local: bool = False
) -> Embedder:
    """The embedder for queries: the same space as `document_embedder`, in the runtime that starts fastest."""
    settings = resolved(settings, layout)
    model = chosen_model(settings)
    if model == "test" or is_table(model):
        return document_embedder(settings, layout, say)
    if is_remote(model):
        timeout = min(settings.embedding_timeout_seconds, QUERY_TIMEOUT_SECONDS)
        brief = settings.model_copy(update={"embedding_timeout_seconds": timeout})
        patience = min(settings.embedding_patience_seconds, QUERY_PATIENCE_SECONDS)
        return _remote(brief, layout, model, Spending(model), patience)
    if not local and (
        shared := _shared(settings, layout, say, lambda: query_embedder(settings, layout, say, local=True))
    ):
        return shared
    from .models.transformer import find_model
    from .runtimes import onnx as onnx_model

    transformer = find_model(model)
    try:
        folder = onnx_model.graph(transformer, layout, settings.max_tokens, say)
        return onnx_model.OnnxEmbedder(transformer, folder, max_tokens=settings.max_tokens)
    except CodeIndexError:
        raise
    except Exception as error:
        if transformer.int8:
            raise  # torch makes no vectors of its space
        # A model whose graph cannot be exported still answers, only slower to start.
        say(f"{model} cannot be exported to ONNX ({type(error).__name__}); queries use torch")
        return document_embedder(settings, layout, say)


def _remote(
    settings: Settings, layout: Layout, model: str, spending: Spending, patience: float | None = None
) -> Embedder:
    if model.startswith("voyage:"):
        from .providers.voyage import VoyageEmbedder

        return VoyageEmbedder(settings, model, spending, patience=patience)
    from .providers.openai_compatible import OpenAICompatibleEmbedder

    return OpenAICompatibleEmbedder(settings, layout, model, spending, patience=patience)


def query_embedder_for(space: str, settings: Settings, layout: Layout) -> Embedder:
    """The query embedder, which must be of the space of what is searched. Raises SpaceMismatchError."""
    embedder = query_embedder(settings, layout)
    if embedder.space.id != space:
        raise SpaceMismatchError(
            f"the index was made in the embedding space {space}; this process is set to {embedder.space.id}",
            remedy="set CODE_INDEX_MODEL to the model the index was made with, or index again with this one",
        )
    return embedder
