"""The texts of the kept files of what is asked, those alone that may match.

What lives here: going through the files by the exact index, or by the chunks of a publication that has none. What does
not: matching (`index/exact/pattern.py`), answers (`grep.py`, `phrases.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import deadlines
from ..errors import CorruptArtifactError
from ..index.exact.plan import Need
from ..index.exact.segments import is_indexed, segments_of
from ..index.filters import Filter, matches_glob
from ..index.manifest import Receipt
from ..index.reader import IndexSnapshot
from .file_text import file_lines
from .tables import PublishedTables


@dataclass(frozen=True)
class KeptFile:
    """One file that may match."""

    key: str
    path: str
    language: str | None
    text: bytes


@dataclass
class Reading:
    """What was gone through, and what was not."""

    failures: list[str] = field(default_factory=list)
    scanned: list[str] = field(default_factory=list)  # keys without an exact index
    cut: bool = False


def kept_files(snapshot: IndexSnapshot, where: Filter, needs: tuple[Need, ...], reading: Reading) -> Iterator[KeptFile]:
    """The kept files that the filter covers and that may meet the needs, by key and path, until the time is up.

    What could not be read is noted in `reading`. Raises SnapshotGoneError.
    """
    for key in sorted(snapshot.receipts) if where.keys is None else sorted(where.keys):
        receipt = snapshot.receipts[key]
        try:
            allowed = _of_roles(snapshot, receipt, where.roles)
            if is_indexed(receipt):
                files = _indexed_files(snapshot, receipt, where, needs, allowed)
            else:
                reading.scanned.append(key)
                files = _scanned_files(snapshot, receipt, where, allowed)
            for file in files:
                if deadlines.is_over():
                    reading.cut = True
                    reading.failures.append("the time was up before all files were looked at")
                    return
                yield file
        except CorruptArtifactError as error:
            reading.failures.append(f"{key} cannot be read whole: {error.message}")


def _of_roles(snapshot: IndexSnapshot, receipt: Receipt, roles: tuple[str, ...]) -> frozenset[str] | None:
    """Paths of files with one of the roles; None where roles do not matter."""
    if not roles:
        return None
    import polars as pl

    files = PublishedTables(snapshot.layout, {receipt.key: receipt}).scan("files")
    chosen = files.filter((pl.col("status") == "kept") & pl.col("role").is_in(list(roles))).select("path").collect()
    return frozenset(chosen.get_column("path"))


def _covers(where: Filter, path: str, language: str | None, allowed: frozenset[str] | None) -> bool:
    return (
        (not where.languages or language in where.languages)
        and (allowed is None or path in allowed)
        and (not where.paths or any(matches_glob(glob, path) for glob in where.paths))
    )


def _indexed_files(
    snapshot: IndexSnapshot, receipt: Receipt, where: Filter, needs: tuple[Need, ...], allowed: frozenset[str] | None
) -> Iterator[KeptFile]:
    chosen = []
    for segment in segments_of(snapshot.layout, receipt):
        if deadlines.is_over():
            break
        candidates = segment.candidates(needs)
        entries = segment.texts.entries if candidates else []
        for number in candidates:
            entry = entries[number]
            if _covers(where, entry.path, entry.language, allowed):
                chosen.append((entry.path, entry.language, segment, number))
    unpackers: dict[int, Any] = {}
    for path, language, segment, number in sorted(chosen, key=lambda one: one[0]):
        unpacker = unpackers.get(id(segment))
        if unpacker is None:
            unpacker = unpackers[id(segment)] = segment.texts.unpacker()
        yield KeptFile(receipt.key, path, language, segment.texts.text(number, unpacker))
    if deadlines.is_over():
        # The caller asks the clock once more, and notes that it was over.
        yield KeptFile(receipt.key, "", None, b"")


def _scanned_files(
    snapshot: IndexSnapshot, receipt: Receipt, where: Filter, allowed: frozenset[str] | None
) -> Iterator[KeptFile]:
    """Every file of a publication without exact index, put together from its chunks."""
    import polars as pl

    tables = PublishedTables(snapshot.layout, {receipt.key: receipt})
    kept = tables.scan("files").filter(pl.col("status") == "kept").select("path", "language", "lines").collect()
    rows = [row for row in kept.sort("path").iter_rows() if _covers(where, row[0], row[1], allowed)]
    for start in range(0, len(rows), 256):
        some = rows[start : start + 256]
        texts = file_lines(snapshot.layout, receipt, {path: lines for path, _, lines in some})
        for path, language, _ in some:
            yield KeptFile(receipt.key, path, language, "\n".join(texts[path]).encode())
