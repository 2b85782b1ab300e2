"""Terms of a document with their counts: what the lexical lane knows of one chunk.

What lives here: term ids, and counts weighted by field. What does not: how text becomes terms (`words.py`), weights and
statistics over documents (`index/lexical.py`).
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from .words import analyse, find_words

NAME_WEIGHT = 6
PATH_WEIGHT = 4
BODY_WEIGHT = 1
# More than that of one term says nothing new (the weights are saturated), and counts stay in 32 bits.
MOST = 2**31


class TermCounts(NamedTuple):
    """Term ids in ascending order, how often each occurs (weighted by field), and how many words the body has."""

    ids: list[int]
    counts: list[int]
    length: int


def term_id(term: str) -> int:
    """The 32-bit id of a term; stable across machines and versions."""
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))


# What documents are made with: a process that indexes many repositories fills it, at some 300 bytes a word.
@lru_cache(maxsize=200_000)
def _word_ids(word: str) -> tuple[int, ...]:
    return tuple(term_id(term) for term in analyse(word))


def count_terms(names: Iterable[str], path: str, body: str) -> TermCounts:
    """The terms of a document: names weigh more than the path, the path more than the body."""
    counts: dict[int, int] = {}
    body_words = Counter(find_words(body))
    for weight, words in (
        (NAME_WEIGHT, Counter(word for name in names for word in find_words(name))),
        (PATH_WEIGHT, Counter(find_words(path))),
        (BODY_WEIGHT, body_words),
    ):
        for word, count in words.items():
            gain = weight * count
            for term in _word_ids(word):
                counts[term] = counts.get(term, 0) + gain
    ids = sorted(counts)
    return TermCounts(ids, [min(counts[term], MOST) for term in ids], body_words.total())
