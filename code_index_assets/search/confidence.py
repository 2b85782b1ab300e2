"""Doubt: how likely it is that what is asked about is here, and how well one hit fits.

What lives here: the signals of an answer, the fitted coefficients, and the words for the result. What does not: the
order of hits (`ranking.py`), fitting (`benchmarks/confidence.py`, which reproduces the coefficients below).

The order of hits says nothing about doubt: some hit is always the best one. What tells a question of another
repository from one of this repository is how near the nearest text is in meaning, and how many of the question's words,
weighed by their rarity, one hit has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ..chunking.terms import term_id
from ..chunking.words import QueryTerms
from .answers import ConfidenceWord
from .lanes import LaneResult
from .query import Query
from .ranking import Candidate

FIRST = 5  # hits that the signals of an answer look at


@dataclass(frozen=True)
class HitSignals:
    """What tells how well one hit fits, each in [0, 1] or a cosine."""

    cosine: float  # with the question; of a hit that the semantic lane did not bring, at most that of its last one
    cover: float  # share of the question's terms, by rarity, that the hit has in text, names or path
    names: float  # the same of its names and path alone
    defines: float  # 1 if it defines a name that the question asks for


@dataclass(frozen=True)
class Signals:
    """What tells whether an answer is one."""

    cosine: float  # of the nearest text
    cover: float  # largest `HitSignals.cover` of the first five hits
    cover_all: float  # share of the terms that the first five hits have together
    known: float  # share of the terms, by rarity, that occur anywhere in what was searched
    bm25: float  # best lexical score over the most that the known terms could give
    names: float  # largest `HitSignals.names` of the first five
    defines: float  # 1 if one of the first five defines a name asked for
    gap: float  # cosine of the nearest text less that of the tenth
    words: float  # logarithm of the number of terms


@dataclass(frozen=True)
class Model:
    """A logistic model over named signals, and where its words begin."""

    constant: float
    weights: Mapping[str, float]
    strong: float = 1.0
    absent: float = 0.0

    def __call__(self, signals: HitSignals | Signals) -> float:
        """The likelihood, in [0, 1]."""
        values = asdict(signals)
        total = self.constant + sum(weight * values[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))

    def word(self, confidence: float) -> ConfidenceWord:
        """What a likelihood is called."""
        if confidence >= self.strong:
            return "strong"
        return "probably not here" if confidence < self.absent else "weak"


# Fitted on the development half of the kit's `pairs` (300 questions, each asked of its own repository and of another).
# Cosines are of the static table; other models have other ones, so that their answers are judged by words alone.
_SPACES_WITH_COSINES = ("static-",)
_ANSWER = Model(
    -16.325,
    {
        "cosine": 10.066,
        "cover": 0.313,
        "cover_all": 1.046,
        "known": 4.941,
        "bm25": 4.674,
        "words": 2.940,
        "defines": 1.329,
    },
    strong=0.93,
    absent=0.15,
)
_ANSWER_WORDS = Model(
    -15.963,
    {
        "cover": 1.391,
        "cover_all": 0.575,
        "known": 6.616,
        "bm25": 7.090,
        "names": 1.781,
        "words": 3.548,
        "defines": 2.144,
    },
    strong=0.95,
    absent=0.15,
)
_HIT = Model(-4.949, {"cosine": 5.044, "cover": 0.591, "names": 0.476, "defines": 1.158})
_HIT_WORDS = Model(-3.585, {"cover": 1.977, "names": 1.161, "defines": 1.324})


@dataclass(frozen=True)
class Assessment:
    """How likely an answer is one, its word, the likelihood of each hit, and the signals behind both."""

    confidence: float
    word: ConfidenceWord
    matches: tuple[float, ...]
    signals: Signals
    hits: tuple[HitSignals, ...]


def assess(
    ranked: Sequence[Candidate],
    query: Query,
    lanes: Mapping[str, LaneResult],
    *,
    documents: int,
    space: str,
    limit: int,
) -> Assessment:
    """Judges an answer, and each of its first `limit` hits."""
    shares = TermShares(query, lanes.get("lexical", LaneResult("")).weights, documents)
    hits = tuple(hit_signals(candidate, shares, lanes) for candidate in ranked[: max(limit, FIRST)])
    signals = answer_signals(ranked, hits[:FIRST], shares, lanes)
    by_meaning = space.startswith(_SPACES_WITH_COSINES) and bool(lanes.get("semantic", LaneResult("")).hits)
    answer, hit = (_ANSWER, _HIT) if by_meaning else (_ANSWER_WORDS, _HIT_WORDS)
    if ranked and query.is_exact:
        # Each hit has what was asked for, word for word: there is nothing to doubt.
        return Assessment(1.0, "strong", (1.0,) * len(hits[:limit]), signals, hits[:limit])
    confidence = round(answer(signals), 4) if ranked else 0.0
    if ranked and query.form == "symbol" and signals.defines:
        confidence = max(confidence, answer.absent)  # the name is defined here, whatever else speaks against it
    matches = tuple(round(hit(one), 4) for one in hits[:limit])
    return Assessment(confidence, answer.word(confidence), matches, signals, hits[:limit])


class TermShares:
    """The question's terms with their rarity: which share of them a text has."""

    def __init__(self, query: Query, weights: Mapping[int, float], documents: int) -> None:
        """`weights`: those of the lexical lane, by term id; a term that no document has weighs most."""
        self._wanted = QueryTerms(query.text or " ".join(query.symbols))
        most = math.log1p(2 * documents + 1)
        self._weights = {term: weights.get(term_id(term), most) for term in self._wanted.terms}
        self.known_weight = sum(weights.get(term_id(term), 0.0) for term in self._wanted.terms)
        self.total = sum(self._weights.values())

    def __len__(self) -> int:
        return len(self._weights)

    def terms(self, candidate: Candidate, *, text: bool = True) -> set[str]:
        """The terms that a hit has; without `text`, in its names and path alone."""
        payload = candidate.payload
        parts = [payload["path"], payload.get("qualified_name") or "", *(payload.get("names") or ())]
        if text:
            parts.append(payload["text"])
        return {term for part in parts for term in self._wanted.of_text(part)}

    def share(self, terms: set[str]) -> float:
        """The share of the whole weight that these terms have."""
        return sum(self._weights[term] for term in terms) / self.total if self.total else 0.0


