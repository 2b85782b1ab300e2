"""Python names, resolved: scopes, imports, receivers, and what must not be guessed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from code_graphs import callers, candidates, graph_of, uses


def test_a_local_name_is_not_the_one_of_the_module() -> None:
    graph = graph_of({"a.py": "def run():\n    pass\n\n\ndef go(run):\n    run()\n\n\ndef stop():\n    run()\n"})
    assert uses(graph, "a.py", "run", 1) == {"a.py:10": "proven"}
    assert callers(graph, "a.py", "run", 1) == {"stop"}


def test_names_of_a_class_are_not_seen_from_its_methods() -> None:
    graph = graph_of({"a.py": "def size():\n    pass\n\n\nclass A:\n    def size(self):\n        return size()\n"})
    assert uses(graph, "a.py", "size", 1) == {"a.py:7": "proven"}
    assert uses(graph, "a.py", "size", 6) == {}


def test_imports_under_other_names_and_through_packages_lead_to_the_definition() -> None:
    graph = graph_of(
        {
            "shop/__init__.py": "from .cart import fill as fill_up\nfrom .more import *\n",
            "shop/cart.py": "def fill():\n    pass\n",
            "shop/more.py": "def extra():\n    pass\n",
            "use.py": "import shop\nfrom shop import fill_up, extra\nfill_up()\nextra()\nshop.fill_up()\nshop.cart.fill()\n",
        }
    )
    assert uses(graph, "shop/cart.py", "fill") == {
        "shop/__init__.py:1": "proven", "use.py:2": "proven", "use.py:3": "proven", "use.py:5": "proven",
        "use.py:6": "proven",
    }  # fmt: skip
    assert uses(graph, "shop/more.py", "extra") == {"use.py:2": "proven", "use.py:4": "proven"}


def test_a_package_of_the_library_is_not_a_module_beside_the_file() -> None:
    graph = graph_of(
        {
            "app/__init__.py": "",
            "app/json/__init__.py": "def loads(text):\n    pass\n",
            "app/config.py": "import json\njson.loads('')\n",
        }
    )
    assert uses(graph, "app/json/__init__.py", "loads") == {}
    assert candidates(graph, "app/json/__init__.py", "loads") == []


RECEIVERS = """
class Base:
    def get(self):
        return self.run()
    def run(self): ...
class Cart(Base):
    def get(self): ...
    def clone(self) -> "Cart": ...
class Other:
    def get(self): ...
def annotated(cart: Cart):
    cart.get()
def constructed():
    Cart().get()
def assigned():
    cart = Cart()
    cart.clone().get()
def unknown(thing):
    thing.get()
def mapping(values: dict):
    values.get(1)
def text():
    "".get()
class Deep(Cart):
    def go(self):
        self.get()
        super().get()
        self.run()
def entered(carts: list[Cart]):
    for cart in carts:
        cart.get()
    [c.get() for c in carts]
"""


def test_receivers_are_known_by_annotation_construction_assignment_and_return() -> None:
    graph = graph_of({"a.py": RECEIVERS})
    assert callers(graph, "a.py", "get", 7) == {"annotated", "constructed", "assigned", "go", "entered"}
    assert callers(graph, "a.py", "get", 10) == set(), "a method of the same name on an unrelated class"
    assert "a.py:19" in candidates(graph, "a.py", "get", 10), "an unknown receiver is a candidate, never picked"
    assert "a.py:21" not in candidates(graph, "a.py", "get", 10), "a dict is known to be none of these"


def test_a_call_through_the_base_counts_for_the_base_and_may_run_the_override() -> None:
    graph = graph_of({"a.py": RECEIVERS + "class Late(Base):\n    def run(self): ...\n"})
    line = len(RECEIVERS.split("\n")) + 1
    assert uses(graph, "a.py", "run", 5).keys() == {"a.py:4", "a.py:28"}
    assert uses(graph, "a.py", "run", line) == {}
    assert callers(graph, "a.py", "run", line) == {"get", "go"}


def test_a_fixture_gives_the_parameter_its_type() -> None:
    graph = graph_of(
        {
            "app.py": "class Client:\n    def open(self): ...\nclass Door:\n    def open(self): ...\n",
            "conftest.py": "import pytest\nfrom app import Client\n\n\n@pytest.fixture\ndef client():\n    return Client()\n",
            "test_app.py": "def test_open(client):\n    client.open()\n",
        }
    )
    assert uses(graph, "app.py", "open", 2) == {"test_app.py:2": "inferred"}
    assert uses(graph, "app.py", "open", 4) == {}


def test_answers_do_not_depend_on_the_order_of_questions() -> None:
    cycle = {
        "a.py": "from b import second\ndef first(x):\n    return second(x)\nclass A:\n    def go(self): ...\n"
        "def start():\n    first(A()).go()\n",
        "b.py": "from a import first, A\ndef second(x):\n    if x:\n        return A()\n    return first(x)\n"
        "def end():\n    second(1).go()\n",
    }
    questions = [("a.py", "first"), ("b.py", "second"), ("a.py", "go"), ("a.py", "A")]
    forward, backward = graph_of(cycle), graph_of(cycle)
    one = {q: uses(forward, *q) for q in questions}
    other = {q: uses(backward, *q) for q in reversed(questions)}
    assert one == other
    assert one["a.py", "go"].keys() == {"a.py:7", "b.py:7"}


def test_an_expression_of_many_parts_is_followed_to_its_end() -> None:
    sums = " + ".join(["one()"] * 600)
    graph = graph_of({"a.py": f"def one():\n    return 1\n\n\ndef many():\n    return {sums}\n"})
    assert callers(graph, "a.py", "one") == {"many"}


def test_a_chain_of_many_calls_does_not_end_the_search() -> None:
    steps = "".join(f"    x{n + 1} = x{n}.next()\n" for n in range(400))
    text = f"class A:\n    def next(self) -> 'A': ...\n    def done(self): ...\ndef go(x0: A):\n{steps}    x5.done()\n    x400.done()\n"
    lines = list(uses(graph_of({"a.py": text}), "a.py", "done"))
    assert "a.py:405" in lines


def test_an_iterator_that_gives_itself_ends_the_search_for_its_items() -> None:
    graph = graph_of(
        {
            "a.py": "class Item:\n    def ring(self): ...\n\n"
            "class Loop:\n    def __iter__(self):\n        return Loop()\n\n"
            "class Walk:\n    def __iter__(self):\n        return self\n    def __next__(self):\n        return Item()\n\n"
            "def endless():\n    for item in Loop():\n        item.ring()\n\n"
            "def walked():\n    for item in Walk():\n        item.ring()\n",
        }
    )
    assert "walked" in callers(graph, "a.py", "ring")
