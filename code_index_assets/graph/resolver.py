"""What an expression denotes: definitions, and the types that members are looked up in.

What lives here: evaluation of expressions over a repository's facts, with the hooks that languages fill. What does
not: the rules of one language (`languages/`), answers (`references.py`).

A value is a tuple: `("I", path, definition, arguments)` an instance of a class, `("D", path, definition)` a definition
itself, `("M", path, name)` a module, `("X", name, arguments)` an instance of a type outside of the repository,
`("XD", name)` a definition outside of it, `("T", value, arguments)` a generic type with arguments. No value: unknown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from .repository import NARROWED, File, Place, Repository

T = TypeVar("T")
Value = tuple[Any, ...]
Values = tuple[Value, ...]
Grade = Literal["proven", "inferred", "textual"]
PROVEN: Literal["proven"] = "proven"
INFERRED: Literal["inferred"] = "inferred"
TEXTUAL: Literal["textual"] = "textual"
MAX_DEPTH = 150
TYPE_LIKE = frozenset({"class", "interface", "struct", "enum", "type", "trait", "union", "annotation", "record"})


@dataclass(frozen=True)
class Resolution:
    """What one use of a name refers to. Without targets: outside the repository (`external`), or unknown."""

    targets: tuple[Place, ...] = ()
    grade: Grade = TEXTUAL
    rule: str = ""
    external: bool = False
    extra: tuple[Place, ...] = field(default=())  # overridden definitions that a call may run as well


UNKNOWN = Resolution()
EXTERNAL = Resolution(external=True)


class Resolver:
    """Resolution in one repository for one family of languages. Languages override the hooks."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        # Evaluation nests MAX_DEPTH expressions, about ten calls each.
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 40 * MAX_DEPTH))
        self._values: dict[tuple[str, str, int], Values] = {}
        self._classes: dict[tuple[str, str, int], tuple[tuple[Place, ...], bool]] = {}
        self._partial: dict[tuple[str, str, int], object] = {}
        self._busy: set[tuple[str, str, int]] = set()
        self._cuts = 0

    def file(self, path: str) -> File:
        """A file that has facts."""
        found = self.repository.file(path)
        assert found is not None
        return found

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def lookup(self, file: File, scope: int, name: str, expression: Any) -> tuple[Place, ...] | None:
        """Definitions that a name denotes in a scope; None if it is not bound in the repository."""
        raise NotImplementedError

    def imported(self, file: File, definition: int) -> Values:
        """What a binding by import denotes."""
        raise NotImplementedError

    def module_member(self, value: Value, name: str) -> tuple[Place, ...] | None:
        """Definitions of a member of a module; None if unknown."""
        raise NotImplementedError

    def module_imported(self, file: File, expression: Any) -> str | None:
        """The module of the repository that a name in an import statement is; None if it is none."""
        return None

    def external_call(self, name: str, arguments: list[Values]) -> Values:
        """What calling something outside of the repository gives."""
        return (("X", "?", ()),)

    def external_member(self, value: Value, name: str) -> Values:
        """A member of something outside of the repository."""
        return (("X", "?", ()),)

    def choose(self, places: tuple[Place, ...], file: File, number: int) -> tuple[Place, ...]:
        """Of several definitions of one name, those that a use means: overloads."""
        return places

    def canonical(self, place: Place) -> Place:
        """The first definition of the same thing."""
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        return place[0], next(
            n for n in file.bound[definition.scope, definition.name] if file.definitions[n].kind != NARROWED
        )

    def beside_imports(self, place: Place) -> Place:
        """The first definition of a name that an import binds too; the place itself if nothing else binds it."""
        file = self.file(place[0])
        made = file.definitions[place[1]]
        if made.kind != "import":
            return place
        others = (n for n in file.bound[made.scope, made.name] if file.definitions[n].kind not in ("import", NARROWED))
        return place[0], next(others, place[1])

    def other_names(self, name: str, wanted: set[Place]) -> set[str]:
        """Names besides imports' aliases that a definition is used under."""
        return set()

    def overloaded(self, targets: tuple[Place, ...]) -> bool:
        """Whether several targets are overloads of which a use means one."""
        return False

    def overridden_name(self, name: str) -> str:
        """A method's name as `own_member` takes it."""
        return name

    def holder_of(self, place: Place) -> Place | None:
        """The class that a member belongs to."""
        file = self.file(place[0])
        scope = file.definitions[place[1]].scope
        if scope < 0 or file.scopes[scope].kind != "class":
            return None
        return place[0], file.scopes[scope].definition

    # -- evaluation ----------------------------------------------------------------------------------------------------

    def value(self, file: File, number: int) -> Values:
        """The values of an expression."""
        if number < 0:
            return ()
        return self._remembered(("e", file.path, number), self._values, (), lambda: unique(self._value(file, number)))

    def _remembered(
        self, key: tuple[str, str, int], store: dict[tuple[str, str, int], T], empty: T, compute: Callable[[], T]
    ) -> T:
        """The result of a computation that may need itself.

        Where it does, it gets `empty`, and what was made from that is forgotten with the question that began it: what
        is remembered never depends on the order of questions.
        """
        if key in store:
            return store[key]
        if key in self._partial:
            return self.cut(self._partial[key])  # type: ignore[return-value]
        if key in self._busy or len(self._busy) > MAX_DEPTH:
            return self.cut(empty)
        begins, before = not self._busy, self._cuts
        self._busy.add(key)
        try:
            result = compute()
        finally:
            self._busy.discard(key)
            if begins:
                self._partial.clear()
        if self._cuts == before:
            store[key] = result
        elif not begins:
            self._partial[key] = result
        return result

    def cut(self, result: T) -> T:
        """A result that is less than the whole because its question is still being answered."""
        self._cuts += 1
        return result

    def _value(self, file: File, number: int) -> Iterable[Value]:
        expression = file.expressions[number]
        operator = expression[0]
        if operator == "a":
            return self.member_value(file, number, expression)
        known = _OPERATORS.get(operator)
        if known is not None:
            return known(self, file, expression)
        derived = _DERIVED.get(operator)
        return derived(self, self.value(file, expression[1])) if derived is not None else ()

    def _same(self, values: Values) -> Values:
        return values

    def _union(self, file: File, expression: Any) -> Values:
        return tuple(value for alternative in expression[1] for value in self.value(file, alternative))

    def _literal(self, file: File, expression: Any) -> Values:
        return (("X", expression[1], ()),)

    def _tuple(self, file: File, expression: Any) -> Values:
        return (("X", "tuple", tuple(self.value(file, item) for item in expression[1])),)

    def _unpacked(self, file: File, expression: Any) -> Iterable[Value]:
        return self.unpacked(self.value(file, expression[1]), expression[2])

    def _this(self, file: File, expression: Any) -> Values:
        definition = file.scopes[expression[1]].definition
        return (("I", file.path, definition, ()),) if definition >= 0 else ()

    def _function(self, file: File, expression: Any) -> Values:
        return (("D", file.path, expression[1]),)

    def module_name_value(self, file: File, expression: Any) -> Values:
        """A name in an import statement."""
        return ()

    def name_value(self, file: File, expression: Any) -> Iterable[Value]:
        """The values of a name as it stands."""
        places = self.lookup(file, expression[4], expression[1], expression)
        if places is None:
            return self.unbound(file, expression)
        return [value for place in places for value in self.definition_value(place)]

    def unbound(self, file: File, expression: Any) -> Values:
        """The value of a name that the repository does not bind."""
        return (("XD", expression[1]),)

    def member_value(self, file: File, number: int, expression: Any) -> Iterable[Value]:
        """The values of a member."""
        base = file.expressions[expression[6]] if expression[6] >= 0 else None
        if base is not None and base[0] == "super":
            places = self.super_member(file, base[1], expression[1]) or ()
            return [value for place in places for value in self.definition_value(place)]
        values: list[Value] = []
        for receiver in self.value(file, expression[6]):
            values.extend(self.member_of(receiver, expression[1]))
        return values

    def member_of(self, receiver: Value, name: str) -> Iterable[Value]:
        """The values of a member of a value."""
        if receiver[0] in ("X", "XD"):
            return self.external_member(receiver, name)
        places = self.member(receiver, name)
        if not places:
            return self.missing_member(receiver, name)
        return [value for place in places for value in self.member_definition_value(receiver, place)]

    def missing_member(self, receiver: Value, name: str) -> Iterable[Value]:
        """The values of a member that the repository's classes do not define."""
        if receiver[0] in ("I", "D") and self.open_ended((receiver[1], receiver[2])):
            return (("X", "?", ()),)
        return ()

    def member_definition_value(self, receiver: Value, place: Place) -> Iterable[Value]:
        """The value of a member's definition as seen through a receiver: a property is what it returns."""
        definition = self.repository.definition(place)
        if "property" in definition.flags and receiver[0] == "I":
            return self.returned(place)
        return self.definition_value(place)

    def definition_value(self, place: Place) -> Values:
        """What a definition stands for when it is named."""
        return self._remembered(("d", *place), self._values, (), lambda: unique(self._definition_value(place)))

    def _definition_value(self, place: Place) -> Iterable[Value]:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.kind == "import":
            return self.imported(file, place[1])
        if definition.kind in TYPE_LIKE or definition.kind in ("function", "method", "constructor", "macro"):
            return (("D", *place),)
        if definition.kind in ("package", "namespace", "module"):
            return (("D", *place),)
        if definition.type >= 0:
            found = self.instances(self.value(file, definition.type))
            if found:
                return found
        return self.value(file, definition.value) if definition.value >= 0 else ()

    def generic_value(self, file: File, expression: Any) -> Iterable[Value]:
        """`Base[arguments]`: a generic type, an element by index, or a literal of a container."""
        arguments = tuple(self.value(file, number) for number in expression[2])
        inner: Any = file.expressions[expression[1]] if expression[1] >= 0 else ("",)
        if inner[0] == "l":
            return (("X", inner[1], arguments),)
        found: list[Value] = []
        for base in self.value(file, expression[1]):
            if base[0] == "XD" or (base[0] == "D" and self.is_type((base[1], base[2]))):
                found.append(("T", base, arguments))
            else:
                found.extend(self.indexed((base,)))
        return found

    def is_type(self, place: Place) -> bool:
        """Whether a definition is a type."""
        return self.repository.definition(place).kind in TYPE_LIKE

    def instances(self, values: Values) -> Values:
        """Instances of named types."""
        found: list[Value] = []
        for value in values:
            if value[0] == "D":
                if self.is_type((value[1], value[2])):
                    found.extend(self.instance_of((value[1], value[2]), ()))
            elif value[0] == "XD":
                found.extend(self.external_instance(value[1], ()))
            elif value[0] == "T":
                found.extend(self.generic_instance(value))
            elif value[0] == "X" and value[1] == "tuple":
                for inner in value[2]:
                    found.extend(self.instances(inner))
            elif value[0] == "X":
                found.append(value)
        return unique(found)

    def instance_of(self, place: Place, arguments: tuple[Values, ...]) -> Iterable[Value]:
        """An instance of a type of the repository."""
        return (("I", *place, arguments),)

    def external_instance(self, name: str, arguments: tuple[Values, ...]) -> Values:
        """An instance of a type outside of the repository."""
        return (("X", name, arguments),)

    def generic_instance(self, value: Value) -> Iterable[Value]:
        """An instance of a generic type with arguments."""
        base, arguments = value[1], value[2]
        inside = tuple(self.instances(argument) for argument in arguments)
        if base[0] == "D":
            return self.instance_of((base[1], base[2]), inside)
        return self.external_instance(base[1], inside)

    def call_value(self, file: File, expression: Any) -> Iterable[Value]:
        """What a call gives."""
        found: list[Value] = []
        for callee in self.value(file, expression[1]):
            if callee[0] == "D":
                place = (callee[1], callee[2])
                if self.is_type(place):
                    found.extend(self.instance_of(place, ()))
                else:
                    found.extend(self.returned(place))
            elif callee[0] == "T":
                found.extend(self.generic_instance(callee))
            elif callee[0] == "XD":
                found.extend(self.external_call(callee[1], [self.value(file, n) for n in expression[2]]))
            elif callee[0] == "X":
                found.extend(self.called_instance(callee))
            elif callee[0] == "I":
                for place in self.member(callee, "__call__") or ():
                    found.extend(self.returned(place))
        return found

    def called_instance(self, value: Value) -> Values:
        """What calling a value of an outside type gives."""
        return (("X", "?", ()),)

    def returned(self, place: Place) -> Values:
        """What a function returns."""
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        busy = ("r", *place)
        if busy in self._busy:
            return self.cut(())
        self._busy.add(busy)
        try:
            if definition.type >= 0:
                return self.instances(self.value(file, definition.type))
            return self.value(file, definition.value)
        finally:
            self._busy.discard(busy)

    def unpacked(self, values: Values, number: int) -> Iterable[Value]:
        """One element of a tuple."""
        found: list[Value] = []
        for value in values:
            if value[0] == "X" and value[1] == "tuple":
                if number < len(value[2]):
                    found.extend(value[2][number])
            elif value[0] == "X":
                found.extend(self.elements((value,)))
        return found

    def elements(self, values: Values) -> Iterable[Value]:
        """What iteration gives."""
        found: list[Value] = []
        for value in values:
            if value[0] == "X":
                if value[1] == "tuple":
                    for inner in value[2]:
                        found.extend(inner)
                else:
                    found.extend(value[2][0] if value[2] else (("X", "?", ()),))
        return found

    def indexed(self, values: Values) -> Iterable[Value]:
        """What an index gives."""
        return self.elements(values)

    def entered(self, values: Values) -> Iterable[Value]:
        """What `with` binds."""
        return values

    # -- members -------------------------------------------------------------------------------------------------------

    def member(self, receiver: Value, name: str) -> tuple[Place, ...] | None:
        """Definitions of a member of a value; None if there is none in the repository."""
        if receiver[0] == "M":
            return self.module_member(receiver, name)
        if receiver[0] in ("I", "D"):
            return self.class_member((receiver[1], receiver[2]), name)
        if receiver[0] == "T" and receiver[1][0] == "D":
            return self.class_member((receiver[1][1], receiver[1][2]), name)
        return None

    def class_member(self, place: Place, name: str) -> tuple[Place, ...] | None:
        """Members of a class of a name, its own before those of its bases."""
        for holder in self.linear(place)[0]:
            found = self.own_member(holder, name)
            if found:
                return found
        return None

    def own_member(self, place: Place, name: str) -> tuple[Place, ...]:
        """Members of that name that the class itself defines."""
        file = self.file(place[0])
        own = file.definitions[place[1]].own
        return tuple((place[0], n) for n in file.bound.get((own, name), ()) if own >= 0)

    def super_member(self, file: File, scope: int, name: str) -> tuple[Place, ...] | None:
        """Members of the bases of the class around a scope."""
        around = file.enclosing(scope, frozenset({"class"}))
        if around < 0:
            return None
        definition = file.scopes[around].definition
        for holder in self.linear((file.path, definition))[0][1:]:
            found = self.own_member(holder, name)
            if found:
                return found
        return None

    def bases(self, place: Place) -> tuple[tuple[Place, ...], bool]:
        """Classes of the repository that a class extends, and whether it extends others besides."""
        return self._remembered(("bases", *place), self._classes, ((), True), lambda: self._found_bases(place))

    def _found_bases(self, place: Place) -> tuple[tuple[Place, ...], bool]:
        file = self.file(place[0])
        found: list[Place] = []
        outside = False
        for number in file.definitions[place[1]].bases:
            values = self.value(file, number)
            mine = [v[1] if v[0] == "T" else v for v in values]
            places = [(v[1], v[2]) for v in mine if v[0] == "D" and self.is_type((v[1], v[2]))]
            found.extend(p for p in places if p != place)
            outside = outside or not places or any(self.counts_outside(v) for v in mine if v[0] != "D")
        return tuple(dict.fromkeys(found)), outside

    def counts_outside(self, value: Value) -> bool:
        """Whether a base outside of the repository may bring members."""
        return not (value[0] == "XD" and value[1].rpartition(".")[2] in ("object", "Generic", "Protocol", "ABC"))

    def linear(self, place: Place) -> tuple[tuple[Place, ...], bool]:
        """The class and all that it extends, nearest first; and whether something is outside of the repository."""
        return self._remembered(("linear", *place), self._classes, ((place,), False), lambda: self._found_linear(place))

    def _found_linear(self, place: Place) -> tuple[tuple[Place, ...], bool]:
        order = [place]
        direct, outside = self.bases(place)
        for base in direct:
            more, open_ended = self.linear(base)
            order.extend(more)
            outside = outside or open_ended
        # A base that several extend comes after all of them.
        last: dict[Place, int] = {p: n for n, p in enumerate(order)}
        return tuple(p for n, p in enumerate(order) if last[p] == n), outside

    def open_ended(self, place: Place) -> bool:
        """Whether members may come from outside of the repository."""
        return self.linear(place)[1]

    # -- uses ----------------------------------------------------------------------------------------------------------

    def resolve(self, file: File, number: int) -> Resolution:
        """What a use of a name refers to."""
        expression = file.expressions[number]
        if expression[0] == "n":
            return self.resolve_name(file, number, expression)
        if expression[0] == "a":
            return self.resolve_member(file, number, expression)
        if expression[0] == "m":
            return self.resolve_import(file, expression)
        return UNKNOWN

    def resolve_name(self, file: File, number: int, expression: Any) -> Resolution:
        """A name as it stands: by scope, then by import."""
        places = self.lookup(file, expression[4], expression[1], expression)
        if places is None:
            return EXTERNAL
        targets = self.followed(places)
        targets = self.choose(targets, file, number)
        targets = tuple(dict.fromkeys(self.canonical(t) for t in targets))
        if not targets:
            return (
                EXTERNAL if any(v[0] in ("X", "XD", "M") for p in places for v in self.definition_value(p)) else UNKNOWN
            )
        same = {t for t in targets if t in {self.canonical(p) for p in places}}
        return Resolution(targets, PROVEN if len(targets) == 1 else INFERRED, "scope" if same else "import")

    def followed(self, places: Iterable[Place]) -> tuple[Place, ...]:
        """Definitions behind bindings by import."""
        found: list[Place] = []
        for place in places:
            definition = self.repository.definition(place)
            if definition.kind == "import":
                found.extend(self.import_places(self.file(place[0]), place[1]))
            elif definition.kind != NARROWED:
                found.append(place)
        return tuple(dict.fromkeys(found))

    def import_places(self, file: File, definition: int) -> tuple[Place, ...]:
        """The definitions that a binding by import stands for."""
        raise NotImplementedError

    def resolve_import(self, file: File, expression: Any) -> Resolution:
        """A name in an import statement."""
        return UNKNOWN

    def resolve_member(self, file: File, number: int, expression: Any) -> Resolution:
        """A member: through what its receiver is."""
        base = file.expressions[expression[6]] if expression[6] >= 0 else None
        name = expression[1]
        if base is not None and base[0] == "super":
            found = self.super_member(file, base[1], name)
            if found:
                return self._decided(self.choose(self.followed(found), file, number), PROVEN, "super")
            return EXTERNAL
        receivers = self.value(file, expression[6])
        if not receivers:
            return UNKNOWN
        targets: list[Place] = []
        outside = unknown = False
        rule = "receiver type"
        grade: Grade = INFERRED
        for receiver in receivers:
            places = self.member(receiver, name)
            if places:
                targets.extend(self.followed(places))
                if receiver[0] in ("M", "D", "T"):
                    rule, grade = "module member" if receiver[0] == "M" else "member of the named type", PROVEN
                elif base is not None and base[0] in ("this",):
                    rule = "this"
            elif receiver[0] in ("X", "XD", "M") or (
                receiver[0] in ("I", "D") and self.open_ended(tuple(receiver[1:3]))
            ):
                outside = outside or receiver[1] != "?"
                unknown = unknown or receiver[1] == "?"
            else:
                outside = True
        if targets:
            return self._decided(self.choose(tuple(dict.fromkeys(targets)), file, number), grade, rule)
        return EXTERNAL if outside else Resolution(external=unknown, rule="?")

    def _decided(self, places: Iterable[Place], grade: Grade, rule: str) -> Resolution:
        targets = tuple(dict.fromkeys(self.canonical(p) for p in places))
        return Resolution(targets, grade if len(targets) == 1 else INFERRED, rule)


def unique(values: Iterable[Value]) -> Values:
    """Values without repetition, a bounded number of them."""
    return tuple(dict.fromkeys(values))[:12]


# Values of expressions by their operator: of the expression, and of the value of the one it is made from.
_OPERATORS: dict[str, Callable[[Resolver, File, Any], Iterable[Value]]] = {
    "n": lambda resolver, file, expression: resolver.name_value(file, expression),
    "c": lambda resolver, file, expression: resolver.call_value(file, expression),
    "g": lambda resolver, file, expression: resolver.generic_value(file, expression),
    "m": lambda resolver, file, expression: resolver.module_name_value(file, expression),
    "u": Resolver._union,
    "l": Resolver._literal,
    "t": Resolver._tuple,
    "k": Resolver._unpacked,
    "this": Resolver._this,
    "f": Resolver._function,
}
_DERIVED: dict[str, Callable[[Resolver, Values], Iterable[Value]]] = {
    "new": lambda resolver, values: resolver.instances(values),
    "inst": lambda resolver, values: resolver.instances(values),
    "e": lambda resolver, values: resolver.elements(values),
    "i": lambda resolver, values: resolver.indexed(values),
    "y": lambda resolver, values: resolver.entered(values),
    "w": Resolver._same,
}
