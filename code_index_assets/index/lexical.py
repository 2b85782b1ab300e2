"""The lexical analyser and its statistics: one for documents and queries, and for both backends.

What lives here: text to term ids, document weights, document-frequency tables, query weights. What does not: which
fields a document has (`documents.py`) and how lanes are fused (`search/`).

Document vectors hold saturated, field-weighted term frequencies with a fixed average length, so a vector depends on
its own chunk alone. The query carries the IDF, from the tables of the repositories asked: scores compare over shards
and do not depend on who shares one.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

ANALYSER_VERSION = "1"

K1 = 1.2
# Chunks are cut to one size, so length says little; half of BM25's usual .75, against a fixed average.
B = 0.4
AVERAGE_LENGTH = 150.0

NAME_WEIGHT = 6.0
PATH_WEIGHT = 4.0
BODY_WEIGHT = 1.0

_MAX_WORD = 64
WORDS = re.compile(r"\w+")
# Acronym before a capitalised word, capitalised or lower-case run, capitals, digits: HTTPServer2go -> HTTP Server 2 go.
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_STOP_WORDS = """a an and are as at be been but by can could did do does for from had has have how i if in into is it
its me my no not of on or our should so some such than that the their them then there these they this those to was
we were what when where which while who why will with would you your"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@lru_cache(maxsize=1)
def _stemmer() -> object:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    # Snowball in Python costs 20 µs a word; identifiers repeat, so the cache takes nearly all of it.
    if len(word) < 3 or not word.isascii() or not word.isalpha():
        return word
    return str(_stemmer().stemWord(word))  # type: ignore[attr-defined]


def term_id(term: str) -> int:
    """The 32-bit id of a term; stable across machines and versions."""
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))


def split_identifier(word: str) -> list[str]:
    """The parts of an identifier in lower case: camel, snake, acronyms, digits."""
    return [part.lower() for part in _PARTS.findall(word)]


def _fold(word: str) -> str:
    """Accents off (é → e), so that a name is found however it was typed."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare)


@lru_cache(maxsize=50_000)
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of one word as it stands in text: its parts, stemmed, and itself whole if it has several parts."""
    return _analysed(word)


def _analysed(word: str) -> tuple[str, ...]:
    word = word[:_MAX_WORD] if word.isascii() else _fold(word[:_MAX_WORD])
    parts = split_identifier(word)
    terms = [_stem(part) for part in parts if part not in STOP_WORDS and (len(part) > 1 or not part.isascii())]
    for part in parts:
        if len(part) > 2 and _WIDE.search(part):
            terms.extend(part[i : i + 2] for i in range(len(part) - 1))
    whole = word.strip("_").lower()
    if len(parts) > 1 or (len(whole) == 1 and whole.isalpha()):
        terms.append("=" + whole)
    return tuple(terms)


# What documents are made with: a process that indexes many repositories fills it, at some 300 bytes a word.
@lru_cache(maxsize=200_000)
def _word_ids(word: str) -> tuple[int, ...]:
    return tuple(term_id(term) for term in _analysed(word))


def words_of(text: str) -> list[str]:
    return WORDS.findall(text)


def terms_of(text: str) -> list[str]:
    """All terms of a text, in order, with repeats."""
    return [term for word in words_of(text) for term in word_terms(word)]


class QueryTerms:
    """A query's terms, to be looked for in words without stemming every word: two thirds of ranking's time was that."""

    def __init__(self, text: str) -> None:
        self.terms = frozenset(terms_of(text))
        # A stem begins with the two letters its word begins with, but for dying, lying, tying (die, lie, tie).
        starts = {term[:2] for term in self.terms}
        starts |= {f"{term[0]}y" for term in self.terms if len(term) == 3 and term.endswith("ie")}
        self._starts = tuple(starts)
        self._seen: dict[str, frozenset[str]] = {}

    def of_word(self, word: str) -> frozenset[str]:
        """Those of the terms that are among `word_terms(word)`."""
        found = self._seen.get(word)
        if found is None:
            found = self._seen[word] = self._find(word)
        return found

    def of_text(self, text: str) -> set[str]:
        """Those of the terms that are among `terms_of(text)`."""
        return {term for word in words_of(text) for term in self.of_word(word)}

    def _find(self, word: str) -> frozenset[str]:
        if not word.isascii():
            return self.terms.intersection(word_terms(word))
        parts = split_identifier(word[:_MAX_WORD])
        near = [part for part in parts if part.startswith(self._starts) and part not in STOP_WORDS and len(part) > 1]
        found = {term for part in near if (term := _stem(part)) in self.terms}
        whole = word[:_MAX_WORD].strip("_").lower()
        if (len(parts) > 1 or (len(whole) == 1 and whole.isalpha())) and f"={whole}" in self.terms:
            found.add(f"={whole}")
        return frozenset(found)


def document_vector(names: Iterable[str], path: str, body: str) -> tuple[np.ndarray, np.ndarray]:
    """The sparse vector of a document: (term ids: uint32, ascending; weights: float32, in (0, k1 + 1))."""
    frequencies: dict[int, float] = {}
    length = 0
    for weight, words in (
        (NAME_WEIGHT, Counter(word for name in names for word in words_of(name))),
        (PATH_WEIGHT, Counter(words_of(path))),
        (BODY_WEIGHT, Counter(words_of(body))),
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
    counts = Counter(terms_of(text))
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
