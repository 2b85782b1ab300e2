"""Definitions of every further language that docs/parsing.md says is read: exactly these, and no use of a name."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from code_index_assets.chunking import grammars, plugins
from code_index_assets.chunking.readable import GENERIC, MARKED_NAMES, QUERIED, READ, STRUCTURED, WITHOUT, not_read
from code_index_assets.sources.languages import language_names

READ_FOLDER = Path(__file__).parent / "read"
SAMPLES = {file.stem: file.read_text("utf-8") for file in sorted(READ_FOLDER.glob("*.txt"))}


def _expected() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    language = ""
    for line in (READ_FOLDER / "names").read_text("utf-8").splitlines():
        if line.startswith("  "):
            names[language].append(line.strip())
        else:
            language = line
            names[language] = []
    return names


EXPECTED = _expected()


@pytest.mark.parametrize("language", SAMPLES)
def test_exactly_these_definitions_are_read(samples: ModuleType, language: str) -> None:
    assert plugins.plugin(language).query  # a mistake in the query is shown with its place
    parsed = samples.Parsed(language, SAMPLES[language], f"x/{language}")
    assert [f"{row['kind']} {row['qualified_name']}" for row in parsed.symbols] == EXPECTED[language]
    assert EXPECTED[language]
    parsed.check_laws()


def test_the_lists_of_languages_hold_together() -> None:
    """What counts as read has a query or a sample; what has neither counts as not read."""
    queried = {name for name in language_names() if plugins.query_text(grammars.canonical(name))}
    assert queried - STRUCTURED <= QUERIED | GENERIC
    for name in QUERIED:
        assert plugins.query_text(name), name
    assert GENERIC <= SAMPLES.keys()
    for name in READ - {"ipynb", "blade"}:
        assert not plugins.plugin(name).query.pattern_count == 0, name
    assert not READ & WITHOUT
    assert MARKED_NAMES <= set(grammars.available())
    assert not_read(["python", "cobol", "csv", "wgsl", ""]) == ["cobol", "wgsl"]


def test_names_with_marks_are_uses_of_their_own(samples: ModuleType) -> None:
    ruby = samples.Parsed(
        "ruby", "raise unless cart.complete?\ncart.save!\ncart.save\nx = a!= b\ny = b =~ c\nz = ok ? 1 : 2\n"
    )
    assert {"complete?", "save!", "save", "cart", "ok"} <= ruby.references.keys()
    assert "complete" not in ruby.references and "a!" not in ruby.references
    julia = samples.Parsed("julia", "push!(xs, 1)\nb = xs != ys\n")
    assert {"push!", "xs", "ys"} <= julia.references.keys() and "xs!" not in julia.references
    lisp = samples.Parsed("clojure", "(str/join (skip-ws! reader) *limit*)\n")
    assert {"str", "join", "skip-ws!", "reader", "*limit*"} <= lisp.references.keys()
    r = samples.Parsed("r", "print.foo(x$size)\n")
    assert {"print.foo", "size"} <= r.references.keys()
    rust = samples.Parsed("rust", "fn main() { vec![1]; }\n")
    assert "vec" in rust.references


def test_sql_names_in_any_quotes_are_found_without_them(samples: ModuleType) -> None:
    text = (
        'CREATE TABLE "Shop"."Order" ("Id" int);\nCREATE TABLE `a`.`b` (`c` int);\n'
        "CREATE TABLE [dbo].[Users] ([Id] int NOT NULL);\nGO\nCREATE PROCEDURE [dbo].[Get User] @id int AS SELECT 1\nGO\n"
    )
    found = {(row["kind"], row["name"], row["qualified_name"]) for row in samples.Parsed("sql", text).symbols}
    assert found >= {
        ("table", "Order", "Shop.Order"), ("column", "Id", "Shop.Order.Id"), ("table", "b", "a.b"), ("column", "c", "a.b.c"),
        ("table", "Users", "dbo.Users"), ("column", "Id", "dbo.Users.Id"), ("function", "Get User", "dbo.Get User"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "source", "names"),
    [
        (
            {"kernelspec": {"display_name": "R", "language": "R", "name": "ir"}},
            ["library(dplyr)\n", "mean2 <- function(x) {\n", "  sum(x)\n", "}\n", "mean2(3)"],
            {("function", "mean2")},
        ),
        (
            {"language_info": {"codemirror_mode": {"name": "x"}, "name": "julia"}},
            ["struct B\n", "  n\n", "end\n", "push!(a) = 1\n", "total(x::B) = x.n"],
            {("struct", "B"), ("field", "n"), ("function", "push!"), ("function", "total")},
        ),
        ({"kernelspec": {"language": "python"}}, ["def f():\n", "    pass"], {("function", "f")}),
        ({}, ["class A:\n", "    pass"], {("class", "A")}),
    ],
)
def test_cells_of_a_notebook_define_names_in_their_kernel_s_language(
    samples: ModuleType,
    metadata: dict[Any, Any] | dict[str, dict[str, dict[str, str] | str]] | dict[str, dict[str, str]],
    source: list[str],
    names: set[tuple[str, str]],
) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
    text = json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4}, indent=1) + "\n"
    parsed = samples.Parsed("json", text, "a.ipynb")
    assert {(row["kind"], row["qualified_name"]) for row in parsed.symbols if row["kind"] != "cell"} == names
    assert parsed.codes == []
    parsed.check_laws()
