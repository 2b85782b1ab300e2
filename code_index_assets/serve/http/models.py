"""Requests and answers of the HTTP API as typed models: the source of its OpenAPI description and examples.

What lives here: shapes. What does not: how answers are made (`search/`; `search/render.py` makes the same objects as
the command line's `--json`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...search.engine import MAX_LIMIT, SearchRequest
from ...search.lanes import LANES
from ...search.outcome import SearchOutcome
from ..schema import ANY_OUTCOME, OF_DEFINITIONS, OF_REFERENCES
from .routing import MEANT_IN_BODY, unknown_names

MAX_QUERY = 4000
MAX_VALUES = 100
_COMMIT = "2c06be351006851d42fdb6df16b976f4a82d9747"

_HIT: dict[str, Any] = {
    "repository": "tracel-ai/burn", "ref": "HEAD", "commit": _COMMIT,
    "path": "crates/burn-optim/src/optim/grad_accum.rs", "start_line": 10, "end_line": 14,
    "qualified_name": "burn_optim::optim::grad_accum::GradientsAccumulator", "kind": "struct", "language": "rust",
    "score": 1.0, "lanes": {"lexical": 3, "semantic": 10}, "name": "GradientsAccumulator",
    "signature": "pub struct GradientsAccumulator<M>", "role": "source",
    "blob": "0f3c6d4be6f5a5a4f1b1c77c2d0b63f1a6f2d9d0", "why": ["words in the defined name"],
    "snippet": {"start_line": 10, "lines": ["/// Accumulate gradients into a single [GradientsParams] object."]},
    "text": "/// Accumulate gradients …", "more_lines": [], "also_in": [],
}  # fmt: skip
_STATE: dict[str, Any] = {
    "repository": "tracel-ai/burn", "ref": "HEAD", "key": "tracel-ai/burn", "commit": _COMMIT, "label": _COMMIT,
    "state": "current", "coverage": {"files": 2117, "kept": 1966, "skipped": {"binary": 112, "symlink": 36}},
    "indexed_at": 1795235816.7, "observed_at": 1795235801.2, "head_seen_at": 1795235801.2,
}  # fmt: skip


class Answer(BaseModel):
    """Fields are only ever added."""

    model_config = ConfigDict(extra="allow")


class Snippet(Answer):
    """Lines of a hit's code."""

    start_line: int
    lines: list[str]


class HitModel(Answer):
    """One place that answers. `score` is in [0, 1] within an answer; `lanes` are ranks from 1."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_HIT]})
    repository: str
    ref: str
    commit: str
    path: str
    start_line: int
    end_line: int
    qualified_name: str | None
    kind: str
    language: str | None
    score: float = Field(ge=0, le=1)
    lanes: dict[str, int]
    name: str | None
    signature: str | None
    role: str
    blob: str
    why: list[str]
    snippet: Snippet
    text: str
    more_lines: list[list[int]]
    also_in: list[str]


class SearchedRepository(Answer):
    """What was searched of one repository and ref. Times are Unix seconds."""

    repository: str
    ref: str
    key: str
    commit: str
    label: str
    state: Literal["current", "behind", "unknown"]
    coverage: dict[str, Any]
    indexed_at: float
    observed_at: float
    head_seen_at: float | None


class Lane(Answer):
    """How one lane fared in a search."""

    state: Literal["ran", "skipped", "failed"]
    hits: int
    took_ms: float
    reason: str = ""


class SearchResponse(Answer):
    """`outcome`: "found", "no_match", "degraded" when a lane failed and the answer may lack hits, or "incomplete" when
    the time was up before everything was looked at: there may be more, or better, hits."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "hits": [_HIT], "repositories": [_STATE], "outcome": "found", "took_ms": 21.4,
                    "lanes": {
                        "semantic": {"state": "ran", "hits": 100, "took_ms": 7.1},
                        "symbol": {"state": "skipped", "hits": 0, "took_ms": 0.0, "reason": "no name in the query"},
                    },
                    "publication": "p00000033-489ccedb", "space": "static-all-minilm-l6-v2-256-08e90f06",
                }
            ]
        },
    )  # fmt: skip
    hits: list[HitModel]
    repositories: list[SearchedRepository]
    lanes: dict[str, Lane]
    outcome: Annotated[SearchOutcome, ANY_OUTCOME]
    took_ms: float
    publication: str
    space: str
    total: int = Field(0, description="Hits in all; pages reach the first 1,000.")
    next_cursor: str | None = Field(None, description="Gives the next page of the same question; null on the last.")
    notes: list[str] = Field([], description="Filter values that nothing searched has, and the nearest that are there.")


class AskedBody(BaseModel):
    """A body of ours: no field goes unnoticed."""

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, body: Any) -> Any:
        if isinstance(body, dict):
            unknown = unknown_names(map(str, body), cls.model_fields, MEANT_IN_BODY)
            if unknown:
                raise ValueError("; ".join(told for _, told in unknown[:5]))
        return body


