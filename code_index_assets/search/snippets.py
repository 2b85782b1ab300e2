"""Snippets: the lines of a hit worth showing, and where the query's words are in them.

What lives here: choosing lines, spans to highlight. What does not: the model (`answers.py`), colours and HTML
(`render.py`, `serve/`).
"""

from __future__ import annotations

from functools import lru_cache

from ..chunking.words import QueryTerms, word_spans
from .answers import Snippet
from .query import Query

SNIPPET_LINES = 8


def cut_snippet(text: str, start_line: int, query: Query, limit: int = SNIPPET_LINES) -> Snippet:
    """The window of at most `limit` lines with most matches, the earliest of equals; blank edges left out."""
    lines = text.split("\n")
    terms = _wanted(query.text or " ".join(query.symbols))
    spans = [_spans(line, terms) for line in lines]
    first = _best_window([len(set(_matched(line, matches))) for line, matches in zip(lines, spans, strict=True)], limit)
    last = min(first + limit, len(lines))
    while first < last - 1 and not lines[first].strip():
        first += 1
    while last > first + 1 and not lines[last - 1].strip():
        last -= 1
    return Snippet(start_line + first, tuple(lines[first:last]), tuple(spans[first:last]))


def _best_window(counts: list[int], limit: int) -> int:
    if len(counts) <= limit:
        return 0
    total = sum(counts[:limit])
    best, at = total, 0
    for start in range(1, len(counts) - limit + 1):
        total += counts[start + limit - 1] - counts[start - 1]
        if total > best:
            best, at = total, start
    # A line or two before the first match shows what it belongs to.
    while at > 0 and counts[at] > 0 and not any(counts[at + limit - 1 :][:1]):
        at -= 1
    return at


# Keeps the words it has seen: few queries, so that it stays small.
@lru_cache(maxsize=16)
def _wanted(text: str) -> QueryTerms:
    return QueryTerms(text)


def _spans(line: str, terms: QueryTerms) -> tuple[tuple[int, int], ...]:
    return tuple((start, end) for start, end in word_spans(line) if terms.of_word(line[start:end]))


def _matched(line: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [line[start:end].lower() for start, end in spans]
