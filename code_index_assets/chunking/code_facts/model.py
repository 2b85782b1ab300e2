"""The facts of one file that edges are resolved from: scopes, definitions in them, and expressions that name things.

What lives here: the records, the builder that languages fill, and their text form. What does not: reading a tree (one
module a language) and resolving (`graph/`).

Facts depend on the file's content alone. Lines count from 1, columns are bytes from 0.

An expression is a tuple whose first element is one of these:

- `("n", name, line, column, scope, role)`: a name as it stands; `("a", …, base)`: a member of another expression
- `("c", function, [arguments])`: a call; `("new", type, [arguments])`: an instance made
- `("i", base)`: an element by index; `("e", base)`: an element by iteration; `("y", base)`: what `with` gives
- `("g", base, [arguments])`: a generic type with arguments; `("u", [alternatives])`: one of several
- `("t", [elements])`: a tuple; `("k", base, number)`: one element of it; `("w", base)`: awaited
- `("l", type)`: a literal of a type of the language; `("inst", type)`: an instance of a named type
- `("this", scope)`, `("super", scope)`, `("f", definition)`: a function as a value
- `("m", name, line, column, scope, "import", module)`: a name in an import statement

Line 0 is that of a member named by a text, as in `setattr(x, "name", …)`: no use of it, but it may be replaced there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Expression = tuple[Any, ...]
FACTS_VERSION = 2
READABLE = (1, 2)  # 1 has no type parameters and no `__all__` of Python


@dataclass(slots=True)
class Scope:
    """A region in which names are bound: module, class, function or block. `definition` opens it (-1: none)."""

    kind: str
    parent: int
    definition: int
    start: int
    end: int
    stars: list[str] = field(default_factory=list)  # modules whose every name is bound here


@dataclass(slots=True)
class Def:
    """One definition or binding. Numbers of expressions and scopes are -1 where there are none.

    `type` is the annotation (of callables: of what they return), `value` the assigned or returned expression. `target`
    is (module, name) of an import.
    """

    name: str
    kind: str
    scope: int
    line: int
    column: int
    end: int
    own: int = -1
    type: int = -1
    value: int = -1
    bases: list[int] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    parameters: list[int] = field(default_factory=list)
    target: list[str] = field(default_factory=list)
    holder: str = ""  # name of the type it belongs to where it stands outside of it: a Go receiver, `Foo::` in C++


@dataclass
class FileFacts:
    """The facts of one file."""

    path: str
    language: str
    package: str = ""
    scopes: list[Scope] = field(default_factory=list)
    definitions: list[Def] = field(default_factory=list)
    expressions: list[Expression] = field(default_factory=list)

    def names(self) -> list[str]:
        """Names that the file defines or uses, sorted."""
        found = {expression[1] for expression in self.expressions if expression[0] in ("n", "a", "m")}
        return sorted(found.union(definition.name for definition in self.definitions))

    def to_json(self) -> str:
        """The text form that is stored."""
        return json.dumps(
            [
                FACTS_VERSION,
                self.package,
                [[s.kind, s.parent, s.definition, s.start, s.end, s.stars] for s in self.scopes],
                [
                    [d.name, d.kind, d.scope, d.line, d.column, d.end, d.own, d.type, d.value, d.bases, d.flags,
                     d.parameters, d.target, d.holder]
                    for d in self.definitions
                ],
                self.expressions,
            ],
            separators=(",", ":"),
            ensure_ascii=False,
        )  # fmt: skip

    @classmethod
    def from_json(cls, path: str, language: str, text: str) -> FileFacts:
        """Facts from their text form. Raises ValueError if the text is of another version."""
        version, package, scopes, definitions, expressions = json.loads(text)
        if version not in READABLE:
            raise ValueError(f"facts of version {version}")
        return cls(
            path, language, package, [Scope(*row) for row in scopes], [Def(*row) for row in definitions], expressions
        )


class Builder:
    """Fills a `FileFacts`; languages walk their tree and call this."""

    def __init__(self, path: str, language: str, raw: bytes) -> None:
        self.raw = raw
        self.facts = FileFacts(path, language)
        self.scopes = self.facts.scopes
        self.definitions = self.facts.definitions
        self.expressions = self.facts.expressions
        self.scope = -1
        self.bound: set[tuple[int, str]] = set()

    def read(self, root: Any) -> None:
        """Reads a whole file."""
        self.open("module", root)
        self.body(root)

    def body(self, node: Any) -> int:
        """Reads what a node holds, which makes no expression: -1."""
        for child in node.named_children:
            self.visit(child)
        return -1

    def visit(self, node: Any) -> int:
        """Reads a node; returns the number of its expression, or -1. Each language has its own."""
        raise NotImplementedError

    def text(self, node: Any) -> str:
        """The text of a node."""
        return self.raw[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def open(self, kind: str, node: Any, definition: int = -1) -> int:
        """Opens a scope inside the present one and makes it the present one; returns the one before."""
        before = self.scope
        self.scopes.append(Scope(kind, before, definition, node.start_point[0] + 1, node.end_point[0] + 1))
        self.scope = len(self.scopes) - 1
        if definition >= 0:
            self.definitions[definition].own = self.scope
        return before

    def define(self, name: str, kind: str, at: Any, whole: Any = None, **more: Any) -> int:
        """Adds a definition in the present scope; `at` is the node of its name."""
        row, column = at.start_point
        end = (at if whole is None else whole).end_point[0] + 1
        scope = more.pop("scope", self.scope)
        if kind != "narrowed":
            self.bound.add((scope, name))
        self.definitions.append(Def(name, kind, scope, row + 1, column, end, **more))
        return len(self.definitions) - 1

    def add(self, *expression: Any) -> int:
        """Adds an expression; returns its number."""
        self.expressions.append(expression)
        return len(self.expressions) - 1

    def name(self, node: Any, role: str = "read") -> int:
        """Adds a name as it stands."""
        row, column = node.start_point
        return self.add("n", self.text(node), row + 1, column, self.scope, role)

    def member(self, node: Any, base: int, role: str = "read") -> int:
        """Adds a member of another expression; `node` is the member's name."""
        row, column = node.start_point
        return self.add("a", self.text(node), row + 1, column, self.scope, role, base)

    def called(self, number: int, role: str = "call") -> None:
        """Gives a name or member the role `call`, or `new`."""
        if number >= 0 and self.expressions[number][0] in ("n", "a"):
            expression = self.expressions[number]
            self.expressions[number] = (*expression[:5], role, *expression[6:])

    def union(self, numbers: list[int]) -> int:
        """One of several expressions; -1 of none."""
        known = [number for number in numbers if number >= 0]
        return known[0] if len(known) == 1 else self.add("u", known) if known else -1
