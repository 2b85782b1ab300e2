"""The HTTP application: API, page, webhooks, metrics, and MCP, over one engine.

What lives here: putting the pieces together. What does not: the pieces, and listening on a port
(`serve/processes/server.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse

from ...search.engine import SearchEngine
from ...settings import Settings
from ...storage.layout import Layout
from ..mcp.app import mount_mcp
from ..pages.reference_page import reference_page
from ..pages.routes import page_routes
from ..presence import new_instance, program_version
from ..service import Service
from ..webhooks import webhook_routes
from .access import COOKIE, OPEN_PATHS, Access
from .api import api_routes
from .health import health_routes
from .middleware import Gatekeeper, RouteNamed
from .problems import handle_errors


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
    _describe_access(app, access)
    _add_reference(app)
    app.include_router(page_routes(service, access))
    mount_mcp(app, settings, layout, service.engine)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    if behind_front:
        app.add_middleware(RouteNamed)
    else:
        app.add_middleware(Gatekeeper, access=access, metrics=service.metrics, hosts=hosts)
    return app


def _describe_access(app: FastAPI, access: Access) -> None:
    """Tells the OpenAPI description how who asks is known."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        known = plain()
        known["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "A token of CODE_INDEX_TOKENS."},
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "What the login form gives."},
        }
        # An empty requirement: without tokens set, everybody who reaches the server may ask.
        known["security"] = [{"bearer": []}, {"session": []}, *([] if access.needs_token else [{}])]
        for path in OPEN_PATHS & set(known["paths"]):
            for operation in known["paths"][path].values():
                operation["security"] = []
        return known

    app.openapi = described  # type: ignore[method-assign]


def _add_reference(app: FastAPI) -> None:
    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi(), str(request.base_url).rstrip("/")))
