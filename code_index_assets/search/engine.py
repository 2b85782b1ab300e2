"""The search engine: one for the terminal, HTTP and MCP.

What lives here: requests, which repositories are searched, freshness. What does not: the models of answers
(`answers.py`), parsing (`query.py`), retrievers, ranking, definitions of a name (`definitions.py`), rendering
(`render.py`), embedding (the caller hands in a function).
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from .. import deadlines
from ..errors import LanesFailedError, NotIndexedError, QueryError, SpaceMismatchError
from ..index.backends.interface import IndexBackend
from ..index.exact.segments import is_indexed
from ..index.filters import Filter, matches_pattern
from ..index.manifest import Receipt
from ..index.overlaid import Layer, layer_of
from ..index.published import PublishedIndex
from ..index.reader import IndexSnapshot, SnapshotGoneError, open_index
from ..settings import Settings
from ..spelling import near_names
from ..storage.layout import Layout
from . import vocabulary
from .absence import absence_of
from .answers import Absence, Hit, LaneReport, RepositoryState, SearchAnswer, TreeState
from .confidence import assess
from .filters import SearchFilters
from .freshness import Head, explained, published_state
from .lanes import LANES, EmbedQuery, LaneResult, run_lanes
from .outcome import SearchOutcome
from .places import Places
from .query import RELAXED_WORDS, Query, parse
from .ranking import Candidate, rank
from .relaxing import without_texts
from .snippets import cut_snippet
from .text_rules import shown
from .weights import DEFAULT, Weights

MAX_LIMIT = 1000
# What one question may be made of.
MAX_PIECES = {"phrases": 16, "excluded words": 32, "names": 64, "paths": 100, "repositories": 100, "refs": 100}


@dataclass(frozen=True)
class SearchRequest(SearchFilters):
    """A search. Its filters restrict what operators in the query do not already."""

    query: str
    limit: int = 10
    lanes: tuple[str, ...] = LANES
    as_text: bool = False  # the query is pasted text: it has no operators
    explain: bool = False  # the answer has the signals behind its confidence


@dataclass
class _Opened:
    snapshot: IndexSnapshot | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class SearchEngine:
    """Searches the published index; safe for threads. A new publication is picked up by the next query."""

    def __init__(
        self,
        layout: Layout,
        settings: Settings,
        embed_query: EmbedQuery | None = None,
        *,
        space: str | None = None,
        head_of: Callable[[str], Head | None] | None = None,
        weights: Weights = DEFAULT,
        backend: IndexBackend | None = None,
    ) -> None:
        """`space`: the embedding space `embed_query` makes vectors of; None takes the space published last.

        `head_of` tells where a partition's ref was last seen, for the answer's state; without it that is unknown.
        """
        self.layout = layout
        self.settings = settings
        self.embed_query = embed_query
        self.space = space
        self.weights = weights
        self._head_of = head_of or (lambda key: None)
        self._backend = backend
        self._opened = _Opened()
        self.places = Places(layout, settings)
        self._over: Callable[[IndexSnapshot], IndexSnapshot] | None = None

    def over(self, lay: Callable[[IndexSnapshot], IndexSnapshot]) -> SearchEngine:
        """This engine, answering from what `lay` makes of each publication: another tree laid over it."""
        engine = copy.copy(self)
        engine._over = lay
        return engine

    def snapshot(self) -> IndexSnapshot:
        """The current publication, under the layer that this engine answers from, if any.

        Raises NotIndexedError (nothing is published; StillIndexingError while that may change), SpaceMismatchError.
        """
        try:
            with self._opened.lock:
                held = self._opened.snapshot
                if held is not None and (self.space is not None or len(PublishedIndex(self.layout).spaces) == 1):
                    self._opened.snapshot = held.refresh()
                else:
                    self._opened.snapshot = self._open(held)
                published = self._opened.snapshot
        except NotIndexedError as error:
            raise explained(error, self.layout, self.settings) from error
        return published if self._over is None else self._over(published)

    def receipts(self) -> dict[str, Receipt]:
        """What the present publication holds, by partition key; nothing where nothing is published."""
        try:
            return dict(self.snapshot().receipts)
        except (NotIndexedError, SpaceMismatchError):
            return {}

    def resolve(
        self, snapshot: IndexSnapshot, repositories: tuple[str, ...], refs: tuple[str, ...]
    ) -> tuple[str, ...] | None:
        """`resolve_keys`, with the reason why something is not indexed in the error; folders count as their names."""
        repositories = tuple(self.places.repository(name) for name in repositories)
        try:
            return resolve_keys(snapshot.receipts, repositories, refs)
        except NotIndexedError as error:
            raise explained(error, self.layout, self.settings) from error

    def _open(self, held: IndexSnapshot | None) -> IndexSnapshot:
        published = PublishedIndex(self.layout).spaces
        if self.space is not None and published and self.space not in published:
            raise SpaceMismatchError(
                f"the index was made in the embedding space {published[0]}, the query would be in {self.space}",
                remedy="set CODE_INDEX_MODEL to the model the index was made with, or index again with this one",
            )
        if held is not None and published[:1] == [held.space]:
            return held.refresh()
        return open_index(self.layout, self.settings, self.space, backend=self._backend)

    # -- search ------------------------------------------------------------------------------------------------

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Answers a search.

        Raises QueryError (cannot be understood), LanesFailedError (no lane could answer), NotIndexedError (nothing is
        indexed, or not the repository or ref asked for; StillIndexingError while that may change), SpaceMismatchError.
        What takes longer than CODE_INDEX_QUERY_SECONDS is answered with what was found by then, as "incomplete".
        """
        with deadlines.within(self.settings.query_seconds):
            return self._search(request)

    def _search(self, request: SearchRequest) -> SearchAnswer:
        started = time.perf_counter()
        query = parse(request.query, as_text=request.as_text)
        check_work(request, query)
        if not 1 <= request.limit <= MAX_LIMIT:
            raise QueryError(f"the limit {request.limit} is not between 1 and {MAX_LIMIT}")
        for lane in request.lanes:
            if lane not in LANES:
                raise QueryError(f"there is no lane {lane!r}", remedy=f"lanes are {', '.join(LANES)}")
        limit = _limit(request, query)
        snapshot, where, lanes = self._ask(request, query)
        ignored: tuple[str, ...] = ()
        if query.loose_words >= RELAXED_WORDS and not any(one.hits or one.error for one in lanes.values()):
            relaxed = without_texts(query)
            found = self._ask(request, relaxed.query) if relaxed.ignored else None
            if found is not None and any(one.hits for one in found[2].values()):
                query, ignored, (snapshot, where, lanes) = relaxed.query, relaxed.ignored, found
        failed = [result for result in lanes.values() if result.error]
        cut = any(result.cut for result in failed)
        if failed and not cut and all(result.error or result.skipped for result in lanes.values()):
            raise _all_failed(failed)
        ranked = rank(lanes, query, self.weights)
        best = max((candidate.score for candidate in ranked), default=0.0)
        judged = assess(ranked, query, lanes, documents=_documents(snapshot, where), space=snapshot.space, limit=limit)
        hits = tuple(
            self._hit(snapshot, candidate, query, best, match, asdict(signals) if request.explain else {})
            for candidate, match, signals in zip(ranked[:limit], judged.matches, judged.hits, strict=True)
        )
        outcome = _outcome(cut=cut, failed=bool(failed), found=bool(hits))
        if ignored and outcome == SearchOutcome.FOUND:
            outcome = SearchOutcome.RELAXED
        states = self.repositories(snapshot, where)
        notes = vocabulary.unknown_values(snapshot, where, _filtered_by(ranked))
        return SearchAnswer(
            hits=hits,
            repositories=states,
            lanes={lane: _report(result) for lane, result in lanes.items()},
            outcome=outcome,
            took_ms=round((time.perf_counter() - started) * 1000, 2),
            query=query,
            confidence=judged.confidence,
            # What was not looked at fully may be there.
            confidence_word=judged.word if hits or outcome == SearchOutcome.NO_MATCH else "weak",
            signals=_rounded(asdict(judged.signals)) if request.explain else {},
            publication=snapshot.manifest.name,
            space=snapshot.space,
            total=len(ranked),
            notes=notes,
            ignored=ignored,
            absence=None if hits or not where.requires_text else _absence(snapshot, where, states, lanes, notes),
        )

    def _ask(self, request: SearchRequest, query: Query) -> tuple[IndexSnapshot, Filter, dict[str, LaneResult]]:
        for attempt in range(4):
            snapshot = self.snapshot()
            where = self._filter(snapshot, request, query)
            try:
                lanes = run_lanes(
                    snapshot, query, where, self.weights, embed_query=self.embed_query, lanes=request.lanes
                )
                return snapshot, where, lanes
            except SnapshotGoneError:
                # Pruned between being named and being loaded: what CURRENT names now answers.
                if attempt == 3:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _filter(self, snapshot: IndexSnapshot, request: SearchRequest, query: Query) -> Filter:
        return Filter(
            keys=self.resolve(snapshot, request.repositories + query.repositories, request.refs + query.refs),
            paths=self.places.paths(request.paths + query.paths),
            languages=vocabulary.languages(request.languages) + query.languages,
            kinds=vocabulary.kinds(request.kinds) + query.kinds,
            roles=vocabulary.roles(request.roles) + query.roles,
            names=tuple(name.name for name in query.names[: len(query.symbols)]),
            exclude=query.exclude,
            rules=query.rules,
        )

    def repositories(self, snapshot: IndexSnapshot, where: Filter) -> tuple[RepositoryState, ...]:
        """What a filter searches, repository by repository."""
        keys = sorted(snapshot.receipts) if where.keys is None else sorted(where.keys)
        return tuple(self._state(snapshot.receipts[key], layer_of(snapshot, key)) for key in keys)

    def _state(self, receipt: Receipt, layer: Layer | None) -> RepositoryState:
        head = self._head_of(receipt.key)
        # A tree is as it was just now; whether its base is behind says nothing about it.
        state = published_state(receipt, head) if layer is None else "current"
        return RepositoryState(
            receipt.key, receipt.repository, receipt.ref, receipt.commit, receipt.label, state, receipt.coverage,
            receipt.published_at, receipt.observed_at, head.seen_at if head else None, tree_state(layer),
        )  # fmt: skip

    def _hit(
        self,
        snapshot: IndexSnapshot,
        candidate: Candidate,
        query: Query,
        best: float,
        match: float,
        signals: dict[str, float],
    ) -> Hit:
        payload = candidate.payload
        receipt = snapshot.receipts[payload["key"]]
        return Hit(
            repository=payload["repository"],
            ref=receipt.ref,
            commit=receipt.commit,
            path=payload["path"],
            start_line=payload["start_line"],
            end_line=payload["end_line"],
            qualified_name=payload["qualified_name"],
            kind=payload["kind"],
            language=payload["language"],
            score=round(candidate.score / best, 4) if best > 0 else 0.0,
            lanes=dict(candidate.ranks),
            signature=payload["signature"],
            snippet=cut_snippet(payload["text"], payload["start_line"], query),
            text=payload["text"],
            why=tuple(candidate.why),
            blob=payload["blob"],
            key=payload["key"],
            role=payload["role"],
            name=payload["name"],
            more_lines=tuple(sorted((other["start_line"], other["end_line"]) for other in candidate.folded)),
            also_in=tuple(candidate.also_in),
            tree=tree_of(layer_of(snapshot, payload["key"]), payload["path"]),
            match=match,
            signals=_rounded(signals),
        )


