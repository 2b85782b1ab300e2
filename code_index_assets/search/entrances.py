"""Ways into a program, asked of several repositories: what routes and entry points have in common.

What lives here: which repositories are asked, the coverage, the order, the text. What does not: routes (`routes.py`),
entry points (`entry_points.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from ..index.filters import Filter
from ..index.reader import SnapshotGoneError
from .engine import SearchEngine
from .outcome import SearchOutcome
from .overview_answers import Entrance, EntrancesAnswer
from .render import printable
from .repository_code import RepositoryCode, code_of

CODE_ROLES = ("source", "test", "example")
ROLE_ORDER = ("source", "example", "stub", "config", "generated", "vendored", "docs", "data", "test")


@dataclass(frozen=True)
class Asked:
    """Which repositories are asked: all of them without one."""

    repositories: tuple[str, ...] = ()
    ref: str | None = None


def answered(
    engine: SearchEngine,
    asked: Asked,
    question: Literal["routes", "entry-points"],
    languages: frozenset[str],
    of_one: Callable[[RepositoryCode], Iterable[Entrance]],
) -> EntrancesAnswer:
    """What `of_one` finds in each repository, source before tests. Raises NotIndexedError, CorruptArtifactError."""
    for attempt in range(3):
        snapshot = engine.snapshot()
        keys = engine.resolve(snapshot, asked.repositories, (asked.ref,) if asked.ref else ())
        receipts = snapshot.receipts if keys is None else {key: snapshot.receipts[key] for key in keys}
        try:
            codes = [code_of(engine.layout, receipt) for receipt in receipts.values()]
            found = [entrance for code in codes for entrance in of_one(code)]
            known, other = _covered(codes, languages)
            break
        except SnapshotGoneError:
            if attempt == 2:
                raise
    unique = dict.fromkeys(found)
    ordered = sorted(unique, key=lambda one: (one.repository, ROLE_ORDER.index(one.role), one.evidence_path,
                                              one.evidence_line, one.name))  # fmt: skip
    return EntrancesAnswer(
        question=question,
        entrances=tuple(ordered),
        files=known,
        other_files=other,
        complete=other == 0,
        repositories=engine.repositories(snapshot, Filter(keys=tuple(receipts))),
        outcome=SearchOutcome.FOUND if ordered else SearchOutcome.NO_MATCH,
    )


def _covered(codes: Iterable[RepositoryCode], languages: frozenset[str]) -> tuple[int, int]:
    """Files of code in languages whose forms are known, and in others."""
    known = other = 0
    for code in codes:
        for path, language in code.languages.items():
            if code.role(path) in CODE_ROLES and language:
                known += language in languages
                other += language not in languages and bool(code.symbols_of(path))
    return known, other


def render_entrances(answer: EntrancesAnswer) -> str:
    """One line each: what it is, what runs, where, how well that is known."""
    several = len({one.repository for one in answer.entrances}) > 1
    lines = []
    for one in answer.entrances:
        where = f"{one.repository} " if several else ""
        kind = one.framework if one.kind == "route" else one.kind
        notes = ", ".join(filter(None, [kind, one.grade, one.why, one.role if one.role != "source" else ""]))
        shown = "" if (one.evidence_path, one.evidence_line) == (one.path, one.line) else (
            f"  at {printable(one.evidence_path)}:{one.evidence_line}")  # fmt: skip
        lines.append(
            f"{printable(one.name)}  {printable(one.handler)}  {where}{printable(one.path)}:{one.line}  ({notes})"
            f"{shown}"
        )
    if not lines:
        lines = [f"{answer.question}: none found"]
    coverage = f"{answer.files:,} files in languages whose forms are known"
    if answer.other_files:
        coverage += f"; {answer.other_files:,} files of code in other languages, where none are looked for"
    return "\n".join([*lines, coverage])
