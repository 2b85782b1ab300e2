"""The endpoints that pack and overview: the context of a task, maps, outlines, routes, entry points.

What lives here: `/v1/context`, `/v1/map`, `/v1/outline`, `/v1/routes`, `/v1/entry-points`. What does not: the answers
(`search/context.py`, `search/repository_map.py`, `search/outline.py`, `search/routes.py`, `search/entry_points.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response

from ... import deadlines
from ...search.answer_fields import to_json
from ...search.context import DEFAULT_TOKENS, MAX_TOKENS, MIN_TOKENS, ContextRequest, pack_context
from ...search.context_text import render_context
from ...search.entrances import Asked, render_entrances
from ...search.entry_points import find_entry_points
from ...search.outline import outline_of, render_outline
from ...search.repository_map import map_of, render_map
from ...search.routes import find_routes
from ..service import Service
from . import models
from .routing import as_json

Form = Literal["json", "text"]
Ref = Annotated[str | None, Query(max_length=255, description="At this ref instead of the default one.")]
Repos = Annotated[list[str], Query(max_length=100, description="Only these: whole names, last parts, or globs.")]
Values = Annotated[list[str], Query(max_length=100)]
Tokens = Annotated[int, Query(ge=MIN_TOKENS, le=MAX_TOKENS, description="Tokens at most of the answer as text.")]
MAP_TOKENS = 2_000


def add_overviews(router: APIRouter, service: Service) -> None:
    """Adds the endpoints to the router of /v1."""

    async def answered(ask: Callable[[], Any], render: Callable[[Any], str], items: str, form: Form) -> Response:
        def work() -> Response:
            with deadlines.within(service.engine.settings.query_seconds):
                answer = ask()
            if form == "json":
                return as_json(to_json(answer))
            found = len(getattr(answer, items))
            headers = {"X-Code-Index-Outcome": answer.outcome, "X-Code-Index-Hits": str(found),
                       "Cache-Control": "private, no-cache"}  # fmt: skip
            return Response(render(answer), media_type="text/plain; charset=utf-8", headers=headers)

        return await service.run(work)

    @router.get(
        "/context", response_model=models.ContextResponse, tags=["search"], summary="What an agent needs for a task"
    )
    async def context(
        task: Annotated[str, Query(max_length=models.MAX_QUERY, examples=["cookies of a session are merged twice"])],
        tokens: Tokens = DEFAULT_TOKENS,
        repo: Repos = [],  # noqa: B006 - FastAPI copies defaults
        ref: Values = [],  # noqa: B006
        path: Values = [],  # noqa: B006
        language: Values = [],  # noqa: B006
        format: Form = "json",
    ) -> Response:
        """The lines that matter in full, tests and surroundings as signatures, within a budget, each with a reason."""
        request = ContextRequest(
            task=task, max_tokens=tokens, repositories=tuple(repo), refs=tuple(ref), paths=tuple(path),
            languages=tuple(language),
        )  # fmt: skip
        return await answered(lambda: pack_context(service.engine, request), render_context, "spans", format)

    @router.post(
        "/context", response_model=models.ContextResponse, tags=["search"], summary="The same of a long pasted task"
    )
    async def long_context(body: Annotated[models.ContextBody, Body()]) -> Response:
        """For issues, stack traces and error messages, which do not fit into an address."""
        return await answered(lambda: pack_context(service.engine, body.request()), render_context, "spans", "json")

    @router.get("/map", response_model=models.MapResponse, tags=["graph"], summary="What a repository rests on")
    async def repository_map(
        repo: Annotated[str, Query(max_length=500, examples=["gin-gonic/gin"])],
        tokens: Tokens = MAP_TOKENS,
        ref: Ref = None,
        format: Form = "json",
    ) -> Response:
        """Files by PageRank over imports and names, with the signatures of the definitions that others use most."""
        return await answered(lambda: map_of(service.engine, repo, tokens, ref), render_map, "files", format)

    @router.get("/outline", response_model=models.OutlineResponse, tags=["files"], summary="Definitions of a file")
    async def outline(
        repo: Annotated[str, Query(max_length=500, examples=["gin-gonic/gin"])],
        path: Annotated[str, Query(max_length=4096, examples=["gin.go"])],
        ref: Ref = None,
        format: Form = "json",
    ) -> Response:
        """By line; `depth` and `parent` make them a tree."""
        return await answered(
            lambda: outline_of(service.engine, repo, path, ref), render_outline, "definitions", format
        )

    @router.get("/routes", response_model=models.EntrancesResponse, tags=["graph"], summary="Routes and their handlers")
    async def routes(repo: Repos = [], ref: Ref = None, format: Form = "json") -> Response:  # noqa: B006
        """Of Flask, FastAPI, Django, aiohttp, Express, NestJS, Gin, chi, Echo, net/http, Spring and their like."""
        asked = Asked(tuple(repo), ref)
        return await answered(lambda: find_routes(service.engine, asked), render_entrances, "entrances", format)

    @router.get(
        "/entry-points", response_model=models.EntrancesResponse, tags=["graph"], summary="Where programs begin"
    )
    async def entry_points(repo: Repos = [], ref: Ref = None, format: Form = "json") -> Response:  # noqa: B006
        """Main functions, scripts of manifests, `__main__`."""
        asked = Asked(tuple(repo), ref)
        return await answered(lambda: find_entry_points(service.engine, asked), render_entrances, "entrances", format)
