"""TypeScript, Go, Java, C and C++ names, resolved."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from code_graphs import callers, candidates, graph_of, place, uses

from code_index_assets.graph import questions
from code_index_assets.graph.tests_of import reaching_tests


def test_typescript_re_exports_aliases_defaults_and_barrels() -> None:
    graph = graph_of(
        {
            "src/a.ts": "export function make() {}\nexport default class Shop { open() {} }\n",
            "src/index.ts": 'export { make as build } from "./a";\nexport * as all from "./a";\nexport * from "./b";\n',
            "src/b.ts": "export const string = () => 1;\n",
            "src/use.ts": 'import { build, all, string } from "./index";\nimport S from "./a";\n'
            "build();\nall.make();\nstring();\nnew S().open();\n",
        }
    )
    assert uses(graph, "src/a.ts", "make").keys() == {"src/index.ts:1", "src/use.ts:1", "src/use.ts:3", "src/use.ts:4"}
    assert uses(graph, "src/b.ts", "string").keys() == {"src/use.ts:1", "src/use.ts:5"}
    assert uses(graph, "src/a.ts", "open") == {"src/use.ts:6": "inferred"}


def test_typescript_types_and_values_of_one_name_are_two_things() -> None:
    graph = graph_of({"a.ts": "interface Cart { n: number }\nconst Cart = 1;\nlet a: Cart;\nlet b = Cart;\n"})
    assert uses(graph, "a.ts", "Cart", 1) == {"a.ts:3": "proven"}
    assert uses(graph, "a.ts", "Cart", 2) == {"a.ts:4": "proven"}


def test_typescript_path_aliases_lead_to_files() -> None:
    graph = graph_of(
        {
            "tsconfig.json": '{ // sources\n "compilerOptions": {"paths": {"@internal/*": ["./src/*"],}} }',
            "src/a.ts": "export const one = 1;\n",
            "test/b.ts": 'import { one } from "@internal/a";\none;\n',
        }
    )
    assert uses(graph, "src/a.ts", "one").keys() == {"test/b.ts:1", "test/b.ts:2"}


GO = {
    "go.mod": "module example.com/shop\n",
    "shop.go": "package shop\n\ntype Router interface{ Put(a string) }\n\ntype base struct{}\n\nfunc (b *base) Put(a string) {}\n\n"
    "type Mux struct{ *base }\n\nfunc New() *Mux { return &Mux{} }\n",
    "other.go": "package shop\n\ntype Other struct{}\n\nfunc (o Other) Put(a string) {}\n\nfunc viaInterface(r Router) { r.Put(1) }\n\n"
    "func viaEmbedding() { m := New(); m.Put(2) }\n",
    "cmd/main.go": 'package main\n\nimport "example.com/shop"\n\nfunc main() {\n\tshop.New().Put("x")\n}\n',
}


def test_go_embedding_interfaces_and_packages() -> None:
    graph = graph_of(GO)
    assert callers(graph, "shop.go", "Put", 3) == {"viaInterface"}
    assert callers(graph, "shop.go", "Put", 7) == {"viaEmbedding", "main"}
    assert callers(graph, "other.go", "Put", 5) == set()
    assert uses(graph, "shop.go", "New") == {"other.go:9": "proven", "cmd/main.go:6": "proven"}


JAVA = {
    "src/a/Cart.java": "package a;\npublic class Cart {\n  void add(int a) {}\n  void add(String a) {}\n"
    "  void add(Object... a) {}\n  class Line { void total() { add(1); } }\n}\n",
    "src/a/Use.java": "package a;\nclass Use extends Cart {\n  void one(Cart c) { c.add(\"x\"); }\n  void two() { add(1, 2, 3); }\n"
    "  void three(Cart c, Unknown u) { c.add(u.get()); }\n  void four(java.util.List<Cart> all) { for (Cart c : all) c.add(1); }\n}\n",
    "src/b/Cart.java": "package b;\npublic class Cart { void add(int a) {} }\n",
}  # fmt: skip


def test_java_overloads_by_number_and_type_of_arguments() -> None:
    graph = graph_of(JAVA)
    assert callers(graph, "src/a/Cart.java", "add", 3) == {"total", "four"}
    assert callers(graph, "src/a/Cart.java", "add", 4) == {"one"}
    assert callers(graph, "src/a/Cart.java", "add", 5) == {"two"}
    assert callers(graph, "src/b/Cart.java", "add", 2) == set(), "another package"


def test_java_overloads_that_cannot_be_told_apart_are_candidates() -> None:
    graph = graph_of(JAVA)
    assert "src/a/Use.java:5" in candidates(graph, "src/a/Cart.java", "add", 3)


C = {
    "cart.h": "#define EXPORT\nstruct cart { int n; };\nint cart_size(struct cart *c);\n",
    "cart.c": '#include "cart.h"\nstatic int helper(void) { return 1; }\nint cart_size(struct cart *c) { return c->n + helper(); }\n',
    "other.c": '#include "cart.h"\nstatic int helper(void) { return 2; }\nint main(void) { return cart_size(0) + helper(); }\n',
    "unrelated.c": "int cart_size(int a) { return a; }\nint run(void) { return cart_size(1); }\n",
}


def test_c_headers_are_tied_to_definitions_and_statics_stay_in_their_file() -> None:
    graph = graph_of(C)
    assert place(graph, "cart.h", "cart_size") == place(graph, "cart.c", "cart_size")
    assert callers(graph, "cart.c", "cart_size") == {"main"}
    assert callers(graph, "unrelated.c", "cart_size") == {"run"}
    assert callers(graph, "cart.c", "helper") == {"cart_size"}
    assert callers(graph, "other.c", "helper") == {"main"}
    assert uses(graph, "cart.h", "n").keys() == {"cart.c:3"}


CPP = {
    "shop.h": "namespace shop {\nclass Iterator {\n public:\n  virtual void Next() = 0;\n};\nclass List : public Iterator {\n public:\n"
    "  void Next() override;\n  void Reset();\n  struct Rep;\n  Rep* rep_;\n};\n}\n",
    "shop.cc": '#include "shop.h"\nnamespace shop {\nstruct List::Rep { Iterator* inner; };\nvoid List::Next() { Reset(); rep_->inner->Next(); }\n'
    "void List::Reset() {}\n}\n",
    "use.cc": '#include "shop.h"\nvoid go(shop::List* list) { list->Next(); }\nclass Own { void Next(); void Go() { Next(); } };\n',
}


def test_cpp_members_of_the_class_around_a_method_and_nested_types() -> None:
    graph = graph_of(CPP)
    assert callers(graph, "shop.cc", "Reset") == {"Next"}
    assert uses(graph, "shop.h", "Next", 4).keys() == {"shop.cc:4"}
    assert uses(graph, "shop.h", "Next", 8).keys() == {"use.cc:2"}
    assert uses(graph, "use.cc", "Next").keys() == {"use.cc:3"}


def test_walks_over_calls() -> None:
    graph = graph_of(
        {
            "a.py": "def low():\n    pass\n\n\ndef mid():\n    low()\n\n\ndef top():\n    mid()\n\n\ndef alone():\n    alone()\n\n\n"
            "class Base:\n    def run(self): ...\nclass Sub(Base):\n    def run(self): ...\n",
            "test_a.py": "from a import top\n\n\ndef test_top():\n    top()\n",
        }
    )

    def role(path: str) -> str:
        return "test" if path.startswith("test_") else "source"

    low, top = place(graph, "a.py", "low"), place(graph, "a.py", "top")
    impact = questions.callers(graph, [low], depth=5)
    assert [(edge.name, edge.depth) for edge in impact.edges] == [("mid", 1), ("top", 2), ("test_top", 3)]
    assert [edge.name for edge in questions.callers(graph, [low], depth=1).edges] == ["mid"]
    assert [edge.name for edge in questions.callees(graph, [top]).edges] == ["mid"]
    assert [edge.name for edge in questions.path(graph, [top], [low]).edges] == ["mid", "low"]
    assert questions.path(graph, [low], [top]).edges == ()
    assert [edge.name for edge in reaching_tests(graph, [low], role).edges] == ["test_top"]
    base = place(graph, "a.py", "Base")
    assert [edge.name for edge in questions.implementations(graph, [base]).edges] == ["Sub"]
    unused = {edge.name: edge.why for edge in questions.unused(graph, role).edges}
    assert "low" not in unused and "top" not in unused
    assert all(why for why in unused.values()), "nothing is called dead: what may use it still is named"