def tree_state(layer: Layer | None) -> TreeState | None:
    """What an answer tells of a layer."""
    if layer is None:
        return None
    base = layer.base
    return TreeState(layer.kind, base.commit, base.published_at, len(layer.changed), len(layer.gone))


def tree_of(layer: Layer | None, path: str) -> str:
    """Where a file of a layer is as it was found; "" where it is as published."""
    return layer.kind.replace("_", " ") if layer is not None and path in layer.changed else ""


def check_work(request: SearchRequest, query: Query) -> None:
    """Raises QueryError where one question asks for more pieces of work than an answer needs.

    Each phrase, excluded word, name and pattern is a pass over what was found or over what there is.
    """
    pieces: dict[str, Sequence[object]] = {
        "phrases": query.rules,
        "excluded words": query.exclude,
        "names": query.names,
        "paths": request.paths + query.paths,
        "repositories": request.repositories + query.repositories,
        "refs": request.refs + query.refs,
    }
    for kind, values in pieces.items():
        if len(values) > MAX_PIECES[kind]:
            raise QueryError(
                f"the question has {len(values)} {kind}, at most {MAX_PIECES[kind]} can be asked for at a time",
                remedy="ask several smaller questions",
            )
    patterns = (*request.paths, *query.paths, *request.repositories, *query.repositories, *request.refs, *query.refs)
    long = next((pattern for pattern in patterns if len(pattern) > 1000), "")
    if long:
        raise QueryError(f"a pattern has {len(long):,} characters: {long[:40]!r}…", remedy="write it in 1,000 or fewer")


