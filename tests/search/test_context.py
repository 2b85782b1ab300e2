"""Packed contexts, maps, outlines, routes and entry points, on a real index of a real git repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import steps_alone
from chains import GitRepository

from code_index_assets.errors import FileNotIndexedError, NotIndexedError, QueryError
from code_index_assets.graph.pagerank import pagerank, personalised
from code_index_assets.search.context import ContextRequest, pack_context
from code_index_assets.search.context_answers import ContextAnswer, ContextSpan
from code_index_assets.search.context_text import render_context
from code_index_assets.search.engine import SearchEngine
from code_index_assets.search.entrances import Asked, render_entrances
from code_index_assets.search.entry_points import find_entry_points
from code_index_assets.search.frames import Frame, PathsByName, errors_of, frames_of
from code_index_assets.search.outline import outline_of, render_outline
from code_index_assets.search.overview_answers import EntrancesAnswer
from code_index_assets.search.repository_map import map_of, render_map
from code_index_assets.search.route_forms import called
from code_index_assets.search.routes import find_routes
from code_index_assets.search.token_count import count_tokens
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout

FILES = {
    "pyproject.toml": '[project]\nname = "shop"\n\n[project.scripts]\nshopd = "shop.app:main"\n',
    "package.json": '{"name": "api", "bin": {"shop-api": "./api/server.js"}}\n',
    "shop/__init__.py": "",
    "shop/cart.py": '"""Carts."""\n\n\nclass Cart:\n    """Holds the items of a customer."""\n\n    def __init__(self):\n'
    "        self.rows = []\n\n    def total(self, rate):\n        return add_tax(sum(self.rows), rate)\n\n\n"
    "def add_tax(amount, rate):\n    if rate < 0:\n        raise ValueError('negative rate')\n    return amount * (1 + rate)\n",
    "shop/pay.py": "from shop.cart import Cart\n\n\ndef settle(cart: Cart, rate):\n    return cart.total(rate)\n",
    "shop/app.py": "from unittest import mock\n\nfrom flask import Flask\n\nfrom shop.pay import settle\n\napp = Flask(__name__)\n\n\n"
    '@app.route("/pay/<int:rate>", methods=["POST", "PUT"])\ndef pay(rate):\n    return settle(None, rate)\n\n\n'
    '@mock.patch("a.b")\ndef patched():\n    pass\n\n\ndef main():\n    app.run()\n\n\n'
    'if __name__ == "__main__":\n    main()\n',
    "shop/urls.py": "from django.urls import path\n\nfrom . import views\n\nurlpatterns = [\n"
    '    path("carts/", views.carts, name="carts"),\n    path("cart/<id>/", views.CartView.as_view()),\n]\n',
    "shop/views.py": "def carts(request):\n    return request\n\n\nclass CartView:\n    def get(self):\n        return 1\n",
    "tests/test_pay.py": "from shop.cart import Cart\nfrom shop.pay import settle\n\n\ndef test_settle():\n    assert settle(Cart(), 0) == 0\n",
    "api/server.js": 'const express = require("express");\nconst { list } = require("./handlers");\nconst app = express();\n'
    'app.get("/list", list);\napp.post("/add", guard, (req, res) => res.send("x"));\n// app.get("/no", list);\napp.get("setting");\n',
    "api/handlers.js": "function list(req, res) {\n  res.send(1);\n}\nmodule.exports = { list };\n",
    "srv/main.go": 'package main\n\nimport (\n\t"net/http"\n\n\t"github.com/go-chi/chi/v5"\n)\n\n'
    'func hello(w http.ResponseWriter, r *http.Request) {}\n\nfunc main() {\n\tr := chi.NewRouter()\n\tr.Get("/hello", hello)\n'
    '\thttp.HandleFunc("POST /bye", func(w http.ResponseWriter, r *http.Request) {})\n}\n',
    "srv/ledger.rb": "def book_entry(amount)\n  amount\nend\n",
    "java/Carts.java": "package java;\n\nimport org.springframework.web.bind.annotation.*;\n\n@RestController\n"
    '@RequestMapping("/carts")\npublic class Carts {\n  @GetMapping("/{id}")\n  public String one(String id) { return id; }\n\n'
    '  @RequestMapping(value = "/all", method = RequestMethod.DELETE)\n  public void none() {}\n\n'
    "  public static void main(String[] args) {}\n}\n",
}
TRACE = """It breaks when I settle a cart

