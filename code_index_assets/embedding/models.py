"""Choosing the model: from the setting `model` to an embedder for documents or for queries.

What lives here: what `auto` means, and which runtime serves which use. What does not: the models.
"""

from __future__ import annotations

from ..errors import CodeIndexError, SpaceMismatchError
from ..layout import Layout
from ..progress import Say
from ..settings import Settings
from .embedder import Embedder
from .space import EmbeddingSpace


def chosen_model(settings: Settings) -> str:
    """The model that `settings.model` means here: `auto` is the static table on a CPU, the transformer on a GPU."""
    if settings.model != "auto":
        return settings.model
    from .transformer import pick_device

    return "static" if pick_device(settings.device) == "cpu" else "minilm"


def document_embedder(settings: Settings, layout: Layout, say: Say = lambda line: None) -> Embedder:
    """The embedder for chunks. Raises ConfigurationError, EmbeddingError."""
    model = chosen_model(settings)
    if model == "test":
        from .test_model import TestEmbedder

        return TestEmbedder()
    from .transformer import MINILM, TransformerEmbedder, find_model

    if model == "static":
        from .distill import static_table

        return static_table(find_model(MINILM), layout, say)
    return TransformerEmbedder(find_model(model), device=settings.device, max_tokens=settings.max_tokens)


def space_of(settings: Settings, layout: Layout, say: Say = lambda line: None) -> EmbeddingSpace:
    """The embedding space of the chosen model, without loading a transformer's weights."""
    model = chosen_model(settings)
    if model in ("test", "static"):
        return document_embedder(settings, layout, say).space
    from .transformer import find_model

    return find_model(model).space(settings.max_tokens)


def query_embedder(settings: Settings, layout: Layout, say: Say = lambda line: None) -> Embedder:
    """The embedder for queries: the same space as `document_embedder`, in the runtime that starts fastest."""
    model = chosen_model(settings)
    if model in ("test", "static"):
        return document_embedder(settings, layout, say)
    from . import onnx_model
    from .transformer import find_model

    transformer = find_model(model)
    try:
        folder = onnx_model.export(transformer, layout, settings.max_tokens)
        return onnx_model.OnnxEmbedder(transformer, folder, max_tokens=settings.max_tokens)
    except CodeIndexError:
        raise
    except Exception as error:
        # A model whose graph cannot be exported still answers, only slower to start.
        say(f"{model} cannot be exported to ONNX ({type(error).__name__}); queries use torch")
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
