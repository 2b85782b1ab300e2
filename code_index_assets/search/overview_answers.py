"""The models of overviews: the map of a repository, the outline of a file, routes and entry points.

What lives here: every field that a front end shows of them, once. What does not: how they are found
(`repository_map.py`, `outline.py`, `routes.py`, `entry_points.py`), other answers (`answers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .answer_fields import described
from .answers import RepositoryState
from .outcome import SearchOutcome

Grade = Literal["proven", "inferred", "textual"]
Outcome = Literal[SearchOutcome.FOUND, SearchOutcome.NO_MATCH]


@dataclass(frozen=True)
class MapDefinition:
    """A definition that matters in its file."""

    name: str
    qualified_name: str
    kind: str
    start_line: int
    end_line: int
    signature: str
    rank: float = field(metadata=described("Its share of the rank of the files that use it."))
    used_by: int = field(metadata=described("Other files that name it, where at most five files define the name."))


@dataclass(frozen=True)
class MapFile:
    """A file of a map, and its definitions that others use most."""

    path: str
    role: str
    rank: float = field(metadata=described("PageRank over imports and names; all files together have 1."))
    used_by: int = field(metadata=described("Files that import it or name what it alone defines."))
    grade: Grade | None = field(metadata=described("Of the strongest edge that leads here; null if none does."))
    evidence_path: str | None
    evidence_line: int | None
    definitions: tuple[MapDefinition, ...]


@dataclass(frozen=True)
class MapAnswer:
    """The files that most of a repository rests on, within a token budget."""

    repository: str
    ref: str
    commit: str
    files: tuple[MapFile, ...]
    tokens: int = field(metadata=described("Of the answer as text, as it is counted."))
    max_tokens: int
    counted: str = field(metadata=described("How tokens are counted."))
    total_files: int = field(metadata=described("Files that were ranked."))
    import_edges: int = field(metadata=described("Edges between files by an import that is resolved."))
    name_edges: int = field(metadata=described("Edges between files by a name alone."))
    repositories: tuple[RepositoryState, ...]
    outcome: Outcome


@dataclass(frozen=True)
class OutlineDefinition:
    """One definition of a file."""

    name: str
    qualified_name: str
    kind: str
    start_line: int
    end_line: int
    signature: str | None
    depth: int = field(metadata=described("Definitions around it in this file."))
    parent: str | None = field(metadata=described("Qualified name of the definition around it."))


@dataclass(frozen=True)
class OutlineAnswer:
    """The definitions of a file, by line; what encloses others comes before them."""

    repository: str
    ref: str
    commit: str
    path: str
    language: str | None
    role: str
    total_lines: int
    definitions: tuple[OutlineDefinition, ...]
    complete: bool = field(metadata=described("False where no grammar reads this language, so none were looked for."))
    repositories: tuple[RepositoryState, ...]
    outcome: Outcome


@dataclass(frozen=True)
class Entrance:
    """A way into a program: a route, a main function, a script."""

    repository: str
    commit: str
    kind: str = field(metadata=described("route; main, script, guard (of __main__), module, bin."))
    name: str = field(metadata=described("Method and pattern of a route; the command or function of others."))
    framework: str = field(metadata=described("What the file imports: flask, django, express, …; empty if unknown."))
    handler: str = field(metadata=described("The definition that is run; <inline> for a function written there."))
    path: str = field(metadata=described("Where the handler is defined; where it is named, if that is not known."))
    line: int
    grade: Grade
    why: str
    evidence_path: str
    evidence_line: int
    role: str


@dataclass(frozen=True)
class EntrancesAnswer:
    """Routes, or entry points, and what was looked at."""

    question: Literal["routes", "entry-points"]
    entrances: tuple[Entrance, ...]
    files: int = field(metadata=described("Files in languages whose forms are known."))
    other_files: int = field(metadata=described("Files of code in other languages: nothing is known of them."))
    complete: bool = field(metadata=described("False where there are files of code in other languages."))
    repositories: tuple[RepositoryState, ...]
    outcome: Outcome