def _absence(
    snapshot: IndexSnapshot,
    where: Filter,
    states: tuple[RepositoryState, ...],
    lanes: dict[str, LaneResult],
    notes: tuple[str, ...],
) -> Absence:
    """What an answer without hits proves of the text that was required."""
    failures = [f"the {one.lane} lane failed: {one.error}" for one in lanes.values() if one.error]
    if any(not is_indexed(snapshot.receipts[state.key]) for state in states):
        failures.append("there is no exact index yet: chunks were read, a text over several of them was not found")
    if where.kinds or where.names:
        failures.append("a kind or a symbol was asked for: text outside of such definitions was not looked at")
    if where.exclude or any(rule.excluded for rule in where.rules):
        failures.append("parts of files with an excluded text were not looked at")
    return absence_of(snapshot, where, states, lanes=lanes, patterns=shown(where.rules), failures=(*failures, *notes))


def _limit(request: SearchRequest, query: Query) -> int:
    """Hits wanted: `count:` in the query comes before the request's limit."""
    if query.count == "all":
        return MAX_LIMIT
    return max(1, min(int(query.count), MAX_LIMIT)) if query.count else request.limit


def _documents(snapshot: IndexSnapshot, where: Filter) -> int:
    """Chunks of what a filter searches, repositories apart from the rest of the filter."""
    keys = snapshot.receipts if where.keys is None else where.keys
    return sum(snapshot.receipts[key].documents for key in keys)