```
Traceback (most recent call last):
  File "/home/me/venv/lib/site-packages/shop/pay.py", line 5, in settle
    return cart.total(rate)
  File "/home/me/venv/lib/site-packages/shop/cart.py", line 999, in add_tax
    raise ValueError('negative rate')
ValueError: negative rate
```
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SearchEngine:
    folder = tmp_path_factory.mktemp("context")
    settings = steps_alone.settings_of(folder / "data")
    layout = Layout(settings.data).create()
    work = GitRepository(folder / "work")
    work.commit(dict(FILES))
    Registry.load(settings.registry_file, layout).add(str(work.path), name="acme/shop")
    steps_alone.run(settings, "acme/shop", "run-0")
    return SearchEngine(layout, settings)


def packed(engine: SearchEngine, task: str, tokens: int = 8000) -> ContextAnswer:
    return pack_context(engine, ContextRequest(task=task, max_tokens=tokens))


def span_of(answer: ContextAnswer, symbol: str) -> ContextSpan:
    return next(span for span in answer.spans if (span.symbol or "").endswith(symbol))


# -- context -----------------------------------------------------------------------------------------------------------


def test_a_context_has_the_lines_in_full_what_leads_on_from_them_and_why(engine: SearchEngine) -> None:
    answer = packed(engine, "add_tax")
    core = span_of(answer, "add_tax")
    assert (core.part, core.path, core.start_line, core.grade) == ("core", "shop/cart.py", 14, None)
    commit = engine.receipts()["acme/shop"].commit
    for span in answer.spans:
        assert span.commit == commit and span.why and 1 <= span.start_line <= span.end_line
        if span.part == "core":
            lines = FILES[span.path].split("\n")[span.start_line - 1 : span.end_line]
            assert span.text == "\n".join(lines), "exact lines of the commit"
    settle = span_of(answer, "settle")
    assert settle.grade == "proven", "no word of the task is in it: the graph led there"
    assert settle.evidence_path is not None and settle.evidence_line is not None
    assert "settle" in FILES[settle.evidence_path].split("\n")[settle.evidence_line - 1], "the line that shows it"
    assert span_of(answer, "test_settle").role == "test", "the test that reaches it, three calls away"
    assert answer.complete and answer.files >= 2 and any("co-change" in note for note in answer.notes)


def test_frames_and_errors_of_a_pasted_trace_are_understood(engine: SearchEngine) -> None:
    answer = packed(engine, TRACE)
    assert answer.frames == ("shop/cart.py:999", "shop/pay.py:5")
    raised = span_of(answer, "add_tax")
    assert raised in answer.spans[:2], "though the file has no such line now"
    assert raised.why == ("the task names shop/cart.py:999",) and span_of(answer, "settle") in answer.spans[:2]


@pytest.mark.parametrize("tokens", [500, 700, 1100, 2500])
@pytest.mark.parametrize(
    "task", ["how is tax added to a cart", TRACE, 'fix "negative rate": -rate of repo:none', "=> ??? total"]
)
def test_an_answer_keeps_to_its_budget(engine: SearchEngine, task: str, tokens: int) -> None:
    answer = packed(engine, task, tokens)
    text = render_context(answer)
    assert count_tokens(text) <= answer.tokens <= tokens
    assert answer.spans and len({(s.path, s.start_line, s.end_line) for s in answer.spans}) == len(answer.spans)
    assert all(span.path in text for span in answer.spans)


def test_a_context_that_cannot_be_asked_for(engine: SearchEngine) -> None:
    for task, tokens, message in (
        ("  ", 8000, "for what"),
        ("x", 499, "tokens are not between"),
        ("x" * 70_000, 8000, "characters"),
    ):
        with pytest.raises(QueryError, match=message):
            packed(engine, task, tokens)
    with pytest.raises(NotIndexedError):
        pack_context(engine, ContextRequest(task="tax", repositories=("nowhere",)))


