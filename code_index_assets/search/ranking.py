"""Ranking: lanes fused by normalised scores, then what code tells.

What lives here: signals and how they add up. What does not: their weights (`weights.py`), the lanes, snippets.
Pure: the same lanes and query give the same order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypedDict, cast

import re2

from ..chunking.terms import term_id
from ..chunking.words import QueryTerms
from ..index.backends.interface import Scored
from .lanes import PHRASE_LANE, LaneResult
from .query import Name, Query
from .weights import ROLE_WORDS, Weights


class SymbolInChunk(TypedDict):
    """A definition that starts in a chunk, as its payload has it."""

    name: str
    kind: str
    qualified_name: str
    signature: str | None
    start_line: int
    end_line: int


class ChunkPayload(TypedDict):
    """The payload of a chunk's point, as far as searches read it (`index/documents.py` writes it)."""

    key: str
    repository: str
    ref: str
    path: str
    file_name: str
    chunk_id: str
    blob: str
    text: str
    text_hash: str
    start_line: int
    end_line: int
    kind: str
    role: str
    language: str | None
    name: str | None
    qualified_name: str | None
    signature: str | None
    names: list[str] | None
    symbols: list[SymbolInChunk] | None


@dataclass
class Candidate:
    """One chunk some lane found."""

    payload: ChunkPayload
    ranks: dict[str, int] = field(default_factory=dict)  # lane -> rank, from 1
    lane_scores: dict[str, float] = field(default_factory=dict)  # lane -> [0, 1]
    score: float = 0.0
    why: list[str] = field(default_factory=list)
    folded: list[ChunkPayload] = field(default_factory=list)  # neighbouring chunks of the same file, less good
    also_in: list[str] = field(default_factory=list)  # other repositories with the same text
    defines: bool = False  # a name that the query asks for
    cosine: float | None = None  # with the query, where the semantic lane found it

    @property
    def file(self) -> tuple[str, str]:
        """The key and the path of the chunk's file."""
        return self.payload["key"], self.payload["path"]


def rank(lanes: dict[str, LaneResult], query: Query, weights: Weights) -> list[Candidate]:
    """All candidates, best first; neighbours folded, copies in other repositories collapsed."""
    candidates = _gather(lanes)
    if not candidates:
        return []
    terms = _Terms(query, lanes["lexical"].weights if "lexical" in lanes else {})
    share = semantic_share(query, weights, lanes)
    for candidate in candidates:
        semantic, lexical = (candidate.lane_scores.get(lane, 0.0) for lane in ("semantic", "lexical"))
        candidate.score = share * semantic + (1.0 - share) * lexical
    _add_file_scores(candidates, query, weights)
    for candidate in candidates:
        _add_signals(candidate, query, terms, weights)
    return _spread(candidates, weights)


def semantic_share(query: Query, weights: Weights, lanes: dict[str, LaneResult]) -> float:
    """How much of the fused score is the semantic lane's; all or nothing if only one of the two answered."""
    if not lanes.get("semantic", LaneResult("")).hits:
        return 0.0
    if not lanes.get("lexical", LaneResult("")).hits:
        return 1.0
    if query.form in ("symbol", "path"):
        return weights.semantic_symbol if query.form == "symbol" else weights.semantic_path
    if query.form == "mixed":
        return weights.semantic_mixed
    words = len(query.words)
    return weights.semantic_short if words <= 2 else weights.semantic_medium if words <= 4 else weights.semantic_long


class _Terms:
    """The query's terms with their weights, and how much of that weight words have."""

    def __init__(self, query: Query, weights: dict[int, float]) -> None:
        self.total = sum(weights.values())
        self._wanted = QueryTerms(query.text or " ".join(query.symbols))
        ids = {term_id(term): term for term in self._wanted.terms}
        self._weights = [(ids[term], weight) for term, weight in weights.items() if term in ids]

    def share(self, texts: Iterable[str]) -> float:
        """The share of the weight that terms of these texts have, in [0, 1]."""
        present = {term for text in texts for term in self._wanted.of_text(text)}
        return sum(weight for term, weight in self._weights if term in present) / self.total if present else 0.0


