"""What an agent needs for a task: hits as seeds, ranked on along the edges between definitions, packed into a budget.

What lives here: `pack_context`, the seeds, and the walk from them. What does not: packing (`context_packing.py`), edges
(`neighbours.py`), frames (`frames.py`), the search itself (`engine.py`).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .. import deadlines
from ..errors import QueryError
from ..graph.pagerank import personalised
from ..index.manifest import Receipt
from ..index.reader import SnapshotGoneError
from .answers import Hit, SearchAnswer
from .context_answers import ContextAnswer
from .context_packing import Found, pack
from .engine import SearchEngine, SearchRequest
from .filters import SearchFilters
from .frames import PathsByName, errors_of, frames_of
from .neighbours import Neighbours, Spot
from .outcome import SearchOutcome
from .query import MAX_TEXT, is_pasted, parse
from .repository_code import RepositoryCode, code_of

MIN_TOKENS, DEFAULT_TOKENS, MAX_TOKENS = 500, 8_000, 64_000
CUT = "time was up before all edges were followed: ask again, what was resolved is kept"
NO_CO_CHANGE = "co-change is not used: the index keeps how often files changed, not which changed together"


@dataclass(frozen=True)
class ContextWeights:
    """How a context is ranked. Fitted on development sets of several languages, never on one repository."""

    seeds: int = 60  # hits of each search that become seeds
    smoothing: float = 4.0  # a hit at rank r weighs 1 / (r + smoothing)
    title: float = 1.0  # the first line of a long task, searched by itself, against the whole text
    error: float = 0.5  # the same for a line that names an error
    frame: float = 1.5  # the frame where it went wrong, against the best hit
    restart: float = 0.8
    expansions: int = 16
    seconds: float = 2.0  # for following edges; what was resolved by then is kept for the next question
    repositories: int = 3  # in which edges are followed


DEFAULT_WEIGHTS = ContextWeights()


@dataclass(frozen=True)
class ContextRequest(SearchFilters):
    """A task in words, or a pasted issue, stack trace or error message; the filters say where to look."""

    task: str = ""
    max_tokens: int = DEFAULT_TOKENS


def pack_context(
    engine: SearchEngine, request: ContextRequest, weights: ContextWeights = DEFAULT_WEIGHTS
) -> ContextAnswer:
    """The context of a task.

    Raises QueryError (no task, a budget that cannot be), LanesFailedError, NotIndexedError, SpaceMismatchError,
    CorruptArtifactError.
    """
    task = request.task.strip()
    if not task:
        raise QueryError("context for what?", remedy='code-index context "what is to be done"')
    if len(task) > MAX_TEXT:
        raise QueryError(f"the task has {len(task):,} characters", remedy=f"give {MAX_TEXT:,} or fewer")
    if not MIN_TOKENS <= request.max_tokens <= MAX_TOKENS:
        raise QueryError(f"{request.max_tokens} tokens are not between {MIN_TOKENS} and {MAX_TOKENS:,}")
    started = time.perf_counter()
    with deadlines.within(engine.settings.query_seconds):
        for attempt in range(3):
            try:
                return _packed(engine, replace(request, task=task), weights, started)
            except SnapshotGoneError:
                if attempt == 2:
                    raise
    raise AssertionError("the last attempt returns or raises")


def _packed(engine: SearchEngine, request: ContextRequest, weights: ContextWeights, started: float) -> ContextAnswer:
    searches = _searches(engine, request, weights)
    first = searches[0][0]
    receipts = engine.snapshot().receipts
    seeds = _Seeds(weights)
    for answer, share in searches:
        seeds.add_hits(answer.hits, share)
    codes = {key: code_of(engine.layout, receipts[key]) for key in seeds.best_keys(receipts)}
    frames = seeds.add_frames(request.task, first, codes, receipts, engine)
    found, walked = _walk(seeds, codes, weights)
    by_key = {state.key: state for state in first.repositories}
    notes = (*first.notes, *((CUT,) if any(walk.cut for walk in walked) else ()), NO_CO_CHANGE)
    packing = pack(found, request.max_tokens, codes, lambda key: by_key[key], notes)
    outcomes = [answer.outcome for answer, _ in searches]
    cut = next((o for o in outcomes if o in (SearchOutcome.INCOMPLETE, SearchOutcome.DEGRADED)), None)
    outcome = cut or (SearchOutcome.FOUND if packing.spans else SearchOutcome.NO_MATCH)
    return ContextAnswer(
        task=request.task,
        spans=packing.spans,
        tokens=packing.tokens,
        max_tokens=request.max_tokens,
        counted=packing.counted,
        left_out=packing.left_out,
        frames=frames,
        complete=cut is None and all(code.graph.complete for code in codes.values()) and not any(w.cut for w in walked),
        files=sum(len(walk.resolved_files | walk.named_files) for walk in walked),
        unresolved_files=sum(len(walk.named_files) for walk in walked),
        notes=notes,
        repositories=first.repositories,
        outcome=outcome,
        took_ms=round((time.perf_counter() - started) * 1000, 2),
    )


# -- seeds -------------------------------------------------------------------------------------------------------------


def _searches(
    engine: SearchEngine, request: ContextRequest, weights: ContextWeights
) -> list[tuple[SearchAnswer, float]]:
    """The searches that a task is made of: the whole, its first line, and errors that it names; each with its share."""
    texts = [(request.task, 1.0)]
    title = next(line.strip() for line in request.task.split("\n") if line.strip())
    if is_pasted(request.task) and len(title) < len(request.task) and not frames_of(title):
        texts.append((title[:400], weights.title))
    texts += [
        (error[:400], weights.error) for error in errors_of(request.task)[:1] if error not in (title, request.task)
    ]
    fields = {name: getattr(request, name) for name in SearchFilters.__dataclass_fields__}
    answers = []
    for number, (text, share) in enumerate(texts):
        try:
            answer = engine.search(SearchRequest(query=text, limit=weights.seeds, as_text=_is_text(text), **fields))
        except QueryError:
            if number == 0:
                raise
            continue  # a first line without a word
        answers.append((answer, share))
    return answers


def _is_text(task: str) -> bool:
    """Whether a task is prose though it has quotes, `-flag` or `name:value`: in a task they are words."""
    if is_pasted(task):
        return True
    try:
        query = parse(task)
    except QueryError:
        return True
    return bool(
        query.phrases or query.exclude or query.repositories or query.refs or query.paths or query.languages
        or query.kinds or query.symbols or query.roles
    )  # fmt: skip


@dataclass
class _Seeds:
    """Places to start from, by repository, with weights; the hits that they came from."""

    weights: ContextWeights
    hits: dict[str, dict[tuple[str, int, int], Hit]] = field(default_factory=lambda: defaultdict(dict))
    shares: dict[str, dict[tuple[str, int, int], float]] = field(default_factory=lambda: defaultdict(dict))
    frames: dict[str, dict[Spot, tuple[float, str]]] = field(default_factory=lambda: defaultdict(dict))

    def add_hits(self, hits: Iterable[Hit], share: float) -> None:
        for rank, hit in enumerate(hits):
            place = (hit.path, hit.start_line, hit.end_line)
            self.hits[hit.key].setdefault(place, hit)
            weight = share / (rank + self.weights.smoothing)
            self.shares[hit.key][place] = self.shares[hit.key].get(place, 0.0) + weight

    def best_keys(self, receipts: dict[str, Receipt]) -> list[str]:
        """The repositories that most of the seeds are in."""
        known = [key for key in self.shares if key in receipts]
        return sorted(known, key=lambda key: (-sum(self.shares[key].values()), key))[: self.weights.repositories]

    def add_frames(
        self, task: str, answer: SearchAnswer, codes: dict[str, RepositoryCode], receipts: dict[str, Receipt],
        engine: SearchEngine,
    ) -> tuple[str, ...]:  # fmt: skip
        """Adds the places that the task names; gives them as `path:line`. The last of a trace weigh most."""
        frames = frames_of(task)
        if not frames:
            return ()
        asked = [state.key for state in answer.repositories if state.key in receipts]
        for key in asked[: self.weights.repositories] if not codes else ():
            codes[key] = code_of(engine.layout, receipts[key])
        named: list[str] = []
        python = any(frame.name and 'File "' in task for frame in frames)
        ordered = frames if python else frames[::-1]
        best = 1 / self.weights.smoothing
        for key, code in codes.items():
            names = PathsByName(code.paths)
            meant = [(frame, path) for frame in ordered for path in names.meant(frame.path)]
            for nearness, (frame, path) in enumerate(reversed(meant)):
                symbol = code.around(path, frame.line, frame.name)
                if frame.name and (symbol is None or symbol.name != frame.name):
                    # The file has changed since the trace was made: the function is known, its lines are not.
                    symbol = next((s for s in code.symbols_of(path) if s.name == frame.name), symbol)
                spot = symbol.place if symbol is not None else (path, max(frame.line - 10, 1), frame.line + 10)
                weight = self.weights.frame * best / (1 + nearness / 2)
                if spot not in self.frames[key]:
                    self.frames[key][spot] = (weight, f"the task names {path}:{frame.line}")
                    named.append(f"{path}:{frame.line}")
        return tuple(dict.fromkeys(named))


# -- the walk ----------------------------------------------------------------------------------------------------------


def _walk(
    seeds: _Seeds, codes: dict[str, RepositoryCode], weights: ContextWeights
) -> tuple[list[Found], list[Neighbours]]:
    """Places with their rank over all repositories, and what was walked over."""
    total = sum(sum(shares.values()) for shares in seeds.shares.values())
    total += sum(weight for frames in seeds.frames.values() for weight, _ in frames.values())
    found: list[Found] = []
    walked: list[Neighbours] = []
    for key in sorted({*seeds.shares, *seeds.frames}):
        code = codes.get(key)
        if code is None:
            found += [
                Found(key, place, seeds.shares[key][place] / total, hit, None, None, "")
                for place, hit in seeds.hits[key].items()
            ]
            continue
        neighbours = Neighbours(code)
        start, hit_of = _start(seeds, key, neighbours)
        for spot, (weight, _) in seeds.frames[key].items():
            start[spot] = start.get(spot, 0.0) + weight
            neighbours.at(spot[0], spot[1])
        mass = sum(start.values()) / total if total else 0.0
        with deadlines.within(weights.seconds):
            ranks = personalised(start, neighbours, restart=weights.restart, expansions=weights.expansions)
        walked.append(neighbours)
        for spot, rank in ranks.items():
            hit = hit_of.get(spot)
            named = seeds.frames[key].get(spot, (0.0, ""))[1]
            link = None if hit or named else neighbours.links.get(spot)
            found.append(Found(key, spot, rank * mass, hit, neighbours.symbols.get(spot), link, named))
    found.sort(key=lambda one: (-one.rank, one.key, one.spot))
    return found, walked


def _start(seeds: _Seeds, key: str, neighbours: Neighbours) -> tuple[dict[Spot, float], dict[Spot, Hit]]:
    """Hits as places: a chunk of one definition is that definition, any other chunk is its own place."""
    start: dict[Spot, float] = {}
    hit_of: dict[Spot, Hit] = {}
    for place, hit in seeds.hits[key].items():
        symbol = neighbours.code.around(hit.path, hit.start_line, hit.name or "") if hit.name else None
        whole = next((s for s in neighbours.code.symbols_of(hit.path) if s.qualified_name == hit.qualified_name
                      and s.start_line <= hit.end_line and hit.start_line <= s.end_line), symbol)  # fmt: skip
        spot = neighbours.spot_of(whole) if whole is not None and hit.name else place
        start[spot] = start.get(spot, 0.0) + seeds.shares[key][place]
        if (
            spot not in hit_of
            or seeds.shares[key][place]
            > seeds.shares[key][(hit_of[spot].path, hit_of[spot].start_line, hit_of[spot].end_line)]
        ):
            hit_of[spot] = hit
    return start, hit_of
