"""The table "I want to …" of CONTRIBUTING.md names files and symbols that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`([^`]+)`(?:\s+\(([^)]*)\))?")
QUOTED = re.compile(r"`([^`]+)`")
PATH = re.compile(r"[\w./-]+/[\w./-]*|[A-Z]+\.md")


def _recipes() -> dict[str, list[tuple[str, str]]]:
    """Recipe → (path, what stands in parentheses behind it) of its two columns of files."""
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("| I want to add …")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:] if line.startswith("|")]
    return {
        row[0].strip(): [(name, symbols) for name, symbols in NAMED.findall(" ".join(row[1:])) if PATH.fullmatch(name)]
        for row in rows
    }


RECIPES = _recipes()


def _defined(source: str) -> set[str]:
    """Names that a Python module defines at its top, and members of its classes as `Class.member`."""
    names: set[str] = set()

    def add(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                add(node.body, f"{prefix}{node.name}.")
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AnnAssign)
                else []
            )
            names.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    add(ast.parse(source).body, "")
    return names


def _missing(path: str, symbols: str) -> list[str]:
    """What is wrong with one entry of a recipe."""
    file = ROOT / path
    if not file.exists():
        return [f"{path} does not exist"]
    if not file.is_file():
        return []
    source = file.read_text("utf-8")
    names = [name for name in QUOTED.findall(symbols) if not name.startswith("<")]
    if file.suffix == ".py":
        return [f"{path} does not define {name}" for name in names if name not in _defined(source)]
    return [f"{path} does not contain {name}" for name in names if name not in source]


def test_the_table_is_read_whole() -> None:
    assert len(RECIPES) >= 25
    assert all(len(entries) >= 2 for entries in RECIPES.values()), RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_names_files_and_symbols_that_exist(recipe: str) -> None:
    assert [problem for path, symbols in RECIPES[recipe] for problem in _missing(path, symbols)] == []


def test_a_moved_file_and_a_renamed_symbol_are_noticed() -> None:
    assert _missing("code_index_assets/moved.py", "") == ["code_index_assets/moved.py does not exist"]
    assert _missing("code_index_assets/tables.py", "`Table`, `Gone`") == [
        "code_index_assets/tables.py does not define Gone"
    ]


def test_the_make_targets_named_exist() -> None:
    text, makefile = (ROOT / "CONTRIBUTING.md").read_text(), (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make ([a-z-]+)|^\$ make ([a-z-]+)", text, re.MULTILINE))
    names = {one or other for one, other in targets}
    missing = {name for name in names if not re.search(rf"^{name}:", makefile, re.MULTILINE)}
    assert names >= {"lint", "test", "test-fast"} and missing <= {"test-external"}
