"""The statistics of words: document weights, document frequencies, query weights; one for both backends.

What lives here: weights. What does not: which terms a document has and how often (`chunking/terms.py`, made with the
chunk), how text becomes terms (`chunking/words.py`), how lanes are fused (`search/`).

Document vectors hold saturated, field-weighted term frequencies with a fixed average length, so a vector depends on
its own chunk alone. The query carries the IDF, from the tables of the repositories asked: scores compare over shards
and do not depend on who shares one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..chunking.terms import term_id
from ..chunking.words import query_terms

K1 = 1.2
# Chunks are cut to one size, so length says little; half of BM25's usual .75, against a fixed average.
B = 0.4
AVERAGE_LENGTH = 150.0


def term_weights(counts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Weights (float32, in (0, k1 + 1)) of terms that occur so often in documents of so many words."""
    tf = counts.astype(np.float32)
    saturation = (K1 * (1.0 - B + B * lengths.astype(np.float64) / AVERAGE_LENGTH)).astype(np.float32)
    weights: np.ndarray = tf * np.float32(K1 + 1.0) / (tf + saturation)
    return weights


# -- document frequencies --------------------------------------------------------------------------------------------


def frequency_table(documents: Iterable[np.ndarray]) -> np.ndarray:
    """Table of how many documents have a term, from their term ids: shape (2, terms) uint32, ids ascending in row 0."""
    arrays = [ids for ids in documents if len(ids)]
    if not arrays:
        return np.empty((2, 0), np.uint32)
    ids, counts = np.unique(np.concatenate(arrays), return_counts=True)
    return np.stack([ids.astype(np.uint32), counts.astype(np.uint32)])


def merge_tables(tables: Sequence[np.ndarray]) -> np.ndarray:
    """The sum of tables."""
    tables = [table for table in tables if table.shape[1]]
    if not tables:
        return np.empty((2, 0), np.uint32)
    if len(tables) == 1:
        return tables[0]
    ids, inverse = np.unique(np.concatenate([table[0] for table in tables]), return_inverse=True)
    counts = np.bincount(inverse, weights=np.concatenate([table[1] for table in tables]), minlength=len(ids))
    return np.stack([ids.astype(np.uint32), counts.astype(np.uint32)])


class DocumentFrequencies:
    """Document frequencies summed over the tables of the repositories asked. Tables are memory-mapped, not read."""

    def __init__(self, tables: Sequence[tuple[Path, int]]) -> None:
        """`tables`: (file, documents) of each repository."""
        # As plain arrays over the same pages: slicing a memmap costs 2 µs, and a query slices each table four times.
        opened = [np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray) for path, _ in tables]
        self._tables = [(table[0], table[1]) for table in opened if table.shape[1]]
        self.documents = sum(count for _, count in tables)

    def of(self, ids: np.ndarray) -> np.ndarray:
        """How many documents have each term (float64)."""
        total = np.zeros(len(ids), np.float64)
        for known, counts in self._tables:
            at = np.minimum(known.searchsorted(ids), len(known) - 1)
            total += np.where(known[at] == ids, counts[at], 0)
        return total

    def idf(self, df: np.ndarray) -> np.ndarray:
        """BM25's inverse document frequency of terms that `df` documents have, ≥ 0."""
        df = np.minimum(df, self.documents)
        return np.log1p((self.documents - df + 0.5) / (df + 0.5))


def query_weights(text: str, frequencies: DocumentFrequencies | None) -> dict[int, float]:
    """Weights of the query's terms: term frequency in the query (saturated) times IDF; unknown terms are out."""
    counts = Counter(query_terms(text))
    if not counts:
        return {}
    terms = list(counts)
    ids = np.array([term_id(term) for term in terms], np.uint32)
    df = frequencies.of(ids) if frequencies else np.ones(len(ids))
    idf = frequencies.idf(df) if frequencies else np.ones(len(ids))
    return {
        int(i): float(value) * (1.0 + math.log(counts[term]))
        for i, value, n, term in zip(ids, idf, df, terms, strict=True)
        if n > 0
    }
