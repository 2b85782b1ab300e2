"""The endpoints of the code graph: resolved uses of a definition, and questions over calls.

What lives here: `/v1/uses`, `/v1/graph/{question}` and `/v1/scip`. What does not: the answers (`search/uses.py`,
`search/graph_questions.py`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from ... import deadlines
from ...analytics.lag import make_stale
from ...index.precise import add_precise, published_receipt
from ...search.answer_fields import to_json
from ...search.graph_questions import MAX_DEPTH, GraphRequest, Question, ask_graph
from ...search.uses import UsesRequest, find_uses
from ...workers.catalogue_follower import follow_catalogue
from ..service import Service
from . import models
from .middleware import MAX_SCIP_BODY, too_large
from .problems import response_of
from .routing import as_json

Ref = Annotated[str | None, Query(max_length=255, description="At this ref instead of the default one.")]
Everywhere = Annotated[
    bool, Query(description="Uses, callers and impact in the other repositories too, through imports of the package.")
]
MAX_DIFF = 200_000


def add_graph(router: APIRouter, service: Service) -> None:
    """Adds the endpoints to the router of /v1."""

    @router.get("/uses", response_model=models.UsesResponse, tags=["graph"], summary="Resolved uses of a definition")
    async def uses(
        name: Annotated[str, Query(max_length=500, examples=["send"])],
        repo: Annotated[str, Query(max_length=500, description="Only in this repository.")] = "",
        path: Annotated[str | None, Query(max_length=4096, description="File of the definition.")] = None,
        line: Annotated[int | None, Query(ge=1, description="Line of the definition's name.")] = None,
        ref: Ref = None,
        everywhere: Everywhere = False,
    ) -> Response:
        """Proven and inferred uses and callers, and apart from them lines whose target is not known."""

        def work() -> Response:
            with deadlines.within(service.engine.settings.query_seconds):
                return as_json(to_json(find_uses(service.engine, UsesRequest(name, repo, path, line, ref, everywhere))))

        return await service.run(work)

    @router.post(
        "/scip",
        response_model=models.ScipResponse,
        tags=["graph"],
        summary="Take a precise index (SCIP) in",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def scip(
        request: Request,
        repo: Annotated[str, Query(max_length=500, description="The repository.", examples=["pallets/flask"])],
        ref: Ref = None,
        commit: Annotated[
            str | None,
            Query(max_length=64, description="The commit it was made from; refused if another is published."),
        ] = None,
    ) -> Response:
        """The bytes of an index that scip-python, scip-typescript, … wrote: its edges are proven from then on."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_SCIP_BODY:
                refused: Response = response_of(too_large(MAX_SCIP_BODY))
                return refused

        def work() -> Response:
            receipt = published_receipt(service.layout, repo, ref)
            added = add_precise(service.layout, receipt, bytes(body), commit)
            make_stale(service.layout, receipt.key)
            follow_catalogue(service.layout)
            return as_json(asdict(added))

        return await service.run(work)

    @router.get(
        "/graph/{question}",
        response_model=models.GraphResponse,
        tags=["graph"],
        summary="Callers, callees, impact, paths, implementations, tests, unused definitions",
    )
    async def graph(
        question: Annotated[Question, Path()],
        symbol: Annotated[str, Query(max_length=500, description="A name, Type.name, or path:line.")] = "",
        to: Annotated[str, Query(max_length=500, description="Where a path ends.")] = "",
        repo: Annotated[list[str], Query(max_length=100, description="Only these repositories.")] = [],  # noqa: B006
        ref: Ref = None,
        depth: Annotated[int, Query(ge=1, le=MAX_DEPTH, description="Calls away at most, of impact.")] = 3,
        diff: Annotated[
            str, Query(max_length=MAX_DIFF, description="A unified diff: asks about what it changes.")
        ] = "",
        everywhere: Everywhere = False,
    ) -> Response:
        """Every edge has a grade, the rule that decided, and the line that shows it."""

        def work() -> Response:
            request = GraphRequest(question, symbol, to, tuple(repo), ref, depth, diff, everywhere)
            with deadlines.within(service.engine.settings.query_seconds):
                return as_json(to_json(ask_graph(service.engine, request)))

        return await service.run(work)
