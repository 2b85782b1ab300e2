"""JavaScript and TypeScript: exports and re-exports, React components and hooks, tests, routes, `require`."""

from __future__ import annotations

import posixpath
import re

from ..context import ProjectContext
from ..facts import Definition, LanguageFacts, Outline, words
from ..surroundings import innermost

EXTENSIONS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".d.ts", ".json")
INDEXES = ("index.ts", "index.tsx", "index.js", "index.jsx", "index.mjs")
EXPORT_LIST = re.compile(rb"\bexport\s+(?:type\s+)?\{([^}]*)\}(?!\s*from)")
EXPORT = re.compile(rb"(?:^|\n)\s*export\b")
DEFAULT = re.compile(rb"\bexport\s+default\s+([A-Za-z_$][\w$]*)\s*;?[ \t]*(?:\r?\n|$)")
COMMONJS = re.compile(rb"\b(?:module\.)?exports\.([\w$]+)\s*=|module\.exports\s*=\s*(?:\{([^}]*)\}|([\w$]+))")
ROUTE = re.compile(rb"\b(?:app|router|server|api|fastify)\.(get|post|put|patch|delete|all|use)\(\s*['\"`](/[^'\"`\n]*)")
HOOK = re.compile(r"use[A-Z]\w*$")
NEST_ROUTE = re.compile(r"@(Get|Post|Put|Patch|Delete|All|Controller)\(\s*(?:['\"`]([^'\"`]*))?")
NEST = {
    "@Injectable": "service",
    "@Controller": "controller",
    "@Component": "component",
    "@Entity": "model",
    "@Module": "module",
}
JSX = re.compile(rb"<[A-Z][\w.]*[\s/>]|<[a-z]+[\s>]|<>|/>")


def module_name(outline: Outline, context: ProjectContext) -> str:
    """The file's stem, or the folder's where the file is an index."""
    del context
    folder, _, name = outline.path.rpartition("/")
    stem = name.split(".")[0] if not name.startswith(".") else name
    return folder.rpartition("/")[2] or stem if stem == "index" else stem


def resolve(path: str, module: str, context: ProjectContext) -> str | None:
    """The file of a relative import, of a package of the workspace, or of an `@/` alias below a source folder."""
    if module.startswith("."):
        return _file(posixpath.normpath(posixpath.join(posixpath.dirname(path), module)), context)
    for pattern, place in context.aliases:
        head, star, tail = pattern.partition("*")
        if (module == pattern) if not star else (module.startswith(head) and module.endswith(tail)):
            rest = module[len(head) : len(module) - len(tail)] if star else ""
            aliased = _file(posixpath.normpath(place.replace("*", rest)), context)
            if aliased:
                return aliased
    if module.startswith(("@/", "~/")):
        owner = context.owner("packages", path)
        base = owner[0] if owner else ""
        return _file(posixpath.join(base, "src", module[2:]), context) or _file(
            posixpath.join(base, module[2:]), context
        )
    for folder, name in context.packages:
        if module == name or module.startswith(name + "/"):
            rest = module[len(name) + 1 :]
            for inner in (posixpath.join("src", rest) if rest else "src", rest):
                target = _file(posixpath.join(folder, inner).rstrip("/"), context)
                if target:
                    return target
    return None


def _file(stem: str, context: ProjectContext) -> str | None:
    for extension in EXTENSIONS:
        if stem + extension in context.files:
            return stem + extension
    if stem.endswith((".js", ".jsx", ".mjs")):
        swapped = re.sub(r"\.(m?)js(x?)$", r".\1ts\2", stem)
        if swapped in context.files:
            return swapped
    for index in INDEXES:
        if posixpath.join(stem, index) in context.files:
            return posixpath.join(stem, index)
    return None


def finish(outline: Outline, _: ProjectContext) -> None:
    """Adds what JavaScript and TypeScript need beyond the query."""
    raw = outline.raw
    exported = _exported(raw)
    default = {match[1] for match in DEFAULT.finditer(raw)}
    markup = outline.path.endswith(("x", ".js", ".mjs"))
    for definition in outline.definitions:
        name = definition.name.encode()
        line = raw.rfind(b"\n", 0, definition.start) + 1
        head = raw[line : definition.name_start].lstrip()
        if definition.parent is None or definition.parent.kind in ("namespace", "module"):
            _top(definition, head, name in exported, name in default)
        else:
            _member(definition, head)
        if definition.kind in ("function", "method"):
            if b"async " in raw[definition.start : max(definition.body, definition.name_start)]:
                definition.facts.append("async")
            if definition.kind == "function" and HOOK.match(definition.name):
                definition.facts.append("hook")
            elif markup and definition.name[:1].isupper() and JSX.search(raw, max(definition.body, 0), definition.end):
                definition.facts.append("component")
        elif definition.kind == "class" and any("Component" in base for base in definition.extends) and markup:
            definition.facts.append("component")
        definition.extends = [base.removeprefix("extends ").strip() for base in definition.extends]
        for decorator in definition.decorators:
            _decorated(definition, decorator)
    for match in ROUTE.finditer(raw):
        around = innermost(outline, match.start())
        if around is not None:
            around.facts.append(f"route={match[1].decode().upper()} {match[2].decode('utf-8', 'replace')}")


def _exported(raw: bytes) -> set[bytes]:
    names: set[bytes] = set()
    for group in EXPORT_LIST.findall(raw):
        names.update(part.split(b" as ")[0].replace(b"type ", b"").strip() for part in group.split(b","))
    if b"exports" in raw:
        for one, many, single in COMMONJS.findall(raw):
            names.update(name for name in (one, single) if name)
            names.update(part.split(b":")[0].strip() for part in many.split(b","))
    return names


def _top(definition: Definition, head: bytes, exported: bool, default: bool) -> None:
    inline = EXPORT.search(head) is not None
    definition.visibility = "public" if inline or exported or default else "private"
    if definition.visibility == "public":
        definition.facts.append("export")
    if default or b"export default" in head:
        definition.facts.append("default_export")
    if definition.kind == "variable" and b"const" in head and definition.name.isupper():
        definition.kind = "constant"


def _member(definition: Definition, head: bytes) -> None:
    words = head.split()
    if b"private" in words or definition.name.startswith("#"):
        definition.visibility = "private"
    elif b"protected" in words:
        definition.visibility = "protected"
    elif definition.kind != "function":
        definition.visibility = "public"
    definition.facts += [w.decode() for w in (b"static", b"abstract", b"get", b"set", b"readonly") if w in words]


def _decorated(definition: Definition, decorator: str) -> None:
    route = NEST_ROUTE.match(decorator)
    if route and route[1] != "Controller":
        definition.facts.append(f"route={route[1].upper()} {route[2] or ''}".rstrip())
    fact = NEST.get(decorator.split("(", maxsplit=1)[0])
    if fact:
        definition.facts.append(fact)


FACTS = LanguageFacts(
    constructors=frozenset({"constructor"}),
    keywords=words("undefined null true false this string number boolean any unknown never void of from as"),
    module=module_name,
    resolve=resolve,
    finish=finish,
)
LANGUAGES = dict.fromkeys(("javascript", "typescript", "tsx"), FACTS)
