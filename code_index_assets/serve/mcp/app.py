"""MCP over Streamable HTTP, at /mcp of the HTTP application.

What lives here: mounting. What does not: the tools (`server.py`), tokens and host names (`serve/http/middleware.py`,
which every request passes first).

Requests stand alone (no sessions): no tool keeps anything between calls, so a restart or a second server behind the
same name breaks no client.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ...search.engine import SearchEngine
from ...settings import Settings
from ...storage.layout import Layout
from ..http.middleware import MAX_MCP_BODY

if TYPE_CHECKING:
    from fastapi import FastAPI
    from mcp.server.mcpserver import MCPServer

PATH = "/mcp"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def mount_mcp(app: FastAPI, settings: Settings, layout: Layout, engine: SearchEngine) -> None:
    """Adds the MCP endpoint to an application, and its task group to the application's lifespan."""
    from .server import build_server

    mount_server(app, build_server(settings, layout, engine, "http"), settings)


def mount_server(app: FastAPI, server: MCPServer, settings: Settings) -> None:
    """The same for any server of the SDK."""
    endpoint = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        max_request_body_size=MAX_MCP_BODY,
        transport_security=_security(settings),
    )
    app.router.routes.extend(endpoint.routes)
    outer = app.router.lifespan_context

    @asynccontextmanager
    async def life(instance: Any) -> AsyncIterator[Any]:
        async with server.session_manager.run(), outer(instance) as state:
            yield state

    app.router.lifespan_context = life


def _security(settings: Settings) -> Any:
    """Names that requests may use for this host: a page elsewhere that points its own name at us is refused."""
    from mcp.server.transport_security import TransportSecuritySettings

    from ..http.access import is_loopback

    names = settings.allowed_hosts or (_LOOPBACK if is_loopback(settings.host) else ())
    if not names:
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    hosts = [form for name in names for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)
