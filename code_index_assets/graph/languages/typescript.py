"""TypeScript and JavaScript: modules and their exports, types and values as separate names, inferred types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..repository import NARROWED, File, Place
from ..resolver import EXTERNAL, INFERRED, PROVEN, TYPE_LIKE, Resolution, Resolver, Value, Values, unique

EXPORTS = 1
TYPES_ONLY = frozenset({"interface", "type", "type_parameter"})
BOTH = frozenset({"class", "enum", "namespace", "import"})
PASSING = frozenset({"Partial", "Required", "Readonly", "NonNullable", "Pick", "Omit", "Awaited", "ReadonlyArray"})
CALLBACKS = frozenset({"map", "forEach", "filter", "find", "some", "every", "flatMap", "findIndex", "findLast", "sort"})
KEEPING = frozenset({"filter", "slice", "concat", "reverse", "sort", "splice"})
ELEMENT = frozenset({"pop", "shift", "find", "at", "findLast"})


class TypeScriptResolver(Resolver):
    """Resolution of TypeScript and JavaScript."""

    def is_type(self, place: Place) -> bool:
        return self.repository.definition(place).kind in TYPE_LIKE | {"object"}

    def canonical(self, place: Place) -> Place:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.name == "":
            return place
        mine = definition.kind in TYPES_ONLY
        for number in file.bound[definition.scope, definition.name]:
            other = file.definitions[number]
            if other.kind != NARROWED and (other.kind in TYPES_ONLY) == mine:
                return place[0], number
        return place

    def fits(self, kind: str, types: bool) -> bool:
        """Whether a definition of a kind has a name among types (or among values)."""
        return kind in BOTH or (kind in TYPES_ONLY) == types

    def lookup(self, file: File, scope: int, name: str, expression: Any) -> tuple[Place, ...] | None:
        types = expression[5] == "type"
        if expression[5] == "import":
            return self.lookup_any(file, scope, name)
        while scope >= 0:
            here = file.scopes[scope]
            holder = file.definitions[here.definition].kind if here.definition >= 0 else ""
            if here.kind != "class" or holder == "namespace" or types:
                numbers = [n for n in file.bound.get((scope, name), ())
                           if self.fits(file.definitions[n].kind, types)
                           and "member" not in file.definitions[n].flags]  # fmt: skip
                if numbers:
                    return tuple((file.path, n) for n in numbers)
            scope = here.parent
        return None

    def lookup_any(self, file: File, scope: int, name: str) -> tuple[Place, ...] | None:
        """Types and values of a name, as `export { name }` means both."""
        while scope >= 0:
            numbers = file.bound.get((scope, name), ())
            if numbers:
                return tuple((file.path, n) for n in numbers)
            scope = file.scopes[scope].parent
        return None

    def exported(self, path: str, name: str) -> tuple[Place, ...] | None:
        """What a module exports under a name, types and values."""
        file = self.repository.file(path)
        busy = ("x", path + "\0" + name, 0)
        if file is None or busy in self._busy:
            return self.cut(None)
        self._busy.add(busy)
        try:
            numbers = list(file.bound.get((EXPORTS, name), ()))
            numbers += [n for n in file.bound.get((0, name), ()) if "export" in file.definitions[n].flags]
            if numbers:
                return tuple((path, n) for n in numbers)
            for module in file.scopes[EXPORTS].stars if len(file.scopes) > 1 and name != "default" else ():
                target = self.repository.resolve(path, module)
                found = self.exported(target, name) if target is not None else None
                if found:
                    return found
        finally:
            self._busy.discard(busy)
        return None

    def import_places(self, file: File, definition: int) -> tuple[Place, ...]:
        busy = ("i", file.path, definition)
        if busy in self._busy:
            return self.cut(())
        self._busy.add(busy)
        try:
            module, name = file.definitions[definition].target
            if not module:
                places = self.lookup_any(file, 0, name)
            elif name == "*":
                return ()
            else:
                path = self.repository.resolve(file.path, module)
                places = self.exported(path, name) if path is not None else None
            return self.followed(p for p in places if p != (file.path, definition)) if places else ()
        finally:
            self._busy.discard(busy)

    def resolve_name(self, file: File, number: int, expression: Any) -> Resolution:
        places = self.lookup(file, expression[4], expression[1], expression)
        if places is None:
            return EXTERNAL
        targets = self.followed(places)
        if expression[5] != "import":
            types = expression[5] == "type"
            fitting = tuple(t for t in targets if self.fits(self.repository.definition(t).kind, types))
            targets = fitting or targets
        targets = tuple(dict.fromkeys(self.canonical(t) for t in targets))
        if not targets:
            return EXTERNAL
        local = any(self.repository.definition(p).kind != "import" for p in places)
        single = len(targets) == 1 or expression[5] == "import"
        return Resolution(targets, PROVEN if single else INFERRED, "scope" if local else "import")

    def resolve_import(self, file: File, expression: Any) -> Resolution:
        path = self.repository.resolve(file.path, expression[6])
        places = self.exported(path, expression[1]) if path is not None else None
        targets = tuple(dict.fromkeys(self.canonical(p) for p in self.followed(places or ())))
        return Resolution(targets, PROVEN, "import") if targets else EXTERNAL

    def followed_in(self, targets: tuple[Place, ...], types: bool) -> tuple[Place, ...]:
        """Targets of one of the two spaces of names, all of them if none is in it."""
        fitting = tuple(t for t in targets if self.fits(self.repository.definition(t).kind, types))
        return fitting or targets

    def choose(self, places: tuple[Place, ...], file: File, number: int) -> tuple[Place, ...]:
        if len(places) < 2:
            return places
        return self.followed_in(places, file.expressions[number][5] == "type")

    def imported(self, file: File, definition: int) -> Values:
        module, name = file.definitions[definition].target
        if name == "*":
            path = self.repository.resolve(file.path, module)
            return (("M", path, module),) if path is not None else (("XD", module),)
        if module and self.repository.resolve(file.path, module) is None:
            return (("XD", f"{module}.{name}"),)
        found: list[Value] = []
        for place in self.through(file, definition):
            found.extend(self.definition_value(place))
        return unique(found)

    def through(self, file: File, definition: int) -> tuple[Place, ...]:
        """One step behind an import: what the module exports, bindings of namespaces included."""
        module, name = file.definitions[definition].target
        if not module:
            return tuple(p for p in self.lookup_any(file, 0, name) or () if p != (file.path, definition))
        path = self.repository.resolve(file.path, module)
        return self.exported(path, name) or () if path is not None else ()

    def name_value(self, file: File, expression: Any) -> Iterable[Value]:
        if expression[5] == "hidden":
            places = self.lookup_any(file, expression[4], expression[1]) or ()
            return [v for p in places for v in self.definition_value(p)]
        values = list(super().name_value(file, expression))
        types = expression[5] == "type"
        fitting = [v for v in values if v[0] != "D" or self.fits(self.repository.definition((v[1], v[2])).kind, types)]
        return fitting or values

    def module_member(self, value: Value, name: str) -> tuple[Place, ...] | None:
        return self.exported(value[1], name)

    def _definition_value(self, place: Place) -> Iterable[Value]:
        definition = self.repository.definition(place)
        if definition.kind == "type_parameter":
            return self.value(self.file(place[0]), definition.value) if definition.value >= 0 else (("XD", "?"),)
        return super()._definition_value(place)

    def _value(self, file: File, number: int) -> Iterable[Value]:
        expression = file.expressions[number]
        operator = expression[0]
        if operator == "obj":
            return (("I", file.path, expression[1], ()),)
        if operator == "typeof":
            return self.value(file, expression[1])
        if operator == "fnt":
            result = self.instances(self.value(file, expression[1]))
            given = tuple(self.instances(self.value(file, n)) for n in expression[2])
            return (("X", "Callable", (result, *given)),)
        if operator == "mod":
            path = self.repository.resolve(file.path, expression[1])
            return (("M", path, expression[1]),) if path is not None else (("XD", expression[1]),)
        if operator == "cb":
            return self.given_to_callback(file, expression)
        if operator == "w":
            return self.awaited(self.value(file, expression[1]))
        return super()._value(file, number)

    def awaited(self, values: Values) -> Iterable[Value]:
        """What `await` gives."""
        found: list[Value] = []
        for value in values:
            if value[0] == "X" and value[1] == "Promise":
                found.extend(value[2][0] if value[2] else (("X", "?", ()),))
            else:
                found.append(value)
        return found

    def given_to_callback(self, file: File, expression: Any) -> Iterable[Value]:
        """What a function gets as a parameter that is handed to another."""
        _, callee, position, parameter = expression
        inner: Any = file.expressions[callee] if callee >= 0 else ("",)
        found: list[Value] = []
        if inner[0] == "a" and inner[1] in CALLBACKS and parameter == 0:
            found.extend(v for v in self.elements(self.value(file, inner[6])) if v != ("X", "?", ()))
        for value in self.value(file, callee):
            if value[0] != "D" or self.is_type((value[1], value[2])):
                continue
            other = self.file(value[1])
            parameters = other.definitions[value[2]].parameters
            if position < len(parameters):
                for wanted in self.definition_value((value[1], parameters[position])):
                    if wanted[0] == "X" and wanted[1] == "Callable" and len(wanted[2]) > parameter + 1:
                        found.extend(wanted[2][parameter + 1])
        return found

    def instances(self, values: Values) -> Values:
        kept = [value for value in values if value[0] in ("I", "M")]
        return unique([*kept, *super().instances(tuple(v for v in values if v[0] not in ("I", "M")))])

    def instance_of(self, place: Place, arguments: tuple[Values, ...]) -> Iterable[Value]:
        definition = self.repository.definition(place)
        if definition.kind == "type":
            busy = ("t", *place)
            if busy in self._busy:
                return self.cut(())
            self._busy.add(busy)
            try:
                return self.instances(self.value(self.file(place[0]), definition.value))
            finally:
                self._busy.discard(busy)
        return (("I", *place, arguments),)

    def external_instance(self, name: str, arguments: tuple[Values, ...]) -> Values:
        word = name.rpartition(".")[2]
        if word in PASSING and arguments:
            return (("X", "Array", arguments),) if word == "ReadonlyArray" else arguments[0]
        if word in ("Map", "Record", "WeakMap") and len(arguments) == 2:
            return (("X", word, (arguments[1], arguments[0])),)
        return (("X", word, arguments),)

    def call_value(self, file: File, expression: Any) -> Iterable[Value]:
        found = list(super().call_value(file, expression))
        for callee in self.value(file, expression[1]):
            if callee[0] == "I":
                for place in self.member(callee, "()") or ():
                    found.extend(self.returned(place))
        return found

    def called_instance(self, value: Value) -> Values:
        return tuple(value[2][0]) if value[1] == "Callable" and value[2] else (("X", "?", ()),)

    def external_member(self, value: Value, name: str) -> Values:
        if value[0] == "XD":
            return (("XD", f"{value[1]}.{name}"),)
        kind, arguments = value[1], value[2]
        if kind in ("Array", "Set", "tuple") and arguments:
            inside = tuple(self.elements((value,)))
            if name in ELEMENT:
                return (("X", "Callable", (inside,)),)
            if name in KEEPING:
                return (("X", "Callable", ((("X", "Array", (inside,)),),)),)
        if kind in ("Map", "WeakMap") and arguments:
            if name == "get":
                return (("X", "Callable", (arguments[0],)),)
            if name == "values":
                return (("X", "Callable", ((("X", "Array", (arguments[0],)),),)),)
        return (("X", "?" if kind == "?" else f"{kind}.{name}", ()),)

    def member(self, receiver: Value, name: str) -> tuple[Place, ...] | None:
        found = super().member(receiver, name)
        if not found and receiver[0] == "I" and self.repository.definition((receiver[1], receiver[2])).kind == "object":
            file = self.file(receiver[1])  # `{...other}`: the last one that has it
            for number in reversed(file.definitions[receiver[2]].bases):
                for value in self.value(file, number):
                    inner = self.member(value, name) if value[0] != "X" else None
                    if inner:
                        return inner
        return found

    def own_member(self, place: Place, name: str) -> tuple[Place, ...]:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        found = [(place[0], n) for n in file.bound.get((definition.own, name), ()) if definition.own >= 0
                 and file.definitions[n].kind != "type_parameter"]  # fmt: skip
        if not found and definition.name:
            # Declarations of one interface or class in several places are one type.
            for number in file.bound.get((definition.scope, definition.name), ()):
                other = file.definitions[number]
                if other.own >= 0 and other.kind in TYPE_LIKE | {"namespace"} and number != place[1]:
                    found.extend((place[0], n) for n in file.bound.get((other.own, name), ()))
        return tuple(found)
