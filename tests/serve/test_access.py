"""Who may ask: tokens, the page's session, host names, origins, what may be bound to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from code_index_assets.errors import ConfigurationError
from code_index_assets.serve.http.access import check_binding, host_name, hosts_for
from code_index_assets.serve.http.app import create_app
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

TOKENS = "first-token,second-token"
PROTECTED = ("/v1/search?q=x", "/v1/status", "/v1/repositories", "/metrics", "/docs", "/openapi.json", "/", "/repositories",
             "/file/a/b/c", "/symbol?name=x")  # fmt: skip


def make(tmp_path: Path, *, hosts: tuple[str, ...] = (), **options: Any) -> TestClient:
    settings = Settings.model_validate({"data": tmp_path / "data", "model": "test", **options})
    return TestClient(create_app(settings, Layout(settings.data).create(), hosts=hosts), follow_redirects=False)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_every_route_but_the_open_ones_needs_a_token(tmp_path: Path) -> None:
    client = make(tmp_path, tokens=TOKENS)
    for path in PROTECTED:
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("", "first", "first-token2", "first-token,second-token", "x" * 10_000, "é"):
            assert client.get(path, headers={b"Authorization": f"Bearer {wrong}".encode()}).status_code == 401
        assert client.get(path, headers={"Authorization": "Basic first-token"}).status_code == 401
        for token in TOKENS.split(","):
            assert client.get(path, headers=bearer(token)).status_code != 401
    assert client.post("/v1/index", json={"repository": "x"}).status_code == 401
    assert client.post("/v1/search", json={"query": "x"}).status_code == 401
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/assets/page.css").status_code == 200
    assert client.post("/webhooks/github", content=b"{}").status_code == 403  # its own signature counts


def test_without_tokens_everybody_may_ask(tmp_path: Path) -> None:
    assert make(tmp_path).get("/v1/status").status_code == 200


def test_a_browser_is_led_to_the_form_and_gets_a_session(tmp_path: Path) -> None:
    client = make(tmp_path, tokens=TOKENS)
    led = client.get("/?q=a&b=c", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2F%3Fq%3Da%26b%3Dc")
    assert "Token" in client.get(led.headers["location"]).text
    wrong = client.post("/login?next=/", data={"token": "guess"})
    assert wrong.status_code == 401 and "set-cookie" not in wrong.headers
    entered = client.post(led.headers["location"], data={"token": "second-token"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/?q=a&b=c")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "second-token" not in cookie
    assert client.get("/v1/status").status_code == 200
    client.cookies.clear()
    client.cookies.set("code_index_session", "0" * 64)
    assert client.get("/v1/status").status_code == 401


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"]
)
def test_the_form_leads_nowhere_else(tmp_path: Path, place: str) -> None:
    client = make(tmp_path, tokens=TOKENS)
    entered = client.post("/login", params={"next": place}, data={"token": "first-token"})
    assert entered.headers["location"] == "/"


def test_other_names_and_origins_are_refused(tmp_path: Path) -> None:
    client = make(tmp_path, hosts=("localhost", "127.0.0.1", "::1"))
    assert client.get("/v1/status").json()["error"] == "UnknownHost"  # "testserver": a name made to resolve to us
    for fine in ("localhost:8765", "127.0.0.1", "[::1]:8765", "LOCALHOST"):
        assert client.get("/v1/status", headers={"Host": fine}).status_code == 200
    body = {"query": "x"}
    foreign = {"Host": "localhost:8765", "Origin": "https://evil.example"}
    assert client.post("/v1/search", json=body, headers=foreign).json()["error"] == "ForeignOrigin"
    own = {"Host": "localhost:8765", "Origin": "http://localhost:8765"}
    assert client.post("/v1/search", json=body, headers=own).json()["error"] == "NotIndexedError"


def test_what_may_be_bound_to(tmp_path: Path) -> None:
    def settings(**options: Any) -> Settings:
        return Settings.model_validate({"data": tmp_path, **options})

    for host in ("127.0.0.1", "localhost", "::1", "127.8.8.8"):
        check_binding(host, settings())
        assert "localhost" in hosts_for(host, settings())
    for host in ("0.0.0.0", "::", "192.168.0.7", "example.org"):
        with pytest.raises(ConfigurationError, match="no token"):
            check_binding(host, settings())
        check_binding(host, settings(tokens="t"))
        check_binding(host, settings(open_access=True))
        assert hosts_for(host, settings(tokens="t")) == ()
    assert hosts_for("0.0.0.0", settings(allowed_hosts="code.example.org, other")) == ("code.example.org", "other")
    assert host_name("a.example:80") == "a.example" and host_name("[::1]:80") == "::1" and host_name("x") == "x"


def test_tokens_are_read_from_one_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODE_INDEX_TOKENS", " a , b,,")
    found = Settings.model_validate({"data": tmp_path}).tokens
    assert [token.get_secret_value() for token in found] == ["a", "b"]
    assert "a" not in repr(found)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:1@evil.example", "evil.example", "127.0.0.1.evil.example", "localhost:80:80", "localhost:x", "[::1]x:80",
     "local host", "localhost/..", "127.0.0.1:123456", "a@localhost", "localhost#", "[::1", "", "\tlocalhost"],
)  # fmt: skip
def test_host_is_a_name_and_a_port_and_nothing_else(tmp_path: Path, host: str) -> None:
    client = make(tmp_path, hosts=("localhost", "127.0.0.1", "::1"))
    assert client.get("/v1/status", headers={"Host": host}).json()["error"] == "UnknownHost"
    if host not in ("evil.example", "127.0.0.1.evil.example", ""):
        anybody = make(tmp_path, tokens=TOKENS)
        assert anybody.get("/v1/status", headers={"Host": host, **bearer("first-token")}).status_code == 421


def asked(client: TestClient, method: str, path: str, **headers: str) -> Any:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(method, path, headers={"Host": "localhost:1", **told}).status_code


def test_a_browser_may_ask_for_our_pages_alone(tmp_path: Path) -> None:
    """Sec-Fetch-Site is the browser's word; without it, Origin is."""
    client = make(tmp_path)
    elsewhere = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert asked(client, "GET", "/", **elsewhere) == 200  # a link
    for path in ("/v1/status", "/mcp", "/metrics", "/openapi.json"):
        assert asked(client, "GET", path, **elsewhere) == 403, path
    assert asked(client, "GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="no-cors") == 403
    assert asked(client, "GET", "/v1/status", sec_fetch_site="same-site", sec_fetch_mode="cors") == 403
    for method in ("POST", "PUT", "DELETE"):
        assert asked(client, method, "/login", **elsewhere) == 403
        assert asked(client, method, "/login", sec_fetch_site="same-site") == 403
    # What a form of our own page sends under a strict referrer policy.
    assert asked(client, "POST", "/login", sec_fetch_site="same-origin", origin="null") == 401
    assert asked(client, "POST", "/login", origin="null") == 403
    assert asked(client, "POST", "/login", origin="http://localhost:1") == 401
    assert asked(client, "POST", "/login", origin="http://localhost:2") == 403
    assert asked(client, "GET", "/v1/status", sec_fetch_site="none") == 200
    assert asked(client, "GET", "/v1/status", origin="https://evil.example") == 403
    assert asked(client, "GET", "/healthz", **elsewhere) == 200


def test_refusals_of_pages_are_pages(tmp_path: Path) -> None:
    client = make(tmp_path, tokens=TOKENS)
    page = {"Accept": "text/html", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    for answer in (client.get("/", headers=page), client.post("/login", headers={**page, "Content-Length": "99999"})):
        assert answer.status_code == 403 and answer.headers["content-type"].startswith("text/html")
        assert "<h1" in answer.text
    api = client.get("/v1/status", headers={**page, "Accept": "text/html"})
    assert api.headers["content-type"] == "application/problem+json"


def test_guesses_are_limited(tmp_path: Path) -> None:
    client = make(tmp_path, tokens=TOKENS)
    for number in range(10):
        assert client.post("/login?next=/", data={"token": f"guess {number}"}).status_code == 401
    answer = client.post("/login?next=/", data={"token": "first-token"}, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "300") and "<h1" in answer.text
    told = client.get("/v1/status", headers=bearer("first-token"))
    assert (told.status_code, told.json()["error"]) == (429, "TooManyTries")
    assert client.get("/healthz").status_code == 200
