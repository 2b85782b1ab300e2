"""The models of a packed context: every field that a front end shows of it is declared here, once.

What lives here: the models. What does not: what is packed (`context.py`, `context_packing.py`), other answers
(`answers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .answer_fields import described
from .answers import RepositoryState
from .outcome import SearchOutcome

Part = Literal["core", "test", "around"]


@dataclass(frozen=True)
class ContextSpan:
    """Lines of one file that belong to a task, and why."""

    repository: str
    path: str
    start_line: int
    end_line: int
    commit: str
    part: Part = field(
        metadata=described("core: the lines in full; test: a test that reaches them; around: a signature.")
    )
    why: tuple[str, ...]
    kind: str
    symbol: str | None = field(metadata=described("Qualified name of the definition."))
    role: str
    grade: Literal["proven", "inferred", "textual"] | None = field(
        metadata=described("Of the edge that led here; null if the search found it or the text names it.")
    )
    evidence_path: str | None = field(metadata=described("Where the line is that shows the edge."))
    evidence_line: int | None
    tokens: int
    text: str = field(metadata=described("The lines of core; the signature of others."))


@dataclass(frozen=True)
class ContextAnswer:
    """What an agent needs for a task, within a token budget."""

    task: str
    spans: tuple[ContextSpan, ...] = field(metadata=described("Best first within core, tests, surroundings."))
    tokens: int = field(metadata=described("Of the answer as text, as it is counted."))
    max_tokens: int
    counted: str = field(metadata=described("How tokens are counted."))
    left_out: int = field(metadata=described("Places that were found and did not fit."))
    frames: tuple[str, ...] = field(metadata=described("Places that the task names and the index has: path:line."))
    complete: bool = field(
        metadata=described("False where a lane failed, time was up, or there are no edges to follow.")
    )
    files: int = field(metadata=described("Files whose edges were looked at."))
    unresolved_files: int = field(metadata=described("Files of these that are linked by names only."))
    notes: tuple[str, ...]
    repositories: tuple[RepositoryState, ...]
    outcome: SearchOutcome
    took_ms: float
