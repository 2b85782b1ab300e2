"""The endpoint of the exact lane: `/v1/grep`. What does not live here: the answer (`search/grep.py`)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ...index.exact.pattern import MAX_PATTERN, Pattern
from ...search.answer_fields import to_json
from ...search.grep import MAX_MATCHES, GrepRequest, grep
from ..service import Service
from . import models
from .models import MAX_VALUES
from .routing import as_json


def _values(description: str) -> Any:
    return Query(max_length=MAX_VALUES, description=description)


def add_exact(router: APIRouter, service: Service) -> None:
    """Adds the endpoint to the router of /v1."""

    @router.get("/grep", response_model=models.GrepResponse, tags=["search"], summary="Every line that matches")
    async def grep_lines(
        pattern: Annotated[str, Query(max_length=MAX_PATTERN, examples=["func .*ServeHTTP"])],
        literal: Annotated[bool, Query(description="The pattern is a text, not a regular expression.")] = False,
        any_case: Annotated[bool, Query(description="Letters match in any case.")] = False,
        word: Annotated[bool, Query(description="Whole words only.")] = False,
        multiline: Annotated[bool, Query(description="A match may go over several lines.")] = False,
        repo: Annotated[list[str], _values("Only these repositories: whole names, last parts, or globs.")] = [],  # noqa: B006
        ref: Annotated[list[str], _values("At these refs instead of the default one.")] = [],  # noqa: B006
        path: Annotated[list[str], _values("Only paths that match: globs, folders or whole paths.")] = [],  # noqa: B006
        language: Annotated[list[str], _values("Only files of these languages.")] = [],  # noqa: B006
        role: Annotated[list[str], _values("Only files of these roles: source, test, docs, …")] = [],  # noqa: B006
        limit: Annotated[int, Query(ge=0, le=MAX_MATCHES, description="Lines a page; 0: counts alone.")] = 1000,
        cursor: Annotated[str | None, Query(max_length=2000, description="`next_cursor` of the page before.")] = None,
    ) -> Response:
        """Complete, not the best ones: every kept line, in the order of repositories and paths; RE2's syntax."""
        request = GrepRequest(
            Pattern(pattern, literal, any_case, word, multiline), limit, repositories=tuple(repo), refs=tuple(ref),
            paths=tuple(path), languages=tuple(language), roles=tuple(role),
        )  # fmt: skip
        return await service.run(lambda: as_json(to_json(grep(service.at(repo, ref), request, cursor))))