# -- frames ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('  File "/srv/shop/a.py", line 12, in Cart.add', Frame("/srv/shop/a.py", 12, "add")),
        ("\tat org.acme.shop.Cart.add(Cart.java:12)", Frame("org/acme/shop/Cart.java", 12, "add")),
        ("\tat org.acme.Cart$Row.<init>(Cart.java:7)", Frame("org/acme/Cart.java", 7, "init")),
        ("    at Cart.add (/srv/shop/a.js:12:5)", Frame("/srv/shop/a.js", 12, "add")),
        ("    at async run (file:///srv/a.mjs:3:1)", Frame("/srv/a.mjs", 3, "run")),
        ("   at Acme.Cart.Add(Int32 n) in /src/Cart.cs:line 12", Frame("/src/Cart.cs", 12, "Add")),
        ("\t/srv/app/cart.go:12 +0x1d", Frame("/srv/app/cart.go", 12)),
        ("             at src/cart.rs:12:5", Frame("src/cart.rs", 12)),
        ("lib/cart.rb:12:in `add'", Frame("lib/cart.rb", 12, "add")),
        ("#0 /srv/a.php(12): add()", Frame("/srv/a.php", 12)),
        ("PHP Fatal error: no in /srv/a.php on line 12", Frame("/srv/a.php", 12)),
        ("src/cart.c:12:5: error: expected ';'", Frame("src/cart.c", 12)),
    ],
)
def test_frames_of_many_languages_are_read(text: str, frame: Frame) -> None:
    assert frames_of(f"It fails:\n{text}\nwhat now? see https://example.org:80/x") == (frame,)


def test_errors_are_read_the_last_one_first() -> None:
    text = "x\nKeyError: 'a'\n\nDuring handling\n\nshop.NoCartError: gone\nthread 'main' panicked at 'no cart', src/a.rs:1:2\n"
    assert errors_of(text) == ("'no cart', src/a.rs:1:2", "shop.NoCartError: gone", "KeyError: 'a'")
    assert errors_of("The error is that nothing works") == ()


def test_a_path_of_elsewhere_means_the_file_that_agrees_most() -> None:
    paths = PathsByName(["src/shop/cart.py", "old/cart.py", "a/util.py", "b/util.py", "c/util.py"])
    assert paths.meant("/venv/site-packages/shop/cart.py") == ("src/shop/cart.py",)
    assert paths.meant("C:\\work\\Shop\\Cart.py") == ("src/shop/cart.py",)
    assert paths.meant("util.py") == (), "three agree alike"
    assert paths.meant("/usr/lib/python3/json.py") == ()


# -- PageRank ----------------------------------------------------------------------------------------------------------

EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0.1, 2)), max_size=25)


@given(EDGES)
def test_ranks_add_up_to_one_and_who_is_used_has_more_than_who_is_not(edges: list[tuple[int, int, float]]) -> None:
    ranks = pagerank(edges, range(7))
    assert set(ranks) == set(range(7)) and abs(sum(ranks.values()) - 1) < 1e-6
    used = {end for start, end, _ in edges if start != end}
    assert all(ranks[node] >= min(ranks.values()) - 1e-9 for node in used)
    if used and used != set(range(7)):
        assert min(ranks[node] for node in used) > min(ranks.values())


@given(EDGES, st.dictionaries(st.integers(0, 6), st.floats(0.1, 1), min_size=1))
def test_pushing_from_seeds_gives_the_personalised_rank(
    edges: list[tuple[int, int, float]], seeds: dict[int, float]
) -> None:
    def neighbours(node: int) -> list[tuple[int, float]]:
        return [(end, weight) for start, end, weight in edges if start == node]

    pushed = personalised(seeds, neighbours, restart=0.5, expansions=100)
    total = sum(seeds.values())
    ranks = dict.fromkeys(range(7), 0.0)
    going = {node: seeds.get(node, 0.0) / total for node in range(7)}
    for _ in range(60):
        following = dict.fromkeys(range(7), 0.0)
        for node, held in going.items():
            ends = neighbours(node)
            out = sum(weight for _, weight in ends)
            ranks[node] += (0.5 if ends else 1.0) * held
            for end, weight in ends:
                following[end] += 0.5 * held * weight / out
        going = following
    assert all(abs(pushed.get(node, 0.0) - ranks[node]) < 1e-3 for node in range(7))
    few = personalised(seeds, neighbours, restart=0.5, expansions=1)
    assert sum(few.values()) <= 1 + 1e-9


# -- overviews ---------------------------------------------------------------------------------------------------------


