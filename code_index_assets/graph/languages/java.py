"""Java: packages, members of enclosing classes, overloads by number and type of arguments, type arguments."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ..repository import File, Place
from ..resolver import EXTERNAL, INFERRED, PROVEN, TYPE_LIKE, Resolution, Resolver, Value, Values, unique

CALLED = frozenset({"call", "ref"})
METHODS = frozenset({"method", "constructor"})
NUMBERS = frozenset({"int", "long", "short", "byte", "char", "double", "float"})
BOXES = {"Integer": "int", "Long": "long", "Short": "short", "Byte": "byte", "Character": "char", "Double": "double",
         "Float": "float", "Boolean": "boolean"}  # fmt: skip
BASIC = NUMBERS | frozenset(BOXES) | {"boolean", "String", "[]"}
IMPOSSIBLE = -100
WIDER = ("byte", "short", "char", "int", "long", "float", "double")
ELEMENT = frozenset({"get", "next", "previous", "remove", "poll", "peek", "pop", "first", "last", "getFirst", "getLast",
                     "orElse", "orElseThrow", "take", "element"})  # fmt: skip
SAME = frozenset({"iterator", "stream", "filter", "sorted", "limit", "skip", "distinct", "subList", "peek", "findFirst",
                  "findAny", "listIterator", "parallelStream", "toList", "spliterator", "reversed"})  # fmt: skip


class JavaResolver(Resolver):
    """Resolution of Java."""

    def canonical(self, place: Place) -> Place:
        return place

    # -- lookups -------------------------------------------------------------------------------------------------------

    def lookup(self, file: File, scope: int, name: str, expression: Any) -> tuple[Place, ...] | None:
        role = expression[5]
        if role in CALLED:
            return self.method_in_scope(file, scope, name)
        if role in ("type", "new"):
            return self.type_in_scope(file, scope, name)
        found = self.variable_in_scope(file, scope, name)
        return found if found else self.type_in_scope(file, scope, name)

    def variable_in_scope(self, file: File, scope: int, name: str) -> tuple[Place, ...]:
        while scope >= 0:
            here = file.scopes[scope]
            if here.kind == "class" and here.definition >= 0:
                found = self.class_member((file.path, here.definition), name)
                if found and self.repository.definition(found[0]).kind not in TYPE_LIKE | {"type_parameter"}:
                    return found
            else:
                numbers = [n for n in file.bound.get((scope, name), ())
                           if file.definitions[n].kind in ("variable", "parameter", "field")]  # fmt: skip
                if numbers:
                    return ((file.path, numbers[0]),)
            scope = here.parent
        for definition in file.bound.get((0, name), ()):
            if file.definitions[definition].target[1:] == ["static"]:
                found = self.static_import(file, file.definitions[definition].target[0], name)
                if found:
                    return found
        return self.static_stars(file, name)

    def method_in_scope(self, file: File, scope: int, name: str) -> tuple[Place, ...] | None:
        """Methods of the enclosing classes, the innermost that has one of the name."""
        while scope >= 0:
            here = file.scopes[scope]
            if here.kind == "class" and here.definition >= 0:
                found = self.class_member((file.path, here.definition), name + "()")
                if found:
                    return found
                if self.open_ended((file.path, here.definition)) and here.parent == 0:
                    break
            scope = here.parent
        for definition in file.bound.get((0, name), ()):
            if file.definitions[definition].target[1:] == ["static"]:
                found = self.static_import(file, file.definitions[definition].target[0], name + "()")
                if found:
                    return found
        return self.static_stars(file, name + "()") or None

    def static_import(self, file: File, target: str, name: str) -> tuple[Place, ...]:
        holder = self.class_named(file, target.rpartition(".")[0])
        return (self.class_member(holder, name) or ()) if holder is not None else ()

    def static_stars(self, file: File, name: str) -> tuple[Place, ...]:
        for star in file.scopes[0].stars:
            if star.startswith("static "):
                holder = self.class_named(file, star[7:])
                found = self.class_member(holder, name) if holder is not None else None
                if found:
                    return found
        return ()

    def type_in_scope(self, file: File, scope: int, name: str) -> tuple[Place, ...] | None:
        start = scope
        while scope >= 0:
            numbers = [n for n in file.bound.get((scope, name), ())
                       if file.definitions[n].kind in TYPE_LIKE | {"type_parameter"}]  # fmt: skip
            if numbers:
                return ((file.path, numbers[0]),)
            here = file.scopes[scope]
            if ("b", file.path, here.definition) in self._busy:
                self.cut(())
            elif here.kind == "class" and here.definition >= 0:
                self._busy.add(("b", file.path, here.definition))
                try:
                    found = self.class_member((file.path, here.definition), name + "<>")
                finally:
                    self._busy.discard(("b", file.path, here.definition))
                if found:
                    return found
            scope = here.parent
        for number in file.bound.get((0, name), ()):
            if file.definitions[number].kind == "import":
                target = self.class_named(file, file.definitions[number].target[0])
                return (target,) if target is not None else None
        found = self.in_package(file.path.rpartition("/")[0], file.facts.package, name)
        if found:
            return found
        for star in file.scopes[0].stars:
            target = self.class_named(file, f"{star.removeprefix('static ')}.{name}")
            if target is not None:
                return (target,)
        return self.elsewhere(file, name) if start >= 0 else None

    def elsewhere(self, file: File, name: str) -> tuple[Place, ...] | None:
        """The same package in another source folder: tests beside their sources."""
        path = self.repository.resolve(file.path, f"{file.facts.package}.{name}") if file.facts.package else None
        if path is None or not path.endswith(f"/{name}.java"):
            return None
        other = self.repository.file(path)
        if other is None or other.facts.package != file.facts.package:
            return None
        return (
            tuple((path, n) for n in other.bound.get((0, name), ()) if other.definitions[n].kind in TYPE_LIKE) or None
        )

    def in_package(self, folder: str, package: str, name: str) -> tuple[Place, ...]:
        direct = f"{folder}/{name}.java" if folder else f"{name}.java"
        if direct in self.repository.known_paths:
            found = self._types_of(direct, package).get(name)
            if found is not None:
                return (found,)
        if (folder, package) not in self._packages:
            types: dict[str, Place] = {}
            for path in self.repository.by_folder.get(folder, ()):
                types = self._types_of(path, package) | types
            self._packages[folder, package] = types
        found = self._packages[folder, package].get(name)
        return () if found is None else (found,)

    def _types_of(self, path: str, package: str) -> dict[str, Place]:
        """The types at the top of a file of a package, by name."""
        other = self.repository.file(path)
        if other is None or other.language != "java" or other.facts.package != package:
            return {}
        types: dict[str, Place] = {}
        for number in other.members(0):
            if other.definitions[number].kind in TYPE_LIKE:
                types.setdefault(other.definitions[number].name, (path, number))
        return types

    @cached_property
    def _packages(self) -> dict[tuple[str, str], dict[str, Place]]:
        return {}

    def class_named(self, file: File, name: str) -> Place | None:
        """A class by its qualified name, nested ones included."""
        path = self.repository.resolve(file.path, name)
        other = self.repository.file(path) if path is not None else None
        if other is None:
            return None
        stem = path.rpartition("/")[2].rpartition(".")[0]  # type: ignore[union-attr]
        parts = name.split(".")
        if stem not in parts or (other.facts.package and not name.startswith(other.facts.package + ".")):
            return None
        at = len(parts) - 1 - parts[::-1].index(stem)
        scope, found = 0, None
        for part in parts[at:]:
            numbers = [n for n in other.bound.get((scope, part), ()) if other.definitions[n].kind in TYPE_LIKE]
            if not numbers:
                return None
            found = (other.path, numbers[0])
            scope = other.definitions[numbers[0]].own
        return found

    # -- members -------------------------------------------------------------------------------------------------------

    def own_member(self, place: Place, name: str) -> tuple[Place, ...]:
        file = self.file(place[0])
        own = file.definitions[place[1]].own
        if own < 0:
            return ()
        word = name.removesuffix("()").removesuffix("<>")
        numbers = file.bound.get((own, word), ())
        kinds = file.definitions
        if name.endswith("()"):
            return tuple((place[0], n) for n in numbers if kinds[n].kind == "method")
        if name.endswith("<>"):
            return tuple((place[0], n) for n in numbers if kinds[n].kind in TYPE_LIKE)
        return tuple(
            (place[0], n) for n in numbers if kinds[n].kind not in METHODS and kinds[n].kind != "type_parameter"
        )

    def class_member(self, place: Place, name: str) -> tuple[Place, ...] | None:
        if not name.endswith("()"):
            return super().class_member(place, name)
        found: list[Place] = []
        shapes: set[tuple[str, ...]] = set()
        for holder in self.linear(place)[0]:
            for method in self.own_member(holder, name):
                shape = self.shape(method)
                if shape not in shapes:
                    shapes.add(shape)
                    found.append(method)
        return tuple(found) or None

    def shape(self, place: Place) -> tuple[str, ...]:
        """The types of a method's parameters as written, without type arguments."""
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        found = []
        for number in definition.parameters:
            kind = file.definitions[number].type
            while kind >= 0 and file.expressions[kind][0] == "g":
                kind = file.expressions[kind][1]
            found.append(str(file.expressions[kind][1]) if kind >= 0 else "[]")
        return tuple(found)

    def super_member(self, file: File, scope: int, name: str) -> tuple[Place, ...] | None:
        return super().super_member(file, scope, name) or super().super_member(file, scope, name + "()")

    def overridden_name(self, name: str) -> str:
        return name + "()"

    def overloaded(self, targets: tuple[Place, ...]) -> bool:
        holders = {self.holder_of(target) for target in targets}
        return len(holders) < len(targets)

    def member_value(self, file: File, number: int, expression: Any) -> Iterable[Value]:
        if expression[5] not in CALLED:
            return super().member_value(file, number, expression)
        base = file.expressions[expression[6]] if expression[6] >= 0 else None
        if base is not None and base[0] == "super":
            places = self.super_member(file, base[1], expression[1] + "()") or ()
            return [("D", *p, ()) for p in self.choose(places, file, number)]
        found: list[Value] = []
        for receiver in self.value(file, expression[6]):
            if receiver[0] in ("X", "XD"):
                found.extend(self.external_member(receiver, expression[1]))
                continue
            methods = self.member(receiver, expression[1] + "()")
            if methods:
                found.extend(("D", *p, receiver) for p in self.choose(methods, file, number))
            else:
                found.extend(self.missing_member(receiver, expression[1]))
        return found

    def name_value(self, file: File, expression: Any) -> Iterable[Value]:
        places = self.lookup(file, expression[4], expression[1], expression)
        if places is None:
            return self.unbound(file, expression)
        return [value for place in places for value in self.definition_value(place)]

    def resolve_member(self, file: File, number: int, expression: Any) -> Resolution:
        if expression[5] in CALLED:
            return super().resolve_member(file, number, (*expression[:1], expression[1] + "()", *expression[2:]))
        return super().resolve_member(file, number, expression)

    def import_places(self, file: File, definition: int) -> tuple[Place, ...]:
        target = self.class_named(file, file.definitions[definition].target[0])
        return (target,) if target is not None else ()

    def imported(self, file: File, definition: int) -> Values:
        target = self.class_named(file, file.definitions[definition].target[0])
        return (("D", *target),) if target is not None else (("XD", file.definitions[definition].target[0]),)

    def resolve_import(self, file: File, expression: Any) -> Resolution:
        text = expression[6]
        target = self.class_named(file, text.removeprefix("static "))
        if target is not None:
            return Resolution((target,), PROVEN, "import")
        if text.startswith("static "):
            name = expression[1]
            found = (*self.static_import(file, text[7:], name + "()"), *self.static_import(file, text[7:], name))
            if found:
                return Resolution(found, PROVEN if len(found) == 1 else INFERRED, "import")
        return EXTERNAL

    # -- overloads -----------------------------------------------------------------------------------------------------

    def choose(self, places: tuple[Place, ...], file: File, number: int) -> tuple[Place, ...]:
        if len(places) < 2 or self.repository.definition(places[0]).kind != "method":
            return places
        arguments = self.arguments_of(file).get(number)
        if arguments is None:
            return places
        given = [self.value(file, argument) for argument in arguments]
        for variadic in (False, True):
            fitting = [p for p in places if self.takes(p, len(arguments), variadic=variadic)]
            scores = {p: self.score(p, given, variadic=variadic) for p in fitting}
            best = max(scores.values(), default=-1)
            if best >= 0:
                return tuple(p for p in fitting if scores[p] == best)
        return places

    def arguments_of(self, file: File) -> dict[int, list[int]]:
        """Arguments by the number of the expression that is called."""
        if file.path not in self._arguments:
            self._arguments[file.path] = {e[1]: e[2] for e in file.expressions if e[0] == "c"}
        return self._arguments[file.path]

    def __init__(self, repository: Any) -> None:
        super().__init__(repository)
        self._arguments: dict[str, dict[int, list[int]]] = {}

    def takes(self, place: Place, count: int, *, variadic: bool) -> bool:
        """Whether a method takes that many arguments: first as written, then with a last parameter for any number."""
        definition = self.repository.definition(place)
        wanted = len(definition.parameters)
        return ("variadic" in definition.flags and count >= wanted - 1) if variadic else count == wanted

    def score(self, place: Place, given: list[Values], *, variadic: bool) -> int:
        """How well arguments fit the types of parameters: below 0 where one cannot."""
        parameters = self.repository.definition(place).parameters
        total = 0
        for at, values in enumerate(given):
            last = at >= len(parameters) - 1
            wanted = self.definition_value((place[0], parameters[min(at, len(parameters) - 1)]))
            if variadic and last:
                wanted = tuple(self.elements(wanted))
            if values:
                total += max(self.fit(value, wanted) for value in values)
            if total < 0:
                return total
        return total

    def fit(self, value: Value, wanted: Values) -> int:
        """From 8 for the same type down to 1 for one far above it, 0 unknown, below 0 impossible."""
        if not wanted or value[0] in ("TP", "XD"):
            return 0
        want = wanted[0]
        if want[0] == "TP":
            return 0 if value[0] == "X" and value[1] in NUMBERS else 1
        if value[0] == "X":
            return self.fit_outside(value, want)
        if value[0] in ("I", "D") and want[0] in ("I", "D"):
            line = self.linear((value[1], value[2]))[0]
            if (want[1], want[2]) in line:
                return 8 - min(line.index((want[1], want[2])), 6)
            return IMPOSSIBLE
        if want[1] == "Object":
            return 1
        return IMPOSSIBLE if want[1] in BASIC or not self.open_ended((value[1], value[2])) else 2

    def fit_outside(self, value: Value, want: Value) -> int:
        """The same for a value of a type outside of the repository."""
        mine, other = value[1].rpartition(".")[2], want[1] if want[0] == "X" else ""
        if mine == "?":
            return 0
        if mine == "null":
            return IMPOSSIBLE if other in NUMBERS or other == "boolean" else 0 if other == "Object" else 1
        if want[0] != "X":
            return IMPOSSIBLE if mine in BASIC else 0
        if mine == other:
            return 8
        if BOXES.get(mine, mine) == BOXES.get(other, other):
            return 2
        if mine in WIDER and other in WIDER:
            up = WIDER.index(other) - WIDER.index(mine)
            return 7 - min(up, 4) if up > 0 else IMPOSSIBLE
        if other in ("Object", "CharSequence", "Comparable", "Number", "Serializable"):
            return 1 if other != "Number" or mine != "String" else IMPOSSIBLE
        return IMPOSSIBLE if mine in BASIC or other in BASIC else 0

    def plain(self, name: str) -> str:
        """The last word of a type's name, boxes as what they hold."""
        word = name.rpartition(".")[2]
        return BOXES.get(word, word)

    # -- types ---------------------------------------------------------------------------------------------------------

    def _definition_value(self, place: Place) -> Iterable[Value]:
        definition = self.repository.definition(place)
        if definition.kind == "type_parameter":
            return (("TP", *place),)
        if definition.kind == "enum_member":
            return self.value(self.file(place[0]), definition.value)
        if definition.kind == "method":
            return (("D", *place, ()),)
        return super()._definition_value(place)

    def _value(self, file: File, number: int) -> Iterable[Value]:
        expression = file.expressions[number]
        operator = expression[0]
        if operator == "obj":
            return (("I", file.path, expression[1], ()),)
        if operator == "d":
            return (("D", file.path, expression[1]),)
        if operator == "cb":
            return self.given_to_lambda(file, expression)
        return super()._value(file, number)

    def given_to_lambda(self, file: File, expression: Any) -> Iterable[Value]:
        """What a lambda gets from a collection or stream it is handed to."""
        inner: Any = file.expressions[expression[1]] if expression[1] >= 0 else ("",)
        if inner[0] != "a" or expression[3] != 0:
            return ()
        return [v for v in self.elements(self.value(file, inner[6])) if v != ("X", "?", ())]

    def instances(self, values: Values) -> Values:
        kept = [value for value in values if value[0] in ("I", "TP")]
        return unique([*kept, *super().instances(tuple(v for v in values if v[0] not in ("I", "TP")))])

    def member(self, receiver: Value, name: str) -> tuple[Place, ...] | None:
        if receiver[0] == "TP":
            bounds = self.bound_of(receiver)
            for bound in bounds:
                found = super().member(bound, name)
                if found:
                    return found
            return None
        return super().member(receiver, name)

    def bound_of(self, value: Value) -> Values:
        """What a type parameter extends."""
        definition = self.repository.definition((value[1], value[2]))
        return self.instances(self.value(self.file(value[1]), definition.value)) if definition.value >= 0 else ()

    def missing_member(self, receiver: Value, name: str) -> Iterable[Value]:
        if receiver[0] == "TP":
            return (("X", "?", ()),)
        if name == "getClass":
            return (("X", "Callable", ((("X", "Class", ((receiver,),)),),)),)
        return super().missing_member(receiver, name)

    def call_value(self, file: File, expression: Any) -> Iterable[Value]:
        found: list[Value] = []
        number = expression[1]
        inner: Any = file.expressions[number] if number >= 0 else ("",)
        callees: Iterable[Value] = self.value(file, number)
        if inner[0] == "n":
            places = self.lookup(file, inner[4], inner[1], inner)
            callees = [("D", *p, ()) for p in self.choose(places or (), file, number)] or callees
        for callee in callees:
            if callee[0] == "D" and not self.is_type((callee[1], callee[2])):
                place = (callee[1], callee[2])
                bound = self.arguments_for(callee[3] if len(callee) > 3 else ())
                bound |= self.inferred(place, [self.value(file, n) for n in expression[2]])
                found.extend(self.replaced(self.returned(place), bound))
            elif callee[0] == "X":
                found.extend(self.called_instance(callee))
            elif callee[0] == "XD":
                found.append(("X", "?", ()))
        return found

    def arguments_for(self, receiver: Any) -> dict[Value, Values]:
        """What type parameters of a receiver's class, and of its bases, stand for."""
        if not receiver or receiver[0] != "I":
            return {}
        found: dict[Value, Values] = {}
        todo = [(receiver[1], receiver[2], receiver[3])]
        while todo and len(found) < 20:
            path, number, arguments = todo.pop()
            file = self.file(path)
            own = file.definitions[number].own
            names = [n for n in file.members(own) if file.definitions[n].kind == "type_parameter"] if own >= 0 else []
            for parameter, given in zip(names, arguments, strict=False):
                found[("TP", path, parameter)] = given
            for base in file.definitions[number].bases:
                for value in self.value(file, base):
                    if value[0] == "T" and value[1][0] == "D":
                        inside = tuple(self.replaced(self.instances(a), found) for a in value[2])
                        todo.append((value[1][1], value[1][2], inside))
        return found

    def inferred(self, place: Place, given: list[Values]) -> dict[Value, Values]:
        """What a method's own type parameters stand for, by its arguments."""
        definition = self.repository.definition(place)
        found: dict[Value, Values] = {}
        for parameter, values in zip(definition.parameters, given, strict=False):
            for wanted in self.definition_value((place[0], parameter)):
                self.unify(wanted, values, found)
        return found

    def unify(self, wanted: Value, values: Values, found: dict[Value, Values]) -> None:
        if wanted[0] == "TP":
            found.setdefault(wanted, tuple(v for v in values if v[0] in ("I", "X") and v[1] != "null"))
        elif wanted[0] in ("X", "I"):
            at = 2 if wanted[0] == "X" else 3
            for value in values:
                if value[:at] == wanted[:at]:
                    for inner, given in zip(wanted[at], value[at], strict=False):
                        for part in inner:
                            self.unify(part, given, found)

    def replaced(self, values: Values, bound: dict[Value, Values]) -> Values:
        """Values with type parameters replaced by what they stand for."""
        if not bound:
            return values
        found: list[Value] = []
        for value in values:
            if value[0] == "TP":
                found.extend(bound.get(value) or (value,))
            elif value[0] == "X" and value[2]:
                found.append(("X", value[1], tuple(self.replaced(a, bound) for a in value[2])))
            elif value[0] == "I" and value[3]:
                found.append(("I", value[1], value[2], tuple(self.replaced(a, bound) for a in value[3])))
            else:
                found.append(value)
        return unique(found)

    def member_of(self, receiver: Value, name: str) -> Iterable[Value]:
        found = tuple(super().member_of(receiver, name))
        return self.replaced(found, self.arguments_for(receiver)) if receiver[0] == "I" and receiver[3] else found

    def elements(self, values: Values) -> Iterable[Value]:
        found: list[Value] = []
        for value in values:
            if value[0] == "I":
                for place in self.member(value, "iterator()") or ():
                    got = self.replaced(self.returned(place), self.arguments_for(value))
                    found.extend(super().elements(got))
                if not self.member(value, "iterator()"):
                    found.extend(self.iterated(value))
            else:
                found.extend(super().elements((value,)))
        return found

    def iterated(self, value: Value) -> Iterable[Value]:
        """Elements of a class that extends `Iterable<X>` or a collection of the library."""
        for holder in self.linear((value[1], value[2]))[0]:
            file = self.file(holder[0])
            for base in file.definitions[holder[1]].bases:
                for inner in self.value(file, base):
                    if inner[0] == "T" and inner[1][0] == "XD" and inner[2]:
                        yield from self.instances(inner[2][0])

    def external_instance(self, name: str, arguments: tuple[Values, ...]) -> Values:
        return (("X", name.rpartition(".")[2], arguments),)

    def external_member(self, value: Value, name: str) -> Values:
        if value[0] == "XD":
            return (("X", "?", ()),) if name[:1].islower() else (("XD", f"{value[1]}.{name}"),)
        kind, arguments = value[1], value[2]
        if arguments:
            mapping = len(arguments) == 2 and kind != "Entry"
            inner = arguments[-1] if mapping else arguments[0]
            if name in ELEMENT or (mapping and name in ("put", "getOrDefault", "computeIfAbsent", "putIfAbsent")):
                return (("X", "Callable", (inner,)),)
            if name in SAME:
                return (("X", "Callable", ((value,),)),)
            if mapping and name == "entrySet":
                return (("X", "Callable", ((("X", "Set", ((("X", "Entry", arguments),),)),),)),)
            if mapping and name in ("values", "keySet"):
                return (("X", "Callable", ((("X", "Set", (arguments[1] if name == "values" else arguments[0],)),),)),)
            if kind == "Entry" and name in ("getKey", "getValue"):
                return (("X", "Callable", (arguments[0] if name == "getKey" else arguments[1],)),)
            if kind == "Class" and name in ("cast", "newInstance"):
                return (("X", "Callable", (inner,)),)
        if kind == "String" or name == "toString":
            known = {"length": "int", "charAt": "char", "indexOf": "int", "equals": "boolean", "isEmpty": "boolean"}
            return (("X", "Callable", ((("X", known.get(name, "String"), ()),),)),)
        return (("X", "?" if kind == "?" else f"{kind}.{name}", ()),)

    def called_instance(self, value: Value) -> Values:
        return tuple(value[2][0]) if value[1] == "Callable" and value[2] else (("X", "?", ()),)
