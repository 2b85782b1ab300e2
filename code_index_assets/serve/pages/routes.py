"""The routes of the page: search, file, name, repositories, login, assets.

What lives here: routes that answer HTML. What does not: how it looks (`search_page.py`, `file_page.py`, …).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from ... import deadlines
from ...errors import CodeIndexError, NotIndexedError, StillIndexingError
from ...search.answers import RepositoryStatus
from ...search.engine import SearchRequest
from ...search.files import left_out_files, one_receipt, read_lines
from ..http.access import COOKIE, Access, TooManyTriesError
from ..http.api import file_at, matching
from ..http.login_limits import WINDOW_SECONDS
from ..http.middleware import too_many_tries
from ..http.models import MAX_QUERY
from ..http.problems import page_of, problem_of
from ..http.routing import MEANT, refuse_unknown
from ..service import Service
from .file_page import file_view, line_range, name_page, window
from .graph_page import graph_page
from .page_layout import ASSETS, PageQuery, asset
from .search_page import search_page
from .state_pages import left_out_page, login_page, nothing_page, problem_page, repositories_page, start_page

Values = Annotated[list[str], Query(max_length=100)]
PAGE_LIMIT = 100
ROWS = 500
LEFT_OUT_ROWS = 2000


def page_routes(service: Service, access: Access) -> APIRouter:
    """The routes of one service's page."""
    router = APIRouter(include_in_schema=False)
    _add_search(router, service)
    _add_code(router, service)
    _add_graph(router, service)
    _add_login(router, access)

    @router.get("/repositories")
    async def repositories(q: Annotated[str, Query(max_length=500)] = "") -> Response:
        def work() -> str:
            rows = service.statuses()
            return repositories_page(matching(rows, q, ())[:ROWS], q, len(rows))

        return await _shown(service, PageQuery(), work)

    @router.get("/left-out")
    async def left_out(
        repo: Annotated[str, Query(max_length=255)] = "", ref: Annotated[str, Query(max_length=255)] = ""
    ) -> Response:
        def work() -> str:
            snapshot = service.engine.snapshot()
            receipt = one_receipt(service.engine, snapshot, repo, ref or None)
            rows, total = left_out_files(service.layout, receipt, LEFT_OUT_ROWS)
            return left_out_page(receipt.key, rows, total)

        return await _shown(service, PageQuery(), work)

    @router.get("/assets/{name}")
    async def assets(name: str, request: Request) -> Response:
        if name not in ASSETS:
            return Response(status_code=404)
        body, digest = asset(name)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{digest}"'}
        if request.headers.get("if-none-match") == f'"{digest}"':
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=ASSETS[name])

    return router


async def _shown(service: Service, page_query: PageQuery, work: Callable[[], str]) -> Response:
    """A page, or the error it met as one."""
    try:
        return HTMLResponse(await service.run(work), headers={"Cache-Control": "no-store"})
    except CodeIndexError as error:
        body = problem_of(error)
        return HTMLResponse(problem_page(page_query, body), body.status, headers={"Cache-Control": "no-store"})


def _add_search(router: APIRouter, service: Service) -> None:
    @router.get("/")
    async def search(
        request: Request,
        q: Annotated[str, Query(max_length=MAX_QUERY)] = "",
        repo: Values = [],  # noqa: B006 - FastAPI copies defaults
        language: Values = [],  # noqa: B006
        kind: Values = [],  # noqa: B006
        path: Values = [],  # noqa: B006
        ref: Values = [],  # noqa: B006
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 10,
    ) -> Response:
        # Links carry parameters of others (utm_source=…); a filter by another name is none of those.
        strange = [name for name in request.query_params if name.lower() in MEANT]
        refuse_unknown(strange, ("q", "repo", "language", "kind", "path", "ref", "limit"))
        page_query = PageQuery(
            q.strip(), _separate(repo), _separate(language), _separate(kind), _separate(path), _separate(ref), limit
        )
        return await _shown(service, page_query, lambda: _searched(service, page_query))


def _separate(values: list[str]) -> tuple[str, ...]:
    """Values of a filter: given several times, or in one field with commas between."""
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))


