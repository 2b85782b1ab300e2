"""Questions over the code graphs of published repositories: callers, callees, impact, paths, tests, unused code.

What lives here: `ask_graph`, and definitions that a symbol, a place or a diff means. What does not: the walks
(`graph/questions.py`), uses of one definition (`uses.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..errors import QueryError
from ..graph import questions
from ..graph.questions import Edge, Walk
from ..graph.references import callers_of
from ..graph.repository import Place
from ..graph.resolver import Grade
from ..graph.tests_of import reaching_tests
from ..index.filters import Filter
from ..index.manifest import Receipt
from ..index.reader import SnapshotGoneError
from .across import elsewhere
from .answers import DefinitionPlaced, GraphAnswer, GraphEdge
from .engine import SearchEngine
from .graphs import CodeGraph, graph_of
from .outcome import SearchOutcome

Question = Literal["callers", "callees", "impact", "path", "unused", "implementations", "tests-for"]
QUESTIONS: tuple[str, ...] = get_args(Question)
MAX_DEPTH = 20
# `src/a.py:12`, and a name with or without what it is a member of.
PLACE = re.compile(r"(?P<path>[^:\s]+):(?P<line>\d+)$")
QUALIFIER = re.compile(r"::|[.#]")
FILE = re.compile(r"^\+\+\+ (?:b/)?(?P<path>[^\t\n]+)")
HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(?P<start>\d+)(?:,(?P<count>\d+))? @@")


@dataclass(frozen=True)
class GraphRequest:
    """A question about a symbol (`name`, `Type.name` or `path:line`), or about the definitions that a diff changes."""

    question: Question
    symbol: str = ""
    to: str = ""
    repositories: tuple[str, ...] = ()
    ref: str | None = None
    depth: int = 3
    diff: str = ""
    everywhere: bool = False  # callers and impact in the other repositories too


def ask_graph(engine: SearchEngine, request: GraphRequest) -> GraphAnswer:
    """The answer of a question over the graphs of the repositories asked for (all without any).

    Raises QueryError (no symbol, a depth that cannot be), NotIndexedError, CorruptArtifactError.
    """
    if not 1 <= request.depth <= MAX_DEPTH:
        raise QueryError(f"the depth {request.depth} is not between 1 and {MAX_DEPTH}")
    if request.question != "unused" and not (request.symbol or request.diff):
        raise QueryError(f"{request.question} of what?", remedy="give a name, Type.name, path:line, or a diff")
    if request.question == "path" and not request.to:
        raise QueryError("a path needs two symbols", remedy="code-index path FROM TO")
    for attempt in range(3):
        snapshot = engine.snapshot()
        try:
            keys = engine.resolve(snapshot, request.repositories, (request.ref,) if request.ref else ())
            receipts = snapshot.receipts if keys is None else {key: snapshot.receipts[key] for key in keys}
            parts = [part for r in receipts.values() for part in _parts(engine, r, request, snapshot.receipts)]
        except SnapshotGoneError:
            if attempt == 2:
                raise
            continue
        break
    edges = tuple(edge for part in parts for edge in part.edges)
    definitions = tuple(made for part in parts for made in part.definitions)
    return GraphAnswer(
        question=request.question,
        definitions=definitions,
        edges=edges,
        complete=all(part.complete for part in parts),
        files=sum(part.files for part in parts),
        unresolved_files=sum(part.unresolved for part in parts),
        repositories=engine.repositories(snapshot, Filter(keys=tuple(receipts))),
        outcome=SearchOutcome.FOUND if edges else SearchOutcome.NO_MATCH,
    )


@dataclass(frozen=True)
class _Part:
    definitions: tuple[DefinitionPlaced, ...]
    edges: tuple[GraphEdge, ...]
    complete: bool
    files: int
    unresolved: int


def _parts(
    engine: SearchEngine, receipt: Receipt, request: GraphRequest, receipts: Mapping[str, Receipt]
) -> list[_Part]:
    """The answer over one repository, and over those that use it."""
    graph = graph_of(engine.layout, receipt)
    places = _changed(graph, request.diff) if request.diff else _meant(graph, request.symbol)
    walk = _walk(graph, request, places)
    parts = [_part(graph, receipt, places, walk)]
    if request.everywhere and request.question in ("callers", "impact"):
        depth = 1 if request.question == "callers" else request.depth
        for (other, asked), edges in _elsewhere(engine, receipt, graph, places, walk, receipts, depth).items():
            parts.append(_part(asked, receipts[other], (), Walk(tuple(edges))))
    return parts


def _elsewhere(
    engine: SearchEngine, home: Receipt, graph: CodeGraph, places: tuple[Place, ...], walk: Walk,
    receipts: Mapping[str, Receipt], depth: int,
) -> dict[tuple[str, CodeGraph], list[Edge]]:  # fmt: skip
    """Callers in the other repositories, of what was asked about and of what the walk reached, and their callers."""
    away = dict.fromkeys(places, 0)
    grades: dict[Place, Grade] = {}
    for edge in walk.edges:
        if edge.owner >= 0 and edge.depth < depth:
            away.setdefault((edge.path, edge.owner), edge.depth)
            grades.setdefault((edge.path, edge.owner), edge.grade)
    found: dict[tuple[str, CodeGraph], list[Edge]] = {}
    seen: set[tuple[str, str, int]] = set()
    for place in sorted(away, key=lambda one: (away[one], one)):
        definition = graph.references.repository.definition(place)
        for other in elsewhere(engine.layout, home, graph, (place,), receipts):
            for caller in callers_of((other.use,), definition.kind):
                grade = questions.weaker(caller.grade, grades.get(place, "proven"))
                edge = questions.caller_edge(caller, grade, away[place] + 1)
                edges = found.setdefault((other.receipt.key, other.graph), [])
                left = depth - edge.depth
                start = ((edge.path, edge.owner),) if edge.owner >= 0 and left > 0 else ()
                above = questions.callers(other.graph.references, start, left).edges if start else ()
                deeper = [replace(e, depth=e.depth + edge.depth, grade=questions.weaker(e.grade, grade)) for e in above]
                for one in (edge, *deeper):
                    if (other.receipt.key, one.path, one.owner) not in seen:
                        seen.add((other.receipt.key, one.path, one.owner))
                        edges.append(one)
    return found


def _part(graph: CodeGraph, receipt: Receipt, places: tuple[Place, ...], walk: Walk) -> _Part:
    repository = graph.references.repository
    placed = []
    for path, number in places:
        made = repository.definition((path, number))
        placed.append(DefinitionPlaced(receipt.repository, path, made.line, made.end, made.name, made.kind))
    edges = tuple(
        GraphEdge(
            receipt.repository, edge.path, edge.name, edge.line, edge.kind, edge.grade, edge.why, edge.depth,
            edge.evidence_path, edge.evidence_line, graph.roles.get(edge.path, "source"),
        )
        for edge in walk.edges
    )  # fmt: skip
    unresolved = sum(path not in graph.languages and role in ("source", "test") for path, role in graph.roles.items())
    return _Part(tuple(placed), edges, walk.complete and graph.complete, len(graph.languages), unresolved)


def _walk(graph: CodeGraph, request: GraphRequest, places: tuple[Place, ...]) -> Walk:
    references = graph.references

    def role(path: str) -> str:
        return graph.roles.get(path, "source")

    walks: dict[str, Callable[[], Walk]] = {
        "callers": lambda: questions.callers(references, places, 1),
        "impact": lambda: questions.callers(references, places, request.depth),
        "callees": lambda: questions.callees(references, places),
        "path": lambda: questions.path(references, places, _meant(graph, request.to)),
        "implementations": lambda: questions.implementations(references, places),
        "tests-for": lambda: reaching_tests(references, places, role),
        "unused": lambda: questions.unused(references, role),
    }
    return walks[request.question]()


def _meant(graph: CodeGraph, symbol: str) -> tuple[Place, ...]:
    """Definitions that a name, a qualified name or a place means."""
    if not symbol:
        return ()
    place = PLACE.match(symbol)
    references = graph.references
    if place is not None:
        return _changed_lines(graph, place["path"], [(int(place["line"]), int(place["line"]))])
    parts = [part for part in QUALIFIER.split(symbol) if part]
    found = references.places(parts[-1]) if parts else ()
    if len(parts) < 2:
        return tuple(p for p in found if references.repository.definition(p).kind != "parameter")
    return tuple(p for p in found if _qualified(graph, p, parts[-2]))


def _qualified(graph: CodeGraph, place: Place, qualifier: str) -> bool:
    """Whether a definition belongs to a class of a name, or to a module of that name."""
    repository = graph.references.repository
    file = repository.file(place[0])
    assert file is not None
    holder = graph.references.resolver(file).holder_of(place)
    if holder is not None:
        return repository.definition(holder).name == qualifier
    stem = place[0].rpartition("/")[2].rpartition(".")[0]
    return qualifier in (stem, file.facts.package, place[0].rpartition("/")[0].rpartition("/")[2])


def _changed(graph: CodeGraph, diff: str) -> tuple[Place, ...]:
    """The innermost definitions around the lines that a unified diff changes."""
    lines: dict[str, list[tuple[int, int]]] = {}
    path = ""
    for line in diff.split("\n"):
        file = FILE.match(line)
        hunk = HUNK.match(line)
        if file is not None:
            path = file["path"].strip()
        elif hunk is not None and path:
            start, count = int(hunk["start"]), int(hunk["count"] or 1)
            lines.setdefault(path, []).append((start, start + max(count, 1) - 1))
    found: dict[Place, None] = {}
    for name, spans in lines.items():
        found.update(dict.fromkeys(_changed_lines(graph, name, spans)))
    return tuple(found)


def _changed_lines(graph: CodeGraph, path: str, spans: Iterable[tuple[int, int]]) -> tuple[Place, ...]:
    file = graph.references.repository.file(path)
    if file is None:
        return ()
    resolver = graph.references.resolver(file)
    found: dict[Place, None] = {}
    for first, last in spans:
        inside = [
            n for n, made in enumerate(file.definitions)
            if made.kind in questions.NAMED and made.name and made.line <= last and made.end >= first
        ]  # fmt: skip
        # A class around a method that changed is not what changed.
        inner = [
            n for n in inside
            if not any(m != n and file.definitions[n].line <= file.definitions[m].line
                       and file.definitions[m].end <= file.definitions[n].end for m in inside)
        ]  # fmt: skip
        found.update(dict.fromkeys(resolver.canonical((path, n)) for n in inner))
    return tuple(found)
