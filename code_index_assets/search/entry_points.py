"""Where programs begin: main functions, scripts of manifests, `__main__`.

What lives here: `find_entry_points`. What does not: routes (`routes.py`), what both have in common (`entrances.py`).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from configparser import ConfigParser, Error

from .engine import SearchEngine
from .entrances import Asked, answered
from .overview_answers import Entrance, EntrancesAnswer, Grade
from .repository_code import RepositoryCode, Symbol, lines_of

MAIN_LANGUAGES = frozenset(
    {"python", "go", "java", "kotlin", "c", "cpp", "rust", "csharp", "javascript", "typescript", "tsx", "swift", "dart",
     "scala", "zig", "d", "nim", "haskell"}
)  # fmt: skip
_GUARD = re.compile(r"^if\s+__name__\s*==\s*[\"']__main__[\"']|^if\s+[\"']__main__[\"']\s*==\s*__name__", re.MULTILINE)
_PYTHON_TARGET = re.compile(r"^(?P<module>[\w.]+)(?::(?P<name>[\w.]+))?")
_MANIFESTS = ("pyproject.toml", "setup.cfg", "package.json", "Cargo.toml")


def find_entry_points(engine: SearchEngine, asked: Asked) -> EntrancesAnswer:
    """Where the programs of the repositories asked for begin. Raises NotIndexedError, CorruptArtifactError."""
    return answered(engine, asked, "entry-points", MAIN_LANGUAGES, _of_one)


def _of_one(code: RepositoryCode) -> Iterable[Entrance]:
    yield from _of_manifests(code)
    yield from _mains(code)
    yield from _guards(code)


# -- main functions ----------------------------------------------------------------------------------------------------


def _mains(code: RepositoryCode) -> Iterable[Entrance]:
    for symbol in (*code.named("main", 10_000), *code.named("Main", 10_000)):
        why = _main_by(symbol, code)
        if why:
            yield _entrance(code, "main", symbol.qualified_name, symbol.qualified_name, symbol.path, symbol.start_line,
                            "proven", why, symbol.path, symbol.start_line)  # fmt: skip


def _main_by(symbol: Symbol, code: RepositoryCode) -> str:
    """Why a definition named main is where a program begins; "" if it is not one."""
    signature, top = symbol.line, symbol.kind == "function"
    if symbol.language == "go" and top:
        file = code.graph.references.repository.file(symbol.path)
        inside = file is not None and file.facts.package == "main"
        return "func main of package main" if inside or symbol.qualified_name == "main.main" else ""
    if symbol.language in ("java", "csharp"):
        return "static main method" if "static" in signature and symbol.kind == "method" else ""
    if symbol.language == "rust":
        at_root = re.search(r"(^|/)(src/main|src/bin/[^/]+(/main)?|build|examples/[^/]+(/main)?)\.rs$", symbol.path)
        return "fn main of a binary" if top and at_root else ""
    if symbol.language in ("c", "cpp", "kotlin", "swift", "dart", "scala", "zig", "d", "nim", "haskell") and top:
        return "" if symbol.language in ("c", "cpp") and signature.startswith("static") else "main function"
    return ""


# -- Python's guard ----------------------------------------------------------------------------------------------------


def _guards(code: RepositoryCode) -> Iterable[Entrance]:
    import polars as pl

    likely = (pl.col("language") == "python") & pl.col("text").str.contains("__main__", literal=True)
    rows = code.chunks().filter(likely).select("path", "start_line", "text").collect().sort("path", "start_line")
    for path, first, text in rows.iter_rows():
        for match in _GUARD.finditer(text):
            line = first + text.count("\n", 0, match.start())
            yield _entrance(
                code, "guard", path, "<module>", path, line, "proven", 'if __name__ == "__main__"', path, line
            )
    for path in sorted(code.paths):
        if path.rpartition("/")[2] == "__main__.py":
            package = path.rpartition("/")[0].rpartition("/")[2] or "."
            name, why = f"python -m {package}", "__main__.py of a package"
            yield _entrance(code, "module", name, "<module>", path, 1, "proven", why, path, 1)


# -- manifests ---------------------------------------------------------------------------------------------------------


def _of_manifests(code: RepositoryCode) -> Iterable[Entrance]:
    paths = [path for path in sorted(code.paths) if path.rpartition("/")[2] in _MANIFESTS]
    for path, chunks in sorted(code.texts(paths).items()):
        text = lines_of(chunks, 1, max(end for _, end, _ in chunks))
        readers = {"pyproject.toml": _pyproject, "setup.cfg": _setup, "package.json": _package, "Cargo.toml": _cargo}
        try:
            named = list(readers[path.rpartition("/")[2]](text))
        except (ValueError, Error, TypeError, AttributeError):
            continue  # a manifest that its own tools would not read either
        for kind, name, target in named:
            word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
            rows = enumerate(text.split("\n"), 1)
            line = next((n for n, row in rows if word.search(row) and target.strip("./") in row), 1)
            place, handler, grade, why = _target(code, path, target, kind)
            yield _entrance(code, kind, name, handler, place[0] or path, place[1] or line, grade, why, path, line)


def _pyproject(text: str) -> Iterable[tuple[str, str, str]]:
    loaded = tomllib.loads(text)
    project, poetry = loaded.get("project", {}), loaded.get("tool", {}).get("poetry", {})
    for table in (project.get("scripts", {}), project.get("gui-scripts", {}), poetry.get("scripts", {})):
        for name, target in table.items():
            if isinstance(target, str):
                yield "script", name, target


def _setup(text: str) -> Iterable[tuple[str, str, str]]:
    parser = ConfigParser(interpolation=None)
    parser.read_string(text)
    if parser.has_option("options.entry_points", "console_scripts"):
        for row in parser.get("options.entry_points", "console_scripts").splitlines():
            name, equals, target = row.partition("=")
            if equals:
                yield "script", name.strip(), target.strip()


def _package(text: str) -> Iterable[tuple[str, str, str]]:
    loaded = json.loads(text)
    binaries = loaded.get("bin") or {}
    if isinstance(binaries, str):
        binaries = {str(loaded.get("name", "bin")).rpartition("/")[2]: binaries}
    for name, target in binaries.items():
        yield "bin", name, str(target)
    if isinstance(loaded.get("main"), str):
        yield "module", str(loaded.get("name") or "main"), loaded["main"]


def _cargo(text: str) -> Iterable[tuple[str, str, str]]:
    for binary in tomllib.loads(text).get("bin", []):
        if isinstance(binary.get("name"), str):
            yield "bin", binary["name"], str(binary.get("path") or f"src/bin/{binary['name']}.rs")


def _target(code: RepositoryCode, manifest: str, target: str, kind: str) -> tuple[tuple[str, int], str, Grade, str]:
    """Place, name, grade and rule of what a manifest names."""
    folder = manifest.rpartition("/")[0]
    if kind == "script":
        match = _PYTHON_TARGET.match(target)
        if match is None:
            return ("", 0), target, "textual", "named in the manifest"
        tail = match["module"].replace(".", "/")
        files = [p for root in ("", "src/", "lib/") for end in (f"{tail}.py", f"{tail}/__init__.py")
                 if (p := f"{folder}/{root}{end}".lstrip("/")) in code.paths]  # fmt: skip
        name = (match["name"] or "").rpartition(".")[2]
        for path in files:
            symbol = next((s for s in code.symbols_of(path) if s.name == name), None)
            if symbol is not None:
                return (path, symbol.start_line), symbol.qualified_name, "proven", "script of the manifest"
        if files:
            return (files[0], 1), target, "inferred", "script of the manifest; the name comes from elsewhere"
        return ("", 0), target, "textual", "script of the manifest; its module is not in the repository"
    path = f"{folder}/{target.removeprefix('./')}".lstrip("/")
    found = next((p for p in (path, f"{path}.js", f"{path}/index.js") if p in code.paths), "")
    if found:
        return (found, 1), found, "proven", "named in the manifest"
    return ("", 0), target, "textual", "named in the manifest; the file is made by a build or left out"


def _entrance(
    code: RepositoryCode, kind: str, name: str, handler: str, path: str, line: int, grade: Grade, why: str,
    evidence_path: str, evidence_line: int,
) -> Entrance:  # fmt: skip
    receipt = code.receipt
    return Entrance(
        receipt.repository, receipt.commit, kind, name, "", handler, path, line, grade, why, evidence_path,
        evidence_line, code.role(evidence_path),
    )  # fmt: skip
