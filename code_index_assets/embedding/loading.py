"""Loading the chosen model: an embedder for documents, one for queries, or its embedding space alone.

What lives here: which runtime serves which use. What does not: the models, and the choice (`model_spec.py`). In a data
folder `auto` means the model of the index in use: `index.published.in_force` gives settings that name it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import CodeIndexError, SpaceMismatchError
from ..progress import Say
from ..settings import Settings
from ..storage.layout import Layout
from .interface import Embedder
from .model_spec import ModelKind, ModelSpec
from .providers.registry import provider_of
from .providers.spending import Spending, open_account
from .space import EmbeddingSpace

# A search does not wait for a provider as long as a run does: without it the other lanes answer.
QUERY_PATIENCE_SECONDS = 8.0
QUERY_TIMEOUT_SECONDS = 10.0


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
    spec = ModelSpec.chosen(settings)
    if spec.is_remote:
        spending = spending or open_account(settings, spec)
        return provider_of(spec).embedder_of_model(settings, layout, spec.name, spending)
    if spec.kind is ModelKind.TEST:
        from .models.hashed_words import TestEmbedder

        return TestEmbedder()
    if spec.kind is ModelKind.TABLE:
        from .models.static_table import PACKAGED, StaticTableEmbedder

        return StaticTableEmbedder(Path(spec.name).expanduser().absolute() if spec.name else PACKAGED)
    from .models.transformer import find_model, pick_device

    if not local and (
        shared := _shared(settings, layout, say, lambda: document_embedder(settings, layout, say, local=True))
    ):
        return shared
    from .models.local_transformer import CpuTransformer, gpu_transformer

    transformer = find_model(spec.name)
    device = "cpu" if transformer.int8 else pick_device(settings.device)
    if device == "cpu":
        return CpuTransformer(transformer, settings, layout, say, lasting=local)
    return gpu_transformer(transformer, settings, layout, device)


def space_of(settings: Settings, layout: Layout, say: Say = lambda line: None) -> EmbeddingSpace:
    """The embedding space of the chosen model, without loading a transformer's weights."""
    spec = ModelSpec.chosen(settings)
    if spec.is_light:
        return document_embedder(settings, layout, say).space
    if spec.is_remote:
        return provider_of(spec).space_of_model(settings, layout, spec.name)
    from .models.transformer import find_model

    return find_model(spec.name).space(settings.max_tokens)


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
    spec = ModelSpec.chosen(settings)
    if spec.is_light:
        return document_embedder(settings, layout, say)
    if spec.is_remote:
        timeout = min(settings.embedding_timeout_seconds, QUERY_TIMEOUT_SECONDS)
        brief = settings.model_copy(update={"embedding_timeout_seconds": timeout})
        patience = min(settings.embedding_patience_seconds, QUERY_PATIENCE_SECONDS)
        return provider_of(spec).embedder_of_model(brief, layout, spec.name, Spending(spec), patience=patience)
    if not local and (
        shared := _shared(settings, layout, say, lambda: query_embedder(settings, layout, say, local=True))
    ):
        return shared
    from .models.transformer import find_model
    from .runtimes.exported_graph import graph
    from .runtimes.onnx import OnnxEmbedder

    transformer = find_model(spec.name)
    try:
        folder = graph(transformer, layout, settings.max_tokens, say)
        return OnnxEmbedder(transformer, folder, max_tokens=settings.max_tokens)
    except CodeIndexError:
        raise
    except Exception as error:
        if transformer.int8:
            raise  # torch makes no vectors of its space
        # A model whose graph cannot be exported still answers, only slower to start.
        say(f"{spec} cannot be exported to ONNX ({type(error).__name__}); queries use torch")
        return document_embedder(settings, layout, say)


def query_embedder_for(space: str, settings: Settings, layout: Layout) -> Embedder:
    """The query embedder, which must be of the space of what is searched. Raises SpaceMismatchError."""
    embedder = query_embedder(settings, layout)
    if embedder.space.id != space:
        raise SpaceMismatchError(
            f"the index was made in the embedding space {space}; this process is set to {embedder.space.id}",
            remedy="set CODE_INDEX_MODEL to the model the index was made with, or index again with this one",
        )
    return embedder