class SearchBody(AskedBody):
    """A search. Several values of one filter mean any of them; filters and operators in the query add up."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"query": "how are gradients accumulated", "repositories": ["tracel-ai/burn"], "languages": ["rust"],
                 "limit": 5}
            ]
        },
    )  # fmt: skip
    query: str = Field(max_length=MAX_QUERY, description="Words, names, a path, a question; operators work too.")
    repositories: tuple[str, ...] = Field((), max_length=MAX_VALUES, description="Whole names, last parts, or globs.")
    refs: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    paths: tuple[str, ...] = Field((), max_length=MAX_VALUES, description="Globs, folders or whole paths.")
    languages: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    kinds: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    roles: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    lanes: tuple[str, ...] = Field(LANES, max_length=len(LANES), description="Only these lanes.")
    limit: int = Field(10, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=2000, description="`next_cursor` of the page before.")

    def request(self) -> SearchRequest:
        """The question as the search engine takes it."""
        return SearchRequest(**{name: getattr(self, name) for name in SearchRequest.__dataclass_fields__})


class SymbolModel(Answer):
    """One definition."""

    repository: str
    ref: str
    commit: str
    path: str
    start_line: int
    end_line: int
    name: str
    qualified_name: str
    kind: str
    language: str | None
    signature: str | None
    role: str
    key: str


class SymbolsResponse(Answer):
    """Definitions of a name, best first."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "symbols": [
                        {"repository": "gin-gonic/gin", "ref": "HEAD", "commit": _COMMIT, "path": "gin.go",
                         "start_line": 91, "end_line": 180, "name": "Engine", "qualified_name": "gin.Engine",
                         "kind": "struct", "language": "go", "signature": "type Engine struct", "role": "source",
                         "key": "gin-gonic/gin"}
                    ]
                }
            ]
        },
    )  # fmt: skip
    symbols: list[SymbolModel]
    outcome: Annotated[SearchOutcome, OF_DEFINITIONS] = SearchOutcome.FOUND
    notes: list[str] = Field([], description="Where there are none: the filter that leaves nothing.")


class ReferenceModel(Answer):
    """One line that mentions the name; `within` is the innermost definition around it."""

    repository: str
    ref: str
    commit: str
    key: str
    path: str
    line: int
    kind: Literal["use", "import"]
    within: str | None
    within_kind: str | None
    within_lines: tuple[int, int] | None
    language: str | None
    role: str
    text: str | None


class ReferencesResponse(Answer):
    """One page; `total` counts lines over all pages, `near` are other spellings where nothing was found."""

    name: str
    definitions: list[SymbolModel]
    references: list[ReferenceModel]
    total_definitions: int
    total: int
    files: int
    by_repository: dict[str, int]
    near: list[str]
    repositories: list[SearchedRepository]
    outcome: Annotated[SearchOutcome, OF_REFERENCES]
    took_ms: float
    publication: str
    next_cursor: str | None
    notes: list[str] = Field([], description="Languages asked for that no file searched is in.")


class FileResponse(Answer):
    """Lines of a file at the indexed commit, secrets removed as they were for the index."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"repository": "gin-gonic/gin", "ref": "HEAD", "key": "gin-gonic/gin", "commit": _COMMIT,
                 "path": "gin.go", "blob": "0f3c6d4be6f5a5a4f1b1c77c2d0b63f1a6f2d9d0", "language": "go",
                 "role": "source", "start_line": 91, "end_line": 92, "total_lines": 812,
                 "text": "type Engine struct {\n\tRouterGroup"}
            ]
        },
    )  # fmt: skip
    repository: str
    ref: str
    key: str
    commit: str
    path: str
    blob: str
    language: str | None
    role: str
    start_line: int
    end_line: int
    total_lines: int
    text: str


class StatusModel(Answer):
    """One repository at one ref: what is published of it, and what goes on. Times are Unix seconds."""

    key: str
    repository: str
    ref: str | None
    default_ref: bool
    state: Literal["current", "behind", "unknown", "indexing", "failed", "not_indexed"]
    published: Literal["current", "behind", "unknown"] | None = Field(
        description="The published commit against the last seen one; null if nothing is published."
    )
    location: str
    commit: str | None
    label: str | None
    committed_at: float | None
    indexed_at: float | None
    head: str | None
    head_seen_at: float | None
    why: str
    coverage: dict[str, Any]
    points: int
    run_id: str


class RepositoriesResponse(Answer):
    """A page of repositories; `total` counts those that match over all pages."""

    repositories: list[StatusModel]
    total: int
    offset: int


class StatusResponse(Answer):
    """The server's version, and what it has published."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"version": "0.2.0", "ready": True, "trouble": "", "publication": "p00000033-489ccedb",
                 "published_at": 1795235816.7, "space": "static-all-minilm-l6-v2-256-08e90f06", "points": 103_204,
                 "repositories": 33, "states": {"current": 32, "indexing": 1}, "started_at": 1795240000.0}
            ]
        },
    )  # fmt: skip
    version: str
    ready: bool
    trouble: str
    publication: str | None
    published_at: float | None
    space: str | None
    points: int
    repositories: int
    states: dict[str, int]
    started_at: float


class IndexBody(AskedBody):
    """A registered repository (its name, or the URL it is registered by), or a URL to register."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"repository": "gin-gonic/gin"}]})
    repository: str = Field(min_length=1, max_length=1000)
    ref: str | None = Field(None, max_length=255, description="Only this ref; default: every ref of the entry.")


class IndexResponse(Answer):
    """What was asked for. The run is started by the daemon (`code-index up`); `/v1/repositories` tells how it goes."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"keys": ["gin-gonic/gin"], "state": "indexing", "registered": False,
                 "follow": "/v1/repositories?q=gin-gonic/gin"}
            ]
        },
    )  # fmt: skip
    keys: list[str]
    state: Literal["indexing"]
    registered: bool
    follow: str


class Problem(BaseModel):
    """What went wrong (RFC 9457), and what to do about it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"type": "/docs#NotIndexedError", "title": "Not indexed", "status": 404,
                 "detail": "acme/shopp is not indexed (near: acme/shop)",
                 "remedy": "run `code-index index acme/shopp`, or see `code-index status` for what is indexed",
                 "error": "NotIndexedError", "retryable": False, "state": "not_indexed", "wanted": "acme/shopp"}
            ]
        },
    )  # fmt: skip
    type: str
    title: str
    status: int
    detail: str
    remedy: str
    error: str
    retryable: bool
