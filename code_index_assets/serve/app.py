"""The HTTP application: API, page, webhooks, metrics, and MCP, over one engine.

What lives here: putting the pieces together. What does not: the pieces, and listening on a port (`server.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse

from ..layout import Layout
from ..search.engine import SearchEngine
from ..settings import Settings
from .access import Access
from .api import api_routes
from .health import health_routes
from .mcp_app import mount_mcp
from .middleware import Gatekeeper, RouteNamed
from .pages import page_routes
from .presence import new_instance, program_version
from .problems import handle_errors
from .reference import reference_page
from .service import Service
from .webhooks import webhook_routes


def create_app(
    settings: Settings,
    layout: Layout | None = None,
    *,
    engine: SearchEngine | None = None,
    hosts: tuple[str, ...] = (),
    instance: str = "",
    behind_front: bool = False,
) -> FastAPI:
    """The application over a data folder.

    `engine`: another one than `open_engine` gives. `hosts`: names that requests may use for this server, () for any.
    `behind_front`: another process looks at who asks and how much. `instance` is what /healthz answers, so that a
    command line knows whom it asks. `app.state.service` is the Service.
    """
    layout = layout or Layout(settings.data).create()
    service, access = Service(settings, layout, engine), Access(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.stop()

    # The pages FastAPI has for /docs load their scripts from elsewhere: ours loads nothing.
    app = FastAPI(title="Code Index", version=program_version(), lifespan=life, docs_url=None, redoc_url=None)
    app.state.service = service
    handle_errors(app)
    app.include_router(api_routes(service))
    app.include_router(health_routes(service, instance or new_instance()))
    app.router.routes.extend(webhook_routes(settings, layout))
    _add_reference(app)
    app.include_router(page_routes(service, access))
    mount_mcp(app, settings, layout, service.engine)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    if behind_front:
        app.add_middleware(RouteNamed)
    else:
        app.add_middleware(Gatekeeper, access=access, metrics=service.metrics, hosts=hosts)
    return app


def _add_reference(app: FastAPI) -> None:
    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi(), str(request.base_url).rstrip("/")))
