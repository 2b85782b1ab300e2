"""Routes for those who run the server: alive, ready, metrics.

What lives here: those routes. What does not: counting (`serve/metrics.py`).
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse, PlainTextResponse

from ..presence import build, program_version
from ..service import Service


def health_routes(service: Service, instance: str) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`."""
    router = APIRouter(tags=["operation"])

    @router.get("/healthz", summary="Alive")
    async def healthz() -> dict[str, str]:
        """Answers as long as the process does; `instance` is the one that serve.json in the data folder names."""
        return {"status": "ok", "version": program_version(), "build": build(), "instance": instance}

    @router.get("/readyz", summary="Ready", responses={503: {"description": "No index is open and warm."}})
    async def readyz() -> JSONResponse:
        """200 when an index is open and warm, else 503."""
        trouble = service.trouble
        return JSONResponse({"ready": not trouble, "trouble": trouble}, 503 if trouble else 200)

    # Load balancers like to ask by HEAD.
    for path, answer in (("/healthz", healthz), ("/readyz", readyz)):
        router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)

    @router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Requests and latencies by route, answers by outcome, failed lanes, publication, points, states."""
        text = await service.run(lambda: service.metrics.text(service.gauges()))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
