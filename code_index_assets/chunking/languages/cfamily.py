"""C, C++ and C#: includes, declarations tied to definitions, overloads, namespaces, partial classes, attributes."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from ..context import ProjectContext
from ..facts import CALLABLE_KINDS, TYPE_KINDS, Definition, LanguageFacts, Outline, visibility_by_words, words
from ..macros import blank_macros, misread
from ..surroundings import innermost

ACCESS = re.compile(rb"^[ \t]*(public|protected|private)(?:[ \t]+(?:slots|Q_SLOTS))?[ \t]*:", re.M)
TEST_MACROS = words("TEST TEST_F TEST_P TYPED_TEST TYPED_TEST_P TEST_CASE SCENARIO BENCHMARK")
TEST_NAMES = re.compile(r"\(\s*\"?([^,)\"]+)\"?(?:\s*,\s*\"?(\w+))?")
TEMPLATE_ARGUMENTS = re.compile(r"<[^<>]*>")
SOURCES = (".c", ".cc", ".cpp", ".cxx", ".m")
HEADERS = (".h", ".hh", ".hpp", ".hxx")
CSHARP_ROUTE = re.compile(r"Http(Get|Post|Put|Patch|Delete|Head|Options)(?:\(\s*\"([^\"]*)\")?")
CSHARP_FACTS = {
    "Fact": "test", "Theory": "test", "Test": "test", "TestMethod": "test", "TestCase": "test", "TestFixture": "test",
    "TestClass": "test", "SetUp": "fixture", "TearDown": "fixture", "ApiController": "controller",
    "Benchmark": "benchmark",
    "Obsolete": "deprecated", "Table": "model", "Serializable": "serializable",
}  # fmt: skip
CSHARP_WORDS = re.compile(r"\b(partial|static|abstract|sealed|async|override|virtual|readonly|record|extern|unsafe)\b")


def resolve(path: str, module: str, context: ProjectContext) -> str | None:
    """The file of an `#include`: beside the file, from the root or an include folder, else the only one so named."""
    name = module.strip("<>\"' ")
    near = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    if near in context.files:
        return near
    for folder in ("", "include/", "src/"):
        if folder + name in context.files:
            return folder + name
    return context.by_suffix(name, path)


NAMES = frozenset(
    {
        "identifier", "field_identifier", "type_identifier", "qualified_identifier", "destructor_name", "operator_name",
        "operator_cast", "primitive_type",
    }
)  # fmt: skip


def declared(node: Any, declarator: Any, raw: bytes) -> tuple[Any, str] | None:
    """The name inside a declarator, which C writes around it (`*(*name)(int)[3]`), and what it makes of it."""
    function = declarator.type == "operator_cast"
    inner = declarator
    while inner is not None and inner.type not in NAMES:
        kind = inner.type
        if kind == "template_function":
            inner = inner.child_by_field_name("name")
            break
        function = function or kind == "function_declarator"
        if kind in ("parenthesized_declarator", "reference_declarator"):
            inner = inner.named_child(inner.named_child_count - 1) if inner.named_child_count else None
            if kind[0] == "p" and inner is not None and inner.type == "pointer_declarator":
                function = False  # a pointer to a function is a variable
        else:
            inner = inner.child_by_field_name("declarator")
    if inner is None:
        return None
    what = node.type
    if what == "function_definition":
        if not function and declarator.type != "parenthesized_declarator":
            return None
        # MACRO(name) { … }: a test or a handler by its name.
        macro = declarator.type == "parenthesized_declarator" and node.child_by_field_name("type")
        return inner, "test" if macro and raw.startswith(b"TEST", macro.start_byte) else "function"
    if what == "type_definition":
        return inner, "type"
    if function:
        return inner, "prototype"
    return inner, "field" if what == "field_declaration" else "variable"


def finish_c(outline: Outline, context: ProjectContext) -> None:
    """Adds what C and C++ need beyond the query."""
    cpp = outline.plugin.name != "c"
    accesses = _accesses(outline) if cpp else {}
    counts: dict[tuple[str, str], int] = {}
    # `Foo x(y);` inside a function reads as a prototype.
    outline.definitions = [
        d
        for d in outline.definitions
        if d.kind != "prototype" or d.parent is None or d.parent.kind not in CALLABLE_KINDS
    ]
    for definition in outline.definitions:
        if cpp:
            _qualify(outline, definition)
        if definition.kind in ("function", "method", "prototype"):
            _callable(outline, definition, context)
            key = (definition.kind, definition.qualified)
            counts[key] = counts.get(key, 0) + 1
        parent = definition.parent
        if cpp and parent is not None and parent.kind in TYPE_KINDS and parent.kind != "enum":
            default = "private" if parent.kind == "class" else "public"
            before = [word for at, word in accesses.get(parent, ()) if at < definition.start]
            definition.visibility = before[-1] if before else default
    for definition in outline.definitions:
        if counts.get((definition.kind, definition.qualified), 0) > 1:
            definition.facts.append("overload")


def _accesses(outline: Outline) -> dict[Definition | None, list[tuple[int, str]]]:
    accesses: dict[Definition | None, list[tuple[int, str]]] = {}
    for match in ACCESS.finditer(outline.raw):
        accesses.setdefault(innermost(outline, match.start(1)), []).append((match.start(), match[1].decode()))
    return accesses


def _qualify(outline: Outline, definition: Definition) -> None:
    """`Foo<T>::bar` outside its class: the name is `bar`, its scope `Foo`."""
    if definition.name.startswith("operator ") and "(" in definition.name[9:]:
        _rename(definition, definition.name[: definition.name.index("(", 9)])
    if definition.name in TEST_MACROS and (names := TEST_NAMES.search(definition.signature or "")):
        _rename(definition, f"{names[1]}.{names[2]}" if names[2] else names[1])
        definition.kind = "test"
    if definition.kind in TYPE_KINDS and definition.name.endswith(">") and "<" in definition.name[1:]:
        definition.name = definition.name[: definition.name.index("<", 1)].rstrip()  # a specialization
    if "::" not in definition.name or definition.kind == "namespace":
        return
    name = definition.name
    operator = name.find("operator")
    head = name if operator < 0 else name[:operator]
    while "<" in head and (shorter := TEMPLATE_ARGUMENTS.sub("", head)) != head:
        head = shorter
    scope, _, last = head.rpartition("::") if operator < 0 else (head.rstrip(":"), "", name[operator:])
    definition.name_start += max(name.rfind(last.strip()), 0)
    definition.scope, definition.name = scope.strip(), last.strip()
    if definition.kind == "function":
        definition.kind = "method"
        if definition.name == scope.rpartition("::")[2]:
            definition.kind = "constructor"
    around = f"{definition.parent.qualified}::" if definition.parent is not None else ""
    definition.local = (
        f"{around}{definition.scope}::{definition.name}" if definition.scope else around + definition.name
    )
    definition.qualified = definition.local


def _rename(definition: Definition, name: str) -> None:
    around = f"{definition.parent.qualified}::" if definition.parent is not None else ""
    definition.name = name
    definition.local = definition.qualified = around + name


def _callable(outline: Outline, definition: Definition, context: ProjectContext) -> None:
    prefix = outline.raw[definition.start : definition.name_start]
    if b"static" in prefix and definition.parent is None and outline.plugin.name == "c":
        definition.visibility = "private"
        definition.facts.append("static")
    elif definition.visibility is None:
        definition.visibility = "public"
    if b"template" in prefix:
        definition.facts.append("template")
    parent = definition.parent
    if parent is not None and definition.name == parent.name and definition.kind == "method":
        definition.kind = "constructor"
    if definition.parent is None and definition.kind != "prototype" and context.paths:
        stem, extension = posixpath.splitext(outline.path)
        if extension in SOURCES:
            header = next((stem + e for e in HEADERS if stem + e in context.files), None)
            if header is None:
                header = context.by_suffix(posixpath.basename(stem) + ".h", outline.path)
            if header:
                definition.facts.append(f"header={header}")


def visibility_csharp(definition: Definition, prefix: bytes) -> str | None:
    """As written; types at the top are internal, members private, those of interfaces and enums public."""
    if definition.kind == "namespace":
        return None
    parent = definition.parent
    top = parent is None or parent.kind == "namespace"
    inside = parent is not None and parent.kind in ("interface", "enum")
    return visibility_by_words("internal" if top else "public" if inside else "private")(definition, prefix)


def finish_csharp(outline: Outline, _: ProjectContext) -> None:
    """Adds what C# needs beyond the query."""
    for definition in outline.definitions:
        prefix = outline.raw[definition.start : definition.name_start].decode("utf-8", "replace")
        for attribute in definition.decorators:
            prefix = prefix.replace(attribute, "")
            for name in re.findall(r"[\[,]\s*(?:\w+:\s*)?([\w.]+)", attribute):
                if (fact := CSHARP_FACTS.get(name.removesuffix("Attribute"))) and fact not in definition.facts:
                    definition.facts.append(fact)
            if route := CSHARP_ROUTE.search(attribute):
                definition.facts.append(f"route={route[1].upper()} {route[2] or ''}".rstrip())
        definition.facts += [w for w in dict.fromkeys(CSHARP_WORDS.findall(prefix)) if w != definition.kind]
        if definition.kind == "field" and re.search(r"\bconst\b", prefix):
            definition.kind = "constant"
        if any(base.endswith(("ControllerBase", "Controller")) for base in definition.extends):
            definition.facts.append("controller")
        if any(base.endswith("DbContext") for base in definition.extends):
            definition.facts.append("model")


C_WORDS = words(
    "int char void long short unsigned signed float double bool size_t uint8_t uint16_t",
    "uint32_t uint64_t int8_t int16_t int32_t int64_t NULL true false nullptr std ifdef ifndef",
    "endif define include elif",
)

LANGUAGES = {
    "c": LanguageFacts(
        keywords=C_WORDS,
        not_scopes=frozenset({"type", "prototype", "enum"}),
        blank=blank_macros,
        misread=misread,
        declared=declared,
        resolve=resolve,
        finish=finish_c,
    ),
    "cpp": LanguageFacts(
        separator="::",
        not_scopes=frozenset({"type", "prototype"}),
        keywords=C_WORDS,
        blank=blank_macros,
        misread=misread,
        declared=declared,
        resolve=resolve,
        finish=finish_c,
    ),
    "csharp": LanguageFacts(
        keywords=words(
            "string int bool object void double float long byte char decimal var this base null true", "false"
        ),
        body_fields=("body", "accessors"),
        visibility=visibility_csharp,
        finish=finish_csharp,
    ),
}
LANGUAGES["cuda"] = LANGUAGES["arduino"] = LANGUAGES["cpp"]
