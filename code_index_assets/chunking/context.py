"""What a language may need to know of the repository around a file: its paths and the names manifests declare.

What lives here: `ProjectContext` and `project_context`, which reads only manifests. What does not: the languages'
rules that use them (`languages/`).
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from ..storage.fingerprint import digest, digest_lines

Read = Callable[[str], str | None]

GO_MODULE = re.compile(r"^\s*module\s+(\S+)", re.M)
GRADLE_INCLUDE = re.compile(r"[\"']:?([\w:./-]+)[\"']")
MAVEN_ARTIFACT = re.compile(r"<artifactId>\s*([^<\s]+)\s*</artifactId>")
MAVEN_PARENT = re.compile(r"<parent>.*?</parent>", re.S)


# File names of the manifests that `project_context` reads, in the order of their readers.
MANIFESTS = (
    "go.mod", "Cargo.toml", "package.json", "composer.json", "pom.xml", "settings.gradle", "settings.gradle.kts",
    "tsconfig.json", "tsconfig.base.json", "jsconfig.json",
)  # fmt: skip


@dataclass(frozen=True)
class ProjectContext:
    """Paths of a repository and the names of its modules, by folder ('' is the root)."""

    paths: tuple[str, ...] = ()
    go_modules: tuple[tuple[str, str], ...] = ()  # (folder, module path)
    crates: tuple[tuple[str, str], ...] = ()  # (folder, crate name with '_')
    packages: tuple[tuple[str, str], ...] = ()  # (folder, name in package.json)
    psr4: tuple[tuple[str, str], ...] = ()  # (namespace prefix, folder)
    builds: tuple[tuple[str, str], ...] = ()  # (folder, Gradle or Maven module)
    aliases: tuple[tuple[str, str], ...] = ()  # (pattern of module names, folder or file) of TypeScript's `paths`
    extra: tuple[tuple[str, str], ...] = field(default=())

    @cached_property
    def names_digest(self) -> str:
        """Digest of what qualified names depend on: the manifests' names, not the list of paths."""
        named = (self.go_modules, self.crates, self.packages, self.psr4, self.builds, self.aliases, self.extra)
        pairs = [f"{kind}\0{a}\0{b}" for kind, group in enumerate(named) for a, b in group]
        return digest_lines(pairs)

    @cached_property
    def digest(self) -> str:
        """Digest of everything qualified names and resolved imports may depend on."""
        return digest(digest_lines(self.paths), self.names_digest)

    @cached_property
    def files(self) -> frozenset[str]:
        """The paths as a set."""
        return frozenset(self.paths)

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, at any depth."""
        parents: set[str] = {""}
        for path in self.paths:
            folder = posixpath.dirname(path)
            while folder and folder not in parents:
                parents.add(folder)
                folder = posixpath.dirname(folder)
        return frozenset(parents)

    @cached_property
    def by_name(self) -> dict[str, tuple[str, ...]]:
        """Paths by file name."""
        by_file_name: dict[str, list[str]] = {}
        for path in self.paths:
            by_file_name.setdefault(posixpath.basename(path), []).append(path)
        return {name: tuple(paths) for name, paths in by_file_name.items()}

    @cached_property
    def _owners(self) -> dict[str, dict[str, str]]:
        kinds = ("go_modules", "crates", "packages", "builds")
        return {kind: dict(getattr(self, kind)) for kind in kinds}

    def owner(self, kind: str, path: str) -> tuple[str, str] | None:
        """The nearest enclosing (folder, name) of a kind of module, or None."""
        known = self._owners[kind]
        if not known:
            return None
        folder = posixpath.dirname(path)
        while True:
            if folder in known:
                return folder, known[folder]
            if not folder:
                return None
            folder = posixpath.dirname(folder)

    def by_suffix(self, suffix: str, near: str = "") -> str | None:
        """The path that ends in `/suffix` (or is it); of several, the one nearest to `near`. None if there is none."""
        suffix = suffix.lstrip("/")
        tail = "/" + suffix
        candidates = self.by_name.get(posixpath.basename(suffix), ())
        matching = [path for path in candidates if path == suffix or path.endswith(tail)]
        if len(matching) < 2:
            return matching[0] if matching else None
        return max(matching, key=lambda path: (len(posixpath.commonprefix([path, near])), -len(path), path))


EMPTY = ProjectContext()


def project_context(paths: Iterable[str], read: Read) -> ProjectContext:
    """The context of a repository; `read` gives a file's text or None, and is asked for manifests only."""
    every = tuple(sorted(paths))
    readers = dict(
        zip(MANIFESTS, (_go_module, _crate, _package, _psr4, _maven, _gradle, _gradle, *[_aliases] * 3), strict=True)
    )
    owners: dict[str, list[tuple[str, str]]] = {}
    for path in every:
        folder, _, name = path.rpartition("/")
        reader = readers.get(name)
        if reader is None:
            continue
        text = read(path)
        if text is None:
            continue
        try:
            for kind, key, value in reader(folder, text):
                owners.setdefault(kind, []).append((key, value))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            continue  # a manifest that cannot be read names nothing; its own chunks still show it
    return ProjectContext(every, **{kind: tuple(sorted(set(pairs))) for kind, pairs in owners.items()})


Named = Iterable[tuple[str, str, str]]


def _go_module(folder: str, text: str) -> Named:
    match = GO_MODULE.search(text)
    return [("go_modules", folder, match[1].strip('"'))] if match else []


def _crate(folder: str, text: str) -> Named:
    manifest = tomllib.loads(text)
    name = manifest.get("lib", {}).get("name") or manifest.get("package", {}).get("name")
    return [("crates", folder, str(name).replace("-", "_"))] if name else []


def _package(folder: str, text: str) -> Named:
    name = json.loads(text).get("name")
    return [("packages", folder, name)] if isinstance(name, str) else []


def _psr4(folder: str, text: str) -> Named:
    manifest = json.loads(text)
    for section in ("autoload", "autoload-dev"):
        for prefix, targets in manifest.get(section, {}).get("psr-4", {}).items():
            for target in [targets] if isinstance(targets, str) else targets:
                yield "psr4", prefix, posixpath.normpath(posixpath.join(folder, target)).removeprefix(".")


JSON_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.S)
TRAILING_COMMA = re.compile(r",(\s*[}\]])")


def _aliases(folder: str, text: str) -> Named:
    """`compilerOptions.paths`: names that stand for files. Comments and trailing commas are usual in these files."""
    plain = TRAILING_COMMA.sub(r"\1", JSON_COMMENT.sub(lambda match: match[1] or "", text))
    options = json.loads(plain).get("compilerOptions", {})
    base = posixpath.join(folder, options.get("baseUrl", "."))
    for pattern, targets in options.get("paths", {}).items():
        if targets and isinstance(targets[0], str):
            yield "aliases", pattern, posixpath.normpath(posixpath.join(base, targets[0]))


def _maven(folder: str, text: str) -> Named:
    match = MAVEN_ARTIFACT.search(MAVEN_PARENT.sub("", text))
    return [("builds", folder, match[1])] if match else []


def _gradle(folder: str, text: str) -> Named:
    for line in text.splitlines():
        if line.lstrip().startswith("include"):
            for name in GRADLE_INCLUDE.findall(line):
                inner = name.strip(":").replace(":", "/")
                yield "builds", posixpath.join(folder, inner), ":" + name.strip(":")
