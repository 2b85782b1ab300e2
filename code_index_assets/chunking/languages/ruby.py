"""Ruby: `Outer::Inner#method`, attributes and aliases made by calls, Rails, RSpec, Rake and Bundler."""

from __future__ import annotations

import posixpath
import re

from ..context import ProjectContext
from ..facts import TYPE_KINDS, Definition, LanguageFacts, Outline, words
from ..references import MARKED
from ..surroundings import innermost

VISIBILITY = re.compile(rb"^[ \t]*(private|protected|public|module_function)[ \t]*(?:#.*)?\r?$", re.M)
NAMED = re.compile(rb"^[ \t]*(private|protected|public|private_class_method)[ \t(]+((?::\w+[?!=]?[ \t,]*)+)\)?", re.M)
MIXIN = re.compile(rb"^[ \t]*(include|extend|prepend)[ \t(]+([A-Z][\w:]*(?:[ \t]*,[ \t]*[A-Z][\w:]*)*)", re.M)
ASSOCIATION = re.compile(rb"^[ \t]*(has_many|has_one|belongs_to|has_and_belongs_to_many)[ \t(]+:(\w+)", re.M)
SCOPE = re.compile(rb"^[ \t]*scope[ \t(]+:(\w+)", re.M)
HOOK = re.compile(
    rb"^[ \t]*(validates?|before_\w+|after_\w+|around_\w+|delegate|helper_method)[ \t(]+:(\w+[?!]?)", re.M
)
ROUTE = re.compile(
    rb"^[ \t]*(get|post|put|patch|delete|match|resources?|root|mount|namespace)[ \t(]+[:'\"]?([^'\",\s)]*)", re.M
)
GEM = re.compile(rb"^[ \t]*gem[ \t(]+['\"]([^'\"]+)['\"](?:[ \t]*,[ \t]*['\"]([^'\"]+)['\"])?", re.M)
# From `class << self` to the `end` with the same indentation.
EIGEN = re.compile(rb"^([ \t]*)class[ \t]*<<[ \t]*self\b.*?^\1end\b", re.M | re.S)
BLOCK = re.compile(rb"\bdo\b|\{")
CALLS = {
    **dict.fromkeys(("attr_accessor", "attr_reader", "attr_writer", "mattr_accessor", "cattr_accessor"), "property"),
    **dict.fromkeys(("class_attribute", "thread_mattr_accessor"), "property"),
    **dict.fromkeys(("define_method", "define_singleton_method"), "method"),
    **dict.fromkeys(("alias_method", "alias_attribute"), "alias"),
    **dict.fromkeys(("describe", "context", "it", "specify", "feature", "scenario", "test"), "test"),
    **dict.fromkeys(("shared_examples", "shared_context"), "test"),
    **dict.fromkeys(("let", "let!", "subject", "factory"), "fixture"),
    **dict.fromkeys(("task", "multitask", "file"), "task"),
    **dict.fromkeys(("get", "post", "put", "patch", "delete", "match"), "route"),
    **dict.fromkeys(("resources", "resource", "root", "mount"), "route"),
    "namespace": "namespace",
}
MODELS = ("ApplicationRecord", "ActiveRecord::Base")
CONTROLLERS = ("ApplicationController", "ActionController::Base", "ActionController::API")


def resolve(path: str, module: str, context: ProjectContext) -> str | None:
    """The file of a `require` (below a lib folder) or `require_relative`."""
    tail = module if module.endswith(".rb") else f"{module}.rb"
    near = posixpath.normpath(posixpath.join(posixpath.dirname(path), tail))
    if near in context.files:
        return near
    return None if tail.startswith(".") else context.by_suffix(f"lib/{tail}", path)


def finish(outline: Outline, _: ProjectContext) -> None:
    """Adds what Ruby needs beyond the query."""
    raw = outline.raw
    eigen = [match.span() for match in EIGEN.finditer(raw)]
    for definition in outline.definitions:
        _singleton(definition, eigen)
        if definition.kind in ("class", "module"):
            _type(definition)
        elif definition.kind in ("method", "constructor", "alias", "property"):
            definition.visibility = "public"
        if definition.name == "method_missing":
            definition.facts.append("dynamic")
    _noted(outline, MIXIN, lambda m: [f"{m[1].decode()}={name.strip().decode()}" for name in m[2].split(b",")])
    _noted(outline, ASSOCIATION, lambda m: [f"association={m[1].decode()}:{m[2].decode()}"])
    _noted(outline, SCOPE, lambda m: [f"scope={m[1].decode()}"])
    _noted(outline, HOOK, lambda m: [f"{m[1].decode()}={m[2].decode()}"])
    _visibility(outline, raw)
    if "controllers/" in outline.path:
        _actions(outline)
    _routes(outline)
    if posixpath.basename(outline.path) in ("Gemfile", "gems.rb") or outline.path.endswith(".gemspec"):
        _gems(outline)
    for definition in outline.definitions:
        if definition.kind == "class" and definition.facts and any(f.startswith("include=") for f in definition.facts):
            definition.extends += [f[8:] for f in definition.facts if f.startswith("include=")]


