"""Phrases by reading: every chunk of what is asked is looked at, whatever words it has.

What lives here: finding strings that no lane knows as words, such as `=>`, `fe_joi` or 🚀. What does not: phrases as a
filter on what the lanes bring (`index/reader.py`), ranking.

The text is read from the published Parquet tables: 120,000 chunks take 0.3 s, their payloads in the index 4 s.
"""

from __future__ import annotations

from dataclasses import replace

from .. import deadlines
from ..index.backends.interface import Scored
from ..index.filters import Filter, passes_text_rules
from ..index.points import point_id
from ..index.reader import IndexSnapshot
from .tables import PublishedTables

_BLOCK = 256


def find_phrases(snapshot: IndexSnapshot, where: Filter, limit: int) -> list[Scored]:
    """The first `limit` chunks, by repository, path and line, that have every phrase and pass the rest of the filter.

    Stops between two repositories, and between two blocks of chunks, when the time of the question is up.
    Raises SnapshotGoneError, CorruptArtifactError.
    """
    hits: list[Scored] = []
    keys = sorted(snapshot.receipts) if where.keys is None else sorted(where.keys)
    for key in keys:
        if deadlines.is_over():
            break
        ids = _holding(snapshot, key, where.phrases)
        for start in range(0, len(ids), _BLOCK):
            if len(hits) >= limit or deadlines.is_over():
                break
            allowed = snapshot.matching(ids[start : start + _BLOCK], replace(where, keys=(key,)))
            hits += [hit for hit in allowed if passes_text_rules(where, hit.payload)]
        if len(hits) >= limit:
            break
    return hits[:limit]


def _holding(snapshot: IndexSnapshot, key: str, phrases: tuple[str, ...]) -> list[str]:
    """Ids of the points of a key whose text or path has every phrase, any case, in the order of their places."""
    import polars as pl

    holds = pl.lit(True)
    for phrase in phrases:
        lower = phrase.lower()
        holds &= pl.col("text").str.to_lowercase().str.contains(lower, literal=True) | pl.col(
            "path"
        ).str.to_lowercase().str.contains(lower, literal=True)
    chunks = PublishedTables(snapshot.layout, {key: snapshot.receipts[key]}).scan("chunks").filter(holds)
    rows = chunks.select("path", "start_line", "chunk_id").sort("path", "start_line", "chunk_id").collect()
    return [point_id(key, chunk_id, 0) for chunk_id in rows.get_column("chunk_id")]
