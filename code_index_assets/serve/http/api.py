"""The routes below /v1: what the command line can ask, over HTTP.

What lives here: routes. What does not: shapes (`models.py`), errors (`problems.py`), asking for runs (`requests.py`),
finding anything (`search/`). Answers are the objects of the command line's `--json`, made by the same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Response

from ...errors import FileNotIndexedError, NotIndexedError, QueryError
from ...search.answer_fields import to_json
from ...search.answers import Absence, FileText, RepositoryPage, RepositoryStatus, RunRequested
from ...search.definitions import find_definitions
from ...search.engine import MAX_LIMIT, SearchRequest
from ...search.files import read_lines
from ...search.filters import SearchFilters
from ...search.lanes import LANES
from ...search.paging import search_page
from ...search.render import render_answer, render_definitions, render_references
from ..service import Service
from . import models
from .exact import add_exact
from .graph import add_graph
from .models import MAX_QUERY, MAX_VALUES, Reading
from .overviews import add_overviews
from .requests import ask_for_run
from .routing import ApiRoute, as_json


def _values(description: str) -> Any:
    """A parameter that may be given several times."""
    return Query(max_length=MAX_VALUES, description=description)


Repos = Annotated[list[str], _values("Only these repositories: whole names, last parts, or globs.")]
Refs = Annotated[list[str], _values("At these refs instead of the default one.")]
Paths = Annotated[list[str], _values("Only paths that match: globs, folders or whole paths.")]
Languages = Annotated[list[str], _values("Only these languages.")]
Kinds = Annotated[list[str], _values("Only these kinds: function, method, class, …")]
Roles = Annotated[list[str], _values("Only these roles: source, test, docs, example, config, …")]
Lanes = Annotated[list[str], _values("Only these lanes: symbol, lexical, semantic.")]
States = Annotated[list[str], _values("Only these states.")]
Form = Literal["json", "text"]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": models.Problem, "description": meaning, "content": {"application/problem+json": {}}}
    for code, meaning in (
        (400, "The query or the path cannot be understood."),
        (401, "A token is needed."),
        (404, "Not indexed: `state` is the reason: never registered, its last run failed, or the file was left out."),
        (422, "A parameter is missing or out of bounds."),
        (503, "Still indexing, or no lane could answer: ask again later."),
    )
}


def api_routes(service: Service) -> APIRouter:
    """The routes of one service."""
    router = APIRouter(prefix="/v1", responses=PROBLEMS, route_class=ApiRoute)
    _add_search(router, service)
    _add_names(router, service)
    add_exact(router, service)
    add_graph(router, service)
    add_overviews(router, service)
    _add_files(router, service)
    _add_state(router, service)
    return router


def as_text(text: str, outcome: str, hits: int, absence: Absence | None = None) -> Response:
    """What the command line prints; the headers tell it its exit code."""
    headers = {"X-Code-Index-Outcome": outcome, "X-Code-Index-Hits": str(hits), "Cache-Control": "private, no-cache"}
    if absence is not None and not absence.certified:
        headers["X-Code-Index-Unproven"] = "true"
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


def _add_search(router: APIRouter, service: Service) -> None:
    async def answered(
        request: SearchRequest, cursor: str | None = None, form: Form = "json", color: bool = False
    ) -> Response:
        def work() -> Response:
            answer = search_page(service.search, request, cursor)
            if form == "text":
                return as_text(render_answer(answer, color=color), answer.outcome, len(answer.hits), answer.absence)
            return as_json(to_json(answer))

        return await service.run(work)

    @router.get("/search", response_model=models.SearchResponse, tags=["search"], summary="Search")
    async def search(
        q: Annotated[
            str,
            Query(
                max_length=MAX_QUERY,
                description='Words, names, a path; `repo: path: lang: kind: symbol: ref: -word "a phrase"` work too.',
                examples=["how are gradients accumulated"],
            ),
        ],
        repo: Repos = [],  # noqa: B006 - FastAPI copies defaults
        ref: Refs = [],  # noqa: B006
        path: Paths = [],  # noqa: B006
        language: Languages = [],  # noqa: B006
        kind: Kinds = [],  # noqa: B006
        role: Roles = [],  # noqa: B006
        lane: Lanes = [],  # noqa: B006
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 10,
        cursor: Annotated[str | None, Query(max_length=2000, description="`next_cursor` of the page before.")] = None,
        format: Annotated[Form, Query(description="text: as a terminal shows it.")] = "json",
        color: bool = False,
        reading: Annotated[
            Reading, Query(alias="as", description="text: q is pasted text without operators.")
        ] = "query",
        explain: Annotated[bool, Query(description="With the signals behind the confidence.")] = False,
    ) -> Response:
        """Hits, and what was searched: commit, age, state and coverage of each repository, lanes that ran or failed."""
        request = SearchRequest(
            q, limit, tuple(lane) or LANES, repositories=tuple(repo), refs=tuple(ref), paths=tuple(path),
            languages=tuple(language), kinds=tuple(kind), roles=tuple(role), as_text=reading == "text",
            explain=explain,
        )  # fmt: skip
        return await answered(request, cursor, format, color)

    @router.post("/search", response_model=models.SearchResponse, tags=["search"], summary="Search (body)")
    async def search_body(body: models.SearchBody) -> Response:
        """The same with a JSON body; with `overlay` for a tree that this machine does not have."""
        if body.overlay is None:
            return await answered(body.request(), body.cursor)
        files = {file.path: file.content.encode("utf-8", "surrogatepass") for file in body.overlay.files}
        base, deleted = body.overlay.base, body.overlay.deleted

        def work() -> Response:
            engine = service.with_edits(body.repositories, base, files, deleted)
            return as_json(to_json(search_page(engine.search, body.request(), body.cursor)))

        return await service.run(work)


def _add_names(router: APIRouter, service: Service) -> None:
    @router.get("/symbols", response_model=models.SymbolsResponse, tags=["search"], summary="Definitions of a name")
    async def symbols(
        name: Annotated[str, Query(max_length=500, examples=["Engine", "gin.Engine"])],
        repo: Repos = [],  # noqa: B006
        ref: Refs = [],  # noqa: B006
        path: Paths = [],  # noqa: B006
        language: Languages = [],  # noqa: B006
        kind: Kinds = [],  # noqa: B006
        prefix: Annotated[bool, Query(description="Names that begin so.")] = False,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        format: Form = "json",
        color: bool = False,
    ) -> Response:
        """Any case; `Type::name` and `module.name` narrow; the same spelling first."""

        def work() -> Response:
            definitions = find_definitions(
                service.at(repo, ref), name,
                SearchFilters(
                    repositories=tuple(repo), refs=tuple(ref), kinds=tuple(kind), languages=tuple(language),
                    paths=tuple(path),
                ),
                prefix=prefix, limit=limit,
            )  # fmt: skip
            if format == "text":
                text = render_definitions(definitions, name, color=color)
                return as_text(text, definitions.outcome, len(definitions.symbols), definitions.absence)
            return as_json(to_json(definitions))

        return await service.run(work)

    @router.get(
        "/references", response_model=models.ReferencesResponse, tags=["search"], summary="Lines that mention a name"
    )
    async def references(
        name: Annotated[str, Query(max_length=500, examples=["ServeHTTP"])],
        repo: Repos = [],  # noqa: B006
        ref: Refs = [],  # noqa: B006
        path: Paths = [],  # noqa: B006
        language: Languages = [],  # noqa: B006
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        cursor: Annotated[str | None, Query(max_length=2000, description="`next_cursor` of the page before.")] = None,
        format: Form = "json",
        color: bool = False,
    ) -> Response:
        """The case counts. Definitions come first, then every line of code that uses or imports the name."""
        from ...search.references import find_references

        def work() -> Response:
            answer = find_references(
                service.at(repo, ref), name,
                SearchFilters(
                    repositories=tuple(repo), refs=tuple(ref), paths=tuple(path), languages=tuple(language)
                ),
                limit=limit, cursor=cursor,
            )  # fmt: skip
            if format == "text":
                return as_text(render_references(answer, color=color), answer.outcome, answer.total, answer.absence)
            return as_json(to_json(answer))

        return await service.run(work)


def _add_files(router: APIRouter, service: Service) -> None:
    @router.get(
        # Both have slashes: where one ends and the other begins is found out by `file_at`.
        "/files/{repository:anything}/{path:anything}",
        response_model=models.FileResponse,
        tags=["files"],
        summary="Lines of a file",
    )
    async def files(
        repository: Annotated[str, Path(examples=["gin-gonic/gin"])],
        path: Annotated[str, Path(description="From the repository's root.", examples=["gin.go"])],
        ref: Annotated[str | None, Query(max_length=255)] = None,
        start: Annotated[int, Query(ge=1)] = 1,
        end: Annotated[int | None, Query(ge=1, description="Last line, included; default: to the end.")] = None,
    ) -> Response:
        """As indexed: at the published commit, secrets removed. What was left out is refused with the reason."""

        def work() -> Response:
            place = f"{repository}/{path}"
            file = file_at(service, place, lambda name, rest: _read(service, name, rest, ref, start, end))
            return as_json(to_json(file))

        return await service.run(work)


def _read(service: Service, name: str, path: str, ref: str | None, start: int, end: int | None) -> FileText:
    return read_lines(service.at((name,), (ref,) if ref else ()), name, path, ref=ref, start=start, end=end)


def file_at(service: Service, place: str, read: Callable[[str, str], FileText]) -> FileText:
    """The file of `repository/path`, where both have slashes: the longest indexed name that has the file.

    Raises what `read` (called with repository and path) raises.
    """
    receipts = service.engine.snapshot().receipts.values()
    names = {name for receipt in receipts for name in (receipt.repository, receipt.key)}
    fitting = sorted((name for name in names if place.casefold().startswith(f"{name.casefold()}/")), key=len)
    if not fitting:
        name = "/".join(place.split("/")[:2])
        service.engine.resolve(service.engine.snapshot(), (name,), ())
        raise NotIndexedError(f"{name} is not indexed", remedy="see /v1/repositories for what is", wanted=name)
    first: FileNotIndexedError | None = None
    for name in reversed(fitting):
        path = place[len(name) + 1 :]
        if not path:
            raise QueryError(f"which file of {name}?", remedy="/v1/files/{repository}/{path}")
        try:
            return read(name, path)
        except FileNotIndexedError as error:
            first = first or error
    assert first is not None
    raise first


def _add_state(router: APIRouter, service: Service) -> None:
    @router.get(
        "/repositories", response_model=models.RepositoriesResponse, tags=["state"], summary="Repositories and states"
    )
    async def repositories(
        q: Annotated[str, Query(max_length=500, description="Part of the name.")] = "",
        state: States = [],  # noqa: B006
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    ) -> Response:
        """Every registered repository and ref: published commit, age, behind or not, being indexed, failed."""

        def work() -> Response:
            rows = matching(service.statuses(), q, tuple(state))
            page = RepositoryPage(tuple(rows[offset : offset + limit]), len(rows), offset)
            return as_json(to_json(page))

        return await service.run(work)

    @router.get("/status", response_model=models.StatusResponse, tags=["state"], summary="The index as a whole")
    async def status() -> Response:
        """Publication, points, repositories by state."""
        return await service.run(lambda: as_json(to_json(service.status())))

    @router.post(
        "/index", response_model=models.IndexResponse, status_code=202, tags=["state"], summary="Ask for a run"
    )
    async def index(body: Annotated[models.IndexBody, Body()]) -> Response:
        """Has a registered repository (or, where CODE_INDEX_INDEX_URLS allows it, a URL) indexed by the daemon."""

        def work() -> Response:
            requested = ask_for_run(service.settings, service.layout, body.repository, body.ref)
            service.forget_statuses()
            follow = f"/v1/repositories?q={requested.name}"
            return as_json(to_json(RunRequested(requested.keys, "indexing", requested.registered, follow)), 202)

        return await service.run(work)


def matching(rows: list[RepositoryStatus], text: str, states: tuple[str, ...]) -> list[RepositoryStatus]:
    """The statuses whose key has `text` (any case) and whose state is one of `states` (none: any)."""
    part = text.casefold()
    return [row for row in rows if part in row.key.casefold() and (not states or row.state in states)]
