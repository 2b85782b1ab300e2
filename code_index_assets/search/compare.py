"""Two embedding spaces side by side: how much their answers differ, and which finds more of what was asked for.

What lives here: the comparison, and questions taken from the index itself. What does not: switching
(`index/published.py`), printing (`cli/spaces.py`).
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import NotIndexedError, QueryError
from ..settings import Settings
from ..storage.layout import Layout
from .answers import SearchAnswer
from .engine import SearchEngine, SearchRequest
from .service import open_engine

# Points looked at for documented definitions to ask about.
_SAMPLED = 2000
_SENTENCE = re.compile(r"[A-Z][^.\n]{25,160}")


@dataclass(frozen=True)
class Question:
    """A query, and the path that should be found, where one is known."""

    query: str
    path: str | None = None


@dataclass(frozen=True)
class SpaceScore:
    """How one space did: mean reciprocal rank and share found of the expected paths, median milliseconds."""

    space: str
    mrr: float | None
    found: float | None
    median_ms: float


@dataclass(frozen=True)
class Comparison:
    """What became of the questions in both spaces, over the repositories that both have."""

    questions: int
    repositories: tuple[str, ...]
    only_in_one: tuple[str, ...]
    limit: int
    overlap: float  # mean share of the first `limit` places that both name
    same_first: float  # share of the questions whose first place is the same
    scores: tuple[SpaceScore, SpaceScore]


def compare_spaces(
    settings: Settings,
    layout: Layout,
    spaces: tuple[str, str],
    questions: Sequence[Question],
    *,
    limit: int = 10,
    lanes: tuple[str, ...] = ("symbol", "lexical", "semantic"),
) -> Comparison:
    """Asks every question in both spaces. Without questions, documented definitions of the index are asked about.

    Raises NotIndexedError (a space or every common repository is missing), QueryError, SpaceMismatchError.
    """
    engines = [open_engine(settings, layout, space) for space in spaces]
    keys = [set(engine.snapshot().receipts) for engine in engines]
    common = keys[0] & keys[1]
    if not common:
        raise NotIndexedError(
            f"{spaces[0]} and {spaces[1]} have no repository in common", remedy="index one with both models first"
        )
    questions = questions or documented(engines[0], sorted(common))
    if not questions:
        raise QueryError("there is nothing to ask", remedy="give queries with --queries FILE")
    names = tuple(sorted({engines[0].snapshot().receipts[key].repository for key in common}))
    answers = [[_ask(engine, question, names, limit, lanes) for question in questions] for engine in engines]
    overlaps, first = [], 0
    for mine, other in zip(*answers, strict=True):
        places = [_places(answer) for answer in (mine, other)]
        most = max(len(places[0]), len(places[1]), 1)
        overlaps.append(len(set(places[0]) & set(places[1])) / most if any(places) else 1.0)
        first += places[0][:1] == places[1][:1]
    scores = tuple(_score(space, questions, answered) for space, answered in zip(spaces, answers, strict=True))
    return Comparison(
        questions=len(questions),
        repositories=names,
        only_in_one=tuple(sorted(keys[0] ^ keys[1])),
        limit=limit,
        overlap=round(statistics.fmean(overlaps), 4),
        same_first=round(first / len(questions), 4),
        scores=(scores[0], scores[1]),
    )


def documented(engine: SearchEngine, keys: Sequence[str], count: int = 50) -> list[Question]:
    """First sentences of documentation comments as questions, each for the file it is from; the same every time.

    They flatter both spaces alike (the sentence is part of the text): for a difference, not for a level.
    """
    snapshot = engine.snapshot()
    ids = sorted(identity for key in keys for identity in snapshot.ids(key))
    questions: dict[str, Question] = {}
    for hit in snapshot.get(ids[:: -(-len(ids) // _SAMPLED)]):
        sentence = _SENTENCE.search(hit.payload.get("doc") or "")
        if sentence and len(sentence.group().split()) >= 5:
            questions.setdefault(sentence.group(), Question(sentence.group().replace('"', " "), hit.payload["path"]))
    picked = [questions[text] for text in sorted(questions)]
    return picked[:: -(-len(picked) // count)] if picked else []


def _ask(
    engine: SearchEngine, question: Question, repositories: tuple[str, ...], limit: int, lanes: tuple[str, ...]
) -> SearchAnswer:
    answer = engine.search(SearchRequest(question.query, repositories=repositories, limit=limit, lanes=lanes))
    failed = {lane: report.reason for lane, report in answer.lanes.items() if report.state == "failed"}
    if failed:
        raise QueryError(
            f"{answer.space} cannot answer: " + "; ".join(f"{lane}: {why}" for lane, why in failed.items()),
            remedy="see `code-index doctor`",
        )
    return answer


def _places(answer: SearchAnswer) -> list[tuple[str, str, int]]:
    return [(hit.key, hit.path, hit.start_line) for hit in answer.hits]


def _score(space: str, questions: Sequence[Question], answers: Sequence[SearchAnswer]) -> SpaceScore:
    ranks: list[float] = []
    for question, answer in zip(questions, answers, strict=True):
        if question.path is not None:
            at = next((rank for rank, hit in enumerate(answer.hits, 1) if hit.path == question.path), None)
            ranks.append(1 / at if at else 0.0)
    return SpaceScore(
        space,
        round(statistics.fmean(ranks), 4) if ranks else None,
        round(sum(rank > 0 for rank in ranks) / len(ranks), 4) if ranks else None,
        round(statistics.median(answer.took_ms for answer in answers), 2),
    )
