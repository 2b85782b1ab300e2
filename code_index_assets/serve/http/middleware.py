"""What happens to every request: who may ask, how much may be sent, what is counted, headers of every answer.

What lives here: one ASGI layer. What does not: routes, and the decisions themselves (`access.py`, `serve/metrics.py`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from ...settings import Settings
from ..metrics import Metrics
from ..processes.relay import ROUTE_HEADER
from .access import Access, TooManyTriesError, host_name, is_from_elsewhere
from .login_limits import WINDOW_SECONDS
from .problem_model import Problem
from .problems import page_of, problem, response_of, wants_page_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 64 * 1024
# A search with files of the client's tree; without them MAX_BODY holds (`routing.small_without_overlay`).
SEARCH = "/v1/search"
MAX_OVERLAY_BODY = 8 << 20
# These read their own bodies under limits of their own.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OWN_LIMITS = ("/webhooks/", "/mcp", "/v1/scip", SEARCH)
MAX_SCIP_BODY = 64 * 1024 * 1024
MAX_MCP_BODY = 256 * 1024
HEADERS = (
    (b"content-security-policy", b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)  # fmt: skip


class Gatekeeper:
    """The outermost layer of the application. `bounded`: the application bounds bodies itself."""

    def __init__(
        self, app: App, access: Access, metrics: Metrics, hosts: tuple[str, ...] = (), *, bounded: bool = False
    ) -> None:
        self.app, self.access, self.metrics, self.bounded = app, access, metrics, bounded
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a request, or passes it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name.lower() for name, _ in message.get("headers", ())}
                added = [(name, value) for name, value in HEADERS if name not in given]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, answer)
            elif self.bounded or scope["path"].startswith(OWN_LIMITS):
                await self.app(scope, receive, answer)
            else:
                await self.app(scope, _limited(receive), answer)
        finally:
            route = scope.get("code_index_route") or getattr(scope.get("route"), "path", "") or "other"
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.metrics.count("code_index_requests_total", route=route, method=method, status=str(status))
            self.metrics.observe("code_index_request_seconds", time.perf_counter() - started, route=route)

    def _refusal(self, scope: Scope) -> Any:
        """The answer to a request that goes no further, or None."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        host = headers.get("host", "")
        if host_name(host) not in self.hosts if self.hosts else host and not host_name(host):
            return _refused(scope, problem(
                421, "UnknownHost", f"this server is not {host[:100]!r}",
                remedy="use the address that the server printed, or name the host in CODE_INDEX_ALLOWED_HOSTS",
            ))  # fmt: skip
        if is_from_elsewhere(method, path, headers):
            return _refused(scope, problem(
                403, "ForeignOrigin", "pages of other sites may not ask this server",
                remedy="open the page of this server itself",
            ))  # fmt: skip
        length = headers.get("content-length", "0")
        if not path.startswith(OWN_LIMITS) and (not length.isdigit() or int(length) > MAX_BODY):
            return _refused(scope, too_large())
        try:
            client = scope.get("client")
            address = client[0] if client else ""
            if self.access.admits(path, headers.get("authorization", ""), headers.get("cookie", ""), address):
                return None
        except TooManyTriesError:
            return _refused(scope, too_many_tries(), {"Retry-After": str(int(WINDOW_SECONDS))})
        if method == "GET" and wants_page_of(scope):
            from starlette.responses import RedirectResponse

            query = scope.get("query_string", b"").decode("latin-1")
            back = path + (f"?{query}" if query else "")
            return RedirectResponse(f"/login?next={quote(back, safe='')}", 303)
        body = problem(401, "Unauthorized", "a token is needed", remedy="send `Authorization: Bearer <token>`")
        return _refused(scope, body, {"WWW-Authenticate": 'Bearer realm="code-index"'})


class RouteNamed:
    """Tells the process in front which route answered, for its metrics."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on and records the route that answered it."""

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "") or "other"
                message["headers"] = [*message.get("headers", ()), (ROUTE_HEADER, route.encode("latin-1", "replace"))]
            await send(message)

        await self.app(scope, receive, answer)


def _refused(scope: Scope, body: Problem, headers: dict[str, str] | None = None) -> Any:
    """A page for who asked for one, else a problem."""
    return page_of(body, headers) if wants_page_of(scope) else response_of(body, headers)


def too_many_tries() -> Problem:
    """The problem of a client that sent too many wrong tokens."""
    return problem(
        429, "TooManyTries", "too many wrong tokens came from this address",
        remedy=f"wait {WINDOW_SECONDS / 60:.0f} minutes, and look up the token meanwhile",
    )  # fmt: skip


def body_limit(path: str, settings: Settings) -> int:
    """The largest body that is taken at a path."""
    if path.startswith("/webhooks/"):
        return settings.webhook_max_bytes
    if path == "/v1/scip":
        return MAX_SCIP_BODY
    if path == SEARCH:
        return MAX_OVERLAY_BODY
    return MAX_MCP_BODY if path.startswith("/mcp") else MAX_BODY


def too_large(limit: int = MAX_BODY) -> Problem:
    """The problem of a body over the limit, in bytes."""
    return problem(413, "BodyTooLarge", f"the body is larger than {limit:,} bytes", remedy="send less at once")


def _limited(receive: Receive) -> Receive:
    """Reads a body without a Content-Length, up to the limit."""
    from starlette.exceptions import HTTPException

    taken = 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b"") or b"")
        if taken > MAX_BODY:
            raise HTTPException(413, f"the body is larger than {MAX_BODY:,} bytes")
        return message

    return limited
