"""Every line that has a text or matches a regular expression, of all kept files of what is asked.

What lives here: the question, going through the files, the answer. What does not: patterns (`exact.py`), the files of
the exact index (`index/exact/`), certificates (`absence.py`).

Candidates come from the trigrams of each bucket; their texts are read and matched in the order of repositories and
paths. What takes longer than CODE_INDEX_QUERY_SECONDS is answered with what was found by then, `complete` false.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from .. import deadlines
from ..errors import QueryError
from ..index.exact.pattern import Pattern
from ..index.filters import Filter
from ..index.reader import IndexSnapshot, SnapshotGoneError
from . import vocabulary
from .absence import absence_of
from .answers import GrepAnswer, GrepMatch
from .cursors import Cursor, decode_cursor, encode_cursor
from .engine import SearchEngine
from .filters import SearchFilters
from .kept_files import Reading, kept_files
from .outcome import SearchOutcome

MAX_MATCHES = 10_000
EXACT_LANE = "exact"


@dataclass(frozen=True)
class GrepRequest(SearchFilters):
    """What to look for. `limit` 0 gives counts alone, None every line; kinds do not restrict lines."""

    pattern: Pattern
    limit: int | None = 1000

    @property
    def identity(self) -> dict[str, object]:
        """The question without the size of a page, as cursors know it."""
        return {"grep": str(replace(self, limit=0))}


def grep(engine: SearchEngine, request: GrepRequest, cursor: str | None = None) -> GrepAnswer:
    """Matching lines, one page.

    Raises QueryError (a pattern that is none, a limit, a cursor of another question), NotIndexedError.
    """
    pattern = request.pattern.checked()
    if request.limit is not None and not 0 <= request.limit <= MAX_MATCHES:
        raise QueryError(f"the limit {request.limit} is not between 0 and {MAX_MATCHES}")
    at = decode_cursor(cursor, request.identity) if cursor else None
    started = time.perf_counter()
    for attempt in range(4):
        snapshot = engine.snapshot()
        try:
            with deadlines.within(engine.settings.query_seconds):
                answer = _answer(engine, snapshot, replace(request, pattern=pattern), at.offset if at else 0)
            break
        except SnapshotGoneError:
            if attempt == 3:
                raise
    seen = (at.offset if at else 0) + len(answer.matches)
    more = request.limit and seen < answer.total
    notes = answer.notes
    if at and at.publication != snapshot.manifest.name:
        notes = (*notes, "the index was published anew since the page before: lines may repeat or be missing")
    return replace(
        answer,
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        notes=notes,
        next_cursor=encode_cursor(Cursor(snapshot.manifest.name, seen), request.identity) if more else None,
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
    notes += [
        f"{key} has no exact index yet: all of its text was read; its next run makes one" for key in reading.scanned
    ]
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
