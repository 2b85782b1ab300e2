"""Who may ask: tokens, the page's session, host names, origins, what may be bound to."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from code_index_assets.errors import ConfigurationError
from code_index_assets.layout import Layout
from code_index_assets.serve.access import check_binding, host_name, hosts_for
from code_index_assets.serve.app import create_app
from code_index_assets.settings import Settings

TOKENS = "first-token,second-token"
PROTECTED = ("/v1/search?q=x", "/v1/status", "/v1/repositories", "/metrics", "/docs", "/openapi.json", "/", "/repositories",
             "/file/a/b/c", "/symbol?name=x")  # fmt: skip


def make(tmp_path, *, hosts=(), **options):
    settings = Settings.model_validate({"data": tmp_path / "data", "model": "test", **options})
    return TestClient(create_app(settings, Layout(settings.data).create(), hosts=hosts), follow_redirects=False)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_every_route_but_the_open_ones_needs_a_token(tmp_path):
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


def test_without_tokens_everybody_may_ask(tmp_path):
    assert make(tmp_path).get("/v1/status").status_code == 200


def test_a_browser_is_led_to_the_form_and_gets_a_session(tmp_path):
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
def test_the_form_leads_nowhere_else(tmp_path, place):
    client = make(tmp_path, tokens=TOKENS)
    entered = client.post("/login", params={"next": place}, data={"token": "first-token"})
    assert entered.headers["location"] == "/"


def test_other_names_and_origins_are_refused(tmp_path):
    client = make(tmp_path, hosts=("localhost", "127.0.0.1", "::1"))
    assert client.get("/v1/status").json()["error"] == "UnknownHost"  # "testserver": a name made to resolve to us
    for fine in ("localhost:8765", "127.0.0.1", "[::1]:8765", "LOCALHOST"):
        assert client.get("/v1/status", headers={"Host": fine}).status_code == 200
    body = {"query": "x"}
    foreign = {"Host": "localhost:8765", "Origin": "https://evil.example"}
    assert client.post("/v1/search", json=body, headers=foreign).json()["error"] == "ForeignOrigin"
    own = {"Host": "localhost:8765", "Origin": "http://localhost:8765"}
    assert client.post("/v1/search", json=body, headers=own).json()["error"] == "NotIndexedError"


def test_what_may_be_bound_to(tmp_path):
    def settings(**options):
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


def test_tokens_are_read_from_one_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("CODE_INDEX_TOKENS", " a , b,,")
    found = Settings.model_validate({"data": tmp_path}).tokens
    assert [token.get_secret_value() for token in found] == ["a", "b"]
    assert "a" not in repr(found)
