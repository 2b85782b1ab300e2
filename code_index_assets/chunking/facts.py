"""The records that parsing works on, which name one another: definitions, outlines, facts of languages, plug-ins.

What lives here: `Definition`, `Outline`, `LanguageFacts` (with defaults that suit most languages) and `Plugin`. What
does not: the facts of any one language (`languages/`), reading an outline from a tree (`outline.py`), loading plug-ins
(`plugins.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .context import ProjectContext

# Kinds that hold other definitions as members: a function inside one is a method.
TYPE_KINDS = frozenset({"class", "interface", "struct", "trait", "enum", "union", "impl", "object", "record", "mixin"})
CALLABLE_KINDS = frozenset({"function", "method", "constructor", "test"})
# Kinds that are symbols but become chunks of their own only when they are large.
SMALL_KINDS = frozenset(
    {
        "variable",
        "constant",
        "field",
        "property",
        "enum_member",
        "type",
        "macro",
        "alias",
        "import",
        "prototype",
        "key",
        "column",
    }
)


class Definition:
    """One definition found in a file. Offsets are bytes of the UTF-8 text."""

    __slots__ = (
        "ancestor",
        "body",
        "decorators",
        "doc",
        "end",
        "extends",
        "facts",
        "head",
        "kind",
        "local",
        "name",
        "name_start",
        "node",
        "parent",
        "qualified",
        "scope",
        "signature",
        "start",
        "visibility",
    )

    def __init__(self, node: Any, kind: str, name: str, name_start: int) -> None:
        self.node = node
        self.kind = kind
        self.name = name
        self.name_start = name_start
        self.start: int = node.start_byte
        self.end: int = node.end_byte
        self.head = self.start  # where its leading comments and decorators begin
        self.body = -1  # where the signature ends; -1: nowhere before the end
        self.parent: Definition | None = None
        self.scope = ""  # what the name is qualified by without being enclosed: receiver, `Foo::` of `Foo::bar`
        self.local = name
        self.qualified = name
        self.signature: str | None = None
        self.doc: str | None = None
        self.visibility: str | None = None
        self.decorators: list[str] = []
        self.extends: list[str] = []
        self.facts: list[str] = []


# (node of the declaration, node captured as its name, text of the file) to (node of the name, kind); None: no
# definition.
Declared = Callable[[Any, Any, bytes], "tuple[Any, str] | None"]
Finish = Callable[["Outline", "ProjectContext"], None]
ModuleName = Callable[["Outline", "ProjectContext"], str]
Resolve = Callable[[str, str, "ProjectContext"], str | None]
Visibility = Callable[[Definition, bytes], str | None]


@dataclass(frozen=True)
class LanguageFacts:
    """Facts of one language.

    `module` gives what qualified names begin with (a package, a crate path); `resolve` the file that an import names,
    from (path of the importing file, module as written, context); `visibility` reads a definition's words before its
    name; `finish` adds what the community asks for.
    """

    separator: str = "."
    member_separator: str = ""
    member_kinds: frozenset[str] = frozenset()  # kinds `member_separator` is for; none: all that are no types
    member_scopes: frozenset[str] = TYPE_KINDS  # kinds whose functions are members
    splits_names: bool = False  # `class A::B` is named B in the scope A
    body_fields: tuple[str, ...] = ("body",)
    keywords: frozenset[str] = frozenset()
    constructors: frozenset[str] = frozenset()
    comment_markers: str = r"///?!?|//!|/\*\*?!?|\*+/|\*|#+!?|--+|;+|%+"
    body_kinds: frozenset[str] = frozenset()  # a last child of such a kind is the body, where grammars have no field
    name_quotes: str = "\"'`"
    name_ends: str = ""  # a name is cut where this begins: the `<` of Rust's `impl Foo<T>`
    renames: Mapping[str, str] = field(default_factory=dict)
    signatures: bool = True
    calls: Mapping[str, str] = field(default_factory=dict)  # what a call captured as `@definition.call` makes
    too_deep: re.Pattern[bytes] | None = None  # text that would crash the grammar's scanner
    blank: Callable[[bytes], bytes] | None = None  # text of the same length without what the grammar cannot know
    misread: Callable[[bytes], bool] | None = None  # whether `blank` is needed although there is no syntax error
    declared: Declared | None = None  # name and kind of what a query captures as `@definition.declared`
    module: ModuleName | None = None
    resolve: Resolve | None = None
    visibility: Visibility | None = None
    finish: Finish | None = None
    token: re.Pattern[bytes] | None = None  # an identifier, or a line's end, where names have more than letters
    not_scopes: frozenset[str] = frozenset()  # kinds whose names are no part of the names inside them


def words(*lines: str) -> frozenset[str]:
    """The words of some lines."""
    return frozenset(" ".join(lines).split())


VISIBILITY_WORD = re.compile(rb"\b(public|private|protected|internal|fileprivate|package)\b")


def visibility_by_words(default: str, of_members: str | None = None) -> Visibility:
    """Visibility as written before the name, or the language's default."""

    def read(definition: Definition, prefix: bytes) -> str | None:
        words = VISIBILITY_WORD.findall(prefix)
        if words:
            word: str = words[-1].decode()
            return "protected" if b"protected" in words and word == "internal" else word
        if of_members and definition.parent is not None and definition.parent.kind == "interface":
            return of_members
        return default

    return read


class Import:
    """One import statement, or one name of it."""

    __slots__ = ("alias", "line", "module", "name", "resolved", "start")

    def __init__(self, start: int, module: str, name: str | None, alias: str | None) -> None:
        self.start, self.module, self.name, self.alias = start, module, name, alias
        self.line = 0
        self.resolved: str | None = None


class Outline:
    """What a query found in one text. Offsets are bytes of `raw`."""

    def __init__(self, path: str, raw: bytes, plugin: Plugin, root: Any) -> None:
        self.root = root
        self.keywords = plugin.keywords
        self.path = path
        self.raw = raw
        self.plugin = plugin
        self.definitions: list[Definition] = []
        self.imports: list[Import] = []
        self.comments: list[tuple[int, int]] = []
        self.decorators: list[tuple[int, int]] = []
        self.masks: list[tuple[int, int]] = []
        self.packages: list[tuple[int, str]] = []
        self.module = ""

    def text(self, start: int, end: int) -> str:
        """The text between two byte offsets."""
        return self.raw[start:end].decode("utf-8", "replace")

    def flat(self, start: int, end: int) -> str:
        """Text on one line."""
        return b" ".join(self.raw[start:end].split()).decode("utf-8", "replace")


@dataclass(frozen=True)
class Plugin:
    """A language ready to run: `roles[i]` names the main capture of the query's pattern i."""

    name: str
    language: Any
    query: Any
    roles: tuple[str, ...]
    facts: LanguageFacts
    generic: bool
    body_fields: tuple[int, ...]
    keywords: frozenset[bytes]
