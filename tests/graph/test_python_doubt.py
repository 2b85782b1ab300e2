"""Python names that look proven and are not: bindings beside the definition, replaced members, modules by chance."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from code_graphs import graph_of, uses

RUN = "def run():\n    pass\n\n\n"  # line 1; what follows begins on line 5

OTHERS = {
    "comprehension": "def f(xs):\n    return [run() for run in xs]\n",
    "lambda": "f = lambda run: run()\n",
    "except": "def f():\n    try: pass\n    except E as run:\n        run()\n",
    "walrus": "def f(x):\n    if (run := x):\n        run()\n",
    "list pattern": "def f(x):\n    match x:\n        case [run]:\n            run()\n",
    "dict pattern": "def f(x):\n    match x:\n        case {'k': run, **rest}:\n            run()\n",
    "class pattern": "def f(x):\n    match x:\n        case Foo(a, k=run):\n            run()\n",
    "as pattern": "def f(x):\n    match x:\n        case str() as run:\n            run()\n",
    "splat pattern": "def f(x):\n    match x:\n        case (a, *run):\n            run()\n",
    "type parameter": "def f[run](x: run) -> run:\n    y: run\nclass A[run]:\n    x: run\n",
    "local import": "def f():\n    import os as run\n    run()\n",
    "assigned below": "def f(x):\n    run()\n    run = x\n",
}
DOUBTFUL = {
    "rebound": ("run = other(run)\nrun()\n", 6),
    "rebound in a function": ("def f(x):\n    global run\n    run = x\ndef g():\n    run()\n", 9),
    "one of two imports": ("try:\n    from fast import run\nexcept ImportError:\n    pass\nrun()\n", 9),
}


@pytest.mark.parametrize("body", OTHERS.values(), ids=list(OTHERS))
def test_a_name_bound_otherwise_is_not_the_function_of_the_module(body: str) -> None:
    assert uses(graph_of({"a.py": RUN + body}), "a.py", "run", 1) == {}


@pytest.mark.parametrize(("body", "line"), DOUBTFUL.values(), ids=list(DOUBTFUL))
def test_a_name_with_a_second_binding_is_not_proven(body: str, line: int) -> None:
    assert uses(graph_of({"a.py": RUN + body}), "a.py", "run", 1)[f"a.py:{line}"] == "inferred"


@pytest.mark.parametrize(
    "double",
    [
        "    a.run = lambda: 1\n",
        '    m.setattr(a, "run", lambda: 1)\n',
        '    m.setattr("a.run", lambda: 1)\n',
        '    patch("a.run")\n',
        '    patch.object(a, "run")\n',
    ],
)
def test_a_call_beside_a_test_double_is_not_proven(double: str) -> None:
    graph = graph_of({"a.py": RUN, "t.py": f"import a\n\ndef test(m, patch):\n{double}    a.run()\n"})
    assert uses(graph, "a.py", "run")["t.py:5"] == "inferred"
    assert uses(graph_of({"a.py": RUN, "t.py": "import a\na.run()\n"}), "a.py", "run") == {"t.py:2": "proven"}


def test_a_test_double_of_a_class_is_none_of_its_instances() -> None:
    files = {
        "a.py": "class C:\n    def get(self): pass\n",
        "t.py": "from unittest.mock import Mock\n\nclass C:\n    def get(self): pass\n\ndef test():\n"
        "    Mock().get()\n    Mock(spec=C).get()\n    C().get()\n    {}.get(1)\n",
    }
    assert uses(graph_of(files), "a.py", "get") == {}


def test_the_names_of_a_star_import_are_those_of_all() -> None:
    files = {
        "a.py": f'__all__ = ["other"]\n{RUN}def other(): pass\n',
        "b.py": RUN,
        "t.py": "from a import *\nrun()\nother()\n",
        "last.py": "from b import *\nfrom c import *\nrun()\n",
        "c.py": RUN,
        "grown.py": f'__all__ = ["other"]\n__all__ += ["run"]\n{RUN}',
        "g.py": "from grown import *\nrun()\n",
    }
    graph = graph_of(files)
    assert uses(graph, "a.py", "run") == {}
    assert uses(graph, "a.py", "other") == {"t.py:3": "proven"}
    assert uses(graph, "b.py", "run") == {} and uses(graph, "c.py", "run") == {"last.py:3": "proven"}
    assert uses(graph, "grown.py", "run") == {"g.py:2": "proven"}


def test_a_module_of_the_library_is_no_file_that_happens_to_have_its_name() -> None:
    mocked = {"x/vendor/unittest/mock.py": RUN, "t.py": "from unittest.mock import run\nrun()\n"}
    assert uses(graph_of(mocked), "x/vendor/unittest/mock.py", "run") == {}
    above = {
        "tools/json.py": RUN,
        "tools/sub/t.py": "import json\njson.run()\n",
        "tools/u.py": "import json\njson.run()\n",
    }
    assert uses(graph_of(above), "tools/json.py", "run") == {"tools/u.py:2": "proven"}


def test_a_module_found_by_the_end_of_its_path_is_not_proven() -> None:
    files = {"one/pkg/core/m.py": RUN, "two/t.py": "from core.m import run\nrun()\nimport core.m\ncore.m.run()\n"}
    assert set(uses(graph_of(files), "one/pkg/core/m.py", "run").values()) == {"inferred"}


def test_an_import_of_a_submodule_is_not_the_function_of_its_name() -> None:
    files = {"p/__init__.py": "from .run import run\n", "p/run.py": RUN, "t.py": "import p.run\np.run()\n"}
    assert uses(graph_of(files), "p/run.py", "run") == {"p/__init__.py:1": "proven", "t.py:2": "proven"}


CLASSES = """class A:
    @classmethod
    def make(cls):
        cls.run()
        A.run()
        type(cls).run()
    @classmethod
    def run(cls): pass
