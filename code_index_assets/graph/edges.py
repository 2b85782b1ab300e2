"""Every edge of a repository, as a table: who uses what, with grade, rule and the line that shows it.

What lives here: `edges_of_file`, over facts resolved like any question. What does not: keeping them (`analytics/`),
answers about one definition (`references.py`).

An edge to a local variable or parameter is none: it stays inside one function. A name that is bound nowhere (a builtin
of the language) is none either. A `textual` edge has no target, only the number of definitions that it may mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .references import EDGE_KINDS, References
from .repository import File, Place
from .resolver import INFERRED, PROVEN, TEXTUAL, TYPE_LIKE, Grade, Resolution, Resolver

EDGES_VERSION = "1"
CALLED = frozenset({"function", "method", "constructor", "macro"})
OPEN_TYPES = frozenset({"interface", "trait", "protocol", "annotation"})
LOCAL_SCOPES = frozenset({"function", "block"})
WHOLE_MODULE = frozenset({"", "*"})
ONLY_LOOKS = frozenset({"write", "import"})


class Edge(NamedTuple):
    """One edge. `source` and `target` are definitions by qualified name within their file; null: top level, unknown.

    `package` and `name` are set where the target is outside of the repository.
    """

    path: str
    line: int
    column: int
    kind: str
    grade: Grade
    rule: str
    source: str | None
    source_kind: str | None
    source_line: int | None
    target: str | None
    target_kind: str | None
    target_path: str | None
    target_line: int | None
    package: str | None
    name: str
    candidates: int


@dataclass
class Names:
    """Qualified names of definitions within their files, made once each."""

    known: dict[Place, str] = field(default_factory=dict)

    def of(self, resolver: Resolver, place: Place) -> str:
        """`Type.method` for members, `outer.inner` for what is inside of another definition."""
        found = self.known.get(place)
        if found is None:
            file = resolver.file(place[0])
            definition = file.definitions[place[1]]
            holder = definition.holder or None
            if holder is None:
                owner = file.owner(definition.scope)
                holder = self.of(resolver, (place[0], owner)) if owner >= 0 and owner != place[1] else None
            found = f"{holder}.{definition.name}" if holder else definition.name
            self.known[place] = found
        return found


def edges_of_file(references: References, file: File, names: Names) -> Iterator[Edge]:
    """The edges whose lines are in a file."""
    resolver = references.resolver(file)
    heirs = _heirs(file)
    for number, expression in enumerate(file.expressions):
        if expression[0] not in ("n", "a", "m") or not expression[2]:
            continue
        resolution = references.resolved(resolver, file, number)
        targets, grade, rule, candidates = _targets(references, resolver, file, expression, resolution)
        outside = None
        if not targets and not candidates and resolution.external and resolution.rule != "?":
            module = resolver.module_imported(file, expression)
            if module is not None:
                yield _module_edge(file, expression[2], expression[3], module, expression[1])
                continue
            outside = external_name(resolver, file, number)
        if not targets and not candidates and outside is None:
            continue
        heir = heirs.get((expression[2], expression[3]))
        yield from _edges_of_use(
            resolver, file, expression, names, heir, _Decided(targets, grade, rule, candidates, outside)
        )
    yield from _whole_modules(resolver, file)
    yield from _overrides(references, resolver, file, names)


@dataclass(frozen=True)
class _Decided:
    targets: tuple[Place, ...]
    grade: Grade
    rule: str
    candidates: int
    outside: tuple[str, str] | None


def _targets(
    references: References, resolver: Resolver, file: File, expression: Any, resolution: Resolution
) -> tuple[tuple[Place, ...], Grade, str, int]:
    """Targets of a use with grade and rule; without targets, how many definitions the name alone may mean."""
    if resolution.targets:
        if len(resolution.targets) > 1 and resolver.overloaded(resolution.targets):
            return (), TEXTUAL, "one of several overloads", len(resolution.targets)
        return resolution.targets, resolution.grade, resolution.rule, len(resolution.targets)
    if expression[0] != "a" or (resolution.external and resolution.rule != "?"):
        return (), PROVEN, "import of a package", 0
    members = references.members(resolver, expression[1])
    if not members:
        return (), TEXTUAL, "", 0
    rule = None if resolution.external else references.guessed(resolver, expression[1], file, set(members))
    if rule is None or len(members) > 1:
        return (), TEXTUAL, "name only", len(members)
    return members, INFERRED, rule, 1


def _edges_of_use(
    resolver: Resolver, file: File, expression: Any, names: Names, heir: int | None, decided: _Decided
) -> Iterator[Edge]:
    name, line, column, scope, role = expression[1:6]
    owner = heir if heir is not None else file.owner(scope)
    around = file.definitions[owner] if owner >= 0 else None
    source = names.of(resolver, (file.path, owner)) if owner >= 0 else None
    head = (source, around.kind if around else None, around.line if around else None)
    kind = "inherits" if heir is not None else str(EDGE_KINDS.get(str(role), "reads"))
    if not decided.targets:
        package, full = decided.outside or (None, name)
        yield Edge(file.path, line, column, kind, decided.grade, decided.rule, *head, None, None, None, None,
                   package, full, decided.candidates)  # fmt: skip
        return
    for target in map(resolver.beside_imports, decided.targets):
        made = resolver.repository.definition(target)
        if (
            made.kind == "import"
            or is_local(resolver, target)
            or (role in ONLY_LOOKS and (file.path, line) == (target[0], made.line))
        ):
            continue
        shown = kind
        if heir is not None and made.kind in OPEN_TYPES and around is not None and around.kind not in OPEN_TYPES:
            shown = "implements"
        elif kind == "calls" and made.kind in TYPE_LIKE:
            shown = "instantiates"
        yield Edge(file.path, line, column, shown, decided.grade, decided.rule, *head, names.of(resolver, target),
                   made.kind, target[0], made.line, None, name, decided.candidates)  # fmt: skip


def _whole_modules(resolver: Resolver, file: File) -> Iterator[Edge]:
    """Imports that bind a module itself, of the repository or not."""
    for definition in file.definitions:
        if definition.kind != "import" or not definition.target or definition.target[-1] not in WHOLE_MODULE:
            continue
        module = definition.target[0]
        path = resolver.repository.resolve(file.path, module) if module else None
        if path:
            yield _module_edge(file, definition.line, definition.column, path, module)
        elif module and not module.startswith((".", "/")) and file.language != "java":
            yield Edge(file.path, definition.line, definition.column, "imports", PROVEN, "import of a package",
                       None, None, None, None, None, None, None, module, "", 0)  # fmt: skip


def _module_edge(file: File, line: int, column: int, path: str, name: str) -> Edge:
    return Edge(file.path, line, column, "imports", PROVEN, "import", None, None, None, name, "module", path, 1, None,
                name, 1)  # fmt: skip


def is_local(resolver: Resolver, place: Place) -> bool:
    """Whether a definition is a variable or parameter that only its function sees."""
    file = resolver.file(place[0])
    made = file.definitions[place[1]]
    if made.kind in CALLED or made.kind in TYPE_LIKE:
        return False
    return made.kind == "parameter" or (made.scope >= 0 and file.scopes[made.scope].kind in LOCAL_SCOPES)


def _heirs(file: File) -> dict[tuple[int, int], int]:
    """The types that extend something, by line and column of the name that they extend."""
    found: dict[tuple[int, int], int] = {}
    for number, definition in enumerate(file.definitions):
        if definition.kind in ("function", "method") or not definition.bases:
            continue
        for base in definition.bases:
            at = base
            while at >= 0 and file.expressions[at][0] == "g":
                at = file.expressions[at][1]
            if at >= 0 and file.expressions[at][0] in ("n", "a"):
                found[file.expressions[at][2], file.expressions[at][3]] = number
    return found


def _overrides(references: References, resolver: Resolver, file: File, names: Names) -> Iterator[Edge]:
    """Members that override one of a type that theirs extends."""
    for number, definition in enumerate(file.definitions):
        place = (file.path, number)
        if definition.kind not in CALLED or definition.kind == "constructor":
            continue
        if resolver.canonical(place) != place:
            continue
        for target in sorted(references.overridden(resolver, (place,))):
            made = resolver.repository.definition(target)
            if made.kind not in CALLED:
                continue
            yield Edge(
                file.path, definition.line, definition.column, "overrides", INFERRED, "same name in a base type",
                names.of(resolver, place), definition.kind, definition.line, names.of(resolver, target), made.kind,
                target[0], made.line, None, definition.name, 1,
            )  # fmt: skip


def external_name(resolver: Resolver, file: File, number: int) -> tuple[str, str] | None:
    """The module outside of the repository that a name is imported from, and the name; None where no import has it."""
    parts: list[str] = []
    while True:
        if number < 0:
            return None
        expression = file.expressions[number]
        if expression[0] == "m":
            return _package(file, str(expression[6] or expression[1]), [str(expression[1])] if expression[6] else [])
        if expression[0] == "a":
            parts.insert(0, expression[1])
            number = expression[6]
        elif expression[0] in ("g", "w"):
            number = expression[1]
        elif expression[0] == "n":
            break
        else:
            return None
    target = import_behind(resolver, file, expression)
    if target is None:
        return None
    name = target[1] if len(target) > 1 else ""
    return _package(file, target[0], [*([] if name in WHOLE_MODULE or name == "static" else [name]), *parts])


def import_behind(resolver: Resolver, file: File, expression: Any) -> tuple[str, ...] | None:
    """Module and name of the import that binds a name; None if none does, or several that differ."""
    places = resolver.lookup(file, expression[4], expression[1], expression)
    if places is None:  # languages that look imports up by what they lead to
        places = tuple((file.path, number) for number in file.bound.get((0, expression[1]), ()))
    made = [definition for definition in map(resolver.repository.definition, places) if definition.kind != "narrowed"]
    targets = {tuple(definition.target) for definition in made if definition.kind == "import"}
    bound_otherwise = any(definition.kind != "import" for definition in made)
    return next(iter(targets)) if len(targets) == 1 and not bound_otherwise and all(targets) else None


def _package(file: File, module: str, parts: list[str]) -> tuple[str, str] | None:
    """Module and name; None for a module that the file names by its place in the repository."""
    if file.language == "java":
        module = module.removeprefix("static ")
        head, _, last = module.rpartition(".")
        if head and (not parts or parts[0] != last):
            parts = [last, *parts]
        module = head or module
    if not module or module.startswith((".", "/")):
        return None
    # The module itself, as the first part of `module.member`: the edge to the member says all.
    return (module, ".".join(parts)) if parts else None
