"""The providers by the kind of model: the only place that names them all.

What lives here: what a provider must offer, and which module does. A new provider is a line here and a kind in
`../model_spec.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from ...settings import Settings
from ...storage.layout import Layout
from ..interface import Embedder
from ..model_spec import ModelKind, ModelSpec
from ..space import EmbeddingSpace
from .spending import Spending


class MakeSpace(Protocol):
    """The embedding space of a provider's model. Raises ConfigurationError, EmbeddingError."""

    def __call__(self, settings: Settings, layout: Layout, model: str) -> EmbeddingSpace:
        """The space of `model` under these settings."""
        ...


class MakeEmbedder(Protocol):
    """The embedder of a provider's model. `patience`: seconds to wait for it in all; None: the setting.

    Raises ConfigurationError, EmbeddingError.
    """

    def __call__(
        self, settings: Settings, layout: Layout, model: str, spending: Spending, *, patience: float | None = None
    ) -> Embedder:
        """The embedder of `model`, which books what it spends in `spending`."""
        ...


@dataclass(frozen=True)
class Provider:
    """What a provider's module offers under its names `space_of_model` and `embedder_of_model`."""

    space_of_model: MakeSpace
    embedder_of_model: MakeEmbedder


_MODULES = {ModelKind.VOYAGE: "voyage", ModelKind.OPENAI: "openai_compatible"}


def provider_of(spec: ModelSpec) -> Provider:
    """The provider of a remote model; its module is loaded now, no other."""
    module = import_module(f".{_MODULES[spec.kind]}", __package__)
    return Provider(cast(MakeSpace, module.space_of_model), cast(MakeEmbedder, module.embedder_of_model))
