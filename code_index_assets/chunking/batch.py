"""Many files at once: batches of bounded size, in this process or in a pool of processes.

What lives here: `parse_files`, the frames it yields, and when a pool is worth starting. What does not: parsing one
file (`single.py`) and the pool itself (`pool.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import polars as pl

from ..progress import Stages
from ..tables import CHUNKS, DIAGNOSTICS, IMPORTS, REFERENCES, SYMBOLS, Table
from .context import ProjectContext
from .single import ChunkOptions, ParsedFile, Row, SourceFile, parse_file

BATCH_CHARS = 400_000
# A pool of two starts in about 0.6 s, the time one process parses some 700 files of mean size (5 MB).
POOL_CHARS = 8_000_000

TABLES = (CHUNKS, SYMBOLS, IMPORTS, REFERENCES, DIAGNOSTICS)

Mode = Literal["sequential", "parallel", "auto"]


@dataclass
class ParsedTables:
    """Frames of the tables of the same names in `tables.py`, of some files."""

    chunks: pl.DataFrame
    symbols: pl.DataFrame
    imports: pl.DataFrame
    references: pl.DataFrame
    diagnostics: pl.DataFrame


def parse_files(
    files: Iterable[SourceFile],
    options: ChunkOptions,
    *,
    mode: Mode = "auto",
    workers: int = 0,
    context: ProjectContext | None = None,
    stages: Stages | None = None,
) -> Iterator[ParsedTables]:
    """Parses files in batches of about 400,000 characters, in their order; the same rows in either mode.

    `auto` starts a pool only once more text came than one process parses while a pool starts. `workers` 0: as many as
    there are cores. Memory holds a few batches at a time.
    """
    with (stages or Stages()).stage("parse") as ticker:
        for batch in batches(files):
            yield tables([parse_file(file, options, context) for file in batch])
            ticker.advance(len(batch))


def batches(files: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    """Groups files, in order, until their text passes the batch size."""
    batch: list[SourceFile] = []
    size = 0
    for file in files:
        batch.append(file)
        size += len(file.text)
        if size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def tables(parsed: list[ParsedFile]) -> ParsedTables:
    """Frames of some parsed files."""
    return ParsedTables(
        _frame(CHUNKS, chain.from_iterable(p.chunks for p in parsed)),
        _frame(SYMBOLS, chain.from_iterable(p.symbols for p in parsed)),
        _frame(IMPORTS, chain.from_iterable(p.imports for p in parsed)),
        _frame(REFERENCES, chain.from_iterable(p.references for p in parsed)),
        _frame(DIAGNOSTICS, chain.from_iterable(p.diagnostics for p in parsed)),
    )


def _frame(table: Table, rows: Iterable[Row]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True))
    if not columns:
        return table.empty()
    return pl.DataFrame(
        [pl.Series(c.name, values, dtype=c.dtype) for c, values in zip(table.columns, columns, strict=True)]
    )


def core_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
