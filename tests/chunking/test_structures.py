"""Documents, data and configuration: chunked on their own structure."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from code_index_assets.chunking.context import ProjectContext

CASES = [
    (
        "markdown",
        "# One *two*\n\ntext\n\n## Sub `code`\n\nwords\n\nUnder\n=====\n\nmore\n",
        {("section", "One two"), ("section", "One two > Sub code"), ("section", "One two > Under")},
    ),
    ("rst", "Title\n=====\n\ntext\n\nSub\n---\n\nmore\n", {("section", "Title"), ("section", "Title > Sub")}),
    ("json", '{"a": {"b": [1]}, "c": 2}\n', {("key", "a"), ("key", "a.b"), ("key", "c")}),
    ("yaml", "a:\n  b: 1\nd: e\n", {("key", "a"), ("key", "a.b"), ("key", "d")}),
    ("toml", 'x = 1\n[a.b]\nc = 1\n[[d]]\n', {("key", "x"), ("table", "a.b"), ("key", "a.b.c"), ("table", "d")}),
    (
        "css",
        "a b { color: red }\n@media print { b { x: y } }\n",
        {("rule", "a b"), ("rule", "print"), ("rule", "print b")},
    ),
    (
        "html",
        "<html><body><main id='x'>t</main></body></html>\n",
        {("element", "body"), ("element", "body/main"), ("element", "body/x")},
    ),
    (
        "sql",
        "CREATE TABLE s.t (a int, b text);\nCREATE VIEW v AS SELECT a FROM s.t;\n",
        {("table", "s.t"), ("column", "s.t.a"), ("column", "s.t.b"), ("view", "v")},
    ),
    (
        "dockerfile",
        "FROM a AS build\nRUN c\nFROM scratch\nENV X=1\n",
        {("stage", "build"), ("stage", "scratch"), ("variable", "scratch.X")},
    ),
    ("make", "A = 1\nall: x y\n\techo y\n", {("variable", "A"), ("target", "all")}),
    ("bash", "X=1\nf() {\n  echo 1\n}\nfunction g { :; }\n", {("variable", "X"), ("function", "f"), ("function", "g")}),
    (
        "terraform",
        'resource "aws" "web" {\n  c = 1\n}\nvariable "v" {\n}\nlocals {\n}\n',
        {("block", "aws.web"), ("block", "v"), ("block", "locals")},
    ),
    (
        "proto",
        'syntax = "proto3";\npackage p.q;\nmessage A { int32 b = 1; }\n'
        'service S { rpc R (A) returns (A); }\nenum E { Z = 0; }\n',
        {("message", "p.q.A"), ("field", "p.q.A.b"), ("service", "p.q.S"),
         ("method", "p.q.S.R"), ("enum", "p.q.E"), ("enum_member", "p.q.E.Z")},
    ),
    (
        "graphql",
        "type A implements B { c: Int }\nquery Q { a }\nenum E { X }\n",
        {("type", "A"), ("field", "A.c"), ("operation", "Q"), ("enum", "E"), ("enum_member", "E.X")},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "names"), CASES)
def test_structures(samples: ModuleType, language: str, text: str, names: set[tuple[str, str]]) -> None:
    parsed = samples.Parsed(language, text)
    assert parsed.names() == names
    assert parsed.codes == []
    parsed.check_laws()


def test_large_sections_become_chunks_of_their_own(samples: ModuleType) -> None:
    text = "".join(f"## Part {n}\n\n" + f"words of part {n} go on. " * 30 + "\n\n" for n in range(4))
    parsed = samples.Parsed("markdown", "# All\n\n" + text)
    assert [c["name"] for c in parsed.chunks if c["kind"] == "section"][-4:] == [f"Part {n}" for n in range(4)]


VUE = """<template>
  <div>{{ x }}</div>
</template>
<script setup lang="ts">
import { ref } from './util'
/** Goes. */
export function go(a: number) { return ref(a) }
</script>
<style>
.a { color: red }
</style>
"""


def test_vue_scripts_and_styles_are_parsed_as_their_languages(samples: ModuleType) -> None:
    parsed = samples.Parsed("vue", VUE, "src/App.vue", ProjectContext(("src/App.vue", "src/util.ts")))
    go = parsed.symbol("App.go", "function")
    assert (go["start_line"], go["doc"]) == (7, "Goes.") or (go["start_line"], go["doc"]) == (6, "Goes.")
    assert [(i["module"], i["name"], i["resolved"]) for i in parsed.imports] == [("./util", "ref", "src/util.ts")]
    assert ("rule", ".a") in parsed.names()
    assert parsed.references["ref"] == [5, 7]
    parsed.check_laws()


def test_svelte_and_html_scripts(samples: ModuleType) -> None:
    svelte = samples.Parsed("svelte", "<script>\nfunction a() { return 1 }\n</script>\n<p>{a()}</p>\n", "A.svelte")
    assert ("function", "A.a") in svelte.names()
    page = samples.Parsed("html", "<html><head><script>function b() {}</script></head></html>\n", "i.html")
    assert ("function", "i.b") in page.names()
    svelte.check_laws()
    page.check_laws()


def test_notebook_cells(samples: ModuleType) -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Load data\n", "text"]},
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "source": ["import os\n", "def load(p):\n", "    return p\n"],
        },
    ]
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}, indent=1)
    parsed = samples.Parsed("json", text + "\n", "a.ipynb")
    assert {("cell", "Load data"), ("cell", "cell 2"), ("function", "load")} == parsed.names()
    assert parsed.symbol("load")["start_line"] == text[: text.index("def load")].count("\n") + 1
    assert [i["module"] for i in parsed.imports] == ["os"]
    parsed.check_laws()
    samples.Parsed("json", "[1, 2", "broken.ipynb").check_laws()


def test_blade_directives(samples: ModuleType) -> None:
    text = (
        "@extends('layouts.app')\n@section('content')\n  <h1>{{ $title }}</h1>\n  @include('parts.nav')\n@endsection\n"
    )
    parsed = samples.Parsed("php", text, "resources/views/home.blade.php")
    assert parsed.symbol("content", "section")["end_line"] == 5
    assert [i["module"] for i in parsed.imports] == ["layouts.app", "parts.nav"]
    parsed.check_laws()