def _gather(lanes: dict[str, LaneResult]) -> list[Candidate]:
    candidates: dict[tuple[str, str], Candidate] = {}
    for lane, result in lanes.items():
        for rank_, (hit, score) in enumerate(zip(result.hits, _normalised(lane, result.hits), strict=True), 1):
            chunk = (hit.payload["key"], hit.payload["chunk_id"])
            candidate = candidates.setdefault(chunk, Candidate(cast(ChunkPayload, hit.payload)))
            candidate.ranks[lane] = rank_
            candidate.lane_scores[lane] = score
            if lane == "semantic":
                candidate.cosine = hit.score
    return list(candidates.values())


def _normalised(lane: str, hits: tuple[Scored, ...]) -> list[float]:
    """Scores of one lane in [0, 1]. Words score from nothing up; cosines only mean something against each other."""
    if not hits:
        return []
    if lane in ("symbol", PHRASE_LANE):
        return [1.0] * len(hits)
    best, worst = hits[0].score, hits[-1].score if lane == "semantic" else 0.0
    spread = best - worst
    return [(hit.score - worst) / spread if spread > 0 else 1.0 for hit in hits]


def _add_file_scores(candidates: list[Candidate], query: Query, weights: Weights) -> None:
    """A file of which several chunks match is more likely the one meant."""
    by_file: dict[tuple[str, str], list[float]] = {}
    for candidate in candidates:
        by_file.setdefault(candidate.file, []).append(candidate.score)
    totals = {
        file: sum(score * weights.coherence_decay**i for i, score in enumerate(sorted(scores, reverse=True)))
        for file, scores in by_file.items()
    }
    most = max(totals.values(), default=0.0)
    share = weights.file_short if query.length == "short" else weights.file
    breadth = weights.breadth_long if query.length == "long" else 0.0
    for candidate in candidates:
        if most > 0:
            candidate.score += share * totals[candidate.file] / most
        candidate.score += breadth * math.log1p(len(by_file[candidate.file]))


def _add_signals(candidate: Candidate, query: Query, terms: _Terms, weights: Weights) -> None:
    payload = candidate.payload
    gain, name = _definition(payload, query, weights)
    if name:
        candidate.score += gain
        candidate.defines = True
        candidate.why.append(f"defines {name}")
    if terms.total > 0:
        names = terms.share((*(payload.get("names") or ()), *_written(payload)))
        path = terms.share((payload["path"],))
        candidate.score += weights.name_words * names + _path_weight(query, weights) * path
        if names >= 0.5:
            candidate.why.append("words in the defined name")
        if path >= 0.5:
            candidate.why.append("words in the path")
    if query.length == "short":
        candidate.score += weights.adjacent_short * _adjacent_words(payload["text"].lower(), query.words)
    gain, why = _path(payload, query, weights)
    candidate.score += gain
    candidate.why += why
    role = payload.get("role") or "source"
    if role in weights.roles and role not in query.roles and not (ROLE_WORDS.get(role, frozenset()) & query.all_words):
        candidate.score *= weights.roles[role]
        candidate.why.append(f"{role} file")


def _path_weight(query: Query, weights: Weights) -> float:
    if query.length == "short":
        return weights.path_words_short
    return weights.path_words_long if query.length == "long" else weights.path_words


def _adjacent_words(text: str, words: tuple[str, ...]) -> float:
    """Share of neighbouring words that are neighbours in a text, also inside one identifier."""
    pairs = list(pairwise(words))
    return sum(a in text and b in text and _pair(a, b).search(text) is not None for a, b in pairs) / len(pairs)


@lru_cache(maxsize=1024)
def _pair(one: str, other: str) -> Any:
    # Linear time: in one line of a thousand letters the same pattern took a million steps of Python's re.
    return re2.compile(rf"{re.escape(one)}[\pL\pM\pN_]*[\s_\-.]*{re.escape(other)}")


