"""From chunk rows to embedding rows: what is known is taken over, what is new is computed once.

What lives here: vector keys, reuse (the repository's previous embeddings first, then the cache), batches and flushes.
What does not: models (`models.py`) and storage of artifacts (`assets/`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ..fingerprint import digest
from ..progress import Stages
from ..tables import embeddings_table
from .embedder import Embedder, Vectors
from .space import EmbeddingSpace
from .text import chunk_text
from .vector_cache import VectorCache

# What a kill can cost: at most this many texts, or this many seconds, are computed again.
FLUSH_TEXTS = 256
FLUSH_SECONDS = 2.0


@dataclass
class EmbeddingCounts:
    """Where the vectors came from."""

    vectors: int = 0
    computed: int = 0
    from_previous: int = 0
    from_cache: int = 0
    tokens: int = 0
    runtime: str = ""


@dataclass
class ChunkVectors:
    """Embeds the chunks of one run. The model is loaded when the first text has to be computed."""

    space: EmbeddingSpace
    load: Callable[[], Embedder]
    cache: VectorCache
    stages: Stages
    counts: EmbeddingCounts = field(default_factory=EmbeddingCounts)
    _embedder: Embedder | None = None

    def embed(self, chunks: pl.DataFrame, previous: pl.DataFrame | None = None) -> pl.DataFrame:
        """Embedding rows of chunk rows, in their order. `previous` holds embedding rows to take over from."""
        table = embeddings_table(self.space.dimension)
        if chunks.is_empty():
            return table.empty()
        texts = [chunk_text(*row) for row in chunks.select("kind", "local_name", "text").iter_rows()]
        keys = [vector_key(self.space, text) for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        vectors = self._reuse(list(wanted), previous)
        missing = [key for key in wanted if key not in vectors]
        vectors.update(self._compute(missing, [wanted[key] for key in missing]))
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

    def _reuse(self, keys: list[str], previous: pl.DataFrame | None) -> dict[str, Vectors]:
        vectors: dict[str, Vectors] = {}
        with self.stages.stage("look up vectors", unit="vectors") as ticker:
            if previous is not None and not previous.is_empty():
                rows = previous.filter(pl.col("vector_key").is_in(keys)).unique("vector_key")
                known = rows.get_column("vector_key").to_list()
                vectors.update(zip(known, rows.get_column("vector").to_numpy(), strict=True))
            self.counts.from_previous += len(vectors)
            found = self.cache.get([key for key in keys if key not in vectors])
            self.counts.from_cache += len(found)
            vectors.update(found)
            ticker.advance(len(keys))
        return vectors

    def _compute(self, keys: list[str], texts: list[str]) -> dict[str, Vectors]:
        vectors: dict[str, Vectors] = {}
        if not keys:
            return vectors
        embedder = self._loaded()
        with self.stages.stage("embed", total=len(keys), unit="chunks") as ticker:
            # Longest first, so that texts of near length share a batch.
            order = sorted(range(len(keys)), key=lambda row: (-len(texts[row]), keys[row]))
            pending: list[str] = []
            flushed = time.monotonic()
            for start in range(0, len(order), FLUSH_TEXTS):
                rows = order[start : start + FLUSH_TEXTS]
                batch = embedder.embed([texts[row] for row in rows], "document")
                vectors.update({keys[row]: vector for row, vector in zip(rows, batch, strict=True)})
                pending += [keys[row] for row in rows]
                if len(pending) >= FLUSH_TEXTS or time.monotonic() - flushed > FLUSH_SECONDS:
                    self._flush(pending, vectors)
                    pending, flushed = [], time.monotonic()
                ticker.advance(len(rows))
            self._flush(pending, vectors)
            waste = getattr(embedder, "padding_waste", None)
            if waste is not None:
                ticker.info["padding_waste"] = round(waste, 4)
        self.counts.computed += len(keys)
        return vectors

    def _flush(self, keys: list[str], vectors: dict[str, Vectors]) -> None:
        if keys:
            self.cache.put(keys, np.stack([vectors[key] for key in keys]))

    def _loaded(self) -> Embedder:
        if self._embedder is None:
            with self.stages.stage("load model", unit="models") as ticker:
                self._embedder = self.load()
                self.space.require_same(self._embedder.space.id, "the loaded model")
                self.counts.runtime = self._embedder.runtime
                ticker.advance()
        return self._embedder

    def close(self) -> None:
        if self._embedder is not None:
            self._embedder.close()


def vector_key(space: EmbeddingSpace, text: str) -> str:
    """Key of a text's document vector in the cache."""
    return digest(space.id, "document", text)
