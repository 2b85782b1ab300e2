"""Errors over HTTP: every error of the taxonomy, and what a request got wrong, as application/problem+json (RFC 9457).

What lives here: statuses, and problems made of errors. What does not: the model (`problem_model.py`), errors as HTML
(`serve/pages/routes.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import (
    BusyError,
    CodeIndexError,
    ConfigurationError,
    CorruptArtifactError,
    EmbeddingError,
    FileNotIndexedError,
    GateRefusedError,
    LanesFailedError,
    LockedError,
    NewerDataError,
    NotBuiltError,
    NotIndexedError,
    OutOfDiskError,
    OutOfTimeError,
    QueryError,
    SourceError,
    SourceUnavailableError,
    SpaceMismatchError,
    StillIndexingError,
)
from ...index.reader import SnapshotGoneError
from ...search.answer_fields import to_json
from .problem_model import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

MEDIA_TYPE = "application/problem+json"
# The first class that fits; the order is from the particular to the general.
STATUSES: tuple[tuple[type[CodeIndexError], int], ...] = (
    (StillIndexingError, 503),
    (FileNotIndexedError, 404),
    (NotIndexedError, 404),
    (LanesFailedError, 503),
    (QueryError, 400),
    (SnapshotGoneError, 503),
    (ConfigurationError, 400),
    (SourceUnavailableError, 503),
    (SourceError, 400),
    (LockedError, 503),
    (BusyError, 503),
    (OutOfTimeError, 503),
    (OutOfDiskError, 507),
    (SpaceMismatchError, 409),
    (GateRefusedError, 409),
    (NotBuiltError, 404),
    (CorruptArtifactError, 500),
    (NewerDataError, 500),
    (EmbeddingError, 500),
)
RETRY_SECONDS = 5


def status_of(error: CodeIndexError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem(
    status: int, name: str, detail: str, *, remedy: str = "", retryable: bool = False,
    errors: Iterable[dict[str, str]] = (),
) -> Problem:  # fmt: skip
    """A problem by the name of its error."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Error")).lower()
    return Problem(f"/docs#{name}", words.capitalize(), status, detail, remedy, name, retryable, errors=tuple(errors))


def problem_of(error: CodeIndexError) -> Problem:
    """The problem of an error of the taxonomy."""
    body = problem(
        status_of(error), type(error).__name__, error.message, remedy=error.remedy, retryable=error.retryable
    )
    state, wanted, reason = (str(getattr(error, name, "") or "") for name in ("state", "wanted", "reason"))
    return replace(body, state=state, wanted=wanted, reason=reason)


def response_of(body: Problem, headers: dict[str, str] | None = None) -> Any:
    """A problem as a JSON response."""
    from starlette.responses import JSONResponse

    after = {"Retry-After": str(RETRY_SECONDS)} if body.retryable else {}
    return JSONResponse(to_json(body), body.status, {**after, **(headers or {})}, media_type=MEDIA_TYPE)


def wants_page(request: Request) -> bool:
    """Whether a browser asked for a page."""
    return wants_page_of(request.scope)


def wants_page_of(scope: MutableMapping[str, Any]) -> bool:
    """The same of a request that has not been routed."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return not scope["path"].startswith(("/v1/", "/mcp", "/webhooks/")) and b"text/html" in accept


def page_of(body: Problem, headers: dict[str, str] | None = None) -> Any:
    """A problem as an HTML page."""
    from starlette.responses import HTMLResponse

    from ..pages.page_layout import PageQuery
    from ..pages.state_pages import problem_page

    after = {"Retry-After": str(RETRY_SECONDS)} if body.retryable else {}
    all_headers = {"Cache-Control": "no-store", **after, **(headers or {})}
    return HTMLResponse(problem_page(PageQuery(), body), body.status, headers=all_headers)


def _methods_at(request: Request) -> set[str]:
    """What may be done at a path: a route that only one method of it has knows of that one."""
    allowed: set[str] = set()
    for route in request.app.routes:
        matches = getattr(route, "matches", None)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            if matches is not None and matches({**request.scope, "method": method})[0].value == 2:
                allowed.add(method)
    return allowed


def handle_errors(app: FastAPI) -> None:
    """Has an application answer with problems, whatever goes wrong."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    async def known(request: Request, error: Exception) -> Any:
        assert isinstance(error, CodeIndexError)
        return response_of(problem_of(error))

    async def invalid(request: Request, error: Exception) -> Any:
        assert isinstance(error, RequestValidationError)
        wrong = [
            {"where": ".".join(map(str, one["loc"])), "what": one["msg"].removeprefix("Value error, ")}
            for one in error.errors()
        ]
        summary = "; ".join(f"{one['where']}: {one['what']}" for one in wrong[:5])
        body = problem(422, "ValidationError", summary, remedy="see /docs for what is understood", errors=wrong)
        return page_of(body) if wants_page(request) else response_of(body)

    async def plain(request: Request, error: Exception) -> Any:
        assert isinstance(error, HTTPException)
        name = {404: "NotFound", 405: "MethodNotAllowed", 413: "BodyTooLarge"}.get(error.status_code, "HttpError")
        remedy = "see /docs for what there is" if error.status_code in (404, 405) else ""
        body = problem(error.status_code, name, str(error.detail), remedy=remedy)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(sorted(_methods_at(request)))
        return page_of(body, headers) if wants_page(request) else response_of(body, headers)

    async def unknown(request: Request, error: Exception) -> Any:
        # The server log has the trace; the client must not see the inside of an unforeseen error.
        body = problem(500, "InternalError", "the server failed to answer", remedy="see the server's log for the trace")
        return page_of(body) if wants_page(request) else response_of(body)

    app.add_exception_handler(CodeIndexError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, unknown)
