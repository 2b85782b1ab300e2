"""Many files at once: batches of bounded size, in one parser process or in several.

What lives here: `parse_files`, the frames it yields, and when more than one process is worth starting. What does not:
parsing one file (`single.py`) and the processes (`pool.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import polars as pl
import pyarrow as pa

from ..progress import Stages
from ..tables import CHUNKS, CODE_FACTS, DIAGNOSTICS, DOCUMENTS, IMPORTS, REFERENCES, SYMBOLS, Table
from .context import ProjectContext
from .single import ChunkOptions, SourceFile

BATCH_CHARS = 400_000
# A pool of two starts in about 0.6 s, the time one process parses some 700 files of mean size (5 MB).
POOL_CHARS = 8_000_000

TABLES = (CHUNKS, SYMBOLS, IMPORTS, REFERENCES, DIAGNOSTICS, DOCUMENTS, CODE_FACTS)

Mode = Literal["sequential", "parallel", "auto"]


@dataclass
class ParsedTables:
    """Frames of the tables of the same names in `tables.py`, of some files."""

    chunks: pl.DataFrame
    symbols: pl.DataFrame
    imports: pl.DataFrame
    references: pl.DataFrame
    diagnostics: pl.DataFrame
    documents: pl.DataFrame
    code_facts: pl.DataFrame


def parse_files(
    files: Iterable[SourceFile],
    options: ChunkOptions,
    *,
    mode: Mode = "auto",
    workers: int = 0,
    context: ProjectContext | None = None,
    stages: Stages | None = None,
) -> Iterator[ParsedTables]:
    """Parses files in batches of about 400,000 characters, in their order; the same rows in every mode.

    Every file is parsed in a separate process or with others in one, never in this one: grammars are C code that a
    damaged text can send into an endless loop or crash, and only the end of a process stops that. `sequential` is one
    process, `parallel` as many as `workers` (0: as there are cores); `auto` starts further ones only once more text
    came than one process parses while a pool starts. Memory holds a few batches at a time.
    """
    with (stages or Stages()).stage("parse") as ticker:
        groups = batches(files)
        head = next(groups, None)
        if head is None:
            ticker.info["mode"] = "sequential"
            return
        from .pool import parse_in_pool
        from .process import borrow, keep

        first = borrow()  # starts while more is read
        try:
            groups = chain([head], groups)
            count = workers or core_count()
            if mode == "auto":
                groups, large = _look_ahead(groups) if count > 1 else (groups, False)
                mode = "parallel" if large else "sequential"
            ticker.info["mode"] = mode
        except BaseException:
            keep(first)
            raise
        for done, parsed in parse_in_pool(groups, options, context, count if mode == "parallel" else 1, first):
            yield frames(parsed)
            ticker.advance(done)


def _look_ahead(groups: Iterable[list[SourceFile]]) -> tuple[Iterator[list[SourceFile]], bool]:
    """The same batches, and whether they are worth a pool."""
    first: list[list[SourceFile]] = []
    size = 0
    groups = iter(groups)
    for group in groups:
        first.append(group)
        size += sum(len(file.text) for file in group)
        if size > POOL_CHARS:
            return chain(first, groups), True
    return iter(first), False


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


def frames(batches: Sequence[pa.RecordBatch]) -> ParsedTables:
    """Frames of record batches made by `columns.arrow`."""
    return ParsedTables(*[_frame(table, batch) for table, batch in zip(TABLES, batches, strict=True)])


def _frame(table: Table, batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    frame.columns = [column.name for column in table.columns]
    return frame


def core_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
