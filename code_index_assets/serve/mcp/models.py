"""The models of what MCP tools answer, which are the tools' output schemas.

What lives here: how agents get the answers of `search/answers.py` (which fields are left out, renamed, shortened or
added), and models of what MCP alone has. What does not: the other fields (`search/answers.py`), filling and cutting
answers (`answers.py`, `status.py`), the tools (`tools.py`).

A field that is added to an answer reaches agents unless it is named in `without`. Fields that say nothing are left out
of an answer. Times are ISO 8601 in UTC; lines count from 1, ends included; paths are relative to their repository's
root.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ...search import answers
from ..schema import FieldOf, Shapes, optional, required


class Model(BaseModel):
    """Base of all answers: nothing but what is declared."""

    model_config = ConfigDict(extra="forbid")


class Searched(Model):
    """How many repositories were searched, by state of their index."""

    repositories: int
    current: int = 0
    behind: int = 0
    unknown: int = 0


class RunStatus(Model):
    """A run that index_codebase started."""

    run: str = Field(description="Handle: index_status(run=…) tells how it goes.")
    state: Literal["running", "succeeded", "failed"]
    directory: str
    repository: str | None = Field(None, description="Name under which it can be searched.")
    commit: str | None = None
    seconds: float
    progress: str | None = Field(None, description="What it says it is doing.")
    files: int | None = None
    files_indexed: int | None = None
    files_left_out: dict[str, int] | None = None
    chunks: int | None = None
    new_chunks: int | None = None
    changed: bool | None = Field(None, description="Whether anything new was published.")
    error: str | None = None
    next: str | None = Field(None, description="What to do now.")


# What differs for agents in several answers. The commit is that of `repositories`, once for all rows.
_PLACED: dict[str, FieldOf] = {"ref": optional(str), "role": optional(str)}
_PAGED: dict[str, FieldOf] = {
    "total": required(int, "How many there are in all."),
    "next_cursor": optional(str, "Ask again, unchanged, with this cursor for the rest."),
    "cut": optional(str, "What was left out for max_tokens, and how to get it."),
}
_PAGE_FIRST = ("total", "next_cursor", "cut", "outcome")
_ABSENCE: dict[str, FieldOf] = {"absence": optional(str, "Of an empty answer: certified, or what was not looked at.")}
_NOTE: dict[str, FieldOf] = {"searched": required(Searched), "note": optional(str)}

_shapes = Shapes(Model, lean=True)

# -- repositories ------------------------------------------------------------------------------------------------------

_REPOSITORY: dict[str, FieldOf] = {
    "commit": optional(str, "Indexed commit; lines and text are of this commit."),
    "label": optional(str, "As people name that state, where it is not the commit: …+dirty."),
    "state": required(str, "current, behind, unknown; indexing, failed, not_indexed."),
    "why": optional(str),
    "indexed_at": optional(str),
    "head": optional(str, "Commit the ref was last seen at, where that is another one."),
    "head_seen_at": optional(str),
    "files_indexed": optional(int),
    "files_left_out": optional(int),
    "languages": optional(list[str]),
}
_OF_DETAIL = {"location", "committed_at"}
_IN_NO_ROW = {"key", "default_ref", "published", "coverage", "points", "run_id"}
DETAIL = _shapes.add(
    answers.RepositoryStatus,
    "RepositoryDetail",
    without=_IN_NO_ROW,
    changed=_REPOSITORY
    | {
        "location": optional(str),
        "committed_at": optional(str),
        "left_out_by_reason": optional(dict[str, int]),
        "chunks": optional(int),
        "lines": optional(int),
        "parse_problems": optional(dict[str, int]),
        "secrets_removed": optional(dict[str, int]),
    },
)
REPOSITORY = _shapes.add(
    answers.RepositoryStatus,
    "RepositoryAt",
    without=_IN_NO_ROW | _OF_DETAIL,
    changed=_REPOSITORY,
    about="What is indexed of one repository at one ref.",
)
REPOSITORIES = _shapes.add(
    answers.RepositoryPage, "RepositoryList", without={"offset"}, changed=_PAGED, first=_PAGE_FIRST[:3]
)
_AT_ROWS = list[REPOSITORY.model]  # type: ignore[name-defined]

# -- searches and names ------------------------------------------------------------------------------------------------

HIT = _shapes.add(
    answers.Hit,
    "SearchHit",
    without={"commit", "language", "name", "signature", "blob", "snippet", "text", "signals"},
    renamed={"qualified_name": "symbol"},
    changed={
        "ref": optional(str, "Given where several refs of the repository were searched."),
        "role": optional(str, "test, docs, vendored, generated, …; source if not given."),
        "score": required(float, "In [0, 1]; 1 is the best of this answer."),
        "match": required(float, "Likelihood that it answers; comparable over questions."),
        "code_start_line": optional(int, "Where code begins, if not at start_line."),
        "code": optional(str),
    },
)
SEARCH = _shapes.add(
    answers.SearchAnswer,
    "SearchResult",
    without={"lanes", "took_ms", "publication", "space", "notes", "signals"},
    changed=_PAGED
    | _NOTE
    | _ABSENCE
    | {
        "repositories": required(_AT_ROWS, "Index state of the repositories of these hits."),
        "failed_lanes": optional(dict[str, str]),
    },
    first=_PAGE_FIRST,
)
DEFINITION = _shapes.add(
    answers.SymbolHit,
    "Definition",
    without={"commit", "language", "key", "overloads"},
    renamed={"qualified_name": "symbol"},
    changed=_PLACED,
)
SYMBOLS = _shapes.add(
    answers.Definitions,
    "SymbolResult",
    without={"notes"},
    renamed={"symbols": "definitions"},
    changed=_PAGED | _NOTE | _ABSENCE | {"repositories": required(_AT_ROWS)},
    first=_PAGE_FIRST,
)
MENTION = _shapes.add(
    answers.Reference,
    "Mention",
    without={"commit", "key", "within_kind", "within_lines", "language"},
    changed=_PLACED,
)
REFERENCES = _shapes.add(
    answers.References,
    "ReferenceResult",
    without={"name", "near", "publication", "took_ms", "notes"},
    changed=_PAGED
    | _NOTE
    | _ABSENCE
    | {
        "by_repository": optional(dict[str, int], "Mentions in each repository, the most first."),
        "repositories": required(_AT_ROWS),
    },
    first=_PAGE_FIRST,
)
GREP_MATCH = _shapes.add(
    answers.GrepMatch, "MatchingLine", without={"commit", "language", "end_line"}, changed={"ref": optional(str)}
)
GREP = _shapes.add(
    answers.GrepAnswer,
    "GrepResult",
    without={"publication", "took_ms", "notes"},
    changed=_PAGED | _NOTE | _ABSENCE | {"repositories": required(_AT_ROWS)},
    first=_PAGE_FIRST,
)
PLACED = _shapes.add(answers.DefinitionPlaced, "PlacedDefinition", without={"end_line"})
EDGE = _shapes.add(answers.GraphEdge, "Edge", changed={"role": optional(str)})
GRAPH = _shapes.add(
    answers.GraphAnswer,
    "GraphResult",
    without={"question", "unresolved_files"},
    changed=_NOTE
    | {
        "total": required(int, "How many edges there are in all."),
        "cut": optional(str, "What was left out for max_tokens."),
        "repositories": required(_AT_ROWS),
    },
    first=("total", "cut", "outcome"),
)
CODE = _shapes.add(
    answers.FileText,
    "CodeResult",
    without={"key"},
    renamed={"text": "code"},
    changed={
        "role": optional(str),
        "state": optional(str, "current, behind, unknown: against where the ref was last seen."),
        "next_start_line": optional(int, "Where to go on, if the answer was cut."),
        "cut": optional(str),
    },
)
SearchResult, SymbolResult, ReferenceResult = SEARCH.model, SYMBOLS.model, REFERENCES.model
CodeResult, RepositoryList, GraphResult = CODE.model, REPOSITORIES.model, GRAPH.model
GrepResult = GREP.model


class StatusResult(Model):
    """The index as a whole, some repositories in full, index runs."""

    publication: str | None = Field(None, description="The published state of the index that answers now.")
    embedding_space: str | None = None
    states: dict[str, int] | None = Field(None, description="Repositories (at refs) by state.")
    chunks: int | None = None
    repositories: list[DETAIL.model] | None = None  # type: ignore[name-defined]
    runs: list[RunStatus] | None = None
    cut: str | None = None
