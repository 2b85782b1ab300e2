"""Which module of the project imports which, read from the source: lazy imports and `import_module` calls too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("code_index_assets", "resources", "schedules", "dbt_like_sql")


@dataclass(frozen=True, order=True)
class Import:
    """One import: both modules by their dotted names, and the line it stands on."""

    importer: str
    imported: str
    line: int


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the project by its dotted name; a package by the name of its folder."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path = ROOT, extra: Mapping[str, str] | None = None) -> set[Import]:
    """Every import between modules of the project. `extra` is source to read in place of a module's own."""
    known = modules(root)
    found: set[Import] = set()
    for name, path in known.items():
        source = (extra or {}).get(name) or path.read_text()
        is_package = path.name == "__init__.py"
        for wanted, line in _wanted(source, name, is_package):
            target = _module_of(wanted, known)
            if target and target != name:
                found.add(Import(name, target, line))
    return found


def third_party(name: str, root: Path = ROOT) -> set[str]:
    """The top-level names that a module imports when it is loaded: no lazy imports, none for type checkers alone."""
    tree = ast.parse(modules(root)[name].read_text())
    found: set[str] = set()
    for node in _at_load(tree.body):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def _at_load(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from _at_load(node.body)
            yield from _at_load(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _at_load([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.ClassDef | ast.With):
            yield from _at_load(node.body)


@cache
def _wanted(source: str, name: str, is_package: bool) -> tuple[tuple[str, int], ...]:
    """(dotted name, line) of everything that a module imports, `from a import b` as both `a` and `a.b`."""
    return tuple(_imported(ast.parse(source), name, is_package))


def _imported(tree: ast.Module, name: str, is_package: bool) -> Iterator[tuple[str, int]]:
    package = name.split(".") if is_package else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{origin}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            given = node.args[0]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                text = given.value
                level = len(text) - len(text.lstrip("."))
                base = package[: len(package) - level + 1] if level else []
                yield ".".join([*base, text.lstrip(".")]), node.lineno


def _imports_by_name(node: ast.Call) -> bool:
    called = ast.unparse(node.func)
    return bool(node.args) and called in ("__import__", "import_module", "importlib.import_module")


def _module_of(wanted: str, known: Mapping[str, Path]) -> str | None:
    """The module that a dotted name is, or is a part of; None outside the project."""
    if wanted.partition(".")[0] not in PACKAGES:
        return None
    parts = wanted.split(".")
    return next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in known), None)


def cycles(edges: set[Import]) -> list[list[str]]:
    """Groups of modules that import each other in a circle, each sorted (Tarjan's strongly connected components)."""
    graph: dict[str, list[str]] = {}
    for edge in sorted(edges):
        graph.setdefault(edge.importer, []).append(edge.imported)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, []):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = []
            while True:
                member = stack.pop()
                group.append(member)
                if member == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found)
