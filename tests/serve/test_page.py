"""The page: hostile content shown as text, states, filters in the address, files, names."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from served import FILES, HOSTILE, Shop

from code_index_assets.serve.http.app import create_app
from code_index_assets.serve.pages.highlight import _FAMILIES, highlighted
from code_index_assets.serve.pages.html import tag
from code_index_assets.serve.pages.page_layout import PageQuery, ago, file_url, prose
from code_index_assets.sources.forge import file_page, repository_page

LANGUAGES = [
    "c",
    "cpp",
    "rust",
    "go",
    "javascript",
    "java",
    None,
    *(names[0] for names in _FAMILIES.values()),
    "php",
    "sql",
]
ALLOWED = {"html", "head", "meta", "title", "link", "script", "body", "a", "header", "div", "span", "form", "input", "kbd",
           "button", "details", "summary", "label", "select", "option", "datalist", "nav", "main", "section", "h1", "h2", "p",
           "ol", "ul", "li", "pre", "code", "mark", "footer", "table", "thead", "tbody", "tr", "td", "th", "b", "time", "em", "dialog",
           "svg", "path", "rect", "text"}  # fmt: skip


class Page(HTMLParser):
    """A page as a browser sees it: elements, attributes, text; what is not well formed or not ours is an error."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.links: list[str | None] = []
        self._open: list[str] = []
        self.feed(source)
        assert not self._open, self._open

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        assert name in ALLOWED, name
        given_ = dict(attributes)
        assert not [key for key in given_ if key.startswith("on") or key == "style"], given_
        if name == "script":
            assert (given_["src"] or "").startswith("/assets/page.js")
        for key in ("href", "src", "action"):
            if key in given_:
                assert re.match(r"/(?!/)|#|https?://", given_[key] or ""), given_[key]
        if name == "a":
            self.links.append(given_.get("href"))
        self.elements.append((name, given_))
        if name not in ("meta", "link", "input"):
            self._open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self._open and self._open.pop() == name

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[TestClient]:
    with TestClient(create_app(shop.settings, shop.layout)) as client:
        deadline = time.monotonic() + 120
        while client.get("/readyz").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield client


