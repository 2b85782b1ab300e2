"""What the index needs of each chunk beside its text, made once, where the chunk is made.

What lives here: rows of the `documents` table (terms, and a digest of what the chunk is), and which definitions belong
to which chunk. What does not: points and payloads (`index/documents.py`).

Staging compares digests, so a run analyses the chunks that it made and no others.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from ..storage.fingerprint import digest
from .terms import count_terms

SYMBOLS_PER_CHUNK = 200

# Positions in the rows of the tables `chunks` and `symbols` (`tables.py`; tests/chunking/test_documents.py).
CHUNK_ID, PATH, _, _, START_LINE, END_LINE = range(6)
NAME, NAMES, TEXT = 10, 15, 16
SYMBOL_PATH, SYMBOL_NAME, QUALIFIED_NAME, SYMBOL_KIND, SYMBOL_START, SYMBOL_END, SYMBOL_SIGNATURE = 1, 2, 3, 5, 7, 8, 9

Row = tuple[Any, ...]


def symbols_by_chunk(chunks: Iterable[Row], symbols: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of `symbols` by the id of the chunk they start in: the last of the file's chunks that begins at or before
    them. In order of position, at most 200 a chunk."""
    starts: dict[str, list[tuple[int, int, str]]] = {}
    for chunk in chunks:
        starts.setdefault(chunk[PATH], []).append((chunk[START_LINE], chunk[END_LINE], chunk[CHUNK_ID]))
    for rows in starts.values():
        rows.sort()
    inside: dict[str, list[Row]] = {}
    for symbol in sorted(symbols, key=_position):
        candidates = starts.get(symbol[SYMBOL_PATH])
        if not candidates:
            continue
        at = max(bisect_right(candidates, (symbol[SYMBOL_START], 1 << 60, "")) - 1, 0)
        into = inside.setdefault(candidates[at][2], [])
        if len(into) < SYMBOLS_PER_CHUNK:
            into.append(symbol)
    return inside


def _position(symbol: Row) -> tuple[str, int, int, str]:
    return symbol[SYMBOL_PATH], symbol[SYMBOL_START], symbol[SYMBOL_END], symbol[QUALIFIED_NAME]


def document_rows(chunks: Sequence[Row], symbols: Iterable[Row]) -> list[Row]:
    """Rows of the `documents` table, one a chunk, in the order of the chunks."""
    inside = symbols_by_chunk(chunks, symbols)
    found = []
    for chunk in chunks:
        within = inside.get(chunk[CHUNK_ID], [])
        names = [symbol[SYMBOL_NAME] for symbol in within] or list(chunk[NAMES] or ())
        if chunk[NAME] and chunk[NAME] not in names:
            names.append(chunk[NAME])
        terms = count_terms(names, chunk[PATH], chunk[TEXT])
        # The text is in its hash, one of the other columns.
        what = json.dumps([chunk[:TEXT], chunk[TEXT + 1 :], within], ensure_ascii=True, default=list)
        found.append((chunk[CHUNK_ID], chunk[PATH], terms.ids, terms.counts, terms.length, digest(what)))
    return found
