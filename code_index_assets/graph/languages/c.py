"""C and C++: names through includes, headers tied to definitions, members of the class around a method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..repository import File, Place
from ..resolver import TYPE_LIKE, Resolver, Value, Values, unique

OUTSIDE = frozenset({"module", "namespace"})
CALLABLE = frozenset({"function", "method", "constructor", "macro"})
POINTERS = frozenset({"unique_ptr", "shared_ptr", "weak_ptr", "optional", "atomic", "reference_wrapper"})
MAPPINGS = frozenset({"map", "unordered_map", "multimap"})
ELEMENT = frozenset({"front", "back", "at", "top", "value", "get", "lock", "load", "release", "operator*"})
HEADERS = (".h", ".hpp", ".hh", ".hxx", ".inc")


class CResolver(Resolver):
    """Resolution of C and C++."""

    def __init__(self, repository: Any) -> None:
        super().__init__(repository)
        self._visible: dict[str, tuple[str, ...]] = {}
        self._canonical: dict[Place, Place] = {}

    # -- files ---------------------------------------------------------------------------------------------------------

    def visible(self, path: str) -> tuple[str, ...]:
        """The file and all that it includes, nearest first."""
        if path not in self._visible:
            order: dict[str, None] = {path: None}
            todo = [path]
            while todo:
                here = todo.pop(0)
                file = self.repository.file(here)
                for module in file.scopes[0].stars if file is not None else ():
                    target = self.repository.resolve(here, module)
                    if target is not None and target not in order:
                        order[target] = None
                        todo.append(target)
            self._visible[path] = tuple(order)
        return self._visible[path]

    def reaches(self, one: str, other: str) -> bool:
        """Whether one of two files includes the other."""
        return one == other or other in self.visible(one) or one in self.visible(other)

    # -- one thing in several places -----------------------------------------------------------------------------------

    def canonical(self, place: Place) -> Place:
        if place not in self._canonical:
            self._canonical[place] = self._found_canonical(place)
        return self._canonical[place]

    def _found_canonical(self, place: Place) -> Place:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        scope = file.scopes[definition.scope].kind
        if scope not in OUTSIDE | {"class"} or not definition.name:
            return place
        if definition.kind in TYPE_LIKE:
            return self.whole_type(place)
        if definition.kind not in CALLABLE | {"variable", "field"} or definition.kind == "macro":
            return place[0], next(
                n for n in file.bound[definition.scope, definition.name] if file.definitions[n].kind == definition.kind
            )
        holder = self.holder_name(place)
        private = "static" in definition.flags and not holder
        group = []
        for other in [file] if private else self.repository.mentioning(definition.name):
            if other.language not in ("c", "cpp") or not self.reaches(place[0], other.path):
                continue
            for n in other.by_name.get(definition.name, ()):
                found = other.definitions[n]
                if (
                    (found.kind in CALLABLE) == (definition.kind in CALLABLE)
                    and found.kind != "macro"
                    and other.scopes[found.scope].kind in OUTSIDE | {"class"}
                    and self.holder_name((other.path, n)) == holder
                    and len(found.parameters) == len(definition.parameters)
                    and self.same_shape((other.path, n), place)
                ):
                    group.append((not other.path.endswith(HEADERS), other.path, n))
        return min(group)[1:] if group else place

    def same_shape(self, one: Place, other: Place) -> bool:
        """Whether two declarations take parameters of the same types as written."""
        return self.shape(one) == self.shape(other)

    def shape(self, place: Place) -> tuple[str, ...]:
        file = self.file(place[0])
        found = []
        for number in file.definitions[place[1]].parameters:
            kind = file.definitions[number].type
            while kind >= 0 and file.expressions[kind][0] == "g":
                kind = file.expressions[kind][1]
            found.append(str(file.expressions[kind][1]) if kind >= 0 else "")
        return tuple(found)

    def holder_name(self, place: Place) -> str:
        """The class that a member belongs to, by name; "" outside of classes."""
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.holder:
            return definition.holder if not self.is_namespace(file, definition.holder) else ""
        if file.scopes[definition.scope].kind == "class":
            return file.definitions[file.scopes[definition.scope].definition].name or "?"
        return ""

    def is_namespace(self, file: File, name: str) -> bool:
        """Whether a name is that of a namespace."""
        return any(
            other is not None and any(other.definitions[n].kind == "namespace" for n in other.by_name.get(name, ()))
            for other in map(self.repository.file, self.visible(file.path))
        )

    def whole_type(self, place: Place) -> Place:
        """The definition of a type that is only announced."""
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if "forward" not in definition.flags:
            same = [n for n in file.bound[definition.scope, definition.name]
                    if file.definitions[n].kind == definition.kind
                    and "forward" not in file.definitions[n].flags]  # fmt: skip
            return place[0], same[0] if same else place[1]
        container = self.container(file, place[1])
        found = []
        for other in self.repository.mentioning(definition.name):
            if other.language not in ("c", "cpp"):
                continue
            for n in other.by_name.get(definition.name, ()):
                known = other.definitions[n]
                if known.kind not in TYPE_LIKE or "forward" in known.flags or known.kind == "type":
                    continue
                if self.container(other, n) == container:
                    near = 0 if other.path == place[0] else 1 if self.reaches(place[0], other.path) else 2
                    found.append((near, not other.path.endswith(HEADERS), other.path, n))
        if not found:
            return place
        best = min(found)
        if best[0] == 2 and len(found) > 1:
            return place
        return best[2], best[3]

    def container(self, file: File, number: int) -> str:
        """The name of the class or namespace that something is declared in."""
        definition = file.definitions[number]
        if definition.holder:
            return definition.holder
        if file.scopes[definition.scope].kind == "class":
            return file.definitions[file.scopes[definition.scope].definition].name
        return self.namespace_of(file, definition.scope)

    # -- lookups -------------------------------------------------------------------------------------------------------

    def lookup(self, file: File, scope: int, name: str, expression: Any) -> tuple[Place, ...] | None:
        role = expression[5]
        while scope >= 0:
            here = file.scopes[scope]
            if here.kind in OUTSIDE:
                break
            numbers = [n for n in file.bound.get((scope, name), ()) if self.suits(file.definitions[n].kind, role)]
            if here.kind == "class":
                found = self.suiting(self.class_member((file.path, here.definition), name), role)
                if found:
                    return found
            elif numbers:
                return ((file.path, numbers[0]),)
            if here.kind == "function" and here.definition >= 0 and file.definitions[here.definition].holder:
                holder = self.holder_of((file.path, here.definition))
                found = self.suiting(self.class_member(holder, name) if holder is not None else None, role)
                if found:
                    return found
            scope = here.parent
        return self.outside(file, name, role)

    def suits(self, kind: str, role: str) -> bool:
        """Whether a definition of a kind can stand where a name has a role."""
        if role == "tag":
            return kind in TYPE_LIKE and kind != "type"
        if role == "type":
            return kind in TYPE_LIKE or kind in ("using", "type_parameter", "macro")
        if role == "scope":
            return kind in TYPE_LIKE or kind in ("namespace", "using", "type_parameter")
        return True

    def suiting(self, places: tuple[Place, ...] | None, role: str) -> tuple[Place, ...]:
        """Members that can stand where a name has a role: a constructor is not what the name of its class means."""
        kinds = [(p, self.repository.definition(p).kind) for p in places or ()]
        fitting = tuple(p for p, kind in kinds if self.suits(kind, role) and kind != "constructor")
        if role in ("type", "scope", "tag"):
            return tuple(dict.fromkeys(self.whole_type(p) if k in TYPE_LIKE else p for p, k in kinds if p in fitting))
        return fitting

    def wanted(self, places: tuple[Place, ...], role: str) -> tuple[Place, ...]:
        fitting = tuple(p for p in places if self.suits(self.repository.definition(p).kind, role))
        return fitting or places

    def outside(self, file: File, name: str, role: str, inside: str = "") -> tuple[Place, ...] | None:
        """Definitions at the level of namespaces, in the file and what it includes; of one namespace if named."""
        found: list[Place] = []
        for path in self.visible(file.path):
            other = self.repository.file(path)
            if other is None:
                continue
            for n in other.by_name.get(name, ()):
                definition = other.definitions[n]
                scope = other.scopes[definition.scope]
                if scope.kind not in OUTSIDE or not self.suits(definition.kind, role) or "test" in definition.flags:
                    continue
                if definition.holder and not self.is_namespace(other, definition.holder):
                    continue
                if inside and self.namespace_of(other, definition.scope) != inside and definition.holder != inside:
                    continue
                if path != file.path and "static" in definition.flags and not path.endswith(HEADERS):
                    continue
                found.append((path, n))
        if not found and role == "tag":
            found = self.opaque(name)
        if not found:
            return None
        aliases = [p for p in found if self.repository.definition(p).kind == "type"] if role == "type" else []
        if aliases:  # `typedef struct x {…} x`: without the word `struct` the alias is meant
            found = aliases
        elif role in ("type", "scope", "tag"):
            whole = [p for p in found if "forward" not in self.repository.definition(p).flags]
            found = whole or found
        else:
            values = [p for p in found if self.repository.definition(p).kind not in TYPE_LIKE - {"enum"}]
            found = values or found
            macros = [p for p in found if self.repository.definition(p).kind == "macro"]
            found = macros or found
        return tuple(dict.fromkeys(self.canonical(p) for p in found))

    def opaque(self, name: str) -> list[Place]:
        """The only `struct name` with a body: a header announces it, and a source file that it cannot see has it."""
        found = [
            (other.path, n)
            for other in self.repository.mentioning(name)
            if other.language in ("c", "cpp")
            for n in other.by_name.get(name, ())
            if other.definitions[n].own >= 0 and self.suits(other.definitions[n].kind, "tag")
        ]
        return found if len(found) == 1 else []

    def namespace_of(self, file: File, scope: int) -> str:
        """The name of the innermost namespace around a scope."""
        while scope >= 0:
            here = file.scopes[scope]
            if here.kind == "namespace" and here.definition >= 0:
                return file.definitions[here.definition].name
            scope = here.parent
        return ""

    def holder_of(self, place: Place) -> Place | None:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.holder:
            found = self.outside(file, definition.holder, "scope") or self.nested(file, definition.holder)
            types = [p for p in found or () if self.repository.definition(p).kind in TYPE_LIKE - {"type"}]
            return types[0] if types else None
        return super().holder_of(place)

    def nested(self, file: File, name: str) -> tuple[Place, ...]:
        """A class inside of another, by its own name."""
        return tuple(
            (path, n)
            for path in self.visible(file.path)
            for other in [self.repository.file(path)]
            if other is not None
            for n in other.by_name.get(name, ())
            if other.definitions[n].kind in TYPE_LIKE and other.definitions[n].own >= 0
        )

    def name_value(self, file: File, expression: Any) -> Iterable[Value]:
        # A namespace is what this file sees of it, not what the header that names it does.
        return [("NS", file.path, v[2]) if v[0] == "NS" else v for v in super().name_value(file, expression)]

    # -- values --------------------------------------------------------------------------------------------------------

    def _value(self, file: File, number: int) -> Iterable[Value]:
        expression = file.expressions[number]
        operator = expression[0]
        if operator == "d":
            return (("D", file.path, expression[1]),)
        if operator == "fnt":
            return (("X", "function", (self.instances(self.value(file, expression[1])),)),)
        if operator == "this":
            return self.this_value(file, expression[1])
        return super()._value(file, number)

    def this_value(self, file: File, scope: int) -> Values:
        while scope >= 0:
            here = file.scopes[scope]
            if here.kind == "class":
                return (("I", file.path, here.definition, ()),)
            if here.kind == "function" and here.definition >= 0 and file.definitions[here.definition].holder:
                holder = self.holder_of((file.path, here.definition))
                return (("I", *holder, ()),) if holder is not None else ()
            scope = here.parent
        return ()

    def _definition_value(self, place: Place) -> Iterable[Value]:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.kind == "namespace":
            return (("NS", place[0], definition.name),)
        if definition.kind == "using":
            return self.value(file, definition.value)
        if definition.kind == "type_parameter":
            return (("XD", "?"),)
        if definition.kind in TYPE_LIKE:
            return (("D", *self.canonical(place)),)
        return super()._definition_value(place)

    def instances(self, values: Values) -> Values:
        kept = [value for value in values if value[0] in ("I", "X")]
        return unique([*kept, *super().instances(tuple(v for v in values if v[0] not in ("I", "X")))])

    def instance_of(self, place: Place, arguments: tuple[Values, ...]) -> Iterable[Value]:
        place = self.whole_type(place)
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

    def member(self, receiver: Value, name: str) -> tuple[Place, ...] | None:
        if receiver[0] == "NS":
            return self.outside(self.file(receiver[1]), name, "read", receiver[2]) or self.outside(
                self.file(receiver[1]), name, "type", receiver[2]
            )
        if receiver[0] == "X" and receiver[1] in POINTERS and receiver[2]:
            for inner in receiver[2][0]:
                found = self.member(inner, name)
                if found:
                    return found
            return None
        if receiver[0] == "D" and self.repository.definition((receiver[1], receiver[2])).kind == "type":
            for inner in self.instance_of((receiver[1], receiver[2]), ()):
                found = super().member(inner, name)
                if found:
                    return found
        return super().member(receiver, name)

    def member_of(self, receiver: Value, name: str) -> Iterable[Value]:
        if receiver[0] == "X" and receiver[1] in POINTERS and receiver[2] and name not in ELEMENT:
            return [value for inner in receiver[2][0] for value in self.member_of(inner, name)]
        return super().member_of(receiver, name)

    def own_member(self, place: Place, name: str) -> tuple[Place, ...]:
        place = self.whole_type(place)
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        found = [(place[0], n) for n in file.bound.get((definition.own, name), ()) if definition.own >= 0
                 and file.definitions[n].kind != "type_parameter"]  # fmt: skip
        if not found and definition.kind == "enum":
            found = [(place[0], n) for n in file.bound.get((definition.scope, name), ())
                     if file.definitions[n].kind == "enum_member"]  # fmt: skip
        return tuple(found)

    def external_instance(self, name: str, arguments: tuple[Values, ...]) -> Values:
        return (("X", name.rpartition(".")[2], arguments),)

    def external_member(self, value: Value, name: str) -> Values:
        if value[0] == "XD":
            return (("XD", f"{value[1]}.{name}"),)
        kind, arguments = value[1], value[2]
        if arguments and name in ELEMENT:
            return (("X", "function", (arguments[1] if kind in MAPPINGS and len(arguments) > 1 else arguments[0],)),)
        if kind in MAPPINGS and len(arguments) > 1 and name in ("begin", "find", "end", "lower_bound"):
            return (("X", "function", ((("X", "iterator", ((("X", "pair", arguments),),)),),)),)
        if arguments and name in ("begin", "find", "end", "rbegin", "cbegin"):
            return (("X", "function", ((("X", "iterator", (arguments[0],)),),)),)
        if kind == "iterator" and arguments:
            return tuple(v for inner in arguments[0] for v in self.member_of(inner, name))
        if kind == "pair" and len(arguments) > 1 and name in ("first", "second"):
            chosen: Values = arguments[0] if name == "first" else arguments[1]
            return chosen
        return (("X", "?" if kind == "?" else f"{kind}.{name}", ()),)

    def called_instance(self, value: Value) -> Values:
        return tuple(value[2][0]) if value[1] == "function" and value[2] else (("X", "?", ()),)

    def external_call(self, name: str, arguments: list[Values]) -> Values:
        word = name.rpartition(".")[2]
        return arguments[0] if word in ("move", "forward", "ref", "cref") and arguments else (("X", word, ()),)

    def call_value(self, file: File, expression: Any) -> Iterable[Value]:
        found = list(super().call_value(file, expression))
        for callee in self.value(file, expression[1]):
            if (
                callee[0] == "T"
                and callee[1][0] == "XD"
                and callee[1][1].rpartition(".")[2] in ("make_unique", "make_shared")
            ):
                found = [("X", "unique_ptr", (self.instances(callee[2][0]),))] if callee[2] else found
        return found

    def elements(self, values: Values) -> Iterable[Value]:
        found: list[Value] = []
        for value in values:
            if value[0] == "I":  # a pointer to, or an array of, instances
                found.append(value)
            elif value[0] == "X" and value[1] in MAPPINGS and len(value[2]) > 1:
                found.append(("X", "pair", value[2]))
            else:
                found.extend(super().elements((value,)))
        return found

    def indexed(self, values: Values) -> Iterable[Value]:
        found: list[Value] = []
        for value in values:
            if value[0] == "X" and value[1] in MAPPINGS and len(value[2]) > 1:
                found.extend(value[2][1])
            else:
                found.extend(self.elements((value,)))
        return found

    def returned(self, place: Place) -> Values:
        place = self.canonical(place)
        if self.repository.definition(place).kind == "macro":
            return (("X", "?", ()),)
        return super().returned(place)

    def choose(self, places: tuple[Place, ...], file: File, number: int) -> tuple[Place, ...]:
        places = tuple(dict.fromkeys(self.canonical(p) for p in places))
        if len(places) < 2:
            return places
        role = file.expressions[number][5]
        places = self.wanted(places, role)
        calls = self.calls_of(file).get(number)
        if calls is None:
            return places
        fitting = tuple(p for p in places if self.takes(p, len(calls)))
        if len(fitting) > 1:
            given = [self.value(file, argument) for argument in calls]
            scores = {p: self.score(p, given) for p in fitting}
            best = max(scores.values())
            fitting = tuple(p for p in fitting if scores[p] == best)
        return fitting or places

    def score(self, place: Place, given: list[Values]) -> int:
        """How many arguments are of the type of their parameter, less those that are of another."""
        parameters = self.repository.definition(place).parameters
        total = 0
        for parameter, values in zip(parameters, given, strict=False):
            wanted = {v[:3] if v[0] == "I" else v[:2] for v in self.definition_value((place[0], parameter))}
            mine = {v[:3] if v[0] == "I" else v[:2] for v in values if v[1] != "?"}
            if wanted and mine:
                total += 1 if wanted & mine else -1
        return total

    def calls_of(self, file: File) -> dict[int, list[int]]:
        """Arguments by the number of the expression that is called."""
        return {e[1]: e[2] for e in file.expressions if e[0] == "c"}

    def takes(self, place: Place, count: int) -> bool:
        """Whether a function takes that many arguments, those with defaults left out or not."""
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.kind == "macro":
            return True
        wanted = len(definition.parameters)
        least = sum("default" not in file.definitions[n].flags for n in definition.parameters)
        return least <= count <= wanted or ("variadic" in definition.flags and count >= wanted)

    def overloaded(self, targets: tuple[Place, ...]) -> bool:
        names = {(self.holder_name(t), self.repository.definition(t).kind) for t in targets}
        return len(names) < len(targets)

    def import_places(self, file: File, definition: int) -> tuple[Place, ...]:
        return ()

    def imported(self, file: File, definition: int) -> Values:
        return ()

    def followed(self, places: Iterable[Place]) -> tuple[Place, ...]:
        found: list[Place] = []
        for place in places:
            file = self.file(place[0])
            definition = file.definitions[place[1]]
            if definition.kind == "using":
                for value in self.value(file, definition.value):
                    if value[0] == "D":
                        found.append((value[1], value[2]))
            else:
                found.append(place)
        return tuple(dict.fromkeys(found))
