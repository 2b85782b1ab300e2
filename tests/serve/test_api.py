"""Every route of the HTTP API and every error it can answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from served import Shop

from code_index_assets import errors
from code_index_assets.search.answer_fields import to_json
from code_index_assets.search.answers import SearchAnswer
from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.search.paging import search_page
from code_index_assets.search.service import open_engine
from code_index_assets.serve.http import models
from code_index_assets.serve.http.app import create_app
from code_index_assets.serve.http.middleware import MAX_BODY
from code_index_assets.serve.http.problems import STATUSES, problem_of
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.inbox import Inbox

VOLATILE = {"took_ms", "lanes"}


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[TestClient]:
    with TestClient(create_app(shop.settings, shop.layout)) as client:
        deadline = time.monotonic() + 120
        while client.get("/readyz").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield client


def settled(body: Any) -> Any:
    return {name: value for name, value in body.items() if name not in VOLATILE}


def refused(answer: Any, status: int, error: str) -> dict[str, Any]:
    body = answer.json()
    assert (answer.status_code, body["status"], body["error"]) == (status, status, error), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"/docs#{error}" and body["title"] and body["detail"]
    models.Problem.model_validate(body)
    return dict(body)


def test_search_is_the_engines_answer(client: TestClient, shop: Shop) -> None:
    engine = open_engine(shop.settings, shop.layout)
    alone = to_json(search_page(engine.search, SearchRequest("add item to cart", limit=3)))
    got = client.get("/v1/search", params={"q": "add item to cart", "limit": 3})
    posted = client.post("/v1/search", json={"query": "add item to cart", "limit": 3})
    assert settled(got.json()) == settled(posted.json()) == settled(json.loads(json.dumps(alone)))
    models.SearchResponse.model_validate(got.json())
    hit = got.json()["hits"][0]
    assert (hit["path"], hit["commit"]) == ("shop/cart.py", shop.commit)


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"path": "shop/**"}, lambda h: h["path"].startswith("shop/")),
        ({"language": ["python"]}, lambda h: h["language"] == "python"),
        ({"kind": "class"}, lambda h: h["kind"] == "class"),
        ({"role": "test"}, lambda h: h["role"] == "test"),
        ({"repo": "shop"}, lambda h: h["repository"] == "acme/shop"),
        ({"lane": "lexical"}, lambda h: set(h["lanes"]) == {"lexical"}),
    ],
)
def test_filters(client: TestClient, fields: dict[str, list[str]] | dict[str, str], holds: Callable[..., Any]) -> None:
    hits = client.get("/v1/search", params={"q": "cart", **fields}).json()["hits"]
    assert hits and all(map(holds, hits))


def test_text_is_what_a_terminal_shows(client: TestClient) -> None:
    answer = client.get("/v1/search", params={"q": "add_item", "format": "text", "limit": 1})
    assert answer.headers["x-code-index-hits"] == "1" and "shop/cart.py:" in answer.text and "\033[" not in answer.text
    assert "\033[" in client.get("/v1/search", params={"q": "add_item", "format": "text", "color": True}).text
    symbols = client.get("/v1/symbols", params={"name": "nothing_here", "format": "text"})
    told = "no definition of 'nothing_here' in what is indexed"
    assert symbols.headers["x-code-index-outcome"] == "no_match" and symbols.headers["x-code-index-unproven"] == "true"
    assert symbols.text.startswith(f"{told}\nnot certified") and "vendored" in symbols.text


def test_uses_and_questions_of_the_graph(client: TestClient) -> None:
    (symbol, *_) = client.get("/v1/symbols", params={"name": "total_price"}).json()["symbols"]
    told = client.get("/v1/uses", params={"name": "total_price", "repo": symbol["repository"]}).json()
    assert told["outcome"] == "found" and told["complete"] is True
    assert {made["name"] for made in told["definitions"]} == {"total_price"}
    assert all(use["grade"] in ("proven", "inferred") and use["why"] for use in told["references"])
    asked = client.get("/v1/graph/impact", params={"symbol": "total_price", "depth": 2})
    assert asked.status_code == 200 and asked.json()["question"] == "impact"
    assert asked.json()["files"] > 0


def test_graph_questions_that_cannot_be_asked(client: TestClient) -> None:
    assert client.get("/v1/graph/callers").status_code == 400
    assert client.get("/v1/graph/unknown", params={"symbol": "x"}).status_code in (400, 422)
    assert client.get("/v1/graph/impact", params={"symbol": "x", "depth": 99}).status_code in (400, 422)


def test_symbols_and_references(client: TestClient) -> None:
    found = client.get("/v1/symbols", params={"name": "PaymentGateway"}).json()
    models.SymbolsResponse.model_validate(found)
    assert [(s["path"], s["start_line"], s["kind"]) for s in found["symbols"]] == [("shop/gateway.py", 4, "class")]
    assert client.get("/v1/symbols", params={"name": "paymentgate", "prefix": True}).json()["symbols"]
    told = client.get("/v1/references", params={"name": "total_price", "limit": 1})
    models.ReferencesResponse.model_validate(told.json())
    first = told.json()
    assert first["definitions"][0]["path"] == "shop/cart.py" and first["total"] == 2
    rest = client.get(
        "/v1/references", params={"name": "total_price", "limit": 1, "cursor": first["next_cursor"]}
    ).json()
    lines = [(r["path"], r["line"], r["kind"]) for r in first["references"] + rest["references"]]
    assert lines == [("shop/gateway.py", 1, "import"), ("shop/gateway.py", 9, "use")]
    assert "shop/gateway.py" in client.get("/v1/references", params={"name": "total_price", "format": "text"}).text
    refused(client.get("/v1/references", params={"name": "total_price", "cursor": "nonsense"}), 400, "QueryError")


def test_files(client: TestClient, shop: Shop) -> None:
    answer = client.get("/v1/files/acme/shop/shop/cart.py", params={"start": 4, "end": 5})
    models.FileResponse.model_validate(answer.json())
    body = answer.json()
    assert body["text"] == "def add_item(cart, item):\n    cart.items.append(item)"
    assert (body["commit"], body["start_line"], body["end_line"], body["total_lines"]) == (shop.commit, 4, 5, 10)
    assert client.get("/v1/files/acme%2Fshop/README.md").json()["path"] == "README.md"
    for path, reason in (("vendor/lib.js", "vendored"), ("logo.png", "binary"), ("shop/none.py", "unknown")):
        assert refused(client.get(f"/v1/files/acme/shop/{path}"), 404, "FileNotIndexedError")["reason"] == reason
    assert refused(client.get("/v1/files/other/repo/a.py"), 404, "NotIndexedError")["wanted"] == "other/repo"
    refused(client.get("/v1/files/acme/shop/README.md", params={"ref": "v9"}), 404, "NotIndexedError")
    refused(client.get("/v1/files/acme/shop/README.md", params={"start": 50}), 400, "QueryError")
    refused(client.get("/v1/files/acme/shop/README.md", params={"start": 0}), 422, "ValidationError")


@pytest.mark.parametrize(
    "path", ["%2e%2e/%2e%2e/VERSION", "shop/%2e%2e/%2e%2e/x", "%2Fetc/passwd", "shop//cart.py", "a%00b"]
)
def test_no_path_leads_out(client: TestClient, path: str) -> None:
    refused(client.get(f"/v1/files/acme/shop/{path}"), 400, "QueryError")


def test_repositories_and_status(client: TestClient, shop: Shop) -> None:
    body = client.get("/v1/repositories").json()
    models.RepositoriesResponse.model_validate(body)
    (row,) = body["repositories"]
    assert (row["key"], row["state"], row["commit"], row["head"]) == ("acme/shop", "current", shop.commit, shop.commit)
    assert row["coverage"]["skipped"]["vendored"] == 1 and row["head_seen_at"]
    assert client.get("/v1/repositories", params={"q": "zebra"}).json()["total"] == 0
    assert client.get("/v1/repositories", params={"state": "failed"}).json()["total"] == 0
    status = client.get("/v1/status").json()
    models.StatusResponse.model_validate(status)
    assert status["ready"] and status["states"] == {"current": 1} and status["points"] == row["points"]


def test_health_and_metrics(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json() == {"ready": True, "trouble": ""}
    assert [client.head(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
    client.get("/v1/search", params={"q": "cart"})
    client.request("STRANGE", "/v1/search")
    text = client.get("/metrics").text
    assert 'code_index_requests_total{method="GET",route="/v1/search",status="200"}' in text
    assert 'code_index_request_seconds_bucket{route="/v1/search",le="+Inf"}' in text
    assert 'code_index_answers_total{outcome="found"}' in text
    assert 'code_index_repositories{state="current"} 1' in text
    assert "code_index_publication_age_seconds" in text and "code_index_ready 1" in text
    assert "STRANGE" not in text
    for line in text.splitlines():
        assert line.startswith("# ") or float(line.rsplit(" ", 1)[1]) >= 0


def test_what_cannot_be_asked_is_a_problem(client: TestClient) -> None:
    for answer in (
        client.get("/v1/search"),
        client.get("/v1/search", params={"q": "x", "limit": 0}),
        client.get("/v1/search", params={"q": "x", "limit": 10**9}),
        client.get("/v1/search", params={"q": "x" * 4001}),
        client.get("/v1/search", params={"q": "x", "repo": ["a"] * 101}),
        client.post("/v1/search", json={"query": "x", "unknown": 1}),
        client.post("/v1/search", json=["x"]),
        client.post("/v1/search", content=b"{", headers={"Content-Type": "application/json"}),
    ):
        assert refused(answer, 422, "ValidationError")["errors"]
    for query in ("", "lang:go", "-word"):
        refused(client.get("/v1/search", params={"q": query}), 400, "QueryError")
    refused(client.get("/v1/search", params={"q": "x", "lane": "psychic"}), 400, "QueryError")
    refused(client.get("/nothing/here"), 404, "NotFound")
    refused(client.put("/v1/search"), 405, "MethodNotAllowed")


def test_a_tree_that_only_the_client_has_is_searched(client: TestClient, shop: Shop) -> None:
    edited = {"path": "shop/fresh.py", "content": "def weigh_parcel(parcel):\n    return parcel\n"}
    overlay = {"base": shop.commit, "files": [edited], "deleted": ["shop/cart.py"]}
    body = {"query": "symbol:weigh_parcel", "repositories": ["acme/shop"], "overlay": overlay}
    answer = client.post("/v1/search", json=body).json()
    assert [hit["path"] for hit in answer["hits"]] == ["shop/fresh.py"] and answer["hits"][0]["tree"] == "working tree"
    (state,) = answer["repositories"]
    assert (state["tree"]["changed"], state["tree"]["gone"], state["commit"]) == (1, 1, shop.commit)
    gone = client.post("/v1/search", json={**body, "query": "symbol:add_item"}).json()
    assert "shop/cart.py" not in [hit["path"] for hit in gone["hits"]]
    # Nothing of it stays.
    assert client.get("/v1/symbols", params={"name": "weigh_parcel"}).json()["symbols"] == []
    assert client.get("/v1/symbols", params={"name": "add_item"}).json()["symbols"]
    unknown = {**body, "overlay": {**overlay, "base": "f" * 40}}
    refused(client.post("/v1/search", json=unknown), 404, "NotIndexedError")
    for path in ("../x.py", "/etc/passwd", "./a.py"):
        told = client.post("/v1/search", json={**body, "overlay": {**overlay, "deleted": [path]}})
        refused(told, 400, "QueryError")
    large = {**body, "overlay": {**overlay, "files": [{"path": "a.py", "content": "x" * (9 << 20)}]}}
    refused(client.post("/v1/search", json=large), 413, "BodyTooLarge")


def test_any_commit_is_searched_without_a_run(client: TestClient, shop: Shop) -> None:
    asked = {"repo": "acme/shop", "ref": shop.commit[:12]}
    answer = client.get("/v1/search", params={"q": "add item", **asked}).json()
    assert answer["hits"] and answer["repositories"][0]["tree"]["kind"] == "commit"
    assert client.get("/v1/symbols", params={"name": "add_item", **asked}).json()["symbols"][0]["ref"] == asked["ref"]
    told = client.get("/v1/search", params={"q": "add item", "repo": "acme/shop", "ref": "no-such-branch"})
    assert told.status_code == 404 and told.json()["error"] == "NotIndexedError"


def test_bodies_are_bounded(client: TestClient) -> None:
    body = {"query": "x", "repositories": ["y" * MAX_BODY]}
    refused(client.post("/v1/search", json=body), 413, "BodyTooLarge")
    parts = (b'{"query": "' + b"z" * 1000 for _ in range(100))
    told = client.post("/v1/search", content=parts, headers={"Content-Type": "application/json"})
    refused(told, 413, "BodyTooLarge")


def test_headers_and_compression(client: TestClient) -> None:
    answer = client.get("/v1/search", params={"q": "cart"})
    assert answer.headers["content-encoding"] == "gzip"
    for page in (answer, client.get("/"), client.get("/nothing")):
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff" and page.headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in page.headers


def test_every_error_of_the_taxonomy_has_a_status(shop: Shop) -> None:
    """Each as a problem over HTTP, wherever it is met."""
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CodeIndexError)
    ]
    expected = {
        "StillIndexingError": 503, "NotIndexedError": 404, "QueryError": 400, "LockedError": 503, "OutOfDiskError": 507,
        "LanesFailedError": 503, "CorruptArtifactError": 500, "SpaceMismatchError": 409, "CodeIndexError": 500,
    }  # fmt: skip

    class Failing(SearchEngine):
        def search(self, request: SearchRequest) -> SearchAnswer:
            raise kind("it went wrong", remedy="do this")

    client = TestClient(create_app(shop.settings, shop.layout, engine=Failing(shop.layout, shop.settings)))
    for kind in kinds:
        body = to_json(problem_of(kind("it went wrong", remedy="do this")))
        assert client.get("/v1/search", params={"q": "x"}).json() == body
        assert body["status"] == expected.get(kind.__name__, body["status"])
        assert (body["error"], body["detail"], body["remedy"]) == (kind.__name__, "it went wrong", "do this")
        assert body["status"] >= 400 and body["retryable"] == kind.retryable
    listed = [kind for kind, _ in STATUSES]
    for at, kind in enumerate(listed):
        assert not any(issubclass(kind, earlier) for earlier in listed[:at]), f"{kind} is never reached"


def test_what_is_unforeseen_says_nothing_of_the_inside(shop: Shop) -> None:
    class Broken(SearchEngine):
        def search(self, request: SearchRequest) -> SearchAnswer:
            raise ZeroDivisionError("secret inside")

    app = create_app(shop.settings, shop.layout, engine=Broken(shop.layout, shop.settings))
    client = TestClient(app, raise_server_exceptions=False)
    answer = client.get("/v1/search", params={"q": "x"})
    assert refused(answer, 500, "InternalError") and "secret" not in answer.text
    page = client.get("/", params={"q": "x"}, headers={"Accept": "text/html"})
    assert page.status_code == 500 and "<h2>Internal</h2>" in page.text and "secret" not in page.text


def test_the_description_has_examples_and_needs_nothing_from_elsewhere(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    paths = described["paths"]
    assert {"/v1/search", "/v1/symbols", "/v1/references", "/v1/uses", "/v1/graph/{question}", "/v1/scip",
            "/v1/files/{repository}/{path}", "/v1/repositories", "/v1/grep", "/v1/context", "/v1/map", "/v1/outline", "/v1/routes", "/v1/entry-points",
            "/v1/status", "/v1/index", "/healthz", "/readyz", "/metrics"} == set(paths)  # fmt: skip
    schemas = described["components"]["schemas"]
    for name in (
        "SearchResponse",
        "SearchBody",
        "SymbolsResponse",
        "FileResponse",
        "StatusResponse",
        "IndexBody",
        "Problem",
    ):
        (example,) = schemas[name]["examples"]
        getattr(models, name).model_validate(example)
    assert "application/problem+json" in paths["/v1/search"]["get"]["responses"]["404"]["content"]
    page = client.get("/docs").text
    assert all(path in page for path in paths) and "NotIndexedError" in page
    assert "http://" not in page.replace("http://testserver", "") and "https://" not in page


# -- asking for a run --------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(tmp_path: Path) -> Callable[..., tuple[TestClient, Inbox, Registry]]:
    def make(**options: Any) -> tuple[TestClient, Inbox, Registry]:
        settings = Settings.model_validate({"data": tmp_path / "data", "model": "test", **options})
        layout = Layout(settings.data).create()
        return TestClient(create_app(settings, layout)), Inbox(layout), Registry.load(settings.registry_file, layout)

    return make


def test_a_registered_repository_is_asked_for(asking: Callable[..., tuple[TestClient, Inbox, Registry]]) -> None:
    client, inbox, registry = asking()
    registry.add("https://example.org/acme/shop.git", name="acme/shop", refs=("main", "v1", "release/*"))
    answer = client.post("/v1/index", json={"repository": "acme/shop"})
    assert answer.status_code == 202
    assert answer.json()["keys"] == ["acme/shop", "acme/shop@v1"] and not answer.json()["registered"]
    events, names = inbox.pending(10)
    assert {(e.key, e.kind, e.cause, e.host) for e in events} == {
        (key, "changed", "request", "example.org") for key in ("acme/shop", "acme/shop@v1")
    }
    inbox.remove(names)
    client.post("/v1/index", json={"repository": "https://example.org/acme/shop", "ref": "release/2"})
    assert inbox.waiting() == {"acme/shop@release/2"}
    rows = {r["key"]: r["state"] for r in client.get(answer.json()["follow"]).json()["repositories"]}
    assert rows["acme/shop"] == "not_indexed"
    told = refused(
        client.get("/v1/search", params={"q": "x", "repo": "acme/shop@release/2"}), 503, "StillIndexingError"
    )
    assert told["state"] == "indexing" and told["retryable"]


def test_nothing_local_and_nothing_unknown_can_be_asked_for(
    asking: Callable[..., tuple[TestClient, Inbox, Registry]], tmp_path: Path
) -> None:
    client, inbox, registry = asking()
    folder = tmp_path / "private"
    folder.mkdir()
    registry.add(str(folder), name="mine")
    for place in (str(folder), "/etc", "../x", "file:///etc", "https://example.org/new/one", "unknown/name", "~/x"):
        told = refused(client.post("/v1/index", json={"repository": place}), 400, "QueryError")
        assert told["remedy"]
    registry.add("https://example.org/acme/shop", name="acme/shop", refs=("main",))
    refused(client.post("/v1/index", json={"repository": "acme/shop", "ref": "v9"}), 400, "QueryError")
    refused(client.post("/v1/index", content=b'{"repository": "acme/shop"}'), 422, "ValidationError")
    assert inbox.waiting() == set()
    # What an operator registered may be run again by its name: no path comes from here.
    assert client.post("/v1/index", json={"repository": "mine"}).status_code == 202


def test_urls_are_registered_where_that_is_allowed(asking: Callable[..., tuple[TestClient, Inbox, Registry]]) -> None:
    client, inbox, registered = asking(index_urls=True)

    def registry() -> Registry:
        return Registry.load(registered.file, registered.layout)

    answer = client.post("/v1/index", json={"repository": "https://93.184.216.34/new/one"}).json()
    assert (answer["keys"], answer["registered"]) == (["new/one"], True)
    assert inbox.waiting() == {"new/one"}
    for place in (
        "file:///etc", "http://169.254.169.254/latest/meta-data", "http://localhost/o/n", "https://10.0.0.1/o/n",
        "ssh://git@[::1]/o/n", "http://2130706433/o/n", "https://[::ffff:127.0.0.1]/o/n",
    ):  # fmt: skip
        refused(client.post("/v1/index", json={"repository": place}), 400, "ConfigurationError")
    for token in ("https://user:hidden@93.184.216.34/x/y", "https://93.184.216.34/x/y?token=hidden", "user hidden@"):
        answer = client.post("/v1/index", json={"repository": token})
        assert answer.status_code == 400 and "hidden" not in answer.text
    assert inbox.waiting() == {"new/one"}
    assert [entry.restricted for entry in registry().entries] == [True]


def test_webhooks_are_mounted(asking: Callable[..., tuple[TestClient, Inbox, Registry]]) -> None:
    client, _, _ = asking()
    assert client.post("/webhooks/github", content=b"{}").json() == {"status": "refused"}


@pytest.mark.parametrize(
    ("path", "meant"),
    [("/v1/search?q=cart&lang=go", "language"), ("/v1/search?q=cart&paths=src/**", "path"),
     ("/v1/search?q=cart&repositories=x", "repo"), ("/v1/search?query=cart", "q"), ("/v1/search?q=cart&limitt=1", "limit"),
     ("/v1/symbols?name=x&kinds=function", "kind"), ("/v1/references?name=x&lang=go", "language"),
     ("/v1/repositories?states=current", "state"), ("/v1/files/acme/shop/shop/cart.py?from=1", "start"),
     ("/?q=cart&lang=go", "language")],
)  # fmt: skip
def test_unknown_parameters_are_refused_with_the_nearest(client: TestClient, path: str, meant: str) -> None:
    told = refused(client.get(path), 422, "ValidationError")
    assert f"did you mean '{meant}'?" in told["detail"]


def test_unknown_fields_of_bodies_are_refused_with_the_nearest(client: TestClient) -> None:
    for body, meant in (
        ({"query": "x", "lang": ["go"]}, "languages"),
        ({"q": "x"}, "query"),
        ({"query": "x", "path": "a"}, "paths"),
    ):
        told = refused(client.post("/v1/search", json=body), 422, "ValidationError")
        assert f"did you mean '{meant}'?" in told["detail"]
    assert client.get("/?q=cart&utm_source=mail").status_code == 200


def test_a_search_goes_on_where_it_ended(client: TestClient) -> None:
    whole = client.get("/v1/search", params={"q": "cart", "limit": 6}).json()
    pages, cursor = [], None
    while True:
        more: dict[str, str] = {"cursor": cursor} if cursor else {}
        page = client.get("/v1/search", params={"q": "cart", "limit": 2, **more}).json()
        pages += page["hits"]
        cursor = page["next_cursor"]
        if cursor is None or len(pages) >= 6:
            break
    places = [(hit["path"], hit["start_line"]) for hit in pages]
    assert places[:6] == [(hit["path"], hit["start_line"]) for hit in whole["hits"]] and page["total"] == whole["total"]
    first = client.get("/v1/search", params={"q": "cart", "limit": 2}).json()["next_cursor"]
    refused(client.get("/v1/search", params={"q": "other", "cursor": first}), 400, "QueryError")
    assert client.post("/v1/search", json={"query": "cart", "limit": 2, "cursor": first}).json()["hits"] == pages[2:4]
    last = client.get("/v1/search", params={"q": "cart", "limit": 1000}).json()
    assert last["next_cursor"] is None


def test_methods_tags_and_schemes_are_told(client: TestClient) -> None:
    assert client.put("/v1/search").headers["allow"] == "GET, POST"
    assert client.post("/v1/status").headers["allow"] == "GET"
    assert client.delete("/", headers={"Accept": "text/html"}).headers["allow"] == "GET"
    for path in ("/v1/search?q=cart", "/v1/files/acme/shop/shop/cart.py", "/v1/symbols?name=add_item"):
        first = client.get(path)
        assert first.headers["cache-control"] == "private, no-cache"
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"") and again.headers["etag"] == first.headers["etag"]
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    described = client.get("/openapi.json").json()
    assert set(described["components"]["securitySchemes"]) == {"bearer", "session"} and described["security"]
    assert described["paths"]["/healthz"]["get"]["security"] == []


def test_a_question_out_of_time_is_incomplete_and_never_no_match(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = shop.settings.model_copy(update={"query_seconds": 1e-9})
    client = TestClient(create_app(settings, shop.layout))
    for query in ("cart", '"no such phrase"'):
        told = client.get("/v1/search", params={"q": query}).json()
        assert told["outcome"] == "incomplete" and "stopped after" in str(told["lanes"])
    assert client.get("/v1/symbols", params={"name": "add_item"}).json()["outcome"] == "incomplete"
    refused(client.get("/v1/references", params={"name": "add_item"}), 503, "OutOfTimeError")
    assert "The time was up" in client.get("/", params={"q": "cart"}).text
    monkeypatch.setenv("CODE_INDEX_DATA", str(shop.layout.root))
    monkeypatch.setenv("CODE_INDEX_MODEL", "test")
    monkeypatch.setenv("CODE_INDEX_USE_SERVER", "false")
    monkeypatch.setenv("CODE_INDEX_QUERY_SECONDS", "1e-9")
    from click.testing import CliRunner

    from code_index_assets.cli.search import search_command, symbol_command

    for command in (search_command, symbol_command):
        made = CliRunner().invoke(command, ["add_item"], standalone_mode=False)
        assert made.return_value == 5, made.output


@pytest.mark.parametrize("query", [" ".join(f'"p{n}"' for n in range(17)), "cart " + " ".join(f"-w{n}" for n in range(33))])  # fmt: skip
def test_one_question_asks_for_a_bounded_number_of_things(client: TestClient, query: str) -> None:
    refused(client.get("/v1/search", params={"q": query}), 400, "QueryError")


def test_pasted_text_has_no_operators(client: TestClient) -> None:
    for query in (
        "add_item -cart lang:none",
        "add_item -cart lang:none\nsecond line",
        "add_item -cart lang:none " * 20,
    ):
        got = client.get("/v1/search", params={"q": query, "as": "text"}).json()
        posted = client.post("/v1/search", json={"query": query, "as": "text"}).json()
        assert got["hits"] and settled(got) == settled(posted)
    assert client.get("/v1/search", params={"q": "add_item\nlang:none"}).json()["hits"]
    refused(client.post("/v1/search", json={"query": "word " * 20_000}), 413, "BodyTooLarge")


def test_paths_with_line_breaks_reach_their_file(client: TestClient) -> None:
    """Any character of a name is part of the path; the answer speaks of the file, not of a route that is not there."""
    for name in ("a\nb.py", " leading.py", "a\n", "shop/cart.py\n"):
        told = refused(client.get(f"/v1/files/acme/shop/{quote(name)}"), 404, "FileNotIndexedError")
        assert told["wanted"] == name


def test_a_precise_index_is_taken_over_http(client: TestClient, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from code_index_assets.graph.scip.model import DEFINITION, Document, Occurrence, ScipIndex, write_index
    from code_index_assets.serve.http import graph as routes

    monkeypatch.setattr(routes, "follow_catalogue", lambda layout: True)
    symbol = "t python p 1 `shop.cart`/add_item()."
    index = write_index(ScipIndex("hand", (Document("shop/cart.py", (Occurrence(3, 4, 12, symbol, DEFINITION),)),)))
    answer = client.post("/v1/scip", params={"repo": "acme/shop", "commit": shop.commit}, content=index)
    assert answer.status_code == 200, answer.text
    assert answer.json()["occurrences"] == 1 and answer.json()["tool"] == "hand"
    assert client.post("/v1/scip", params={"repo": "acme/shop"}, content=b"no index").status_code == 400
    assert client.post("/v1/scip", params={"repo": "nothing/there"}, content=index).status_code == 404
    assert client.post("/v1/scip", params={"repo": "acme/shop", "commit": "0" * 40}, content=index).status_code == 400


def test_contexts_and_overviews_are_those_of_the_command_line(client: TestClient, shop: Shop) -> None:
    got = client.get("/v1/context", params={"task": "add item to cart", "tokens": 900}).json()
    assert got["spans"][0]["path"].endswith("cart.py") and got["tokens"] <= 900
    posted = client.post("/v1/context", json={"task": "add item to cart", "tokens": 900}).json()
    assert settled(posted) == settled(got)
    text = client.get("/v1/context", params={"task": "add item to cart", "tokens": 900, "format": "text"})
    assert text.headers["X-Code-Index-Outcome"] == "found" and "of 900 tokens" in text.text
    refused(client.get("/v1/context", params={"task": " "}), 400, "QueryError")
    refused(client.get("/v1/context", params={"task": "x", "tokens": 1}), 422, "ValidationError")
    repository = got["spans"][0]["repository"]
    assert client.get("/v1/map", params={"repo": repository}).json()["files"]
    outline = client.get("/v1/outline", params={"repo": repository, "path": got["spans"][0]["path"]}).json()
    assert outline["definitions"] and outline["commit"] == got["spans"][0]["commit"]
    refused(client.get("/v1/outline", params={"repo": repository, "path": "no.py"}), 404, "FileNotIndexedError")
    for question in ("routes", "entry-points"):
        answer = client.get(f"/v1/{question}", params={"repo": repository}).json()
        assert answer["question"] == question and answer["outcome"] in ("found", "no_match")