class P:
    def run(self): pass
class Mixin(P):
    def run(self):
        super().run()
class Alone(P):
    def run(self):
        super().run()
class Q(P): pass
class Z(Mixin, Q): pass
"""


def test_what_a_subclass_may_change_is_not_proven() -> None:
    graph = graph_of({"a.py": CLASSES})
    assert uses(graph, "a.py", "run", 8) == {"a.py:4": "inferred", "a.py:5": "proven"}
    assert uses(graph, "a.py", "run", 10) == {"a.py:13": "inferred", "a.py:16": "proven"}


def test_a_pattern_names_the_class_and_gives_its_type() -> None:
    text = "class A:\n    def run(self): pass\ndef f(x):\n    match x:\n        case A() as a:\n            a.run()\n"
    graph = graph_of({"a.py": text})
    assert uses(graph, "a.py", "A") == {"a.py:5": "proven"} and uses(graph, "a.py", "run") == {"a.py:6": "inferred"}


def test_an_edge_leads_to_the_definition_beside_an_import_of_its_name() -> None:
    from code_index_assets.graph.edges import Names, edges_of_file

    graph = graph_of({"a.py": "try:\n    import fast\nexcept ImportError:\n    fast = None\nfast\nos\n"})
    file = graph.repository.file("a.py")
    assert file is not None
    edges = [(e.line, e.target, e.target_kind, e.target_line, e.package) for e in edges_of_file(graph, file, Names())]
    assert (5, "fast", "variable", 4, None) in edges and all(kind != "import" for _, _, kind, _, _ in edges)


def test_facts_of_the_version_before_are_still_read() -> None:
    from code_index_assets.chunking.code_facts.model import FileFacts

    assert FileFacts.from_json("a.py", "python", '[1,"",[],[],[]]').definitions == []
    with pytest.raises(ValueError, match="version 0"):
        FileFacts.from_json("a.py", "python", '[0,"",[],[],[]]')
