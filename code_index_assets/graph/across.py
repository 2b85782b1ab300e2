"""Uses of one repository's definitions in others: imports of its packages, tied to what it defines.

What lives here: `Provider`, what a repository gives to those that import it, and `uses_elsewhere`. What does not:
which repositories are asked (`search/across.py`), versions (`pins.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .. import deadlines
from .edges import external_name
from .languages.java import JavaResolver
from .languages.python import ROOTS, PythonResolver
from .references import Found, References
from .repository import File, Place
from .resolver import INFERRED, PROVEN, Grade, Resolver, Value

SETUP = ("pyproject.toml", "setup.py", "setup.cfg")
BY_IMPORT = "import of its package"
BY_TYPE = "receiver type of its package"


class Provider:
    """The definitions of a repository as others import them. `paths`: all of its files, manifests among them."""

    def __init__(self, references: References, paths: Iterable[str]) -> None:
        self.references = references
        projects = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] in SETUP} | {""}
        self.roots = {f"{folder}/{root}".lstrip("/") for folder in projects for root in ROOTS}
        self._anchors: dict[type[Resolver], File | None] = {}

    def anchor(self, resolver: Resolver) -> File | None:
        """Some file of the resolver's languages: modules are looked up as if from there."""
        family = type(resolver)
        if family not in self._anchors:
            files = map(self.references.repository.file, self.references.repository.paths)
            mine = (file for file in files if file is not None and type(self.references.resolver(file)) is family)
            self._anchors[family] = next(mine, None)
        return self._anchors[family]

    def targets(self, user: Resolver, module: str, name: str) -> tuple[Place, ...]:
        """The definitions that a name imported from a module means; none if it is not from here."""
        anchor = self.anchor(user)
        if anchor is None or not name or module.startswith((".", "/", "@/", "~/")):
            return ()
        mine = self.references.resolver(anchor)
        start = self._module(mine, anchor, module, name)
        if start is None:
            return ()
        values, parts = start
        places: tuple[Place, ...] = tuple((v[1], v[2]) for v in values if v[0] == "D") if not parts else ()
        for part in parts:
            found = [place for value in values for place in self._members(mine, value, part)]
            places = mine.followed(found)
            values = tuple(value for place in places for value in mine.definition_value(place))
        return tuple(dict.fromkeys(mine.canonical(place) for place in places))

    def _module(
        self, mine: Resolver, anchor: File, module: str, name: str
    ) -> tuple[tuple[Value, ...], list[str]] | None:
        parts = name.split(".")
        if isinstance(mine, JavaResolver):
            place = mine.class_named(anchor, f"{module}.{parts[0]}")
            return ((("D", *place),), parts[1:]) if place is not None else None
        path = self.references.repository.resolve(anchor.path, module)
        if isinstance(mine, PythonResolver):
            if path is None or mine.home(path, module) not in self.roots:
                return None
            while parts and (inner := self.references.repository.resolve(anchor.path, f"{module}.{parts[0]}")):
                if mine.in_module(path, parts[0]):
                    break
                module, path, parts = f"{module}.{parts[0]}", inner, parts[1:]
        if path is None:
            return None
        return (("M", "" if path == "." else path, module, anchor.path),), parts

    def _members(self, mine: Resolver, value: Value, name: str) -> tuple[Place, ...]:
        return mine.member(value, name) or mine.member(value, name + "()") or ()

    def by_type(self, user: Resolver, dotted: str, name: str) -> tuple[Place, ...]:
        """The member of what a dotted name of a package makes: an instance of a class, what a function returns."""
        head = len(dotted) if "." not in dotted else dotted.rfind(".")
        while head > 0:
            found = self.targets(user, dotted[:head], dotted[head + 1 :])
            if found:
                mine = self.references.resolver(self.references.repository.file(found[0][0]))  # type: ignore[arg-type]
                values = [value for place in found for value in self._made(mine, place)]
                places = mine.followed(p for value in values for p in self._members(mine, value, name))
                return tuple(dict.fromkeys(mine.canonical(place) for place in places))
            head = dotted.rfind(".", 0, head)
        return ()

    def _made(self, mine: Resolver, place: Place) -> tuple[Value, ...]:
        return tuple(mine.instance_of(place, ())) if mine.is_type(place) else mine.returned(place)


@dataclass(frozen=True)
class UsedElsewhere:
    """One use in another repository, of one of the definitions asked about."""

    use: Found
    target: Place


def uses_elsewhere(provider: Provider, wanted: Iterable[Place], other: References) -> Iterator[UsedElsewhere]:
    """Uses of some definitions in another repository."""
    places = set(wanted)
    names = {provider.references.repository.definition(place).name for place in places}
    for name in sorted(names):
        for file in other.repository.mentioning(name):
            deadlines.check()
            resolver = other.resolver(file)
            for number in _candidates(file, name):
                found = _use_of(provider, resolver, other, file, number)
                for target, grade, why in found:
                    if target in places:
                        yield UsedElsewhere(other.found(file, file.expressions[number], grade, why), target)


def _candidates(file: File, name: str) -> list[int]:
    """Uses of a name, and of the other names that imports of the file give it."""
    numbers = list(file.uses.get(name, ()))
    for alias in file.aliases.get(name, ()):
        if alias != name:
            numbers.extend(file.uses.get(alias, ()))
    return numbers


def _qualified(file: File, name: str) -> str:
    """A type's name with its package: where it has none, as the file imports it."""
    if "." in name:
        return name
    made = [file.definitions[number] for number in file.bound.get((0, name), ())]
    targets = {one.target[0] for one in made if one.kind == "import" and one.target}
    return targets.pop() if len(targets) == 1 else name


def _use_of(
    provider: Provider, resolver: Resolver, other: References, file: File, number: int
) -> list[tuple[Place, Grade, str]]:
    resolution = other.resolved(resolver, file, number)
    if resolution.targets:
        return []
    named = external_name(resolver, file, number)
    if named is not None:
        targets = provider.targets(resolver, *named)
        grade: Grade = PROVEN if len(targets) == 1 else INFERRED
        return [(target, grade, BY_IMPORT) for target in targets]
    expression = file.expressions[number]
    if expression[0] != "a":
        return []
    found: list[tuple[Place, Grade, str]] = []
    for value in resolver.value(file, expression[6]):
        if value[0] == "X" and isinstance(value[1], str):
            dotted = _qualified(file, value[1].removesuffix("()"))
            found.extend((target, INFERRED, BY_TYPE) for target in provider.by_type(resolver, dotted, expression[1]))
    return found
