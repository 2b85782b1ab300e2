"""Which requests a repository answers, and what runs for each.

What lives here: `find_routes`: files that may make routes, and the definitions that handle them. What does not: how
frameworks write routes (`route_forms.py`), main functions and scripts (`entry_points.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import route_forms
from .engine import SearchEngine
from .entrances import Asked, answered
from .overview_answers import Entrance, EntrancesAnswer, Grade
from .repository_code import RepositoryCode, Symbol
from .route_forms import Written

if TYPE_CHECKING:
    import polars as pl

DECORATED = frozenset({"function", "method"})
HANDLERS = frozenset({"function", "method", "class", "variable", "constant"})
MOST_RIVALS = 20


def find_routes(engine: SearchEngine, asked: Asked) -> EntrancesAnswer:
    """The routes of the repositories asked for.

    Of Flask, FastAPI, Django, aiohttp, Express and its like, NestJS, Gin, chi, Echo, net/http, Spring, JAX-RS.

    Raises NotIndexedError, CorruptArtifactError.
    """
    return answered(engine, asked, "routes", frozenset(route_forms.LANGUAGES), _of_one)


def _of_one(code: RepositoryCode) -> Iterable[Entrance]:
    frameworks = _frameworks(code)
    yield from _by_decorator(code, frameworks)
    yield from _by_call(code, frameworks)


def _frameworks(code: RepositoryCode) -> dict[str, str]:
    """The framework that each file imports, the first that fits of its language."""
    found: dict[str, list[str]] = {}
    for path, module in code.imported_modules():
        for name, beginnings in route_forms.FRAMEWORKS.items():
            if any(module == b or module.startswith((b, f"{b}/", f"{b}.")) for b in beginnings):
                found.setdefault(path, []).append(name)
    order = list(route_forms.FRAMEWORKS)
    return {path: min(names, key=order.index) for path, names in found.items()}


def _by_decorator(code: RepositoryCode, frameworks: dict[str, str]) -> Iterable[Entrance]:
    import polars as pl

    rows = code.all_symbols().filter(
        pl.col("decorators").list.len() > 0,
        pl.col("kind").is_in(sorted(DECORATED)),
        pl.col("language").is_in(list(route_forms.LANGUAGES)),
    )
    for path in rows.get_column("path").unique(maintain_order=True):
        symbols = code.symbols_of(path)
        for symbol in symbols:
            if not symbol.decorators or symbol.kind not in DECORATED:
                continue
            outer = next((s for s in reversed(symbols) if s.kind in ("class", "interface") and s != symbol
                          and s.start_line <= symbol.start_line and symbol.end_line <= s.end_line), None)  # fmt: skip
            for written in route_forms.decorated(symbol.language, symbol.decorators, outer.decorators if outer else ()):
                framework = frameworks.get(path, "")
                grade: Grade = "proven" if framework else "inferred"
                why = "decorator on the handler" + (
                    "" if framework else "; the file imports no framework that is known"
                )
                yield _entrance(code, written, framework, symbol.qualified_name, path, symbol.start_line, grade, why,
                                path, symbol.start_line)  # fmt: skip


def _by_call(code: RepositoryCode, frameworks: dict[str, str]) -> Iterable[Entrance]:
    import polars as pl

    likely: pl.Expr = pl.lit(False)
    for language, hint in route_forms.HINTS.items():
        likely = likely | ((pl.col("language") == language) & pl.col("text").str.contains(hint))
    chunks = code.chunks().filter(likely).select("path", "language", "start_line", "text").collect()
    for path, language, first, text in chunks.sort("path", "start_line").iter_rows():
        framework = frameworks.get(path, "")
        if language == "python" and framework not in ("django", "aiohttp") and not path.endswith("urls.py"):
            continue
        if language == "go" and not framework:
            continue
        for written in route_forms.called(language, text):
            line = first + written.line
            if not written.handler:
                grade: Grade = "proven" if framework else "inferred"
                yield _entrance(code, written, framework, "<inline>", path, line, grade, "function written in the call",
                                path, line)  # fmt: skip
                continue
            yield _handled(code, written, framework, path, line)


def _handled(code: RepositoryCode, written: Written, framework: str, path: str, line: int) -> Entrance:
    """A route whose handler is named: what the name refers to, resolved where its language allows it."""
    name = written.handler
    if "." in name and written.rest.startswith("include"):
        target = next((p for p in code.paths if p.endswith(name.replace(".", "/") + ".py")), None)
        included: Grade = "inferred" if target else "textual"
        return _entrance(code, written, framework, name, target or path, 1 if target else line, included,
                         "includes the routes of a module", path, line)  # fmt: skip
    references = code.graph.references
    file = references.repository.file(path)
    if file is not None:
        resolver = references.resolver(file)
        for number in file.uses.get(name, ()):
            if not line <= file.expressions[number][2] <= line + written.rest.count("\n") + 3:
                continue
            resolution = references.resolved(resolver, file, number)
            if resolution.targets:
                target_path, definition = resolution.targets[0]
                made = references.repository.definition((target_path, definition))
                # `const { list } = require("./handlers")`: the variable stands for what the other file defines.
                behind = _imported(code, path, name) if made.kind == "variable" else None
                if behind is not None:
                    return _entrance(code, written, framework, behind.qualified_name, behind.path,
                                     behind.start_line, "inferred",
                                     "only definition of this name in what the file imports", path, line)  # fmt: skip
                symbol = code.around(target_path, made.line, made.name)
                grade: Grade = resolution.grade if framework or resolution.grade != "proven" else "inferred"
                return _entrance(code, written, framework, _name(symbol, made.name), target_path, made.line, grade,
                                 f"handler resolved by {resolution.rule}", path, line)  # fmt: skip
    named = code.named(name, 1)
    if named:
        return _entrance(code, written, framework, named[0].qualified_name, named[0].path, named[0].start_line,
                         "textual", "only definition of this name", path, line)  # fmt: skip
    return _entrance(code, written, framework, name, path, line, "textual", "the handler is not known", path, line)


def _imported(code: RepositoryCode, path: str, name: str) -> Symbol | None:
    """The function or class of a name in the files that a file imports, if one has it."""
    files = {resolved for start, _, resolved in code.imports.iter_rows() if start == path}
    made = [symbol for symbol in code.named(name, MOST_RIVALS) if symbol.path in files and symbol.kind in HANDLERS]
    return made[0] if len(made) == 1 else None


def _name(symbol: Symbol | None, name: str) -> str:
    return symbol.qualified_name if symbol is not None and symbol.name == name else name


def _entrance(
    code: RepositoryCode, written: Written, framework: str, handler: str, path: str, line: int, grade: Grade, why: str,
    evidence_path: str, evidence_line: int,
) -> Entrance:  # fmt: skip
    receipt = code.receipt
    return Entrance(
        receipt.repository, receipt.commit, "route", f"{written.methods} {written.pattern or '/'}", framework, handler,
        path, line, grade, why, evidence_path, evidence_line, code.role(evidence_path),
    )  # fmt: skip
