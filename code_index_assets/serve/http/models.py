"""Requests and answers of the HTTP API as pydantic models: the source of its OpenAPI description and examples.

What lives here: the models of answers, made from the dataclasses of `search/answers.py` with an example each, and the
bodies of requests. What does not: the fields of answers (`search/answers.py`), how answers are made (`search/`).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...index.precise import Added
from ...search import answers, context_answers, overview_answers
from ...search.context import DEFAULT_TOKENS, MAX_TOKENS, MIN_TOKENS, ContextRequest
from ...search.engine import MAX_LIMIT, SearchRequest
from ...search.lanes import LANES
from ...search.query import MAX_TEXT
from ..schema import Shapes
from . import problem_model
from .routing import MEANT_IN_BODY, unknown_names

MAX_QUERY = 4000
Reading = Literal["query", "text"]
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
    "text": "/// Accumulate gradients …", "more_lines": [], "also_in": [], "match": 0.62,
}  # fmt: skip
_STATE: dict[str, Any] = {
    "repository": "tracel-ai/burn", "ref": "HEAD", "key": "tracel-ai/burn", "commit": _COMMIT, "label": _COMMIT,
    "state": "current", "coverage": {"files": 2117, "kept": 1966, "skipped": {"binary": 112, "symlink": 36}},
    "indexed_at": 1795235816.7, "observed_at": 1795235801.2, "head_seen_at": 1795235801.2,
}  # fmt: skip
_ANSWER: dict[str, Any] = {
    "hits": [_HIT], "repositories": [_STATE], "outcome": "found", "took_ms": 21.4,
    "confidence": 0.97, "confidence_word": "strong", "ignored": [], "absence": None,
    "lanes": {
        "semantic": {"state": "ran", "hits": 100, "took_ms": 7.1},
        "symbol": {"state": "skipped", "hits": 0, "took_ms": 0.0, "reason": "no name in the query"},
    },
    "publication": "p00000033-489ccedb", "space": "static-all-minilm-l6-v2-256-08e90f06", "total": 156, "notes": [],
    "next_cursor": "WyJwMDAwMDAwMzMtNDg5Y2NlZGIiLDEsIjEyYWIiXQ",
}  # fmt: skip
_SYMBOL: dict[str, Any] = {
    "repository": "gin-gonic/gin", "ref": "HEAD", "commit": _COMMIT, "path": "gin.go", "start_line": 91,
    "end_line": 180, "name": "Engine", "qualified_name": "gin.Engine", "kind": "struct", "language": "go",
    "signature": "type Engine struct", "role": "source", "key": "gin-gonic/gin",
    "overloads": [],
}  # fmt: skip
_SYMBOLS: dict[str, Any] = {"symbols": [_SYMBOL], "notes": [], "outcome": "found"}
_FILE: dict[str, Any] = {
    "repository": "gin-gonic/gin", "ref": "HEAD", "key": "gin-gonic/gin", "commit": _COMMIT, "path": "gin.go",
    "blob": "0f3c6d4be6f5a5a4f1b1c77c2d0b63f1a6f2d9d0", "language": "go", "role": "source", "start_line": 91,
    "end_line": 92, "total_lines": 812, "text": "type Engine struct {\n\tRouterGroup",
}  # fmt: skip
_INDEX: dict[str, Any] = {
    "version": "0.2.0", "ready": True, "trouble": "", "publication": "p00000033-489ccedb",
    "published_at": 1795235816.7, "space": "static-all-minilm-l6-v2-256-08e90f06", "points": 103_204,
    "repositories": 33, "states": {"current": 32, "indexing": 1}, "started_at": 1795240000.0,
}  # fmt: skip
_REQUESTED: dict[str, Any] = {
    "keys": ["gin-gonic/gin"], "state": "indexing", "registered": False, "follow": "/v1/repositories?q=gin-gonic/gin",
}  # fmt: skip
_PROBLEM: dict[str, Any] = {
    "type": "/docs#NotIndexedError", "title": "Not indexed", "status": 404,
    "detail": "acme/shopp is not indexed (near: acme/shop)",
    "remedy": "run `code-index index acme/shopp`, or see `code-index status` for what is indexed",
    "error": "NotIndexedError", "retryable": False, "state": "not_indexed", "wanted": "acme/shopp",
}  # fmt: skip


# -- answers -----------------------------------------------------------------------------------------------------------


class Answer(BaseModel):
    """Fields are only ever added."""

    model_config = ConfigDict(extra="allow")


_shapes = Shapes(Answer)
_shapes.add(answers.Snippet, "Snippet")
_shapes.add(answers.Hit, "HitModel", examples=[_HIT])
_shapes.add(answers.RepositoryState, "SearchedRepository")
_shapes.add(answers.LaneReport, "Lane")
_shapes.add(answers.LeftOut, "LeftOutFiles")
_shapes.add(answers.Absence, "AbsenceModel")
SearchResponse = _shapes.add(answers.SearchAnswer, "SearchResponse", examples=[_ANSWER]).model
_shapes.add(answers.GrepMatch, "GrepMatchModel")
GrepResponse = _shapes.add(answers.GrepAnswer, "GrepResponse").model
_shapes.add(answers.SymbolHit, "SymbolModel")
SymbolsResponse = _shapes.add(answers.Definitions, "SymbolsResponse", examples=[_SYMBOLS]).model
_shapes.add(answers.Reference, "ReferenceModel")
ReferencesResponse = _shapes.add(answers.References, "ReferencesResponse").model
_shapes.add(answers.DefinitionPlaced, "DefinitionPlace")
_shapes.add(answers.Use, "UseModel")
_shapes.add(answers.CallerOfDefinition, "CallerModel")
UsesResponse = _shapes.add(answers.Uses, "UsesResponse").model
_shapes.add(answers.GraphEdge, "GraphEdgeModel")
GraphResponse = _shapes.add(answers.GraphAnswer, "GraphResponse").model
ScipResponse = _shapes.add(Added, "ScipResponse").model
_shapes.add(context_answers.ContextSpan, "ContextSpanModel")
ContextResponse = _shapes.add(context_answers.ContextAnswer, "ContextResponse").model
_shapes.add(overview_answers.MapDefinition, "MapDefinitionModel")
_shapes.add(overview_answers.MapFile, "MapFileModel")
MapResponse = _shapes.add(overview_answers.MapAnswer, "MapResponse").model
_shapes.add(overview_answers.OutlineDefinition, "OutlineDefinitionModel")
OutlineResponse = _shapes.add(overview_answers.OutlineAnswer, "OutlineResponse").model
_shapes.add(overview_answers.Entrance, "EntranceModel")
EntrancesResponse = _shapes.add(overview_answers.EntrancesAnswer, "EntrancesResponse").model
FileResponse = _shapes.add(answers.FileText, "FileResponse", examples=[_FILE]).model
_shapes.add(answers.RepositoryStatus, "StatusModel")
RepositoriesResponse = _shapes.add(answers.RepositoryPage, "RepositoriesResponse").model
StatusResponse = _shapes.add(answers.IndexStatus, "StatusResponse", examples=[_INDEX]).model
IndexResponse = _shapes.add(answers.RunRequested, "IndexResponse", examples=[_REQUESTED]).model
Problem = _shapes.add(problem_model.Problem, "Problem", examples=[_PROBLEM]).model


# -- bodies of requests ------------------------------------------------------------------------------------------------


class AskedBody(BaseModel):
    """A body of ours: no field goes unnoticed."""

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, body: Any) -> Any:
        if isinstance(body, dict):
            names = [field.alias or name for name, field in cls.model_fields.items()]
            unknown = unknown_names(map(str, body), names, MEANT_IN_BODY)
            if unknown:
                raise ValueError("; ".join(problem for _, problem in unknown[:5]))
        return body


# Files in an overlay.
MAX_EDITED = 5_000


class EditedFile(BaseModel):
    """A file as the client has it."""

    model_config = ConfigDict(extra="forbid")
    path: str = Field(max_length=4096, description="From the repository's root.")
    content: str


class Overlay(BaseModel):
    """What a client's tree has that differs from a commit: the answer is for that tree. Nothing of it is kept."""

    model_config = ConfigDict(extra="forbid")
    base: str = Field(max_length=300, description="The commit (branch, tag) that the tree was made from.")
    deleted: tuple[str, ...] = Field((), max_length=MAX_EDITED)
    files: tuple[EditedFile, ...] = Field((), max_length=MAX_EDITED, description="New files and changed ones, whole.")


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
    query: str = Field(max_length=MAX_TEXT, description="Words, names, a path, a question; operators work too.")
    reading: Reading = Field("query", alias="as", description="text: pasted text without operators.")
    repositories: tuple[str, ...] = Field((), max_length=MAX_VALUES, description="Whole names, last parts, or globs.")
    refs: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    paths: tuple[str, ...] = Field((), max_length=MAX_VALUES, description="Globs, folders or whole paths.")
    languages: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    kinds: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    roles: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    lanes: tuple[str, ...] = Field(LANES, max_length=len(LANES), description="Only these lanes.")
    limit: int = Field(10, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=2000, description="`next_cursor` of the page before.")
    explain: bool = Field(False, description="With the signals behind the confidence.")
    overlay: Overlay | None = Field(None, description="Files of the client's tree; together at most 8 MB.")

    def request(self) -> SearchRequest:
        """The question as the search engine takes it."""
        fields = {name: getattr(self, name) for name in SearchRequest.__dataclass_fields__ if name != "as_text"}
        return SearchRequest(**fields, as_text=self.reading == "text")


