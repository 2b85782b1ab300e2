"""Go: packages by folder, methods by receiver, embedding, interfaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..repository import File, Place
from ..resolver import Resolver, Value, Values, unique

BUILTIN = frozenset({"string", "int", "bool", "error", "byte", "rune", "any", "float64", "int64", "uint64"})


@dataclass
class _Package:
    """What the files of one package declare by name, and the methods of its types by type and name."""

    declared: dict[str, tuple[Place, ...]] = field(default_factory=dict)
    held: dict[tuple[str, str], tuple[Place, ...]] = field(default_factory=dict)


class GoResolver(Resolver):
    """Resolution of Go."""

    def canonical(self, place: Place) -> Place:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.holder or definition.scope == 0:
            return place
        return place[0], file.bound[definition.scope, definition.name][0]

    def lookup(self, file: File, scope: int, name: str, expression: Any) -> tuple[Place, ...] | None:
        while scope > 0:
            if file.scopes[scope].kind != "class":
                numbers = file.bound.get((scope, name))
                if numbers:
                    return tuple((file.path, n) for n in numbers[:1])
            scope = file.scopes[scope].parent
        imports = tuple((file.path, n) for n in file.bound.get((0, name), ()) if file.definitions[n].kind == "import")
        if imports:
            return imports
        found = self.in_package(file.path.rpartition("/")[0], name, file.facts.package)
        if found:
            return found
        for n, definition in enumerate(file.definitions):
            if definition.kind == "import" and "by path" in definition.flags and definition.name != name:
                folder = self.folder(file, definition.target[0])
                if folder is not None and self.package_name(folder) == name:
                    return ((file.path, n),)
        for module in file.scopes[0].stars:
            folder = self.folder(file, module)
            found = self.in_package(folder, name, None) if folder is not None else ()
            if found:
                return found
        return None

    def folder(self, file: File, module: str) -> str | None:
        """The folder of a package by its import path."""
        found = self.repository.resolve(file.path, module)
        return None if found is None else "" if found == "." else found

    def package_name(self, folder: str) -> str:
        """The name that a folder's files declare."""
        if folder not in self._names:
            self._names[folder] = next((file.facts.package for file in self.package_files(folder, None)), "")
        return self._names[folder]

    def package_files(self, folder: str, package: str | None) -> Iterable[File]:
        """Files of a package; without a name those that others may import."""
        for path in self.repository.by_folder.get(folder, ()):
            file = self.repository.file(path)
            if file is None or file.language != "go":
                continue
            if file.facts.package == package or (package is None and not path.endswith("_test.go")):
                yield file

    def in_package(self, folder: str, name: str, package: str | None) -> tuple[Place, ...]:
        """What a package declares under a name."""
        return self._package(folder, package).declared.get(name, ())

    def _package(self, folder: str, package: str | None) -> _Package:
        found = self._packages.get((folder, package))
        if found is None:
            found = _Package()
            for file in self.package_files(folder, package):
                for n in file.members(0):
                    made = file.definitions[n]
                    if not made.holder and made.kind != "import":
                        found.declared[made.name] = (*found.declared.get(made.name, ()), (file.path, n))
                for holder, numbers in file.held.items():
                    for n in numbers:
                        key = (holder, file.definitions[n].name)
                        found.held[key] = (*found.held.get(key, ()), (file.path, n))
            self._packages[folder, package] = found
        return found

    @cached_property
    def _packages(self) -> dict[tuple[str, str | None], _Package]:
        return {}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {}

    def imported(self, file: File, definition: int) -> Values:
        module = file.definitions[definition].target[0]
        folder = self.folder(file, module)
        return (("M", folder, module),) if folder is not None else (("XD", module),)

    def import_places(self, file: File, definition: int) -> tuple[Place, ...]:
        return ()

    def module_member(self, value: Value, name: str) -> tuple[Place, ...] | None:
        return self.in_package(value[1], name, None) or None

    def own_member(self, place: Place, name: str) -> tuple[Place, ...]:
        found = list(super().own_member(place, name))
        file = self.file(place[0])
        holder = file.definitions[place[1]].name
        if holder and file.definitions[place[1]].scope == 0:
            package = self._package(place[0].rpartition("/")[0], file.facts.package)
            found.extend(package.held.get((holder, name), ()))
        return tuple(found)

    def holder_of(self, place: Place) -> Place | None:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.holder:
            found = self.in_package(place[0].rpartition("/")[0], definition.holder, file.facts.package)
            return found[0] if found else None
        return super().holder_of(place)

    def _definition_value(self, place: Place) -> Iterable[Value]:
        definition = self.repository.definition(place)
        if definition.kind == "type_parameter":
            return (("XD", "?"),)
        if definition.kind == "type" and "alias" in definition.flags:
            return self.value(self.file(place[0]), definition.value)
        return super()._definition_value(place)

    def _value(self, file: File, number: int) -> Iterable[Value]:
        expression = file.expressions[number]
        operator = expression[0]
        if operator == "d":
            return (("D", file.path, expression[1]),)
        if operator == "fnt":
            return (("X", "func", (self.instances(self.value(file, expression[1])),)),)
        if operator == "ix":
            return self.keys(self.value(file, expression[1]))
        return super()._value(file, number)

    def keys(self, values: Values) -> Iterable[Value]:
        """What `for k := range x` gives."""
        for value in self.underlying(values):
            if value[0] == "X" and value[1] == "channel" and value[2]:
                yield from value[2][0]
            elif value[0] == "X" and value[1] == "map" and len(value[2]) > 1:
                yield from value[2][1]
            else:
                yield ("X", "int", ())

    def underlying(self, values: Values) -> Values:
        """Values of named types as what the types are made of."""
        found: list[Value] = []
        for value in values:
            if value[0] == "I":
                definition = self.repository.definition((value[1], value[2]))
                if definition.kind == "type":
                    found.extend(self.instances(self.value(self.file(value[1]), definition.value)))
                    continue
            found.append(value)
        return unique(found)

    def instances(self, values: Values) -> Values:
        kept = [value for value in values if value[0] in ("X", "I")]
        return unique([*kept, *super().instances(tuple(v for v in values if v[0] not in ("X", "I")))])

    def elements(self, values: Values) -> Iterable[Value]:
        return super().elements(self.underlying(values))

    def unpacked(self, values: Values, number: int) -> Iterable[Value]:
        found: list[Value] = []
        for value in values:
            if value[0] == "X" and value[1] == "tuple":
                found.extend(value[2][number] if number < len(value[2]) else ())
            elif (value[0] == "X" and value[1] == "?") or number == 0:
                found.append(value)
        return found

    def called_instance(self, value: Value) -> Values:
        return tuple(value[2][0]) if value[1] == "func" and value[2] else (("X", "?", ()),)

    def call_value(self, file: File, expression: Any) -> Iterable[Value]:
        found: list[Value] = list(super().call_value(file, expression))
        for callee in self.value(file, expression[1]):
            if callee[0] == "I":
                for value in self.underlying((callee,)):
                    if value[0] == "X":
                        found.extend(self.called_instance(value))
        return found

    def external_member(self, value: Value, name: str) -> Values:
        if value[0] == "XD":
            return (("XD", f"{value[1]}.{name}"),)
        return (("X", "?" if value[1] == "?" else f"{value[1]}.{name}", ()),)

    def external_call(self, name: str, arguments: list[Values]) -> Values:
        return (("X", name, ()),)

    def returned(self, place: Place) -> Values:
        definition = self.repository.definition(place)
        return super().returned(place) if definition.type >= 0 else (("X", "nothing", ()),)

    def open_ended(self, place: Place) -> bool:
        return super().open_ended(place)
