"""From chunk rows to embedding rows: what is known is taken over, what is new is computed once.

What lives here: vector keys, reuse (the repository's previous embeddings first, then the cache), computing what is left
and keeping it as it comes. What does not: models (`loading.py`) and storage of artifacts (`chain/embed.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from ..progress import Stages
from ..storage.fingerprint import digest
from ..tables import embeddings_table
from .cache.vectors import VectorCache, as_kept
from .interface import Embedder, Vectors
from .providers.spending import Spending
from .space import EmbeddingSpace
from .text import chunk_text


@dataclass
class EmbeddingCounts:
    """Where the vectors came from."""

    vectors: int = 0
    computed: int = 0
    from_previous: int = 0
    from_cache: int = 0
    ahead: int = 0  # of the computed: before the step came to their rows
    runtime: str = ""


@dataclass(frozen=True)
class Refused:
    """A chunk whose text the model refuses."""

    path: str
    start_line: int
    end_line: int
    reason: str


@dataclass
class ChunkVectors:
    """Embeds the chunks of one run. The model is loaded when the first text has to be computed."""

    space: EmbeddingSpace
    load: Callable[[], Embedder]
    cache: VectorCache
    stages: Stages
    counts: EmbeddingCounts = field(default_factory=EmbeddingCounts)
    # Keys computed ahead in this run, in the cache but not yet in any row: they count as computed, not as found.
    ahead: set[str] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)
    remote: bool = False
    embedder: Embedder | None = None
    _reasons: dict[str, str] = field(default_factory=dict)
    _known: int = 0

    def embed(self, chunks: pl.DataFrame, previous: pl.DataFrame | None = None) -> pl.DataFrame:
        """Embedding rows of chunk rows, in their order. `previous` holds embedding rows to take over from.

        A chunk whose text the model refuses has no row and is in `refused`.
        """
        table = embeddings_table(self.space.dimension)
        if chunks.is_empty():
            return table.empty()
        keys, texts = keyed_texts(self.space, chunks)
        vectors = self._reuse(list(texts), previous)
        vectors.update(self._compute({key: text for key, text in texts.items() if key not in vectors}))
        if any(key in self._reasons for key in texts):
            chunks, keys = self._without_refused(chunks, keys)
        if not keys:
            return table.empty()
        self.counts.vectors += len(keys)
        matrix = np.stack([vectors[key] for key in keys])
        return pl.DataFrame(
            {
                "chunk_id": chunks.get_column("chunk_id"),
                "part": pl.Series(np.zeros(len(keys), dtype=np.int16)),
                "vector_key": keys,
                "vector": pl.Series(matrix, dtype=pl.Array(pl.Float32, self.space.dimension)),
            },
            schema=table.schema,
        )

    def missing(self, texts: dict[str, str]) -> dict[str, str]:
        """The texts, by key, that the cache does not have."""
        known = self.cache.get(list(texts))
        return {key: text for key, text in texts.items() if key not in known and key not in self._reasons}

    def compute_ahead(self, texts: dict[str, str], stop: threading.Event | None = None) -> int:
        """Computes the texts (by key) that the cache does not have into it; returns how many. For one thread.

        `stop` ends it early; what a provider has been asked for is waited for.
        """
        done = 0
        for keys, _ in self._computed(self.missing(texts)):
            self.ahead.update(keys)
            done += len(keys)
            if stop is not None and stop.is_set():
                if not self.remote:
                    break
                self._loaded().interrupt()
        return done

    def plan(self, texts: Sequence[str]) -> int:
        """Tokens that embedding the texts will come to; loads the model if there are any."""
        return self._loaded().plan(texts) if texts else 0

    def require_budget(self, texts: int, tokens: int) -> dict[str, Any]:
        """The plan of having so many texts embedded by a provider. Raises BudgetError if it is over the budget."""
        spending = getattr(self._loaded(), "spending", None)
        plan: dict[str, Any] = {"texts": texts, "tokens": tokens}
        if isinstance(spending, Spending):
            spending.require(tokens)
            if spending.price is not None:
                plan["price_usd"] = round(tokens * spending.price / 1e6, 6)
        return plan

    def _reuse(self, keys: list[str], previous: pl.DataFrame | None) -> dict[str, Vectors]:
        vectors: dict[str, Vectors] = {}
        with self.stages.stage("look up vectors", unit="vectors") as ticker:
            if previous is not None and not previous.is_empty():
                rows = previous.filter(pl.col("vector_key").is_in(keys)).unique("vector_key")
                known = rows.get_column("vector_key").to_list()
                vectors.update(zip(known, rows.get_column("vector").to_numpy(), strict=True))
            self.counts.from_previous += len(vectors)
            cached = self.cache.get([key for key in keys if key not in vectors])
            fresh = self.ahead.intersection(cached)
            self.ahead -= fresh
            self.counts.computed += len(fresh)
            self.counts.ahead += len(fresh)
            self.counts.from_cache += len(cached) - len(fresh)
            vectors.update(cached)
            ticker.advance(len(keys))
            # Of those looked up: buckets that were taken over whole are in the counts, and not among them.
            self._known += len(vectors) - len(fresh)
            ticker.info["hits"] = self._known
            ticker.info["ahead"] = self.counts.ahead
        return vectors

    def _compute(self, missing: dict[str, str]) -> dict[str, Vectors]:
        vectors: dict[str, Vectors] = {}
        missing = {key: text for key, text in missing.items() if key not in self._reasons}
        for keys, rows in self._computed(missing):
            vectors.update(zip(keys, rows, strict=True))
        self.counts.computed += len(vectors)
        return vectors

    def _computed(self, missing: dict[str, str]) -> Iterator[tuple[list[str], Vectors]]:
        """Keys and vectors as the model gives them; they are in the cache before they are handed on."""
        if not missing:
            return
        embedder = self._loaded()
        # Longest first, so that texts of near length share a batch.
        keys = sorted(missing, key=lambda key: (-len(missing[key]), key))
        with self.stages.stage("embed", total=len(keys), unit="chunks") as ticker:
            for part in embedder.embed_each([missing[key] for key in keys]):
                done = [keys[row] for row in part.rows]
                if done:
                    stored = as_kept(part.vectors)
                    self.cache.put(done, stored)
                    yield done, stored
                self._reasons.update((keys[row], reason) for row, reason in part.refused.items())
                ticker.advance(len(done))
            ticker.info |= {"space": self.space.id, **embedder.facts}

    def _without_refused(self, chunks: pl.DataFrame, keys: list[str]) -> tuple[pl.DataFrame, list[str]]:
        reasons = [self._reasons.get(key) for key in keys]
        rows = chunks.select("path", "start_line", "end_line").rows()
        for (path, start, end), reason in zip(rows, reasons, strict=True):
            if reason is not None:
                self.refused.append(Refused(path, start, end, reason))
        accepted = [reason is None for reason in reasons]
        return chunks.filter(pl.Series(accepted)), [key for key, keep in zip(keys, accepted, strict=True) if keep]

    def _loaded(self) -> Embedder:
        if self.embedder is None:
            with self.stages.stage("load model", unit="models") as ticker:
                self.embedder = self.load()
                self.space.require_same(self.embedder.space.id, "the loaded model")
                ticker.advance()
        self.counts.runtime = self.embedder.runtime
        return self.embedder

    def close(self) -> None:
        """Closes the embedder, if one was loaded."""
        if self.embedder is not None:
            self.embedder.close()


def keyed_texts(space: EmbeddingSpace, chunks: pl.DataFrame) -> tuple[list[str], dict[str, str]]:
    """The vector key of each chunk row, and the distinct texts by key."""
    texts = [chunk_text(*row) for row in chunks.select("kind", "local_name", "text").iter_rows()]
    keys = [vector_key(space, text) for text in texts]
    return keys, dict(zip(keys, texts, strict=True))


def vector_key(space: EmbeddingSpace, text: str) -> str:
    """Key of a text's document vector in the cache."""
    return digest(space.id, "document", text)