class ContextBody(AskedBody):
    """A task whose text is long: a pasted issue, a stack trace, an error message."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"task": "Traceback …", "tokens": 8000}]})
    task: str = Field(max_length=MAX_TEXT)
    tokens: int = Field(DEFAULT_TOKENS, ge=MIN_TOKENS, le=MAX_TOKENS, description="At most, of the answer as text.")
    repositories: tuple[str, ...] = Field((), max_length=MAX_VALUES, description="Whole names, last parts, or globs.")
    refs: tuple[str, ...] = Field((), max_length=MAX_VALUES)
    paths: tuple[str, ...] = Field((), max_length=MAX_VALUES, description="Globs, folders or whole paths.")
    languages: tuple[str, ...] = Field((), max_length=MAX_VALUES)

    def request(self) -> ContextRequest:
        """The task as it is packed."""
        filters = {name: getattr(self, name) for name in ("repositories", "refs", "paths", "languages")}
        return ContextRequest(task=self.task, max_tokens=self.tokens, **filters)


class IndexBody(AskedBody):
    """A registered repository (its name, or the URL it is registered by), or a URL to register."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"repository": "gin-gonic/gin"}]})
    repository: str = Field(min_length=1, max_length=1000)
    ref: str | None = Field(None, max_length=255, description="Only this ref; default: every ref of the entry.")
