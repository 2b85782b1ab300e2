"""The graph that a model's space is computed with: the float32 export, or the int8 graph made from it."""

from __future__ import annotations

from pathlib import Path

from ...progress import Say
from ...storage.layout import Layout
from ..models.transformer import (
    TransformerModel,
)


def graph(model: TransformerModel, layout: Layout, max_tokens: int = 0, say: Say = lambda line: None) -> Path:
    """The folder of the graph of a model's space, made if it is not there.

    Raises ConfigurationError, EmbeddingError.
    """
    if model.int8:
        from .int8 import int8_graph

        return int8_graph(model, layout, say)
    from .onnx import export

    return export(model, layout, max_tokens)
