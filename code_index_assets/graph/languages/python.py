"""Python: scopes, packages, properties, the containers of the standard library, fixtures of pytest."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ...chunking.languages.python import SOURCE_FOLDERS
from ..repository import NARROWED, File, Place
from ..resolver import EXTERNAL, INFERRED, PROVEN, Resolution, Resolver, Value, Values

WRAPPERS = frozenset({"Optional", "Union", "Annotated", "ClassVar", "Final", "Required", "NotRequired", "Awaitable",
                      "Coroutine", "TypeGuard", "ReadOnly"})  # fmt: skip
MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"})
NESTED = frozenset({"list", "sorted", "reversed", "iter", "set", "tuple", "frozenset", "filter", "deque", "islice",
                    "chain", "cycle"})  # fmt: skip
ROOTS = ("", *SOURCE_FOLDERS)
DEFINED = frozenset({"function", "method", "class"})
ASSIGNED = frozenset({"variable", "field"})
ONE = frozenset({"next", "max", "min"})


class PythonResolver(Resolver):
    """Resolution of Python."""

    def lookup(self, file: File, scope: int, name: str, expression: Any) -> tuple[Place, ...] | None:
        first = True
        while scope >= 0:
            here = file.scopes[scope]
            if here.kind != "class" or first:
                numbers = file.bound.get((scope, name))
                if numbers and not all("instance" in file.definitions[n].flags for n in numbers):
                    return tuple((file.path, n) for n in numbers if "instance" not in file.definitions[n].flags)
                for module in reversed(here.stars):
                    found = self.star(file, module, name)
                    if found:
                        return found
            if here.kind != "block":
                first = False
            scope = here.parent
        return None

    def star(self, file: File, module: str, name: str) -> tuple[Place, ...] | None:
        """A name bound by `from module import *`."""
        path = self.module_file(file.path, module)
        if path is None:
            return None
        listed = self.listed(path)
        if name.startswith("_") if listed is None else name not in listed:
            return None
        return self.in_module(path, name)

    def listed(self, path: str) -> frozenset[str] | None:
        """The names in `__all__` of a module; None where it has none, or changes it."""
        file = self.repository.file(path)
        numbers = file.bound.get((0, "__all__"), ()) if file is not None else ()
        if file is None or len(numbers) != 1 or "__all__" in file.uses:
            return None
        return frozenset(file.definitions[numbers[0]].target) or None

    def module_file(self, path: str, module: str) -> str | None:
        """The file of a module. One of the standard library's name counts at a root or beside the file alone."""
        found = self.repository.resolve(path, module)
        if found is None or module.partition(".")[0] not in sys.stdlib_module_names:
            return found
        home = self.home(found, module)
        return found if home in ROOTS or home == path.rpartition("/")[0] + "/" else None

    def home(self, found: str, module: str) -> str:
        """The folder, with a slash at its end, that a module's file was found from."""
        stem = found.removesuffix("/__init__.py").removesuffix(".pyi").removesuffix(".py")
        return stem.removesuffix(module.replace(".", "/"))

    def unsure(self, path: str, module: str) -> bool:
        """Whether a module was found by the end of its path alone: it may be one of another project."""
        found = self.module_file(path, module) if module and not module.startswith(".") else None
        if found is None:
            return False
        home = self.home(found, module)
        return home not in ROOTS and not any(path.startswith(home.removesuffix(root)) for root in ROOTS
                                             if home.endswith(root))  # fmt: skip

    def in_module(self, path: str, name: str) -> tuple[Place, ...] | None:
        """What a module binds at its top level."""
        file = self.repository.file(path)
        if file is None or ("star", path, 0) in self._busy:
            return self.cut(None)
        numbers = file.bound.get((0, name))
        if numbers:
            return tuple((path, n) for n in numbers)
        self._busy.add(("star", path, 0))
        try:
            for module in reversed(file.scopes[0].stars):
                found = self.star(file, module, name)
                if found:
                    return found
        finally:
            self._busy.discard(("star", path, 0))
        return None

    def module(self, path: str, module: str) -> Value:
        """A module by the name a file writes."""
        found = self.module_file(path, module)
        return ("M", found or "", module if not module.startswith(".") else "", path) if found else ("XD", module)

    def imported(self, file: File, definition: int) -> Values:
        module, name = file.definitions[definition].target
        if not name:
            found = self.module_file(file.path, module)
            if found is None and not self.namespace(module):
                return (("XD", module),)
            return (("M", found or "", module, file.path),)
        path = self.module_file(file.path, module)
        if path is not None:
            places = tuple(p for p in self.in_module(path, name) or () if p != (file.path, definition))
            if places:
                return tuple(v for p in places for v in self.definition_value(p))
        joint = "" if module.endswith(".") else "."
        inner = self.module_file(file.path, f"{module}{joint}{name}")
        if inner is not None:
            return (("M", inner, f"{module}{joint}{name}", file.path),)
        return (("XD", f"{module}.{name}"),) if path is None else ()

    def namespace(self, module: str) -> bool:
        """Whether a package without `__init__.py` may be meant."""
        tail = module.replace(".", "/") + "/"
        return any(p.startswith((tail, "src/" + tail, "lib/" + tail)) for p in self.repository.paths)

    def import_places(self, file: File, definition: int) -> tuple[Place, ...]:
        busy = ("i", file.path, definition)
        if busy in self._busy:
            return self.cut(())
        self._busy.add(busy)
        try:
            module, name = file.definitions[definition].target
            if not name:
                return ()
            path = self.module_file(file.path, module)
            places = self.in_module(path, name) if path is not None else None
            return self.followed(p for p in places if p != (file.path, definition)) if places else ()
        finally:
            self._busy.discard(busy)

    def resolve_import(self, file: File, expression: Any) -> Resolution:
        module, name = expression[6], expression[1]
        path = self.module_file(file.path, module) if module else None
        places = self.in_module(path, name) if path is not None else None
        if not places:
            return EXTERNAL
        targets = tuple(dict.fromkeys(self.canonical(p) for p in self.followed(places)))
        if targets and self.unsure(file.path, module):
            return Resolution(targets, INFERRED, "the end of the module's path")
        return Resolution(targets, PROVEN if len(targets) == 1 else INFERRED, "import") if targets else EXTERNAL

    def resolve_name(self, file: File, number: int, expression: Any) -> Resolution:
        found = super().resolve_name(file, number, expression)
        if found.grade != PROVEN or not found.targets:
            return found
        places = self.lookup(file, expression[4], expression[1], expression) or ()
        rule = self.doubt(places)
        return Resolution(found.targets, INFERRED, rule) if rule else found

    def doubt(self, places: Iterable[Place]) -> str:
        """Why a name with these bindings may mean another thing than the definition among them; "" if nothing does."""
        made = [(self.file(path), number, self.repository.definition((path, number))) for path, number in places]
        kinds = {definition.kind for _, _, definition in made if definition.kind != NARROWED}
        for file, number, definition in made:
            if definition.kind == "import":
                if len(made) > 1 and not self.import_places(file, number):
                    return "one of several bindings"
                if self.unsure(file.path, definition.target[0]):
                    return "the end of the module's path"
        return "one of several bindings" if kinds & DEFINED and kinds & ASSIGNED else ""

    def resolve_member(self, file: File, number: int, expression: Any) -> Resolution:
        if expression[5] == "import":
            module = self.value(file, expression[6])
            inner = [self.module_file(v[3], f"{v[2]}.{expression[1]}") for v in module if v[0] == "M"]
            if any(inner):
                return EXTERNAL  # `import a.b`: the module, whatever `a` binds under that name
        found = super().resolve_member(file, number, expression)
        if found.grade != PROVEN or not found.targets:
            return found
        rule = self.doubt_of_member(file, expression, found)
        return Resolution(found.targets, INFERRED, rule) if rule else found

    def doubt_of_member(self, file: File, expression: Any, found: Resolution) -> str:
        """Why a member may be another one than the definition found; "" if it cannot be."""
        called = {self.repository.definition(target).kind for target in found.targets} & DEFINED
        if called and expression[1] in file.replaced:
            return "may be replaced: assigned in this file"
        base = file.expressions[expression[6]]
        if found.rule == "super":
            around = file.enclosing(base[1], frozenset({"class"}))
            return "super of one of several bases" if self.mixed(file, around) else ""
        if found.rule == "member of the named type":
            if base[0] == "g":
                return ""
            named = self.resolve(file, expression[6]).targets if base[0] in ("n", "a") else ()
            direct = any(self.is_type(place) for place in named)
            return "" if direct else "receiver type"
        modules = [value for value in self.value(file, expression[6]) if value[0] == "M"]
        return "the end of the module's path" if any(self.unsure(v[3], v[2]) for v in modules) else ""

    def mixed(self, file: File, scope: int) -> bool:
        """Whether a class of several bases extends the class of a scope: `super` may be the class beside it."""
        place = (file.path, file.scopes[scope].definition)
        if place not in self._mixed:
            name = self.repository.definition(place).name
            self._mixed[place] = any(
                len(definition.bases) > 1 and place in self.bases((other.path, n))[0]
                for other in self.repository.mentioning(name)
                if other.language == "python"
                for n, definition in enumerate(other.definitions)
                if definition.kind == "class"
            )
        return self._mixed[place]

    @cached_property
    def _mixed(self) -> dict[Place, bool]:
        return {}

    def module_imported(self, file: File, expression: Any) -> str | None:
        if expression[0] != "m" or not expression[6]:
            return None
        module, name = expression[6], expression[1]
        return self.module_file(file.path, f"{module}{'' if module.endswith('.') else '.'}{name}")

    def module_member(self, value: Value, name: str) -> tuple[Place, ...] | None:
        return self.in_module(value[1], name) if value[1] else None

    def member_of(self, receiver: Value, name: str) -> Iterable[Value]:
        if receiver[0] == "M" and not (receiver[1] and self.in_module(receiver[1], name)):
            inner = f"{receiver[2]}{'' if receiver[2].endswith('.') else '.'}{name}"
            found = self.module_file(receiver[3], inner)
            if found is not None or self.namespace(inner):
                return (("M", found or "", inner, receiver[3]),)
            return (("X", "?", ()),)
        return super().member_of(receiver, name)

    def module_name_value(self, file: File, expression: Any) -> Values:
        if expression[6]:
            return ()
        found = self.module_file(file.path, expression[1])
        return (("M", found or "", expression[1], file.path),) if found or self.namespace(expression[1]) else ()

    def _definition_value(self, place: Place) -> Iterable[Value]:
        file = self.file(place[0])
        definition = file.definitions[place[1]]
        if definition.kind == "parameter":
            if "self" in definition.flags or "cls" in definition.flags:
                around = file.definitions[file.scopes[definition.scope].definition].scope
                owner = file.scopes[around].definition
                if owner < 0:
                    return ()
                return (("D", file.path, owner),) if "cls" in definition.flags else (("I", file.path, owner, ()),)
            if definition.type < 0:
                fixture = self.fixture(file, definition.name, definition.scope)
                if fixture is not None:
                    return self.returned(fixture)
        if "decorated" in definition.flags:
            found: list[Value] = []
            for number in definition.bases:
                for value in self.value(file, number):
                    found.extend(self.decorated(value, place))
            found = [value for value in found if value[0] in ("I", "D")]
            return found or (("D", *place),)
        return super()._definition_value(place)

    def decorated(self, value: Value, place: Place) -> Iterable[Value]:
        """What a decorator makes of a function."""
        if value[0] == "D" and not self.is_type((value[1], value[2])):
            return self.returned((value[1], value[2]))
        if value[0] == "X" and value[1].rpartition(".")[2] == "Callable":
            return self.called_instance(value)
        if value[0] == "D":
            return (("I", value[1], value[2], ()),)
        return ()

    def fixture(self, file: File, name: str, scope: int) -> Place | None:
        """The fixture that pytest gives to a parameter."""
        owner = file.scopes[scope].definition
        if owner < 0:
            return None
        function = file.definitions[owner]
        if not (function.name.startswith("test") or "fixture" in function.flags):
            return None
        folder = file.path
        paths = [file.path]
        while folder:
            folder = folder.rpartition("/")[0]
            paths.append(f"{folder}/conftest.py" if folder else "conftest.py")
        for path in paths:
            other = self.repository.file(path)
            for number in other.bound.get((0, name), ()) if other is not None else ():
                if "fixture" in other.definitions[number].flags:  # type: ignore[union-attr]
                    return path, number
        return None

    def returned(self, place: Place) -> Values:
        definition = self.repository.definition(place)
        found = super().returned(place)
        if "fixture" in definition.flags:
            if definition.type >= 0:
                inner = tuple(self.elements(found))
                return inner if "generator" in definition.flags else found
            return found
        if {"contextmanager", "asynccontextmanager"} & set(definition.flags):
            return (("X", "contextmanager", (tuple(self.elements(found)) if definition.type >= 0 else found,)),)
        if "generator" in definition.flags and definition.type < 0:
            return (("X", "Iterator", (found,)),)
        if definition.type >= 0 and any(v[0] == "X" and v[1].rpartition(".")[2] in ("Self", "?") for v in found):
            around = self.file(place[0]).scopes[definition.scope].definition
            if around >= 0 and self.is_type((place[0], around)):
                return (*[v for v in found if v[0] != "X"], ("I", place[0], around, ()))
        return found

    def external_instance(self, name: str, arguments: tuple[Values, ...]) -> Values:
        word = name.rpartition(".")[2]
        if word in WRAPPERS:
            return tuple(value for argument in arguments for value in argument)
        if word in ("Type", "type"):
            return tuple(("D", v[1], v[2]) if v[0] == "I" else v for argument in arguments for v in argument)
        if word in ("None", "NoneType"):
            return ()
        return (("X", word if arguments else name, arguments),)

    def generic_instance(self, value: Value) -> Iterable[Value]:
        base, arguments = value[1], value[2]
        if base[0] == "XD" and base[1].rpartition(".")[2] in ("Type", "type"):
            return [v for argument in arguments for v in argument if v[0] == "D"]
        return super().generic_instance(value)

    def external_call(self, name: str, arguments: list[Values]) -> Values:
        word = name.rpartition(".")[2]
        first = arguments[0] if arguments else ()
        if word in NESTED:
            return (("X", "list", (tuple(self.elements(first)),)),)
        if word in ONE:
            return tuple(self.elements(first))
        if word == "enumerate":
            pair = (("X", "tuple", ((("X", "int", ()),), tuple(self.elements(first)))),)
            return (("X", "list", (pair,)),)
        if word == "zip":
            row = tuple(tuple(self.elements(argument)) for argument in arguments)
            return (("X", "list", ((("X", "tuple", row),),)),)
        if word == "type" and len(arguments) == 1:
            return tuple(("D", v[1], v[2]) for v in first if v[0] == "I")
        if word == "partial":
            return first
        if name in ("str", "int", "repr", "len", "float", "bool", "bytes", "open", "dict", "sum", "format", "vars"):
            return (("X", name, ()),)
        if word in ("TypeVar", "NewType", "ParamSpec", "namedtuple"):
            return (("XD", word),)
        return (("X", "?" if name in ("getattr", "copy.copy", "copy.deepcopy") else name, ()),)

    def external_member(self, value: Value, name: str) -> Values:
        if value[0] == "XD":
            return (("XD", f"{value[1]}.{name}"),)
        kind, arguments = value[1], value[2]
        if kind in MAPPINGS and len(arguments) == 2:
            if name in ("get", "pop", "setdefault"):
                return (("X", "Callable", ((), arguments[1])),)
            if name == "values":
                return (("X", "Callable", ((), (("X", "list", (arguments[1],)),))),)
            if name == "items":
                pair = (("X", "tuple", (arguments[0], arguments[1])),)
                return (("X", "Callable", ((), (("X", "list", (pair,)),))),)
        elif arguments and name in ("pop", "popleft", "__getitem__"):
            return (("X", "Callable", ((), arguments[0])),)
        elif arguments and name == "copy":
            return (("X", "Callable", ((), (value,))),)
        return (("X", "?" if kind == "?" else f"{kind}.{name}", ()),)

    def called_instance(self, value: Value) -> Values:
        if value[1].rpartition(".")[2] == "Callable" and value[2]:
            return tuple(value[2][-1])
        return (("X", "?" if value[1] == "?" else f"{value[1]}()", ()),)

    def elements(self, values: Values) -> Iterable[Value]:
        found: list[Value] = []
        for value in values:
            if value[0] == "I":
                following = self.member(value, "__next__")
                for place in following or ():
                    found.extend(self.returned(place))
                for place in self.member(value, "__iter__") or () if not following else ():
                    found.extend(self._iterated(place))
            else:
                found.extend(super().elements((value,)))
        return found

    def _iterated(self, place: Place) -> Values:
        """What the result of an `__iter__` gives; nothing more where that is an instance of its own class again."""
        busy = ("iterated", *place)
        if busy in self._busy:
            return self.cut(())
        self._busy.add(busy)
        try:
            return tuple(self.elements(self.returned(place)))
        finally:
            self._busy.discard(busy)

    def indexed(self, values: Values) -> Iterable[Value]:
        found: list[Value] = []
        for value in values:
            if value[0] == "I":
                for place in self.member(value, "__getitem__") or ():
                    found.extend(self.returned(place))
            elif value[0] == "X" and value[1] in MAPPINGS:
                found.extend(value[2][1] if len(value[2]) == 2 else (("X", "?", ()),))
            else:
                found.extend(super().elements((value,)))
        return found

    def entered(self, values: Values) -> Iterable[Value]:
        found: list[Value] = []
        for value in values:
            if value[0] == "I":
                for place in self.member(value, "__enter__") or self.member(value, "__aenter__") or ():
                    got = self.returned(place)
                    found.extend(got or (value,))
            elif value[0] == "X" and value[1] == "contextmanager":
                found.extend(value[2][0])
            else:
                found.append(("X", "?", ()))
        return found
