"""The facts of one repository, indexed for resolution.

What lives here: `File` (facts of one file with lookups by scope and name) and `Repository` (files on demand, and where
names are used and defined). What does not: resolving (`resolver.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from ..chunking.code_facts.model import Def, FileFacts, Scope

Place = tuple[str, int]  # a file and the number of a definition in it
NARROWED = "narrowed"


class File:
    """One file's facts with lookups."""

    def __init__(self, facts: FileFacts) -> None:
        self.facts = facts
        self.path = facts.path
        self.language = facts.language
        self.expressions = facts.expressions
        self.definitions = facts.definitions
        self.scopes = facts.scopes
        self.bound: dict[tuple[int, str], list[int]] = defaultdict(list)
        for number, definition in enumerate(facts.definitions):
            self.bound[definition.scope, definition.name].append(number)

    @cached_property
    def uses(self) -> dict[str, list[int]]:
        """Numbers of the expressions that write a name."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, expression in enumerate(self.expressions):
            if expression[0] in ("n", "a", "m") and expression[2]:
                found[expression[1]].append(number)
        return found

    @cached_property
    def inherited(self) -> frozenset[tuple[int, int]]:
        """Lines and columns of the names that classes extend."""
        found: set[tuple[int, int]] = set()
        for definition in self.definitions:
            if definition.kind in ("function", "method"):
                continue
            for base in definition.bases:
                number = base
                while number >= 0 and self.expressions[number][0] == "g":
                    number = self.expressions[number][1]
                if number >= 0 and self.expressions[number][0] in ("n", "a"):
                    found.add((self.expressions[number][2], self.expressions[number][3]))
        return frozenset(found)

    @cached_property
    def replaced(self) -> frozenset[str]:
        """Names of members that the file assigns to, `setattr` and patches of tests included."""
        return frozenset(e[1] for e in self.expressions if e[0] == "a" and e[5] == "write")

    @cached_property
    def aliases(self) -> dict[str, list[str]]:
        """Names that imports bind, by the name that they import."""
        found: dict[str, list[str]] = defaultdict(list)
        for definition in self.definitions:
            if definition.kind == "import" and len(definition.target) > 1:
                found[definition.target[1]].append(definition.name)
        return found

    @cached_property
    def by_name(self) -> dict[str, list[int]]:
        """Numbers of the definitions of a name, bindings by import left out."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, definition in enumerate(self.definitions):
            if definition.kind not in ("import", NARROWED):
                found[definition.name].append(number)
        return found

    @cached_property
    def held(self) -> dict[str, list[int]]:
        """Numbers of the definitions that name a type of elsewhere as their holder, by that name."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, definition in enumerate(self.definitions):
            if definition.holder:
                found[definition.holder].append(number)
        return found

    def members(self, scope: int) -> Iterable[int]:
        """Numbers of the definitions bound directly in a scope."""
        return self._by_scope.get(scope, ())

    @cached_property
    def _by_scope(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for number, definition in enumerate(self.definitions):
            found[definition.scope].append(number)
        return found

    def enclosing(self, scope: int, kinds: frozenset[str]) -> int:
        """The nearest scope of some kinds at or around a scope; -1 if there is none."""
        while scope >= 0 and self.scopes[scope].kind not in kinds:
            scope = self.scopes[scope].parent
        return scope

    def owner(self, scope: int) -> int:
        """The number of the nearest named definition around a scope; -1 at the top level."""
        while scope >= 0:
            number = self.scopes[scope].definition
            if number >= 0 and self.definitions[number].name:
                return number
            scope = self.scopes[scope].parent
        return -1


class Repository:
    """The files of one repository at one commit."""

    def __init__(
        self,
        paths: Iterable[str],
        load: Callable[[str], FileFacts | None],
        resolve: Callable[[str, str], str | None],
        mentions: Callable[[str], Iterable[str]] | None = None,
    ) -> None:
        self.paths = sorted(paths)
        self._load = load
        self._files: dict[str, File | None] = {}
        self.resolve = resolve
        self._mentions = mentions

    def file(self, path: str) -> File | None:
        """One file; None if it has no facts."""
        if path not in self._files:
            facts = self._load(path)
            self._files[path] = File(facts) if facts is not None else None
        return self._files[path]

    @cached_property
    def known_paths(self) -> frozenset[str]:
        """All paths."""
        return frozenset(self.paths)

    @cached_property
    def by_folder(self) -> Mapping[str, list[str]]:
        """Paths by folder."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            found[path.rpartition("/")[0]].append(path)
        return found

    def mentioning(self, name: str) -> list[File]:
        """Files that may use or define a name."""
        paths = self.paths if self._mentions is None else sorted(set(self._mentions(name)))
        return [file for file in map(self.file, paths) if file is not None]

    def definition(self, place: Place) -> Def:
        """A definition by place."""
        file = self.file(place[0])
        assert file is not None
        return file.definitions[place[1]]

    def scope(self, path: str, number: int) -> Scope:
        """A scope of a file."""
        file = self.file(path)
        assert file is not None
        return file.scopes[number]
