"""The engine as all front ends use it: with the query model the index was made with and the last observations.

What lives here: putting the engine together, and following a switch of the serving space. What does not: the engine
(`engine.py`), front ends.
"""

from __future__ import annotations

import threading
from typing import Any

from ..embedding.interface import Embedder
from ..embedding.loading import query_embedder, query_embedder_for, space_of
from ..errors import CodeIndexError
from ..index.published import PublishedIndex, in_force, with_space
from ..index.reader import IndexSnapshot
from ..settings import Settings
from ..storage.layout import Layout
from .engine import SearchEngine, _Opened
from .freshness import Heads


def open_engine(settings: Settings, layout: Layout, space: str | None = None) -> SearchEngine:
    """The engine of a data folder. Its query model is loaded by the first search.

    Without `space` it searches the space that serves, and follows `code-index use`; a model that is set explicitly says
    which space instead. Raises SpaceMismatchError (at the first search) if nothing is published in that one.
    """
    if space is None and settings.model == "auto" and PublishedIndex(layout).serving is not None:
        return _ServingEngine(layout, settings, head_of=Heads(layout))
    model = _QueryModel(settings, layout, space)
    try:
        chosen: str | None = space or space_of(in_force(settings, layout), layout).id
    except CodeIndexError:
        chosen = None  # the semantic lane will say why; the other lanes answer
    return SearchEngine(layout, settings, model, space=chosen, head_of=Heads(layout))


class _ServingEngine(SearchEngine):
    """Searches the space that serves at the moment of the query."""

    def snapshot(self) -> IndexSnapshot:
        serving = PublishedIndex(self.layout).serving
        if serving is not None and serving != self.space:
            self.embed_query = _QueryModel(self.settings, self.layout, serving)
            self.space = serving
            self._opened = _Opened()
        return super().snapshot()


class _QueryModel:
    """Embeds queries; loads the model when it is first asked. `space`: the published space the queries are for."""

    def __init__(self, settings: Settings, layout: Layout, space: str | None) -> None:
        self.settings, self.layout, self.space = settings, layout, space
        self._embedder: Embedder | None = None
        self._lock = threading.Lock()

    def __call__(self, text: str) -> Any:
        return self._loaded().embed([text], "query")[0]

    def knows(self, text: str) -> bool:
        return self._loaded().knows(text)

    @property
    def immediate(self) -> bool:
        """Whether it is loaded and a query costs it less than handing it to a thread would."""
        return self._embedder is not None and self._embedder.immediate

    def _loaded(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                self._embedder = self._load()
            return self._embedder

    def _load(self) -> Embedder:
        if self.space is None:
            return query_embedder(in_force(self.settings, self.layout), self.layout)
        return query_embedder_for(self.space, with_space(self.settings, self.layout, self.space), self.layout)
