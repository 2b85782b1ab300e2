"""The engine as all front ends use it: with the query model the index was made with and the last observations.

What lives here: putting the engine together. What does not: the engine (`engine.py`), front ends.
"""

from __future__ import annotations

from typing import Any

from ..embedding.models import chosen_model, query_embedder, space_of
from ..errors import CodeIndexError
from ..index.reader import published_spaces
from ..layout import Layout
from ..settings import Settings
from .engine import SearchEngine
from .freshness import Heads

# What `auto` may have meant where the index was made.
AUTO_MODELS = ("static", "minilm")


def open_engine(settings: Settings, layout: Layout) -> SearchEngine:
    """The engine of a data folder. Its query model is loaded by the first search.

    Raises SpaceMismatchError (at the first search) if the index was made with another model than the one set.
    """
    settings = _with_published_model(settings, layout)
    model = _QueryModel(settings, layout)
    try:
        space: str | None = space_of(settings, layout).id
    except CodeIndexError:
        space = None  # the semantic lane will say why; the other lanes answer
    return SearchEngine(layout, settings, model, space=space, head_of=Heads(layout))


def _with_published_model(settings: Settings, layout: Layout) -> Settings:
    """With `auto`, the model that an index is published for, where this machine would have chosen another one."""
    published = published_spaces(layout)
    if settings.model != "auto" or not published:
        return settings
    chosen = chosen_model(settings)
    for model in (chosen, *(name for name in AUTO_MODELS if name != chosen)):
        candidate = settings.model_copy(update={"model": model})
        if published[0].startswith({"static": "static-", "minilm": "transformer-all-minilm-l6-v2-"}[model]):
            return candidate
    return settings


class _QueryModel:
    """Embeds queries; loads the model when it is first asked."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self.settings, self.layout = settings, layout
        self._embedder: Any = None

    def __call__(self, text: str) -> Any:
        if self._embedder is None:
            self._embedder = query_embedder(self.settings, self.layout)
        return self._embedder.embed([text], "query")[0]
