"""Rust: crate and module paths, impls tied to trait and type, derives, macros, tests."""

from __future__ import annotations

import posixpath
import re

from ..context import ProjectContext
from ..facts import Definition, LanguageFacts, Outline, words
from ..surroundings import innermost

DERIVE = re.compile(r"derive\s*\((.*)\)", re.S)
TEST = re.compile(r"#\[\s*(\w+::)*(test|rstest|test_case|proptest)\b")
ROUTE = re.compile(r"#\[\s*(get|post|put|patch|delete|head)\s*\(\s*\"([^\"]*)\"")
ROOTS = ("lib", "main", "mod")
GENERIC = re.compile(r"<.*", re.S)


def module_name(outline: Outline, context: ProjectContext) -> str:
    """`crate::mod::…` from the crate's name (`crate` where no manifest names it) and the path below its sources."""
    folder, name = context.owner("crates", outline.path) or ("", "crate")
    inner = outline.path[len(folder) + 1 :] if folder else outline.path
    parts = inner.removesuffix(".rs").split("/")
    if parts[0] == "src":
        parts = parts[1:]
        if parts[:1] == ["bin"]:
            parts, name = parts[2:], parts[1] if len(parts) > 1 else name
    elif "src" in parts[:-1] and name == "crate":
        parts = parts[parts.index("src") + 1 :]
    if parts and parts[-1] in ROOTS:
        parts = parts[:-1]
    return "::".join([name, *parts])


def resolve(path: str, module: str, context: ProjectContext) -> str | None:
    """The file of a `use` path: `crate::`, `super::`, `self::` and crates of the workspace."""
    head, *rest = module.split("{", maxsplit=1)[0].split(" as ", maxsplit=1)[0].strip().rstrip(":").split("::")
    folder, _ = context.owner("crates", path) or ("", "")
    root = posixpath.join(folder, "src")
    stem = posixpath.splitext(path)[0]
    here = posixpath.dirname(path) if posixpath.basename(stem) in ROOTS else stem
    if head == "crate":
        base = root
    elif head == "self":
        base = here
    elif not rest and f"{posixpath.join(here, head)}.rs" in context.files:
        return f"{posixpath.join(here, head)}.rs"  # `mod head;`
    elif not rest and posixpath.join(here, head, "mod.rs") in context.files:
        return posixpath.join(here, head, "mod.rs")
    elif head == "super":
        base = posixpath.dirname(here)
        while rest[:1] == ["super"]:
            base, rest = posixpath.dirname(base), rest[1:]
    else:
        crate = next((folder for folder, name in context.crates if name == head), None)
        if crate is None:
            return None
        base = posixpath.join(crate, "src")
    for length in range(len(rest), -1, -1):
        target = posixpath.join(base, *rest[:length])
        names = (f"{target}.rs", f"{target}/mod.rs", f"{target}/lib.rs", f"{target}/main.rs")
        for candidate in names:
            if candidate in context.files:
                return candidate
    return None


def visibility(definition: Definition, prefix: bytes) -> str:
    """`public`, `internal` (`pub(…)`) or `private`; members of enums and traits are as public as these."""
    if definition.kind in ("enum_member", "impl"):
        return "public"
    parent = definition.parent
    if parent is not None and (parent.kind == "trait" or (parent.kind == "impl" and parent.extends)):
        return "public"
    if b"pub(" in prefix:
        return "internal"
    return "public" if b"pub " in prefix else "private"


def finish(outline: Outline, context: ProjectContext) -> None:
    """Adds what Rust needs beyond the query."""
    for item in outline.imports:
        around = innermost(outline, item.start)
        if around is not None and around.kind == "module" and context.paths and item.module.startswith("super::"):
            item.resolved = outline.path  # `super` of a module inside this file
    for definition in outline.definitions:
        parent = definition.parent
        if definition.kind == "impl":
            definition.extends = [definition.extends[0]] if definition.extends else []
            if definition.extends:
                definition.facts.append(f"implements={definition.extends[0]}")
        elif parent is not None and parent.kind == "impl" and parent.extends:
            definition.facts.append(f"trait={parent.extends[0]}")
        if definition.kind == "method" and definition.name == "new":
            definition.facts.append("constructor")
        words = (definition.signature or "").split("fn ")[0]
        if definition.kind in ("function", "method"):
            definition.facts += [word for word in ("async", "unsafe", "const") if f"{word} " in words]
        _attributes(definition)


def _attributes(definition: Definition) -> None:
    for attribute in definition.decorators:
        derived = DERIVE.search(attribute)
        if derived:
            definition.facts += [f"derive={name.strip()}" for name in derived[1].split(",") if name.strip()]
        elif TEST.match(attribute) or "cfg(test)" in attribute.replace(" ", ""):
            definition.facts.append("test")
        elif "macro_export" in attribute:
            definition.visibility = "public"
        elif "deprecated" in attribute:
            definition.facts.append("deprecated")
        elif route := ROUTE.match(attribute):
            definition.facts.append(f"route={route[1].upper()} {route[2]}")


LANGUAGES = {
    "rust": LanguageFacts(
        separator="::",
        keywords=words(
            "self Self super crate bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize",
            "f32 f64 true false",
        ),
        name_ends="<",
        module=module_name,
        resolve=resolve,
        visibility=visibility,
        finish=finish,
    )
}