def test_a_map_ranks_what_others_rest_on_and_keeps_to_its_budget(engine: SearchEngine) -> None:
    answer = map_of(engine, "acme/shop", 2000)
    first = answer.files[0]
    assert first.path == "shop/cart.py" and first.grade == "proven" and first.evidence_line == 1
    assert [made.name for made in first.definitions][:1] == ["Cart"]
    paths = [file.path for file in answer.files]
    assert paths.index("tests/test_pay.py") > paths.index("srv/main.go"), "tests after source"
    assert answer.import_edges > 0 and answer.commit
    for tokens in (500, 600, 900):
        small = map_of(engine, "shop", tokens)
        assert small.files and count_tokens(render_map(small)) <= tokens and len(small.files) <= len(answer.files)
    with pytest.raises(QueryError):
        map_of(engine, "shop", 10)


def test_an_outline_is_the_tree_of_a_file(engine: SearchEngine) -> None:
    answer = outline_of(engine, "shop", "shop/cart.py")
    made = [(d.depth, d.kind, d.name, d.start_line, d.end_line) for d in answer.definitions if d.kind != "field"]
    assert made == [
        (0, "class", "Cart", 4, 11), (1, "constructor", "__init__", 7, 8), (1, "method", "total", 10, 11),
        (0, "function", "add_tax", 14, 17),
    ]  # fmt: skip
    assert answer.definitions[1].parent == answer.definitions[0].qualified_name
    assert "  10-11 method total  def total(self, rate)" in render_outline(answer)
    with pytest.raises(FileNotIndexedError, match=r"did you mean shop/cart\.py"):
        outline_of(engine, "shop", "shop/crat.py")


def entrances(answer: EntrancesAnswer) -> set[tuple[str, str, str, str]]:
    return {(one.name, one.handler.rpartition(".")[2], f"{one.path}:{one.line}", one.grade) for one in answer.entrances}


def test_routes_of_frameworks_and_what_handles_them(engine: SearchEngine) -> None:
    answer = find_routes(engine, Asked(("shop",)))
    assert entrances(answer) == {
        ("POST,PUT /pay/<int:rate>", "pay", "shop/app.py:10", "proven"),
        ("ANY carts/", "carts", "shop/views.py:1", "proven"),
        ("ANY cart/<id>/", "CartView", "shop/views.py:5", "proven"),
        ("GET /list", "list", "api/handlers.js:1", "inferred"),
        ("POST /add", "<inline>", "api/server.js:5", "proven"),
        ("GET /hello", "hello", "srv/main.go:9", "proven"),
        ("POST /bye", "<inline>", "srv/main.go:14", "proven"),
        ("GET /carts/{id}", "one", "java/Carts.java:8", "proven"),
        ("DELETE /carts/all", "none", "java/Carts.java:11", "proven"),
    }
    assert {one.framework for one in answer.entrances} == {"flask", "django", "express", "chi", "spring"}
    assert answer.other_files == 1 and not answer.complete, "Ruby: nothing is looked for in it"
    assert "at shop/urls.py:6" in render_entrances(answer)


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("go", 'r.POST("/a", WrapH(&thing{T: t}))', ("POST", "/a", "WrapH")),
        ("go", 'mux.Handle("GET /b/{id}", http.HandlerFunc(show))', ("GET", "/b/{id}", "show")),
        ("go", 'client.Get("https://example.org", nil)', None),
        ("python", 'path("c/", login_required(views.cart), name="c"),', ("ANY", "c/", "cart")),
        ("python", 're_path(r"^d/$", lambda request: None)', ("ANY", "^d/$", "")),
        ("python", 'url(r"^e/", include("shop.urls"))', ("ANY", "^e/", "shop.urls")),
        ("python", 'os.path("x", y)', None),
        ("javascript", "router.get('/f', async (req, res) => {", ("GET", "/f", "")),
        ("javascript", "app.delete(`/g/:id`, guard, wrap(remove));", ("DELETE", "/g/:id", "remove")),
        ("javascript", 'map.get("/h", other)', None),
    ],
)
def test_forms_of_routes(language: str, text: str, found: tuple[str, str, str] | None) -> None:
    read = [(one.methods, one.pattern, one.handler) for one in called(language, text)]
    assert read == ([found] if found else [])


def test_entry_points_of_programs(engine: SearchEngine) -> None:
    assert entrances(find_entry_points(engine, Asked(("shop",)))) == {
        ("shopd", "main", "shop/app.py:20", "proven"),
        ("shop-api", "js", "api/server.js:1", "proven"),
        ("shop/app.py", "<module>", "shop/app.py:24", "proven"),
        ("main.main", "main", "srv/main.go:11", "proven"),
        ("java.Carts.main", "main", "java/Carts.java:14", "proven"),
    }