def _singleton(definition: Definition, eigen: list[tuple[int, int]]) -> None:
    """`def self.x` and methods of `class << self` are written `Class.x`."""
    inside = any(start < definition.start < end for start, end in eigen)
    if definition.kind != "method" or not (definition.scope or inside):
        return
    around = definition.parent.qualified if definition.parent is not None else ""
    if definition.scope not in ("self", ""):
        around = definition.scope
    definition.local = definition.qualified = f"{around}.{definition.name}" if around else definition.name
    definition.facts.append("singleton")


def _type(definition: Definition) -> None:
    definition.visibility = "public"
    if any(base in MODELS for base in definition.extends):
        definition.facts.append("model")
    if any(base in CONTROLLERS or base.endswith("Controller") for base in definition.extends):
        definition.facts.append("controller")
    if any(base.endswith(("Job", "TestCase", "Test")) for base in definition.extends):
        definition.facts.append("test" if "Job" not in definition.extends[0] else "job")


def _noted(outline: Outline, pattern: re.Pattern[bytes], facts: object) -> None:
    assert callable(facts)
    for match in pattern.finditer(outline.raw):
        around = innermost(outline, match.start(1))
        if around is not None and around.kind in ("class", "module"):
            around.facts += facts(match)


def _visibility(outline: Outline, raw: bytes) -> None:
    """`private` alone holds to the end of its class; with names, or in front of `def`, for those."""
    switches: dict[Definition | None, list[tuple[int, str]]] = {}
    for match in VISIBILITY.finditer(raw):
        around = innermost(outline, match.start(1))
        word = match[1].decode()
        switches.setdefault(around, []).append((match.start(), "public" if word == "module_function" else word))
    named: dict[tuple[Definition | None, str], str] = {}
    for match in NAMED.finditer(raw):
        around = innermost(outline, match.start(1))
        for name in re.findall(rb":(\w+[?!=]?)", match[2]):
            named[around, name.decode()] = match[1].decode().split("_")[0]
    for definition in outline.definitions:
        if definition.kind not in ("method", "constructor", "property"):
            continue
        for at, word in switches.get(definition.parent, ()):
            if at < definition.start and not definition.scope:
                definition.visibility = word
        line = raw[raw.rfind(b"\n", 0, definition.start) + 1 : definition.start].split()
        if line[:1] and line[0] in (b"private", b"protected", b"private_class_method"):
            definition.visibility = line[0].decode().split("_")[0]
        definition.visibility = named.get((definition.parent, definition.name), definition.visibility)


def _actions(outline: Outline) -> None:
    for definition in outline.definitions:
        parent = definition.parent
        action = definition.kind == "method" and definition.visibility == "public" and not definition.scope
        if action and parent is not None and "controller" in parent.facts:
            definition.facts.append(f"action={parent.name.removesuffix('Controller')}#{definition.name}")


def _first_line(outline: Outline, definition: Definition) -> bytes:
    return outline.raw[definition.start : definition.end].split(b"\n")[0]


def _routes(outline: Outline) -> None:
    outline.definitions = [d for d in outline.definitions if d.kind != "route" or _is_route(outline, d)]
    for definition in outline.definitions:
        if definition.kind == "route":
            line = outline.raw[definition.start : definition.end].split(b"\n")[0]
            verb = line.split(None, 1)[0].split(b"(")[0].decode()
            name = definition.name if definition.name.startswith("/") or verb == "root" else f"/{definition.name}"
            definition.facts.append(f"route={verb.upper() if verb in VERBS else verb} {name}")
    definitions = [d for d in outline.definitions if d.kind != "namespace" or BLOCK.search(_first_line(outline, d))]
    outline.definitions = [d for d in definitions if d.kind != "test" or BLOCK.search(_first_line(outline, d))]


def _is_route(outline: Outline, definition: Definition) -> bool:
    """In a routes file, or Sinatra's `get '/path' do`; a test's `get '/path'` is a request."""
    line = outline.raw[definition.start : definition.end].split(b"\n")[0].rstrip()
    in_routes = outline.path.endswith("routes.rb") or "/routes/" in outline.path
    return in_routes or (definition.name.startswith("/") and line.endswith(b"do"))


VERBS = ("get", "post", "put", "patch", "delete")


def _gems(outline: Outline) -> None:
    from ..facts import Import

    for match in GEM.finditer(outline.raw):
        outline.imports.append(Import(match.start(1), match[1].decode(), None, None))


LANGUAGES = {
    "ruby": LanguageFacts(
        separator="::",
        member_separator="#",
        member_kinds=frozenset({"method", "constructor", "property", "alias"}),
        member_scopes=TYPE_KINDS | {"module"},
        splits_names=True,
        constructors=frozenset({"initialize"}),
        body_fields=("body", "block"),
        calls=CALLS,
        name_quotes="\"':",
        keywords=words("self nil true false puts require require_relative"),
        token=MARKED,
        resolve=resolve,
        finish=finish,
    )
}
