"""Resolved uses of a definition, on real indexes of real git repositories."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import steps_alone
from chains import GitRepository

from code_index_assets.search.answer_fields import to_json
from code_index_assets.search.engine import SearchEngine
from code_index_assets.search.graph_questions import GraphRequest, ask_graph
from code_index_assets.search.uses import UsesRequest, find_uses
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout

FIRST = {
    "shop/__init__.py": "",
    "shop/cart.py": "class Cart:\n    def total(self):\n        return helper()\n\n\ndef helper():\n    return 1\n",
    "shop/pay.py": "from shop.cart import Cart\n\n\ndef pay(cart: Cart):\n    return cart.total()\n",
    "tests/test_pay.py": "from shop.pay import pay\n\n\ndef test_pay():\n    pay(None)\n",
}
# `shop.cart` becomes a package that takes `Cart` from elsewhere: files that did not change get other targets.
SECOND: dict[str, str | None] = {
    "shop/cart.py": None,
    "shop/cart/__init__.py": "from .parts import Cart\n",
    "shop/cart/parts.py": "class Cart:\n    def total(self):\n        return 2\n",
}


def indexed(folder: Path, *commits: Mapping[str, str | None]) -> SearchEngine:
    settings = steps_alone.settings_of(folder / "data")
    layout = Layout(settings.data).create()
    work = GitRepository(folder / "work")
    registered = False
    for number, files in enumerate(commits):
        work.commit(dict(files))
        if not registered:
            Registry.load(settings.registry_file, layout).add(str(work.path), name="acme/shop")
            registered = True
        steps_alone.run(settings, "acme/shop", f"run-{number}")
    return SearchEngine(layout, settings)


def edges(engine: SearchEngine) -> dict[str, object]:
    """Everything that is answered about every definition asked for here."""
    found: dict[str, object] = {}
    for name in ("Cart", "total", "helper", "pay"):
        answer = to_json(find_uses(engine, UsesRequest(name, "acme/shop")))
        found[name] = {
            part: answer[part] for part in ("definitions", "references", "candidates", "callers", "complete")
        }
    found["impact"] = to_json(ask_graph(engine, GraphRequest("impact", "Cart.total")))["edges"]
    return found


def test_edges_of_an_index_kept_over_commits_are_those_of_one_made_from_scratch(tmp_path: Path) -> None:
    kept = indexed(tmp_path / "kept", FIRST, SECOND)
    whole = {path: text for path, text in {**FIRST, **SECOND}.items() if text is not None}
    scratch = indexed(tmp_path / "scratch", whole)
    assert edges(kept) == edges(scratch)
    (definition,) = find_uses(kept, UsesRequest("total", "acme/shop")).definitions
    assert (definition.path, definition.line) == ("shop/cart/parts.py", 2)
    answer = find_uses(kept, UsesRequest("total", "acme/shop", "shop/cart/parts.py", 2))
    assert [(use.path, use.line, use.kind, use.grade, use.role) for use in answer.references] == [
        ("shop/pay.py", 5, "calls", "inferred", "source")
    ]
    assert answer.complete
    impact = ask_graph(kept, GraphRequest("impact", "Cart.total"))
    assert [(edge.name, edge.depth, edge.role) for edge in impact.edges] == [
        ("pay", 1, "source"),
        ("test_pay", 2, "test"),
    ]
    diff = "--- a/shop/pay.py\n+++ b/shop/pay.py\n@@ -5 +5 @@\n-    return cart.total()\n+    return 0\n"
    tests = ask_graph(kept, GraphRequest("tests-for", diff=diff))
    assert [made.name for made in tests.definitions] == ["pay"]
    assert [edge.name for edge in tests.edges] == ["test_pay"]
