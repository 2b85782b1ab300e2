"""What the MCP tools answer, as typed models: they are the tools' output schemas.

What lives here: shapes. What does not: filling and cutting them (`answers.py`), the tools (`server.py`).
Fields that have nothing to say are left out of an answer. Times are ISO 8601 in UTC; lines count from 1, ends included;
paths are relative to their repository's root.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...search.outcome import SearchOutcome
from ..schema import ANY_OUTCOME, OF_DEFINITIONS, OF_REFERENCES


class Model(BaseModel):
    """Base of all answers: nothing but what is declared."""

    model_config = ConfigDict(extra="forbid")


class RepositoryAt(Model):
    """What is indexed of one repository at one ref."""

    repository: str
    ref: str | None = None
    commit: str | None = Field(None, description="Indexed commit; lines and text are of this commit.")
    label: str | None = Field(None, description="As people name that state, where it is not the commit: …+dirty.")
    state: str = Field(description="current, behind, unknown; indexing, failed, not_indexed.")
    why: str | None = None
    indexed_at: str | None = None
    head: str | None = Field(None, description="Commit the ref was last seen at, where that is another one.")
    head_seen_at: str | None = None
    files_indexed: int | None = None
    files_left_out: int | None = None
    languages: list[str] | None = None


class Page(Model):
    """What all lists share: how much there is, how to get the rest, what was cut."""

    total: int = Field(description="How many there are in all.")
    next_cursor: str | None = Field(None, description="Ask again, unchanged, with this cursor for the rest.")
    cut: str | None = Field(None, description="What was left out for max_tokens, and how to get it.")


class Searched(Model):
    """How many repositories were searched, by state of their index."""

    repositories: int
    current: int = 0
    behind: int = 0
    unknown: int = 0


class SearchHit(Model):
    repository: str
    ref: str | None = Field(None, description="Given where several refs of the repository were searched.")
    path: str
    start_line: int
    end_line: int
    kind: str
    symbol: str | None = Field(None, description="Qualified name of the definition.")
    role: str | None = Field(None, description="test, docs, vendored, generated, …; source if not given.")
    score: float = Field(description="In [0, 1]; 1 is the best of this answer.")
    lanes: dict[str, int] = Field(description="Rank in each lane that found it.")
    why: list[str] | None = None
    code_start_line: int | None = Field(None, description="Where code begins, if not at start_line.")
    code: str | None = None
    more_lines: list[list[int]] | None = Field(None, description="Other lines of this file that answer too.")
    also_in: list[str] | None = Field(None, description="Repositories with the same code.")


class SearchResult(Page):
    outcome: Annotated[SearchOutcome, ANY_OUTCOME] = Field(
        description="degraded: a lane failed; incomplete: the time was up; with or without hits, others may exist."
    )
    hits: list[SearchHit]
    searched: Searched
    repositories: list[RepositoryAt] = Field(description="Index state of the repositories of these hits.")
    failed_lanes: dict[str, str] | None = None
    note: str | None = None


class Definition(Model):
    repository: str
    ref: str | None = None
    path: str
    start_line: int
    end_line: int
    name: str
    symbol: str
    kind: str
    role: str | None = None
    signature: str | None = None


class SymbolResult(Page):
    outcome: Annotated[SearchOutcome, OF_DEFINITIONS]
    definitions: list[Definition]
    searched: Searched
    repositories: list[RepositoryAt]
    note: str | None = None


class Mention(Model):
    repository: str
    ref: str | None = None
    path: str
    line: int
    kind: Literal["use", "import"]
    within: str | None = Field(None, description="Innermost definition around the line.")
    role: str | None = None
    text: str | None = None


class ReferenceResult(Page):
    outcome: Annotated[SearchOutcome, OF_REFERENCES]
    definitions: list[Definition] = Field(description="Definitions of the name; with the first page only.")
    total_definitions: int
    references: list[Mention]
    files: int = Field(description="Files with a mention, over all pages.")
    by_repository: dict[str, int] | None = Field(None, description="Mentions in each repository, the most first.")
    searched: Searched
    repositories: list[RepositoryAt]
    note: str | None = None


class CodeResult(Model):
    repository: str
    ref: str
    commit: str
    state: str | None = Field(None, description="current, behind, unknown: against where the ref was last seen.")
    path: str
    blob: str
    language: str | None = None
    role: str | None = None
    start_line: int
    end_line: int
    total_lines: int
    code: str
    next_start_line: int | None = Field(None, description="Where to go on, if the answer was cut.")
    cut: str | None = None


class RepositoryList(Page):
    repositories: list[RepositoryAt]


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


class RepositoryDetail(RepositoryAt):
    location: str | None = None
    committed_at: str | None = None
    left_out_by_reason: dict[str, int] | None = None
    chunks: int | None = None
    lines: int | None = None
    parse_problems: dict[str, int] | None = None
    secrets_removed: dict[str, int] | None = None


class StatusResult(Model):
    publication: str | None = Field(None, description="The published state of the index that answers now.")
    embedding_space: str | None = None
    states: dict[str, int] | None = Field(None, description="Repositories (at refs) by state.")
    chunks: int | None = None
    repositories: list[RepositoryDetail] | None = None
    runs: list[RunStatus] | None = None
    cut: str | None = None
