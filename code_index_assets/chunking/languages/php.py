"""PHP: namespaces, PSR-4, Laravel routes, Eloquent models and facades, Symfony attributes, Blade directives."""

from __future__ import annotations

import posixpath
import re

from ..context import ProjectContext
from ..facts import Definition, LanguageFacts, Outline, visibility_by_words, words
from ..surroundings import innermost

ROUTE = re.compile(
    rb"Route::(get|post|put|patch|delete|any|options|resource|apiResource|view|redirect)\(\s*['\"]([^'\"]*)['\"]"
)
ATTRIBUTE_ROUTE = re.compile(r"#\[.*?\bRoute\(\s*(?:path:\s*)?['\"]([^'\"]*)['\"](.*)", re.S)
VERBS = re.compile(r"methods:\s*\[([^\]]*)\]")
SYMFONY = {
    "AsCommand": "command", "AsController": "controller", "AsEventListener": "listener", "AsMessageHandler": "handler",
    "Autowire": "service", "AutoconfigureTag": "service", "ORM\\Entity": "model", "Entity": "model", "Test": "test",
    "DataProvider": "test", "AsService": "service", "AsTwigComponent": "component", "AsAlias": "service",
}  # fmt: skip
ASSOCIATION = re.compile(
    rb"\$this->(hasMany|hasOne|belongsTo|belongsToMany|morphMany|morphTo|morphOne|hasManyThrough)\(\s*(?:([\w\\]+)::class)?"
)
FACADE = "Illuminate\\Support\\Facades\\"
MODELS = ("Model", "Eloquent", "Authenticatable", "Pivot")


def resolve(path: str, module: str, context: ProjectContext) -> str | None:
    """The file of a class by the PSR-4 prefixes of composer.json, else by its path's tail."""
    name = module.lstrip("\\")
    best: tuple[int, str] | None = None
    for prefix, folder in context.psr4:
        if name.startswith(prefix):
            candidate = posixpath.join(folder, name[len(prefix) :].replace("\\", "/") + ".php").lstrip("/")
            if candidate in context.files and (best is None or len(prefix) > best[0]):
                best = len(prefix), candidate
    if best is not None:
        return best[1]
    tail = name.replace("\\", "/") + ".php"
    near = posixpath.normpath(posixpath.join(posixpath.dirname(path), module))
    if near in context.files:
        return near
    return context.by_suffix(tail, path) if "/" in tail else None


def finish(outline: Outline, context: ProjectContext) -> None:
    """Adds what PHP needs beyond the query."""
    for definition in outline.definitions:
        for attribute in definition.decorators:
            _attribute(definition, attribute)
        _kind(definition)
        if definition.parent is None and definition.kind in ("class", "interface", "trait", "enum"):
            prefix = _psr4_name(outline.path, context)
            if prefix is not None:
                definition.facts.append("psr4" if prefix == definition.qualified else f"psr4_mismatch={prefix}")
    _calls(outline)
    for item in outline.imports:
        if item.name:  # `use A\\{B, C}`
            item.module = f"{item.module}\\{item.name}"
    facades = [item.module for item in outline.imports if item.module.startswith(FACADE)]
    for definition in outline.definitions:
        if definition.parent is None and definition.kind == "class":
            definition.facts += [f"facade={name[len(FACADE) :]}" for name in facades]


def _calls(outline: Outline) -> None:
    """Routes and associations, which Laravel writes as calls."""
    for match in ROUTE.finditer(outline.raw):
        around = innermost(outline, match.start())
        verb = match[1].decode()
        fact = f"route={verb.upper() if verb.islower() else verb} {match[2].decode('utf-8', 'replace')}"
        if around is not None:
            around.facts.append(fact)
    for match in ASSOCIATION.finditer(outline.raw):
        around = innermost(outline, match.start())
        if around is not None and around.kind == "method":
            around.facts.append(f"association={match[1].decode()}:{(match[2] or b'').decode()}")


def _kind(definition: Definition) -> None:
    signature = definition.signature or ""
    if definition.kind == "class":
        if any(base.split("\\")[-1] in MODELS for base in definition.extends):
            definition.facts.append("model")
        if definition.name.endswith("Controller"):
            definition.facts.append("controller")
        if any(base.endswith("TestCase") for base in definition.extends):
            definition.facts.append("test")
        definition.facts += [word for word in ("abstract", "final", "readonly") if re.search(rf"\b{word}\b", signature)]
    elif definition.kind == "method":
        if definition.name.startswith("test"):
            definition.facts.append("test")
        if definition.name.startswith("scope") and definition.name[5:6].isupper():
            definition.facts.append(f"scope={definition.name[5].lower()}{definition.name[6:]}")
        definition.facts += [
            word for word in ("abstract", "static") if re.search(rf"\b{word}\b", signature.split("(")[0])
        ]


def _attribute(definition: Definition, attribute: str) -> None:
    if route := ATTRIBUTE_ROUTE.match(attribute):
        verbs = VERBS.search(route[2])
        names = [v.strip(" '\"") for v in verbs[1].split(",")] if verbs else ["ANY"]
        definition.facts += [f"route={name} {route[1]}" for name in names]
    for name in re.findall(r"#\[\s*([\w\\]+)|,\s*([\w\\]+)\(", attribute):
        fact = SYMFONY.get(name[0] or name[1])
        if fact and fact not in definition.facts:
            definition.facts.append(fact)


def _psr4_name(path: str, context: ProjectContext) -> str | None:
    """The class name the file should hold by composer.json, or None where no prefix covers it."""
    best = None
    for prefix, folder in context.psr4:
        base = folder.rstrip("/")
        if (not base or path.startswith(base + "/")) and (best is None or len(base) > len(best[1])):
            best = prefix, base
    if best is None:
        return None
    inner = path[len(best[1]) :].strip("/").removesuffix(".php").replace("/", "\\")
    return best[0] + inner


LANGUAGES = {
    "php": LanguageFacts(
        separator="\\",
        member_separator="::",
        constructors=frozenset({"__construct"}),
        keywords=words("self parent this true false null string int bool float void mixed"),
        resolve=resolve,
        visibility=visibility_by_words("public"),
        finish=finish,
    )
}