def hit_signals(candidate: Candidate, shares: TermShares, lanes: Mapping[str, LaneResult]) -> HitSignals:
    """The signals of one hit."""
    semantic = lanes.get("semantic", LaneResult("")).hits
    least = semantic[-1].score if semantic else 0.0
    return HitSignals(
        cosine=candidate.cosine if candidate.cosine is not None else least,
        cover=shares.share(shares.terms(candidate)),
        names=shares.share(shares.terms(candidate, text=False)),
        defines=float(candidate.defines),
    )


def answer_signals(
    ranked: Sequence[Candidate], first: Sequence[HitSignals], shares: TermShares, lanes: Mapping[str, LaneResult]
) -> Signals:
    """The signals of an answer from those of its first hits."""
    semantic, lexical = (lanes.get(lane, LaneResult("")) for lane in ("semantic", "lexical"))
    cosines = [hit.score for hit in semantic.hits]
    together: set[str] = set()
    for candidate in ranked[:FIRST]:
        together |= shares.terms(candidate)
    # No document scores above k1 + 1 = 2.2 times the weight of a term.
    possible = 2.2 * sum(lexical.weights.values())
    return Signals(
        cosine=cosines[0] if cosines else 0.0,
        cover=max((one.cover for one in first), default=0.0),
        cover_all=shares.share(together),
        known=shares.known_weight / shares.total if shares.total else 0.0,
        bm25=lexical.hits[0].score / possible if lexical.hits and possible else 0.0,
        names=max((one.names for one in first), default=0.0),
        defines=max((one.defines for one in first), default=0.0),
        gap=cosines[0] - cosines[9] if len(cosines) > 9 else 0.0,
        words=math.log1p(len(shares)),
    )
