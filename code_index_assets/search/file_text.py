"""The text of a file from its published chunks.

What lives here: putting lines together. What does not: what of a file is asked for (`files.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from ..index.manifest import Receipt
from ..storage.layout import Layout
from .tables import PublishedTables


@dataclass(frozen=True)
class ChunkRow:
    """One published chunk of a file."""

    path: str
    start_byte: int
    end_byte: int
    start_line: int
    text: str


def file_lines(layout: Layout, receipt: Receipt, lines: Mapping[str, int | None]) -> dict[str, list[str]]:
    """The lines of several files at once; `lines` has how many each has. Raises SnapshotGoneError."""
    import polars as pl

    columns = [field.name for field in fields(ChunkRow)]
    tables = PublishedTables(layout, {receipt.key: receipt})
    frame = tables.scan_paths("chunks", ((receipt.key, path) for path in lines)).select(columns).collect()
    chunks: dict[str, list[ChunkRow]] = {path: [] for path in lines}
    for values in frame.sort("path", pl.col("start_byte"), "start_line").iter_rows():
        chunks[values[0]].append(ChunkRow(*values))
    return {path: lines_of(chunks[path], count) for path, count in lines.items()}


def lines_of(chunks: list[ChunkRow], total: int | None) -> list[str]:
    """The file's lines from its chunks, in order; `total` is how many it has, where that is known."""
    newline = "\r\n" if any("\r\n" in chunk.text for chunk in chunks) else "\n"
    pieces: list[str] = []
    line, at = 1, 0
    for chunk in chunks:
        breaks = max(chunk.start_line - line, 0)
        blanks = max(chunk.start_byte - at - breaks * len(newline), 0)
        pieces += [" " * blanks, newline * breaks, chunk.text]
        line = chunk.start_line + chunk.text.count("\n")
        at = chunk.end_byte
    lines = "".join(pieces).split("\n")
    if lines[-1] == "" and (total is None or len(lines) > total):
        lines.pop()
    return lines + [""] * ((total or 0) - len(lines))
