"""Python: dotted module names, dataclasses, pytest, routes and models of the web frameworks, `__all__`."""

from __future__ import annotations

import posixpath
import re

from ..context import ProjectContext
from ..facts import CALLABLE_KINDS, Definition, LanguageFacts, Outline

SOURCE_FOLDERS = ("src/", "lib/")
ROUTE = re.compile(
    r"@\s*[\w.]+\.(get|post|put|patch|delete|head|options|websocket|route|api_route)\(\s*[rf]?[\"']([^\"']*)"
)
METHODS = re.compile(r"methods\s*=\s*[\[(]([^\])]*)")
FIXTURE = re.compile(r"@(pytest\.)?fixture\b|@pytest_asyncio\.fixture")
URL = re.compile(rb"\b(?:re_)?path\(\s*r?[\"']([^\"']*)[\"']\s*,\s*([\w.]+)")
ALL = re.compile(rb"^__all__\s*\+?=\s*[\[(]([^\])]*)[\])]", re.M)
WORD = re.compile(rb"[\"'](\w+)[\"']")
MODEL_BASES = ("models.Model", "Model", "db.Model", "SQLModel", "BaseModel", "DeclarativeBase", "Base", "Document")


def module_name(outline: Outline, context: ProjectContext) -> str:
    """Dotted name from the outermost folder that is a package, else from the root without `src/`."""
    stem = outline.path[:-3] if outline.path.endswith((".py",)) else outline.path.rpartition(".")[0] or outline.path
    stem = stem.removesuffix("/__init__") if stem != "__init__" else ""
    folder = posixpath.dirname(outline.path)
    start = None
    while folder and f"{folder}/__init__.py" in context.files:
        start = folder
        folder = posixpath.dirname(folder)
    if start is not None:
        above = posixpath.dirname(start)
        stem = stem[len(above) + 1 :] if above else stem
    else:
        for prefix in SOURCE_FOLDERS:
            stem = stem.removeprefix(prefix)
    return stem.replace("/", ".").strip(".")


def resolve(path: str, module: str, context: ProjectContext) -> str | None:
    """The file of a module: relative ones from the package, absolute ones by the longest path that is there."""
    if module.startswith("."):
        dots = len(module) - len(module.lstrip("."))
        folder = path
        for _ in range(dots):
            folder = posixpath.dirname(folder)
        rest = module.lstrip(".").replace(".", "/")
        return _file(posixpath.join(folder, rest) if rest else folder, context)
    tail = module.replace(".", "/")
    for folder in ("", *SOURCE_FOLDERS):
        target = _file(folder + tail, context)
        if target:
            return target
    folder = posixpath.dirname(path)
    while folder:  # a project inside of the repository: the nearest root that has the module
        # Inside of a package `import json` means the library's, not a sibling.
        for inner in ("", *SOURCE_FOLDERS) if f"{folder}/__init__.py" not in context.files else ():
            target = _file(f"{folder}/{inner}{tail}", context)
            if target and target != path:
                return target
        folder = posixpath.dirname(folder)
    return context.by_suffix(f"{tail}.py", path) if "/" in tail else None


def _file(stem: str, context: ProjectContext) -> str | None:
    for candidate in (f"{stem}.py", f"{stem}/__init__.py", f"{stem}.pyi"):
        if candidate in context.files:
            return candidate
    return None


def visibility(definition: Definition, _: bytes) -> str:
    """`private` where the name begins with an underscore and is no `__name__`, else `public`."""
    name = definition.name
    return "private" if name.startswith("_") and not name.endswith("__") else "public"


def finish(outline: Outline, context: ProjectContext) -> None:
    """Adds what Python needs beyond the query."""
    for item in outline.imports:
        if item.name and context.paths:  # the name may be a module itself
            joint = "" if item.module.endswith(".") else "."
            item.resolved = resolve(outline.path, f"{item.module}{joint}{item.name}", context)
    is_test_file = _is_test_file(outline.path)
    exported = {word for group in ALL.findall(outline.raw) for word in WORD.findall(group)}
    routes = {view.split(b".")[-1]: url for url, view in URL.findall(outline.raw)} if b"path(" in outline.raw else {}
    for definition in outline.definitions:
        _decorated(definition)
        if definition.kind in CALLABLE_KINDS and (definition.signature or "").startswith("async "):
            definition.facts.append("async")
        if is_test_file:
            _tests(definition)
        if definition.kind == "class":
            _bases(definition)
        raw_name = definition.name.encode()
        if raw_name in exported and definition.parent is None:
            definition.facts.append("exported")
        if raw_name in routes and definition.parent is None:
            definition.facts.append(f"route=/{routes[raw_name].decode('utf-8', 'replace')}")


def _decorated(definition: Definition) -> None:
    for decorator in definition.decorators:
        route = ROUTE.match(decorator)
        if route:
            verbs = METHODS.search(decorator)
            names = [v.strip(" \"'") for v in verbs[1].split(",")] if verbs else [route[1].upper()]
            names = ["GET" if name in ("ROUTE", "API_ROUTE") else name for name in names if name]
            definition.facts += [f"route={name} {route[2]}" for name in names]
        elif FIXTURE.match(decorator):
            definition.facts.append("fixture")
        name = decorator.lstrip("@").split("(")[0].strip().rpartition(".")[2]
        if name == "dataclass" or (name in ("define", "frozen", "attrs") and "attr" in decorator):
            definition.facts.append("dataclass")
        elif name in ("property", "cached_property"):
            definition.kind = "property"
        elif name in ("staticmethod", "classmethod", "abstractmethod", "overload"):
            definition.facts.append(name if name == "classmethod" else name.removesuffix("method"))
        elif name in ("task", "shared_task"):
            definition.facts.append("task")


def _tests(definition: Definition) -> None:
    collected = definition.parent is None or definition.parent.kind == "class"
    if (collected and definition.kind in ("function", "method") and definition.name.startswith("test")) or (
        definition.kind == "class"
        and (definition.name.startswith("Test") or "TestCase" in " ".join(definition.extends))
    ):
        definition.facts.append("test")


def _bases(definition: Definition) -> None:
    last = {base.rpartition(".")[2].split("[")[0].split("(")[0] for base in definition.extends}
    if last & {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"}:
        definition.facts.append("enum")
    if "Protocol" in last:
        definition.facts.append("protocol")
    if last & {"NamedTuple", "TypedDict"}:
        definition.facts.append("dataclass")
    if any(base in MODEL_BASES for base in definition.extends) or "BaseModel" in last:
        definition.facts.append("model")
    if any(base.endswith(("View", "ViewSet", "APIView")) for base in last):
        definition.facts.append("view")


def _is_test_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith("test") or name.endswith("_test.py") or name == "conftest.py" or "/tests/" in f"/{path}"


LANGUAGES = {
    "python": LanguageFacts(
        constructors=frozenset({"__init__"}),
        keywords=frozenset({"self", "cls", "True", "False", "None"}),
        module=module_name,
        resolve=resolve,
        visibility=visibility,
        finish=finish,
    )
}
