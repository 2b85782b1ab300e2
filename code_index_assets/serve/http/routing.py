"""What every route of the API does the same: no parameter goes unnoticed, what did not change is not sent again.

What lives here: the class of those routes, and paths with any character. What does not: the routes (`api.py`).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException

from ...records.usage import Question, usage_of
from ...spelling import near_names
from .middleware import MAX_BODY, MAX_OVERLAY_BODY, SEARCH

# Words of the command line, of MCP and of queries for what parameters are called here.
MEANT = {
    "lang": "language", "languages": "language", "paths": "path", "file": "path", "glob": "path", "kinds": "kind",
    "repositories": "repo", "repository": "repo", "repos": "repo", "refs": "ref", "branch": "ref", "branches": "ref",
    "roles": "role", "lanes": "lane", "query": "q", "n": "limit", "count": "limit", "max": "limit", "symbol": "name",
    "states": "state", "page": "cursor", "after": "cursor", "from": "start", "to": "end", "line": "start",
}  # fmt: skip
MEANT_IN_BODY = {
    "lang": "languages", "language": "languages", "path": "paths", "file": "paths", "glob": "paths", "kind": "kinds",
    "repo": "repositories", "repos": "repositories", "ref": "refs", "branch": "refs", "role": "roles", "lane": "lanes",
    "q": "query", "name": "query", "url": "repository", "n": "limit", "count": "limit", "page": "cursor",
}  # fmt: skip


# States of the index, asked again and again by pages and monitors.
_NO_QUESTIONS = {"/v1/status", "/v1/repositories", "/v1/openapi.json"}


class AnyCharacters(Convertor[str]):
    """A path with whatever git has in names, line breaks too."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """The part of the path, unchanged."""
        return value

    def to_string(self, value: str) -> str:
        """The part of the path, unchanged."""
        return value


register_url_convertor("anything", AnyCharacters())


def unknown_names(given: Iterable[str], known: Iterable[str], meant: dict[str, str]) -> list[tuple[str, str]]:
    """Names that are not known, each with the nearest known name."""
    names = list(known)
    unknown = []
    for name in dict.fromkeys(given):
        if name in names:
            continue
        word = meant.get(name.lower(), "")
        near = [word] if word in names else near_names(name, names, most=1)
        advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(names)) or 'none'}"
        unknown.append((name, f"there is no parameter {name[:60]!r}: {advice}"))
    return unknown


class ApiRoute(APIRoute):
    """A route of the API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which first refuses unknown query parameters."""
        handler = super().get_route_handler()
        known = [param.alias for param in self.dependant.query_params]

        async def checked(request: Request) -> Response:
            refuse_unknown(request.query_params.keys(), known)
            if request.method == "POST" and request.url.path == SEARCH:
                await small_without_overlay(request)
            return unless_known(request, await recorded(request, handler))

        return checked


async def recorded(request: Request, handler: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
    """The answer of a handler, with its question in the records of usage; a question that fails is one, too."""
    started = time.perf_counter()
    service = getattr(request.app.state, "service", None)
    log = usage_of(service.layout, service.settings) if service is not None else None
    tool = getattr(request.scope.get("route"), "path", request.url.path)
    if log is None or tool in _NO_QUESTIONS:
        return await handler(request)
    client = request.headers.get("user-agent", "")[:80]
    asked: dict[str, Any] = {"surface": "cli" if client == "code-index" else "http", "tool": tool, "client": client,
             "text": request.query_params.get("q") or request.query_params.get("name") or ""}  # fmt: skip
    try:
        response = await handler(request)
    except Exception as error:
        log.record(Question(**asked, outcome=type(error).__name__, milliseconds=_since(started)))
        raise
    hits = response.headers.get("x-code-index-hits")
    outcome = response.headers.get("x-code-index-outcome", "")
    body = bytes(response.body) if response.headers.get("content-type", "").startswith("application/json") else None
    question = Question(**asked, outcome=outcome, milliseconds=_since(started), hits=int(hits) if hits else None)
    log.record(question, body)
    return response


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """A misspelt filter must not become an answer about everything. Raises RequestValidationError."""
    unknown = unknown_names(given, known, MEANT)
    if unknown:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": message, "type": "unknown"} for name, message in unknown]
        )


def as_json(body: dict[str, Any], status: int = 200) -> Response:
    """A JSON answer with the tag of its content; how long it took is no part of that."""
    content = json.dumps(body, ensure_ascii=False)
    headers = {"Cache-Control": "private, no-cache"}
    if status == 200:
        steady = re.sub(r'"took_ms": [0-9.e-]+', "", content)
        headers["ETag"] = f'W/"{hashlib.sha256(steady.encode("utf-8", "surrogatepass")).hexdigest()[:24]}"'
    return Response(content.encode("utf-8", "replace"), status, headers, media_type="application/json")


def unless_known(request: Request, response: Response) -> Response:
    """304 for an answer that the client has already."""
    tag = response.headers.get("etag", "")
    if request.method not in ("GET", "HEAD") or not tag:
        return response
    tags = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag.removeprefix("W/") in tags or "*" in tags:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": response.headers["cache-control"]})
    return response


async def small_without_overlay(request: Request) -> None:
    """Refuses a search whose body is large for another reason than the files it brings. Raises HTTPException (413)."""
    body = await request.body()
    limit = MAX_OVERLAY_BODY if b'"overlay"' in body else MAX_BODY
    if len(body) > limit:
        raise HTTPException(413, f"the body is larger than {limit:,} bytes")
