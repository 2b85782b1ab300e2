"""The lanes: symbol, lexical, semantic; run side by side, each allowed to fail.

What lives here: asking the index. What does not: fusing what comes back (`ranking.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace

import numpy as np

from .. import deadlines
from ..errors import CodeIndexError, SpaceMismatchError
from ..index.backends.interface import Scored
from ..index.filters import Filter
from ..index.reader import IndexSnapshot, SnapshotGoneError
from .phrases import RequiredTexts, files_with, find_phrases, restricted
from .query import Query
from .weights import Weights

LANES = ("symbol", "lexical", "semantic")
# Runs where the others leave a phrase unanswered: they know words, and a phrase may be part of one, or none.
PHRASE_LANE = "phrase"
_NO_WORDS = "the query has no words, only a regular expression"
EmbedQuery = Callable[[str], np.ndarray]

# Edge holds the GIL through a query, so a thread a lane gains nothing: only what waits for something else, a model or a
# Qdrant server, has one. Each hand-over between threads can cost 5 ms of waiting for the GIL while others are at work.
_POOL = ThreadPoolExecutor(max_workers=8, thread_name_prefix="lane")


@dataclass(frozen=True)
class LaneResult:
    """What one lane found, best first, one hit a chunk; `error` and `remedy` if it failed, `skipped` without work.

    `cut`: the lane ran out of time; `error` is the reason, and its hits are those found until then.
    """

    lane: str
    hits: tuple[Scored, ...] = ()
    took_ms: float = 0.0
    error: str = ""
    remedy: str = ""
    skipped: str = ""
    cut: bool = False
    weights: dict[int, float] = field(default_factory=dict)


def run_lanes(
    snapshot: IndexSnapshot,
    query: Query,
    where: Filter,
    weights: Weights,
    *,
    embed_query: EmbedQuery | None,
    lanes: tuple[str, ...] = LANES,
) -> dict[str, LaneResult]:
    """Runs the lanes asked for and waits for all. Raises only SnapshotGoneError: the caller asks again."""
    required = files_with(snapshot, where)
    if required is not None and required.is_empty:
        skipped = {lane: LaneResult(lane, skipped="no file has the text that is required") for lane in lanes}
        return skipped | {PHRASE_LANE: LaneResult(PHRASE_LANE)}
    asked, where = where, where if required is None else restricted(where, required)
    jobs: dict[str, Callable[[], LaneResult]] = {
        "symbol": lambda: _symbol(snapshot, query, where, weights),
        "lexical": lambda: _lexical(snapshot, query, where, weights),
        "semantic": lambda: _semantic(snapshot, query, where, weights, embed_query),
    }
    beside = (
        [] if getattr(embed_query, "immediate", False) and snapshot.in_process else [n for n in lanes if n != "symbol"]
    )
    running = {lane: _POOL.submit(copy_context().run, _timed, lane, jobs[lane]) for lane in beside}
    done = {lane: _timed(lane, jobs[lane]) for lane in lanes if lane not in running}
    results = {lane: running[lane].result() if lane in running else done[lane] for lane in lanes}
    if where.requires_text and len({hit.id for result in results.values() for hit in result.hits}) < weights.lane_depth:
        results[PHRASE_LANE] = _timed(PHRASE_LANE, lambda: _phrase(snapshot, asked, weights, required))
    hydrated = snapshot.hydrate(*(result.hits for result in results.values()))
    return {
        result.lane: replace(result, hits=tuple(_best_part(hits)[: weights.lane_depth]))
        for result, hits in zip(results.values(), hydrated, strict=True)
    }


def _timed(lane: str, job: Callable[[], LaneResult]) -> LaneResult:
    started = time.perf_counter()
    with deadlines.part() as clock:
        try:
            result = job()
        except SnapshotGoneError:
            raise
        except CodeIndexError as error:
            result = LaneResult(lane, error=error.message, remedy=error.remedy)
        except Exception as error:
            result = LaneResult(lane, error=str(error) or type(error).__name__)
    if clock.cut:
        result = replace(result, cut=True, error=f"{clock.message}, before it had looked at everything")
    return replace(result, took_ms=(time.perf_counter() - started) * 1000)


def _symbol(snapshot: IndexSnapshot, query: Query, where: Filter, weights: Weights) -> LaneResult:
    if not query.names:
        return LaneResult("symbol", skipped="no name in the query")
    names = sorted({spelling.lower() for name in query.names for spelling in name.spellings})
    hits = snapshot.search_names(names, where, weights.lane_depth)
    exact = [name for name in query.names if not name.guessed]
    if not hits and query.form == "symbol" and exact and len(exact[0].name) >= 3:
        hits = snapshot.search_names([exact[0].name], where, weights.lane_depth, prefix=True)
    return LaneResult("symbol", tuple(sorted(hits, key=lambda hit: _symbol_order(hit, query))))


def _symbol_order(hit: Scored, query: Query) -> tuple[bool, bool, bool, str, int]:
    symbols = hit.payload.get("symbols") or ()
    written = {symbol["name"] for symbol in symbols}
    return (
        not any(spelling in written for name in query.names for spelling in name.spellings),
        not any(
            part.lower() in (symbol["qualified_name"] or "").lower()
            for name in query.names
            for part in name.qualifier
            for symbol in symbols
        ),
        hit.payload.get("role") != "source",
        hit.payload["path"],
        hit.payload["start_line"],
    )


def _lexical(snapshot: IndexSnapshot, query: Query, where: Filter, weights: Weights) -> LaneResult:
    terms = snapshot.query_weights(query.text or " ".join(query.symbols), where)
    if not terms and not query.text and not query.symbols:
        return LaneResult("lexical", skipped=_NO_WORDS)
    if not terms:
        return LaneResult("lexical", skipped="no word of the query is in the index")
    hits = snapshot.search_lexical(terms, where, weights.lane_depth, bare=True)
    return LaneResult("lexical", tuple(hits), weights=terms)


def _phrase(snapshot: IndexSnapshot, where: Filter, weights: Weights, required: RequiredTexts | None) -> LaneResult:
    hits = tuple(find_phrases(snapshot, where, weights.lane_depth, required))
    if required is None or not required.failures:
        return LaneResult(PHRASE_LANE, hits)
    return LaneResult(PHRASE_LANE, hits, error="; ".join(required.failures), cut=deadlines.is_over())


def _semantic(
    snapshot: IndexSnapshot, query: Query, where: Filter, weights: Weights, embed_query: EmbedQuery | None
) -> LaneResult:
    if embed_query is None:
        return LaneResult("semantic", skipped="no embedding model is loaded")
    text = query.text or " ".join(query.symbols)
    if not text:
        return LaneResult("semantic", skipped=_NO_WORDS)
    # Nothing is near in meaning to letters: a made-up word had cosines of .5 to .8 to some chunk of 100,000, as real
    # questions have.
    knows = getattr(embed_query, "knows", None)
    if knows is not None and not knows(text) and not snapshot.query_weights(text, where):
        return LaneResult("semantic", skipped="no word of the query is known, to the index or to the model")
    vector = np.asarray(embed_query(text), np.float32).reshape(-1)
    if len(vector) != snapshot.manifest.dimension:
        raise SpaceMismatchError(
            f"the query's vector has {len(vector)} dimensions, the index has {snapshot.manifest.dimension}",
            remedy="search with the model the index was made with (CODE_INDEX_MODEL)",
        )
    # Several vectors of one chunk count once, so a few more are fetched.
    hits = snapshot.search_dense(vector, where, weights.lane_depth + weights.lane_depth // 4, bare=True)
    return LaneResult("semantic", tuple(hits))


def _best_part(hits: list[Scored]) -> list[Scored]:
    """The first (best) hit of each chunk."""
    seen: set[tuple[str, str]] = set()
    best = []
    for hit in hits:
        chunk = (hit.payload["key"], hit.payload["chunk_id"])
        if chunk not in seen:
            seen.add(chunk)
            best.append(hit)
    return best