def _searched(service: Service, page_query: PageQuery) -> str:
    if not page_query.query:
        try:
            snapshot = service.engine.snapshot()
        except NotIndexedError as error:
            return nothing_page(page_query, waiting=isinstance(error, StillIndexingError))
        return start_page(page_query, service.statuses(), snapshot.manifest.points)
    request = SearchRequest(
        page_query.query,
        page_query.limit,
        repositories=page_query.repo,
        refs=page_query.ref,
        paths=page_query.path,
        languages=page_query.language,
        kinds=page_query.kind,
    )
    answer = service.search(request)
    return search_page(page_query, answer, service.statuses(), _defaults(service))


def _defaults(service: Service) -> set[str]:
    return {key for key, receipt in service.engine.snapshot().receipts.items() if receipt.default_ref}


def _add_code(router: APIRouter, service: Service) -> None:
    @router.get("/file/{place:anything}")
    async def file(
        place: str,
        ref: Annotated[str, Query(max_length=255)] = "",
        lines: Annotated[str, Query(max_length=30)] = "",
    ) -> Response:
        lines_chosen = line_range(lines)
        start, end = window(lines_chosen)

        def work() -> str:
            file_text = file_at(
                service, place,
                lambda name, path: read_lines(service.engine, name, path, ref=ref or None, start=start, end=end),
            )  # fmt: skip
            return file_view(file_text, _status(service, file_text.key), lines_chosen, ref)

        return await _shown(service, PageQuery(), work)

    @router.get("/symbol")
    async def symbol(
        name: Annotated[str, Query(max_length=500)] = "",
        repo: Values = [],  # noqa: B006
        cursor: Annotated[str | None, Query(max_length=2000)] = None,
    ) -> Response:
        from ...search.filters import SearchFilters
        from ...search.references import find_references

        page_query = PageQuery(repo=_separate(repo))

        def work() -> str:
            answer = find_references(
                service.engine, name, SearchFilters(repositories=page_query.repo), limit=100, cursor=cursor
            )
            following = None
            if answer.next_cursor:
                fields = [("name", name), *(("repo", one) for one in page_query.repo), ("cursor", answer.next_cursor)]
                following = f"/symbol?{urlencode(fields)}"
            return name_page(answer, page_query, _defaults(service), following)

        return await _shown(service, page_query, work)


def _add_graph(router: APIRouter, service: Service) -> None:
    @router.get("/graph")
    async def graph(symbol: Annotated[str, Query(max_length=500)] = "", repo: Values = []) -> Response:  # noqa: B006
        from ...search.graph_questions import GraphRequest, ask_graph

        page_query = PageQuery(repo=_separate(repo))

        def work() -> str:
            with deadlines.within(service.engine.settings.query_seconds):
                callers = ask_graph(service.engine, GraphRequest("callers", symbol, repositories=page_query.repo))
                callees = ask_graph(service.engine, GraphRequest("callees", symbol, repositories=page_query.repo))
            return graph_page(symbol, callers, callees, page_query)

        return await _shown(service, page_query, work)


def _status(service: Service, key: str) -> RepositoryStatus | None:
    return next((row for row in service.statuses() if row.key == key), None)


def _add_login(router: APIRouter, access: Access) -> None:
    @router.get("/login")
    async def login(next: Annotated[str, Query(max_length=5000)] = "/") -> Response:
        return HTMLResponse(login_page(_local(next)))

    @router.post("/login")
    async def enter(request: Request, next: Annotated[str, Query(max_length=5000)] = "/") -> Response:
        # Read by hand: forms would need one more package.
        fields: dict[str, list[Any]] = parse_qs((await request.body()).decode("utf-8", "replace"))
        try:
            address = request.client.host if request.client else ""
            session = access.session_for(str(fields.get("token", [""])[0]), address)
        except TooManyTriesError:
            return page_of(too_many_tries(), {"Retry-After": str(int(WINDOW_SECONDS))})
        if session is None:
            return HTMLResponse(login_page(_local(next), wrong=True), 401)
        answer = RedirectResponse(_local(next), 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, session, max_age=30 * 86_400, httponly=True, samesite="lax", secure=secure)
        return answer


def _local(address: str) -> str:
    """An address of this server, never of another one."""
    fine = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if fine else "/"
