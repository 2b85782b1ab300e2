"""The statistics of words: document vectors, document frequencies, query weights; one for both backends.

What lives here: term ids and weights. What does not: how text becomes terms (`words.py`), which fields a document has
(`documents.py`) and how lanes are fused (`search/`).

Document vectors hold saturated, field-weighted term frequencies with a fixed average length, so a vector depends on
its own chunk alone. The query carries the IDF, from the tables of the repositories asked: scores compare over shards
and do not depend on who shares one.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from .words import analyse, find_words, query_terms

K1 = 1.2
# Chunks are cut to one size, so length says little; half of BM25's usual .75, against a fixed average.
B = 0.4
AVERAGE_LENGTH = 150.0

NAME_WEIGHT = 6.0
PATH_WEIGHT = 4.0
BODY_WEIGHT = 1.0


def term_id(term: str) -> int:
    """The 32-bit id of a term; stable across machines and versions."""
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))


# What documents are made with: a process that indexes many repositories fills it, at some 300 bytes a word.
@lru_cache(maxsize=200_000)
def _word_ids(word: str) -> tuple[int, ...]:
    return tuple(term_id(term) for term in analyse(word))


def document_vector(names: Iterable[str], path: str, body: str) -> tuple[np.ndarray, np.ndarray]:
    """The sparse vector of a document: (term ids: uint32, ascending; weights: float32, in (0, k1 + 1))."""
    frequencies: dict[int, float] = {}
    length = 0
    for weight, words in (
        (NAME_WEIGHT, Counter(word for name in names for word in find_words(name))),
        (PATH_WEIGHT, Counter(find_words(path))),
        (BODY_WEIGHT, Counter(find_words(body))),
    ):
        for word, count in words.items():
            gain = weight * count
            for term in _word_ids(word):
                frequencies[term] = frequencies.get(term, 0.0) + gain
            if weight == BODY_WEIGHT:
                length += count
    if not frequencies:
        return np.empty(0, np.uint32), np.empty(0, np.float32)
    ids = np.fromiter(frequencies.keys(), np.uint32, len(frequencies))
    tf = np.fromiter(frequencies.values(), np.float32, len(frequencies))
    order = np.argsort(ids)
    tf = tf[order]
    weights = tf * (K1 + 1.0) / (tf + K1 * (1.0 - B + B * length / AVERAGE_LENGTH))
    return ids[order], weights.astype(np.float32)


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
