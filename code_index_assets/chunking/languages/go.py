"""Go: package names, receivers, module paths, interfaces satisfied within a file's package, tests, goroutines."""

from __future__ import annotations

import posixpath
import re

from ..context import ProjectContext
from ..facts import Definition, LanguageFacts, Outline, words
from ..surroundings import innermost

TEST = re.compile(r"(Test|Benchmark|Fuzz|Example)([A-Z_0-9]\w*)?$")
ROUTE = re.compile(rb"\.(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|Any|HandleFunc|Handle)\(\s*\"([^\"\n]*)\"")


def resolve(_: str, module: str, context: ProjectContext) -> str | None:
    """The folder of a package of one of the repository's modules."""
    best = None
    for folder, name in context.go_modules:
        if (module == name or module.startswith(name + "/")) and (best is None or len(name) > len(best[1])):
            best = folder, name
    if best is None:
        return None
    target = posixpath.normpath(posixpath.join(best[0], module[len(best[1]) :].lstrip("/")))
    target = "" if target == "." else target
    return (target or ".") if target in context.folders else None


def visibility(definition: Definition, _: bytes) -> str:
    """`public` where the name begins with a capital letter, else `private`."""
    return "public" if definition.name[:1].isupper() else "private"


def finish(outline: Outline, context: ProjectContext) -> None:
    """Adds what Go needs beyond the query."""
    methods: dict[str, set[str]] = {}
    interfaces: dict[str, set[str]] = {}
    types: list[Definition] = []
    in_test = outline.path.endswith("_test.go")
    for definition in outline.definitions:
        if in_test and definition.kind == "function" and (test := TEST.match(definition.name)):
            definition.facts.append("benchmark" if test[1] == "Benchmark" else "test")
        if definition.scope:
            methods.setdefault(definition.scope, set()).add(definition.name)
            definition.facts.append(f"receiver={definition.scope}")
        elif definition.kind == "method" and definition.parent is not None:
            interfaces.setdefault(definition.parent.name, set()).add(definition.name)
        elif definition.kind in ("struct", "type"):
            types.append(definition)
    for definition in types:
        owned = methods.get(definition.name, set())
        definition.facts += [
            f"satisfies={name}" for name, required in interfaces.items() if required and required <= owned
        ]
    module = context.owner("go_modules", outline.path)
    if module is not None:
        inner = posixpath.relpath(posixpath.dirname(outline.path) or ".", module[0] or ".")
        path = module[1] if inner == "." else f"{module[1]}/{inner}"
        for definition in outline.definitions:
            if definition.parent is None and definition.kind in ("struct", "interface", "function", "type"):
                definition.facts.append(f"package={path}")
    _routes(outline)


def _routes(outline: Outline) -> None:
    for match in ROUTE.finditer(outline.raw):
        if match[2][:1] == b"/":
            around = innermost(outline, match.start())
            if around is not None:
                verb = match[1].decode().upper().replace("HANDLEFUNC", "ANY").replace("HANDLE", "ANY")
                around.facts.append(f"route={verb} {match[2].decode('utf-8', 'replace')}")


LANGUAGES = {
    "go": LanguageFacts(
        keywords=words(
            "bool byte error int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 uintptr string",
            "rune float32 float64 complex64 complex128 true false nil iota len cap make new append any",
        ),
        body_fields=("body",),
        resolve=resolve,
        visibility=visibility,
        finish=finish,
    )
}