def _definition(payload: ChunkPayload, query: Query, weights: Weights) -> tuple[float, str]:
    """What defining a name that the query asks for adds to the score, and that name as asked; 0 and "" if none."""
    names = set(payload.get("names") or ())
    written = set(_written(payload))
    best, name = 0.0, ""
    for requested in query.names:
        if not any(requested.fits(name) for name in names):
            continue
        if requested.guessed:
            gain = weights.definition_guess
        else:
            gain = weights.definition_mixed if query.form == "mixed" else weights.definition
            gain += weights.definition_case * (not written.isdisjoint(requested.spellings))
            gain += weights.definition_qualified * _qualified(payload, requested)
        if gain > best:
            best, name = gain, requested.spellings[0]
    return best, name


def _qualified(payload: ChunkPayload, requested: Name) -> bool:
    """Whether a definition here has the qualifier asked for: in its qualified name, or in the path."""
    if not requested.qualifier:
        return False
    qualifier = [part.lower() for part in requested.qualifier]
    for symbol in payload.get("symbols") or ():
        if requested.fits(symbol["name"]):
            around = f"{symbol.get('qualified_name') or ''} {payload['path']}".lower()
            if all(part in around for part in qualifier):
                return True
    return False


def _path(payload: ChunkPayload, query: Query, weights: Weights) -> tuple[float, list[str]]:
    path = payload["path"].lower()
    if query.path and f"/{path}".endswith(f"/{query.path.lower()}"):
        return weights.path_asked, ["the path asked for"]
    if query.path and query.path.lower() in path:
        return weights.path_asked / 2, ["part of its path"]
    stem = payload["file_name"].lower().split(".", 1)[0].replace("-", "_")
    names = {name.name.lower() for name in query.names} | {"_".join(query.words), "".join(query.words)}
    if stem in names or (len(query.words) > 1 and stem in query.words):
        return weights.file_name, ["its file name"]
    return 0.0, []


def _spread(candidates: list[Candidate], weights: Weights) -> list[Candidate]:
    """Orders by score, then folds neighbours into the better, collapses copies, and lets other files in between."""
    order = sorted(candidates, key=_best_first)
    chosen: list[Candidate] = []
    by_file: dict[tuple[str, str], list[Candidate]] = {}
    by_text: dict[tuple[str, str], Candidate] = {}
    for candidate in order:
        text = (candidate.payload["text_hash"], candidate.payload["file_name"])
        twin = by_text.get(text)
        if twin is not None and twin.payload["key"] != candidate.payload["key"]:
            if candidate.payload["repository"] not in (twin.payload["repository"], *twin.also_in):
                twin.also_in.append(candidate.payload["repository"])
            continue
        mates = by_file.setdefault(candidate.file, [])
        neighbour = next((mate for mate in mates if _adjacent(mate, candidate)), None)
        if neighbour is not None and not _asked_for(candidate):
            neighbour.folded.append(candidate.payload)
            continue
        candidate.score *= weights.crowding ** len(mates)
        mates.append(candidate)
        by_text.setdefault(text, candidate)
        chosen.append(candidate)
    return sorted(chosen, key=_best_first)


def _asked_for(candidate: Candidate) -> bool:
    return candidate.defines


def _adjacent(one: Candidate, other: Candidate) -> bool:
    start, end = other.payload["start_line"], other.payload["end_line"]
    return any(start <= p["end_line"] + 1 and p["start_line"] <= end + 1 for p in (one.payload, *one.folded))


def _written(payload: ChunkPayload) -> list[str]:
    names = [symbol["name"] for symbol in payload.get("symbols") or ()]
    name = payload.get("name")
    return [*names, name] if name else names


def _best_first(candidate: Candidate) -> tuple[float, str, int, str, str]:
    """Equal scores in an order that no history of the index changes."""
    payload = candidate.payload
    return -candidate.score, payload["path"], payload["start_line"], payload["key"], payload["chunk_id"]
