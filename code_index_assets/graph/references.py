"""Who uses a definition: every use of its name, resolved, with grade and reason.

What lives here: `References`, answers over one repository. What does not: resolution (`resolver.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

from .. import deadlines
from ..chunking.facts import words
from .languages.registry import resolver_for
from .repository import File, Place, Repository
from .resolver import INFERRED, PROVEN, TEXTUAL, Grade, Resolution, Resolver
from .scip.overlay import Overlay, Use, overlay_of

EdgeKind = Literal["calls", "instantiates", "reads", "writes", "imports", "inherits", "types"]
EDGE_KINDS: dict[str, EdgeKind] = {
    "call": "calls",
    "new": "instantiates",
    "write": "writes",
    "import": "imports",
    "type": "types",
    "tag": "types",
}
GRADES: dict[str, int] = {PROVEN: 0, INFERRED: 1, TEXTUAL: 2}
CALLABLE = frozenset({"function", "method", "constructor", "class"})
# Members that the containers and texts of every language have: a unique definition of such a name proves nothing.
COMMON = words(
    "get set items keys values append pop add remove clear copy update index count insert sort join split strip",
    "replace format encode decode read write close open flush seek find match search run call apply bind map filter",
    "reduce push shift slice splice concat includes indexof foreach then catch finally next return throw test exec",
    "tostring equals hashcode length size contains isempty iterator hasnext name type value data error errors",
    "message start stop send recv put post delete head options patch request response body text json status code",
    "url path file line id key args kwargs exists begin end first second find empty front back str c_str at main",
    "init",
)


@dataclass(frozen=True)
class Found:
    """One use of a definition."""

    path: str
    line: int
    column: int
    kind: EdgeKind
    role: str
    grade: Grade
    why: str
    within: str
    within_line: int
    owner: int  # number of the definition around it in its file, -1 at the top level


@dataclass(frozen=True)
class Caller:
    """A definition that uses another; `at` is a line where it does."""

    path: str
    name: str
    line: int
    grade: Grade
    at: int = 0
    why: str = ""
    owner: int = -1


@dataclass(frozen=True)
class Answer:
    """Uses of a definition, and those around them."""

    definitions: tuple[Place, ...]
    references: tuple[Found, ...]
    candidates: tuple[Found, ...]
    callers: tuple[Caller, ...]
    complete: bool = True


@dataclass
class _UsesOfName:
    """Uses of one name by what they refer to, and those of members whose receiver is unknown."""

    by_target: dict[Place, list[tuple[File, int]]] = field(default_factory=lambda: defaultdict(list))
    open: list[tuple[File, int]] = field(default_factory=list)


class References:
    """Answers over one repository."""

    def __init__(self, repository: Repository, uses: Sequence[Use] = ()) -> None:
        self.repository = repository
        self._precise_uses = uses
        self._resolvers: dict[str, Resolver] = {}
        self._resolved: dict[tuple[str, int], Resolution] = {}
        self._uses: dict[tuple[str, str], _UsesOfName] = {}

    def resolver(self, file: File) -> Resolver:
        """The resolver of a file's language family."""
        family, make = resolver_for(file.language)
        if family not in self._resolvers:
            self._resolvers[family] = make(self.repository)
        return self._resolvers[family]

    def places(self, name: str, path: str | None = None, line: int | None = None) -> tuple[Place, ...]:
        """Definitions of a name, in a file and on a line where these are given."""
        files = self.repository.mentioning(name) if path is None else [self.repository.file(path)]
        found: list[Place] = []
        for file in files:
            if file is None:
                continue
            numbers = file.by_name.get(name, ())
            if line is not None:
                near = [n for n in numbers if file.definitions[n].line == line]
                numbers = (
                    near or [n for n in numbers if file.definitions[n].line <= line <= file.definitions[n].end][-1:]
                )
            if len(numbers) > 1 and line is not None:
                # A parameter of the same name on the line of the definition that is meant.
                numbers = [n for n in numbers if file.definitions[n].kind != "parameter"] or numbers
            found.extend(self.resolver(file).canonical((file.path, n)) for n in numbers)
        return tuple(dict.fromkeys(found))

    def answer(self, name: str, path: str | None = None, line: int | None = None) -> Answer:
        """Who uses a definition."""
        return self.answer_of(self.places(name, path, line))

    def answer_of(self, places: Iterable[Place]) -> Answer:
        """Who uses definitions of one name."""
        wanted = set(places)
        if not wanted:
            return Answer((), (), (), ())
        name = self.repository.definition(next(iter(wanted))).name
        resolver = self.resolver(self.repository.file(next(iter(wanted))[0]))  # type: ignore[arg-type]
        relatives = self.overridden(resolver, wanted)
        hits: dict[tuple[str, int], Found] = {}
        maybe: dict[tuple[str, int], Found] = {}
        dispatched: dict[tuple[str, int], Found] = {}
        for word in sorted(self.names_of(resolver, name, wanted)):
            uses = self._uses_of(resolver, word)
            for target in (*sorted(wanted), *sorted(relatives)):
                for file, number in uses.by_target.get(target, ()):
                    self._judge(resolver, file, number, wanted, relatives, hits, maybe, dispatched)
            for file, number in uses.open:
                self._judge(resolver, file, number, wanted, relatives, hits, maybe, dispatched)
        for place in hits:
            maybe.pop(place, None)
        references = tuple(hits[place] for place in sorted(hits))
        definition = self.repository.definition(next(iter(wanted)))
        kind = "property" if "property" in definition.flags else definition.kind
        return Answer(
            tuple(sorted(wanted)),
            references,
            tuple(maybe[p] for p in sorted(maybe)),
            callers_of((*references, *dispatched.values()), kind),
        )

    def _uses_of(self, resolver: Resolver, word: str) -> _UsesOfName:
        """All uses of a name in a language family, resolved once. Raises OutOfTimeError; what is resolved stays so."""
        key = (type(resolver).__name__, word)
        if key not in self._uses:
            found = _UsesOfName()
            for file in self.repository.mentioning(word):
                if self.resolver(file) is not resolver:
                    continue
                deadlines.check()
                for number in file.uses.get(word, ()):
                    resolution = self.resolved(resolver, file, number)
                    for target in resolution.targets:
                        found.by_target[target].append((file, number))
                    outside = resolution.external and resolution.rule != "?"
                    if not resolution.targets and not outside and file.expressions[number][0] == "a":
                        found.open.append((file, number))
            self._uses[key] = found
        return self._uses[key]

    def names_of(self, resolver: Resolver, name: str, wanted: set[Place]) -> set[str]:
        """The name and the aliases that imports give it."""
        names, todo = {name}, [name]
        while todo:
            word = todo.pop()
            for file in self.repository.mentioning(word):
                for alias in file.aliases.get(word, ()):
                    if alias not in names:
                        names.add(alias)
                        todo.append(alias)
            names |= resolver.other_names(word, wanted)
        return names

    def _judge(
        self,
        resolver: Resolver,
        file: File,
        number: int,
        wanted: set[Place],
        relatives: set[Place],
        hits: dict[tuple[str, int], Found],
        maybe: dict[tuple[str, int], Found],
        dispatched: dict[tuple[str, int], Found],
    ) -> None:
        expression = file.expressions[number]
        line = expression[2]
        if expression[5] in ("write", "import") and any(
            file.path == p and file.definitions[n].line == line for p, n in wanted
        ):
            return
        resolution = self.resolved(resolver, file, number)
        place = (file.path, line)
        grade, why = resolution.grade, resolution.rule
        if not wanted.intersection(resolution.targets):
            if resolution.targets and relatives.intersection(resolution.targets):
                dispatched.setdefault(place, self.found(file, expression, INFERRED, "may run this override"))
                return
            if resolution.targets or (resolution.external and resolution.rule != "?") or expression[0] != "a":
                return
            guess = self.guessed(resolver, expression[1], file, wanted)
            if guess is None:
                maybe.setdefault(place, self.found(file, expression, TEXTUAL, "name only"))
                return
            if resolution.external:
                maybe.setdefault(place, self.found(file, expression, TEXTUAL, "name only"))
                return
            grade, why = INFERRED, guess
        if len(resolution.targets) > 1 and resolver.overloaded(resolution.targets):
            maybe.setdefault(place, self.found(file, expression, TEXTUAL, "one of several overloads"))
            return
        found = self.found(file, expression, grade, why)
        if place not in hits or GRADES[grade] < GRADES[hits[place].grade]:
            hits[place] = found

    def resolved(self, resolver: Resolver, file: File, number: int) -> Resolution:
        """What a use refers to."""
        key = (file.path, number)
        if key not in self._resolved:
            if self._precise_uses:
                line, column = file.expressions[number][2:4]
                own = partial(resolver.resolve, file, number)
                self._resolved[key] = self.precise.decided(file.path, line, column, own)
            else:
                self._resolved[key] = resolver.resolve(file, number)
        return self._resolved[key]

    @cached_property
    def precise(self) -> Overlay:
        """What a precise index says."""
        return overlay_of(self.repository, self._precise_uses, lambda file, place: self.resolver(file).canonical(place))

    def guessed(self, resolver: Resolver, name: str, file: File, wanted: set[Place]) -> str | None:
        """The rule by which an unknown receiver's member is one of `wanted`; None if none holds."""
        if name.lower() in COMMON or name.startswith("__"):
            return None
        members = self.members(resolver, name)
        if not members:
            return None
        return "only member of this name" if set(members) <= wanted else None

    def members(self, resolver: Resolver, name: str) -> tuple[Place, ...]:
        """All members of classes of a name in the repository."""
        key = (type(resolver).__name__, name)
        if key not in self._members:
            found: list[Place] = []
            for file in self.repository.mentioning(name):
                if type(self.resolver(file)) is type(resolver):
                    for n in file.by_name.get(name, ()):
                        definition = file.definitions[n]
                        if definition.holder or (
                            definition.scope >= 0 and file.scopes[definition.scope].kind == "class"
                        ):
                            found.append(resolver.canonical((file.path, n)))
            self._members[key] = tuple(dict.fromkeys(found))
        return self._members[key]

    @cached_property
    def _members(self) -> dict[tuple[str, str], tuple[Place, ...]]:
        return {}

    def overridden(self, resolver: Resolver, wanted: Iterable[Place]) -> set[Place]:
        """Definitions of the same name in classes that the definitions' classes extend."""
        found: set[Place] = set()
        for path, number in wanted:
            holder = resolver.holder_of((path, number))
            if holder is None:
                continue
            name = self.repository.definition((path, number)).name
            for base in resolver.linear(holder)[0][1:]:
                found.update(resolver.canonical(p) for p in resolver.own_member(base, resolver.overridden_name(name)))
        return found - set(wanted)

    def found(self, file: File, expression: tuple[Any, ...], grade: Grade, why: str) -> Found:
        """A use as an answer shows it."""
        line, column, scope, role = expression[2:6]
        owner = file.owner(scope)
        around = file.definitions[owner] if owner >= 0 else None
        kind: EdgeKind = "inherits" if (line, column) in file.inherited else EDGE_KINDS.get(str(role), "reads")
        return Found(
            file.path, line, column, kind, role, grade, why,
            around.name if around else "", around.line if around else 0, owner,
        )  # fmt: skip


def callers_of(references: Iterable[Found], kind: str) -> tuple[Caller, ...]:
    """Definitions around uses: around calls, of what can be called."""
    found: dict[tuple[str, str, int], Caller] = {}
    for use in references:
        if use.kind == "imports" or (kind in CALLABLE and use.kind not in ("calls", "instantiates")):
            continue
        key = (use.path, use.within, use.within_line)
        if key not in found or GRADES[use.grade] < GRADES[found[key].grade]:
            found[key] = Caller(
                use.path, use.within or "<module>", use.within_line or 1, use.grade, use.line, use.why, use.owner
            )
    return tuple(found.values())
