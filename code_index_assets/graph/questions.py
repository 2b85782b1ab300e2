"""Questions over edges: callees, impact, paths, implementations, unused definitions, tests.

What lives here: walks over the edges of one repository. What does not: single edges (`references.py`), repositories and
front doors (`search/`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .references import GRADES, Caller, References
from .repository import File, Place
from .resolver import INFERRED, PROVEN, Grade

CALLS = frozenset({"call", "new"})
NAMED = frozenset({"function", "method", "constructor", "class", "interface", "struct", "enum"})
MAX_STEPS = 5_000


@dataclass(frozen=True)
class Edge:
    """One step of an answer: a definition, how it hangs together with the one before, and the line that shows it."""

    path: str
    name: str
    line: int
    kind: str
    grade: Grade
    why: str
    depth: int
    evidence_path: str
    evidence_line: int
    owner: int = -1


@dataclass(frozen=True)
class Walk:
    """Edges found; not complete where the walk stopped early."""

    edges: tuple[Edge, ...]
    complete: bool = True


def weaker(one: Grade, other: Grade) -> Grade:
    """The weaker of two grades: a chain is as good as its weakest edge."""
    return one if GRADES[one] >= GRADES[other] else other


def callers(references: References, places: Iterable[Place], depth: int = 1) -> Walk:
    """Definitions that call some definitions, and those that call them, up to a depth."""
    start = tuple(places)
    seen: set[tuple[str, int]] = set(start)
    edges: list[Edge] = []
    level: list[tuple[tuple[Place, ...], Grade]] = [(start, PROVEN)] if start else []
    for step in range(1, depth + 1):
        following: list[tuple[tuple[Place, ...], Grade]] = []
        for asked, grade in level:
            for caller in references.answer_of(asked).callers:
                edge = caller_edge(caller, weaker(grade, caller.grade), step)
                key = (caller.path, caller.owner)
                if key in seen:
                    continue
                seen.add(key)
                edges.append(edge)
                if caller.owner >= 0:
                    file = references.repository.file(caller.path)
                    assert file is not None
                    following.append(((references.resolver(file).canonical(key),), edge.grade))
                if len(edges) >= MAX_STEPS:
                    return Walk(tuple(edges), False)
        level = following
    return Walk(tuple(edges))


def caller_edge(caller: Caller, grade: Grade, depth: int) -> Edge:
    """A caller as a step of an answer."""
    return Edge(
        caller.path, caller.name, caller.line, "calls", grade, caller.why, depth, caller.path, caller.at, caller.owner
    )


def callees(references: References, places: Iterable[Place]) -> Walk:
    """Definitions of the repository that some definitions call."""
    found: dict[Place, Edge] = {}
    for place in places:
        for edge, target in _calls_of(references, place):
            found.setdefault(target, edge)
    return Walk(tuple(found.values()))


def _calls_of(references: References, place: Place) -> Iterable[tuple[Edge, Place]]:
    file = references.repository.file(place[0])
    assert file is not None
    resolver = references.resolver(file)
    for number, expression in enumerate(file.expressions):
        if expression[0] not in ("n", "a") or expression[5] not in CALLS:
            continue
        if not _inside(file, expression[4], place[1]):
            continue
        resolution = references.resolved(resolver, file, number)
        for target in resolution.targets:
            made = references.repository.definition(target)
            kind = "instantiates" if expression[5] == "new" or made.kind == "class" else "calls"
            yield (
                Edge(target[0], made.name, made.line, kind, resolution.grade, resolution.rule, 1, file.path,
                     expression[2], target[1]),
                target,
            )  # fmt: skip


def _inside(file: File, scope: int, definition: int) -> bool:
    """Whether a scope is that of a definition, or inside of it."""
    while scope >= 0:
        if file.scopes[scope].definition == definition:
            return True
        scope = file.scopes[scope].parent
    return False


def path(references: References, start: Iterable[Place], goal: Iterable[Place], depth: int = 12) -> Walk:
    """The shortest chain of calls from one definition to another."""
    wanted = set(goal)
    queue: deque[tuple[Place, tuple[Edge, ...]]] = deque((place, ()) for place in start)
    seen = {place for place, _ in queue}
    steps = 0
    while queue:
        place, chain = queue.popleft()
        if len(chain) >= depth:
            continue
        for edge, target in _calls_of(references, place):
            steps += 1
            if target in seen:
                continue
            seen.add(target)
            grade = weaker(edge.grade, chain[-1].grade if chain else PROVEN)
            longer = (*chain, Edge(edge.path, edge.name, edge.line, edge.kind, grade, edge.why, len(chain) + 1,
                                   edge.evidence_path, edge.evidence_line, edge.owner))  # fmt: skip
            if target in wanted:
                return Walk(longer)
            queue.append((target, longer))
        if steps > MAX_STEPS * 10:
            return Walk((), False)
    return Walk(())


def implementations(references: References, places: Iterable[Place]) -> Walk:
    """Classes that extend a class, or definitions that override a method."""
    edges: list[Edge] = []
    for place in places:
        file = references.repository.file(place[0])
        assert file is not None
        resolver = references.resolver(file)
        definition = file.definitions[place[1]]
        holder = place if definition.own >= 0 and resolver.is_type(place) else resolver.holder_of(place)
        if holder is None:
            continue
        for below in _below(references, holder):
            base = references.repository.definition(below)
            if holder == place:
                edges.append(Edge(below[0], base.name, base.line, "inherits", PROVEN, "named base", 1, below[0],
                                  base.line, below[1]))  # fmt: skip
                continue
            for member in resolver.own_member(below, resolver.overridden_name(definition.name)):
                made = references.repository.definition(member)
                edges.append(Edge(member[0], made.name, made.line, "overrides", INFERRED, "same name in a subclass", 1,
                                  member[0], made.line, member[1]))  # fmt: skip
    return Walk(tuple(edges))


def _below(references: References, holder: Place) -> list[Place]:
    """Classes that extend a class, directly or not."""
    found: dict[Place, None] = {}
    todo = [holder]
    while todo:
        above = todo.pop(0)
        name = references.repository.definition(above).name
        for file in references.repository.mentioning(name):
            resolver = references.resolver(file)
            if file.language != references.repository.file(above[0]).language:  # type: ignore[union-attr]
                continue
            for number, definition in enumerate(file.definitions):
                place = (file.path, number)
                extends = definition.bases and definition.own >= 0 and resolver.is_type(place)
                if extends and place not in found and above in resolver.bases(place)[0]:
                    found[place] = None
                    todo.append(place)
    return list(found)


def unused(references: References, roles: Callable[[str], str]) -> Walk:
    """Definitions without a use in the repository. `why` says what may use them still: never that they are dead."""
    edges: list[Edge] = []
    for source in references.repository.paths:
        file = references.repository.file(source)
        if file is None or roles(source) in ("test", "example", "vendored", "generated", "docs"):
            continue
        resolver = references.resolver(file)
        for number, definition in enumerate(file.definitions):
            place = (source, number)
            if definition.kind not in NAMED or not definition.name or resolver.canonical(place) != place:
                continue
            if definition.name.startswith("__") or definition.kind == "constructor" or definition.name == "main":
                continue
            if file.scopes[definition.scope].kind == "function":
                continue
            answer = references.answer_of([place])
            if any(use.kind != "imports" for use in answer.references) or answer.candidates or answer.callers:
                continue
            edges.append(Edge(source, definition.name, definition.line, definition.kind, INFERRED,
                              _still(references, place), 1, source, definition.line, number))  # fmt: skip
    return Walk(tuple(edges))


def _still(references: References, place: Place) -> str:
    """What may use a definition that nothing in the repository does."""
    file = references.repository.file(place[0])
    assert file is not None
    definition = file.definitions[place[1]]
    reasons = []
    if references.overridden(references.resolver(file), [place]):
        reasons.append("overrides another: calls of that one may run it")
    if "decorated" in definition.flags or "fixture" in definition.flags:
        reasons.append("a decorator may register it")
    private = definition.name.startswith("_") or {"private", "static"} & set(definition.flags)
    reasons.append("reflection may name it" if private else "other repositories may use it: it is not private")
    return "; ".join(reasons)