def get(client: TestClient, where: str, /, status: int = 200, **fields: Any) -> Page:
    answer = client.get(where, params=fields, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("text/html")
    return Page(answer.text)


def test_hits_are_shown_with_what_is_known(client: TestClient, shop: Shop) -> None:
    page = get(client, "/", q="add item")
    assert "shop/cart.py" in page.text and shop.commit[:10] in page.text
    assert any(re.fullmatch(r"/file/acme/shop/shop/cart\.py\?lines=\d+-\d+#L\d+", link or "") for link in page.links)
    assert any(name == "mark" for name, _ in page.elements)
    assert "current" in page.text and "of" in page.text and "symbol" in page.text


def test_hostile_content_is_text(client: TestClient) -> None:
    for query in ("evil", "alert", "trojan", HOSTILE, '"><script>alert(1)</script>', "'; drop", "hello cookie"):
        get(client, "/", q=query)
        get(client, "/", q=query, repo='"><img src=x>', status=404)
        get(client, "/symbol", name=query)
        get(client, "/repositories", q=query)
    page = get(client, "/", q="evil", path="evil/**")
    assert f"{HOSTILE}</code></pre><script>alert(1)</script>" in page.text
    assert f"evil/{HOSTILE}.py" in page.text
    (link,) = {link for link in page.links if link and link.startswith("/file/acme/shop/evil/x%3C")}
    opened = get(client, link.partition("#")[0])
    assert "<script>alert(1)</script>" in opened.text
    # Overrides of direction are shown as what they are: something that is not to be seen.
    assert "\u202e" not in get(client, "/file/acme/shop/evil/trojan.py").text


def test_filters_live_in_the_address(client: TestClient) -> None:
    page = get(client, "/", q="cart", language="python", path="shop/**")
    chips = [link for link in page.links if link and link.startswith("/?q=cart&")]
    assert "/?q=cart&path=shop%2F%2A%2A" in chips and "/?q=cart&language=python" in chips and "/?q=cart" in page.links
    fields = {attributes["name"]: attributes.get("value") for name, attributes in page.elements if name == "input"}
    assert fields["path"] == "shop/**" and fields["q"] == "cart"
    assert ("option", {"value": "python", "selected": None}) in page.elements
    both = get(client, "/", q="cart", language="python,markdown")
    assert both.text.count("language: ") == 2


@given(
    st.text(max_size=20), st.lists(st.text(st.characters(exclude_characters=","), min_size=1, max_size=8), max_size=2)
)
def test_an_address_gives_back_what_was_asked(query: str, repos: list[str]) -> None:
    from urllib.parse import parse_qs, urlsplit

    asked = PageQuery(query, repo=tuple(repos), limit=30)
    try:
        address = asked.url(limit=30)
    except UnicodeEncodeError:
        return
    told = parse_qs(urlsplit(address).query)
    assert told.get("q", [""]) == [query] and told.get("repo", []) == repos and told["limit"] == ["30"]


def test_the_start_page_tells_what_is_there(client: TestClient) -> None:
    page = get(client, "/")
    assert "1 repositories" in page.text and "acme/shop" in page.text and "retry with backoff" in page.text


def test_no_match_says_what_to_try(client: TestClient) -> None:
    page = get(client, "/", q='"zebra crossing"', language="python")
    assert "No match" in page.text and "search without the filters" in page.text and "left out" in page.text
    far = get(client, "/", q="zzzxqv")
    assert "No hit has the words you asked for" in far.text
    assert "No hit has the words" not in get(client, "/", q="cart").text


def test_a_file_by_its_lines(client: TestClient, shop: Shop) -> None:
    page = get(client, "/file/acme/shop/shop/cart.py", lines="4-5")
    chosen = [a["id"] for name, a in page.elements if "chosen" in (a.get("class") or "") and "id" in a]
    assert chosen == ["L4", "L5"]
    assert str(FILES["shop/cart.py"]).strip().split("\n")[3] in page.text and shop.commit[:12] in page.text
    assert "#L10" in page.links and "/v1/files/acme/shop/shop/cart.py" in page.links
    for nonsense in ("x", "0", "9-3", "99999999999", "-1", "1-2-3"):
        get(client, "/file/acme/shop/shop/cart.py", lines=nonsense)


def test_a_long_file_comes_in_parts(client: TestClient) -> None:
    first = get(client, "/file/acme/shop/long.txt")
    assert "line 3000 of" in first.text and "line 3001 of" not in first.text and "later lines" in first.text
    middle = get(client, "/file/acme/shop/long.txt", lines="5000-5002")
    assert "line 5000 of" in middle.text and "earlier lines" in middle.text
    ids = {a.get("id") for _, a in middle.elements}
    assert {"L5000", "L5002"} <= ids


def test_files_that_are_not_there_say_why(client: TestClient) -> None:
    for path, words in (("vendor/lib.js", "vendored"), ("none.py", "no file"), ("shop", "is a folder")):
        page = get(client, f"/file/acme/shop/{path}", status=404)
        assert words in page.text and "What to do" in page.text
    get(client, "/file/acme/shop/../../etc/passwd", status=404)
    get(client, "/file/other/repo/x.py", status=404)
    get(client, "/nothing", status=404)


def test_a_name_has_definitions_and_references(client: TestClient) -> None:
    page = get(client, "/symbol", name="total_price")
    assert "1 definition" in page.text and "Mentioned in 2 lines" in page.text
    assert "/file/acme/shop/shop/gateway.py?lines=9-9#L9" in page.links
    assert "No match" in get(client, "/symbol", name="nothing_of_the_kind").text
    assert "PaymentGateway" in get(client, "/symbol", name="paymentgateway").text  # spelled otherwise
    get(client, "/symbol", name="", status=400)


def test_the_graph_of_a_name_is_drawn(client: TestClient) -> None:
    page = get(client, "/graph", symbol="total_price")
    assert "Called by 1 definition" in page.text and "Calls 0 definitions" in page.text
    assert "/graph?symbol=shop%2Fgateway.py%3A7&repo=acme%2Fshop" in page.links  # the box of PaymentGateway.charge
    assert "/file/acme/shop/shop/gateway.py?lines=9-9#L9" in page.links  # the line that shows the call
    assert ("path", {"d": "M230 42 C277 42 277 47 325 47", "class": "edge proven"}) in page.elements
    caller = get(client, "/graph", symbol="shop/gateway.py:7", repo="acme/shop")
    assert "Calls 1 definition" in caller.text and any(link and "cart.py%3A9" in link for link in caller.links)
    assert "No match" in get(client, "/graph", symbol="nothing_of_the_kind").text
    get(client, "/graph", symbol="", status=400)
    assert "/graph?symbol=total_price" in get(client, "/symbol", name="total_price").links
    assert "<b>" not in client.get("/graph", params={"symbol": "<b>x</b>"}).text


def test_repositories(client: TestClient) -> None:
    page = get(client, "/repositories")
    assert "acme/shop" in page.text and "left out: " in page.text and "vendored 1" in page.text


def test_assets_are_kept_by_browsers(client: TestClient) -> None:
    for name in ("page.css", "page.js", "icon.svg"):
        answer = client.get(f"/assets/{name}")
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        again = client.get(f"/assets/{name}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    assert client.get("/assets/..%2f..%2fapp.py").status_code == 404
    script, style = client.get("/assets/page.js").text, client.get("/assets/page.css").text
    assert "innerHTML" not in script and "http" not in script + style


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_enough_in_both_schemes(client: TestClient) -> None:
    """WCAG AA: 4.5 to 1 for text on what it stands on."""
    style = client.get("/assets/page.css").text
    schemes = re.findall(r"\{\s*(--bg:.*?)color-scheme", style, re.DOTALL)
    assert len(schemes) == 3 and schemes[1].split() == schemes[2].split()
    for scheme in schemes:
        colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", scheme))
        pairs = [(name, ground) for name in ("text", "dim", "link") for ground in ("bg", "panel", "code-bg", "chosen")]
        pairs += [(name, "code-bg") for name in "csnkftm"] + [
            (f"{n}", f"{n}-bg") for n in ("ok", "warn", "bad", "info")
        ]
        pairs += [("mark-text", "mark"), ("text", "grey-bg")]
        for name, ground in pairs:
            bright, dark = sorted((luminance(colors[name]), luminance(colors[ground])), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (name, ground, colors[name], colors[ground])
        bright, dark = sorted((luminance("#ffffff"), luminance(colors["button"])), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_every_field_has_a_label(client: TestClient) -> None:
    for path in ("/", "/repositories", "/login"):
        page = client.get(path).text
        for field in re.findall(r"<(?:input|select)[^>]*>", page):
            inside = re.search(rf"<label>(?:(?!</label>).)*{re.escape(field)}", page, re.DOTALL)
            assert "aria-label" in field or inside, field


# -- the pieces --------------------------------------------------------------------------------------------------------

CODE = st.lists(
    st.one_of(
        st.sampled_from(['"', "'", "`", '"""', "/*", "*/", "//", "#", "--", "\\", "<!--", "\n", "\r\n", " ", "(", "#[", "]", "@x",
                         "fn", "return", "0x1f", "1.5e3", "Name", "name", "<b>", "&amp;", "é", "{-", "[[", "${#"]),
        st.text(max_size=5),
    ),
    max_size=60,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(CODE, st.sampled_from(LANGUAGES), st.data())
def test_highlighting_changes_no_character(source: str, language: str, data: Any) -> None:
    lines = source.split("\n")
    marks = {}
    for number, line in enumerate(lines):
        edges = sorted(data.draw(st.sets(st.integers(0, len(line)), max_size=4)))
        marks[number] = list(zip(edges[::2], edges[1::2], strict=False))
    shown = highlighted(source, language, marks)
    assert len(shown) == len(lines)
    for number, (got, line) in enumerate(zip(shown, lines, strict=True)):
        hidden = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
        wanted = re.sub(hidden, "\ufffd", line.rstrip("\r"))
        assert unescape_once(re.sub(r"</?(?:span|mark)[^>]*>", "", got)) == wanted
        marked = "".join(re.findall(r"<mark>(.*?)</mark>", got, re.DOTALL))
        told = "".join(line.rstrip("\r")[a:b] for a, b in marks[number])
        assert unescape_once(re.sub(r"</?span[^>]*>", "", marked)) == re.sub(hidden, "\ufffd", told)


def unescape_once(text: str) -> str:
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return text


@pytest.mark.timeout(60)  # linear is 0.1 s, quadratic minutes
@pytest.mark.parametrize("piece", ["#[", '"', "'", "/*", "a", "<!--", "--[[", "`", "(", "@", "\\", '"""', "{-", "x("])
@pytest.mark.parametrize("language", ["rust", "python", "lua", "html", "c"])
def test_no_text_takes_minutes(piece: str, language: str) -> None:
    assert len(highlighted(piece * (200_000 // len(piece)), language)) == 1


def test_colours_are_right_where_it_is_easy() -> None:
    (line,) = highlighted("def f(x):  # note", "python")
    assert line == '<span class="k">def</span> <span class="f">f</span>(x):  <span class="c"># note</span>'
    two = highlighted('a = """x\ny"""', "python")
    assert two == ['a = <span class="s">&quot;&quot;&quot;x</span>', '<span class="s">y&quot;&quot;&quot;</span>']
    assert highlighted("let a: &'a str = 'x';", "rust")[0].count('class="s"') == 1


def test_prose_has_code_and_nothing_else() -> None:
    assert prose("run `<x>` or <b>") == "run <code>&lt;x&gt;</code> or &lt;b&gt;"


def test_elements_escape_and_leave_out() -> None:
    assert tag("a", "<b>", None, ["&", 1], href='"x"', title=None, hidden=True) == (
        '<a href="&quot;x&quot;" hidden>&lt;b&gt;&amp;1</a>'
    )


@pytest.mark.parametrize(
    ("location", "page"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r/blob/{c}/a%20b.py#L3-L5"),
        ("git@github.com:o/r.git", "https://github.com/o/r/blob/{c}/a%20b.py#L3-L5"),
        ("ssh://git@gitlab.example.org:2222/g/s/r.git", "https://gitlab.example.org/g/s/r/-/blob/{c}/a%20b.py#L3-5"),
        ("https://codeberg.org/o/r", "https://codeberg.org/o/r/src/commit/{c}/a%20b.py#L3-L5"),
        ("https://bitbucket.org/o/r", "https://bitbucket.org/o/r/src/{c}/a%20b.py#lines-3:5"),
        ("https://git.example.org/o/r", None),
        ("/srv/code/github", None),
        ("file:///srv/github", None),
        ("javascript:github", None),
    ],
)
def test_addresses_on_code_hosts(location: str, page: str | None) -> None:
    commit = "c" * 40
    assert file_page(location, commit, "a b.py", 3, 5) == (page.format(c=commit) if page else None)
    assert file_page(location, "folder-digest", "a b.py") is None
    assert (repository_page(location) is None) == (page is None)


def test_times_and_file_addresses() -> None:
    assert unescape(ago(0, 90)).endswith(">1 min ago</time>") and ">2 d ago<" in ago(0, 2 * 86400 + 5)
    assert file_url("o/r", "a b/#.py", 3, 5, "v1") == "/file/o/r/a%20b/%23.py?ref=v1&lines=3-5#L3"
