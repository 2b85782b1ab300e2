"""Every line that has a text or matches a regular expression, of all kept files of what is asked.

What lives here: the question, going through the files, the answer. What does not: patterns (`exact.py`), the files of
the exact index (`index/exact/`), certificates (`absence.py`).

Candidates come from the trigrams of each bucket; their texts are read and matched in the order of repositories and
paths. What takes longer than CODE_INDEX_QUERY_SECONDS is answered with what was found by then, `complete` false.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .. import deadlines
from ..errors import CorruptArtifactError, QueryError
from ..index.exact.plan import Need
from ..index.exact.segments import is_indexed, segments_of
from ..index.filters import Filter, matches_glob
from ..index.manifest import Receipt
from ..index.reader import IndexSnapshot, SnapshotGoneError
from . import vocabulary
from .absence import absence_of
from .answers import GrepAnswer, GrepMatch
from .cursors import Cursor, decode_cursor, encode_cursor
from .engine import SearchEngine
from .exact import Pattern
from .files import file_lines
from .filters import SearchFilters
from .outcome import SearchOutcome
from .tables import PublishedTables

MAX_MATCHES = 10_000
EXACT_LANE = "exact"


@dataclass(frozen=True)
class GrepRequest(SearchFilters):
    """What to look for. `limit` 0 gives counts alone, None every line; kinds do not restrict lines."""

    pattern: Pattern
    limit: int | None = 1000


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


def grep(engine: SearchEngine, request: GrepRequest, cursor: str | None = None) -> GrepAnswer:
    """Matching lines, one page.

    Raises QueryError (a pattern that is none, a limit, a cursor of another question), NotIndexedError.
    """
    pattern = request.pattern.checked()
    if request.limit is not None and not 0 <= request.limit <= MAX_MATCHES:
        raise QueryError(f"the limit {request.limit} is not between 0 and {MAX_MATCHES}")
    question: dict[str, object] = {"grep": str(replace(request, limit=0))}
    at = decode_cursor(cursor, question) if cursor else None
    started = time.perf_counter()
    for attempt in range(4):
        snapshot = engine.snapshot()
        try:
            with deadlines.within(engine.settings.query_seconds) as clock:
                answer = _answer(engine, snapshot, replace(request, pattern=pattern), at.offset if at else 0)
            break
        except SnapshotGoneError:
            if attempt == 3:
                raise
    del clock
    seen = (at.offset if at else 0) + len(answer.matches)
    more = request.limit and seen < answer.total
    notes = answer.notes
    if at and at.publication != snapshot.manifest.name:
        notes = (*notes, "the index was published anew since the page before: lines may repeat or be missing")
    return replace(
        answer,
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        notes=notes,
        next_cursor=encode_cursor(Cursor(snapshot.manifest.name, seen), question) if more else None,
    )


def _answer(engine: SearchEngine, snapshot: IndexSnapshot, request: GrepRequest, offset: int) -> GrepAnswer:
    where = Filter(
        keys=engine.resolve(snapshot, request.repositories, request.refs),
        paths=engine.places.paths(request.paths),
        languages=vocabulary.languages(request.languages),
        roles=vocabulary.roles(request.roles),
    )
    states = engine.repositories(snapshot, where)
    reading = Reading()
    matches: list[GrepMatch] = []
    total = files = 0
    last = None if request.limit is None else offset + request.limit
    for file in kept_files(snapshot, where, (request.pattern.need,), reading):
        before = total
        receipt = snapshot.receipts[file.key]
        if last is not None and total >= last:
            total += request.pattern.count(file.text)
        else:
            for line in request.pattern.lines(file.text):
                if total >= offset and (last is None or total < last):
                    matches.append(GrepMatch(
                        receipt.repository, receipt.ref, receipt.commit, file.path, line.line, line.column, line.text,
                        line.end_line, file.language, file.key,
                    ))  # fmt: skip
                total += 1
        files += total > before
    notes = [*vocabulary.unknown_values(snapshot, where)] if not total else []
    notes += [f"{key} has no exact index yet: all of its text was read; its next run makes one" for key in reading.scanned]
    complete = not reading.failures
    absence = None
    if not total:
        absence = absence_of(
            snapshot, where, states, lanes=(EXACT_LANE,), patterns=(request.pattern.shown,),
            failures=(*reading.failures, *vocabulary.unknown_values(snapshot, where)),
        )  # fmt: skip
    outcome = SearchOutcome.FOUND if total else SearchOutcome.NO_MATCH
    return GrepAnswer(
        matches=tuple(matches),
        total=total,
        files=files,
        complete=complete,
        outcome=outcome if complete else SearchOutcome.INCOMPLETE if reading.cut else SearchOutcome.DEGRADED,
        repositories=states,
        took_ms=0.0,
        publication=snapshot.manifest.name,
        notes=(*notes, *reading.failures),
        absence=absence,
    )


def kept_files(
    snapshot: IndexSnapshot, where: Filter, needs: tuple[Need, ...], reading: Reading
) -> Iterator[KeptFile]:
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
    for path, language, segment, number in sorted(chosen, key=lambda one: one[0]):
        yield KeptFile(receipt.key, path, language, segment.texts.text(number))
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