def _rounded(signals: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in signals.items()}


def _filtered_by(ranked: list[Candidate]) -> set[tuple[str, str]]:
    """What hits are proof of: values of the fields that filters have."""
    return {(field, str(candidate.payload[field])) for candidate in ranked for field in ("language", "kind", "role")}


def resolve_keys(
    receipts: dict[str, Receipt], repositories: tuple[str, ...], refs: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The partition keys asked for; None for every published key. Without refs, default refs alone answer.

    A repository is given by its whole name, its last part, its key, or a glob. Raises NotIndexedError.
    """
    named = dict(receipts)
    if repositories:
        named = {}
        for name in repositories:
            matching = {key: r for key, r in receipts.items() if _is_repository(name, r)}
            if not matching:
                raise NotIndexedError(
                    f"{name} is not indexed{_near(name, receipts)}",
                    remedy=f"run `code-index index {name}`, or see `code-index status` for what is indexed",
                    wanted=name,
                )
            named |= matching
    if refs:
        chosen = {key: r for key, r in named.items() if any(matches_pattern(ref, r.ref) for ref in refs)}
        if not chosen:
            raise NotIndexedError(
                f"ref {', '.join(refs)} is not indexed; indexed: {', '.join(sorted({r.ref for r in named.values()}))}",
                remedy="name the ref in the registry entry and index again",
                wanted=f"{repositories[0] if repositories else ''}@{refs[0]}",
            )
    else:
        # A key asked for by its whole name is meant, default or not.
        chosen = {key: r for key, r in named.items() if r.default_ref or key in repositories}
    return None if len(chosen) == len(receipts) else tuple(sorted(chosen))


def _is_repository(name: str, receipt: Receipt) -> bool:
    name = name.strip("/").lower()
    key, repository = receipt.key.lower(), receipt.repository.lower()
    if name in (key, repository) or repository.endswith(f"/{name}"):
        return True
    return matches_pattern(name, repository)


def _near(name: str, receipts: dict[str, Receipt]) -> str:
    near = near_names(name, sorted({r.repository for r in receipts.values()}))
    return f" (near: {', '.join(near)})" if near else ""


def _all_failed(failed: list[LaneResult]) -> LanesFailedError:
    """One error for all lanes: a reason that several share appears once."""
    lanes: dict[str, list[str]] = {}
    for result in failed:
        lanes.setdefault(result.error, []).append(result.lane)
    reasons = "; ".join(f"{', '.join(names)}: {why}" for why, names in lanes.items())
    remedies = dict.fromkeys(result.remedy for result in failed if result.remedy)
    return LanesFailedError(
        f"no lane of the search could answer: {reasons}", remedy="; ".join(remedies) or "see `code-index doctor`"
    )


def _report(result: LaneResult) -> LaneReport:
    took_ms = round(result.took_ms, 2)
    if result.error:
        reason = f"{result.error}\n  → {result.remedy}" if result.remedy else result.error
        return LaneReport("failed", 0, took_ms, reason)
    if result.skipped:
        return LaneReport("skipped", 0, took_ms, result.skipped)
    return LaneReport("ran", len(result.hits), took_ms)


def _outcome(*, cut: bool, failed: bool, found: bool) -> SearchOutcome:
    """What an answer is called: what was cut short or failed comes before whether there are hits."""
    if cut:
        return SearchOutcome.INCOMPLETE
    if failed:
        return SearchOutcome.DEGRADED
    return SearchOutcome.FOUND if found else SearchOutcome.NO_MATCH
