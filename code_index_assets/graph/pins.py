"""Packages by manifest: which a repository is, and which versions of others it is pinned to.

What lives here: names and exact versions in pyproject.toml, requirements, package.json, go.mod, Cargo.toml, pom.xml,
composer.json, gemspecs, Gemfiles and .csproj files. What does not: which repository provides a package
(`search/across.py`).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping

REQUIREMENT = re.compile(r"^\s*[\"']?([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*===?\s*([\w.+!-]+)", re.M)
GO_REQUIRE = re.compile(r"^\s*(?:require\s+)?([\w.-]+\.[\w./-]+)\s+(v[\w.+-]+)", re.M)
GO_MODULE = re.compile(r"^\s*module\s+(\S+)", re.M)
POM_DEPENDENCY = re.compile(
    r"<dependency>\s*<groupId>([^<]+)</groupId>\s*<artifactId>([^<]+)</artifactId>\s*<version>([^<$]+)</version>", re.S
)
POM_OWN = re.compile(r"<groupId>([^<]+)</groupId>\s*<artifactId>([^<]+)</artifactId>", re.S)
GRADLE = re.compile(r"[\"']([\w.-]+):([\w.-]+):(\d[\w.-]*)[\"']")
CSPROJ = re.compile(r"<PackageReference\s+Include=\"([^\"]+)\"\s+Version=\"\[?([\w.-]+)\]?\"")
GEM = re.compile(
    r"^\s*(?:gem|\w+\.add(?:_runtime)?_dependency)[\s(]+[\"']([\w-]+)[\"'],\s*[\"']=?\s*(\d[\w.]*)[\"']", re.M
)
GEM_NAME = re.compile(r"^\s*\w+\.name\s*=\s*[\"']([\w-]+)[\"']", re.M)
PACKAGE_ID = re.compile(r"<(?:PackageId|AssemblyName)>([^<]+)<")
EXACT = re.compile(r"v?\d[\w.+-]*\Z")
Pairs = list[tuple[str, str]]


def is_manifest(path: str) -> bool:
    """Whether a file is one that this module reads."""
    name = path.rpartition("/")[2]
    return name in _READERS or _by_ending(name) is not None


def packages(texts: Mapping[str, str]) -> dict[str, str]:
    """Exact versions that manifests (by path) ask for, by package name in lower case."""
    found: dict[str, str] = {}
    for path, text in texts.items():
        for name, version in _read(path, text)[1]:
            found.setdefault(_plain(name), version.removeprefix("v"))
    return found


def own_names(texts: Mapping[str, str]) -> frozenset[str]:
    """The package names that manifests declare, in lower case."""
    return frozenset(_plain(name) for path, text in texts.items() for name in _read(path, text)[0])


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _read(path: str, text: str) -> tuple[list[str], Pairs]:
    name = path.rpartition("/")[2]
    reader = _READERS.get(name) or _by_ending(name)
    try:
        return reader(text) if reader is not None else ([], [])
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return [], []  # a manifest that cannot be read names nothing


def _by_ending(name: str) -> Callable[[str], tuple[list[str], Pairs]] | None:
    if name.startswith("requirements") and name.endswith(".txt"):
        return lambda text: ([], REQUIREMENT.findall(text))
    if name.endswith(".csproj"):
        return lambda text: (PACKAGE_ID.findall(text), CSPROJ.findall(text))
    return _gem if name.endswith(".gemspec") else None


def _gem(text: str) -> tuple[list[str], Pairs]:
    return GEM_NAME.findall(text), GEM.findall(text)


def _pyproject(text: str) -> tuple[list[str], Pairs]:
    manifest = tomllib.loads(text)
    project, poetry = manifest.get("project", {}), manifest.get("tool", {}).get("poetry", {})
    groups = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    pairs = [pair for group in groups for line in group for pair in REQUIREMENT.findall(line)]
    pairs += [(k, v) for k, v in poetry.get("dependencies", {}).items() if isinstance(v, str) and EXACT.match(v)]
    return [name for name in (project.get("name"), poetry.get("name")) if name], pairs


def _package_json(text: str) -> tuple[list[str], Pairs]:
    manifest = json.loads(text)
    kinds = ("dependencies", "devDependencies", "peerDependencies")
    asked = [(k, v) for kind in kinds for k, v in manifest.get(kind, {}).items() if EXACT.match(str(v))]
    return [manifest["name"]] if isinstance(manifest.get("name"), str) else [], asked


def _composer(text: str) -> tuple[list[str], Pairs]:
    manifest = json.loads(text)
    asked = [(k, v) for kind in ("require", "require-dev") for k, v in manifest.get(kind, {}).items() if EXACT.match(v)]
    return [manifest["name"]] if isinstance(manifest.get("name"), str) else [], asked


def _go(text: str) -> tuple[list[str], Pairs]:
    return GO_MODULE.findall(text), GO_REQUIRE.findall(text)


def _cargo(text: str) -> tuple[list[str], Pairs]:
    manifest = tomllib.loads(text)
    pairs = []
    for name, asked in manifest.get("dependencies", {}).items():
        version = asked.get("version", "") if isinstance(asked, dict) else str(asked)
        if version.startswith("="):
            pairs.append((name, version.lstrip("= ")))
    own = manifest.get("package", {}).get("name")
    return [own] if own else [], pairs


def _maven(text: str) -> tuple[list[str], Pairs]:
    own = POM_OWN.search(re.sub(r"<(parent|dependencies)>.*?</\1>", "", text, flags=re.S))
    pairs = [(f"{group}:{artifact}", version) for group, artifact, version in POM_DEPENDENCY.findall(text)]
    return [f"{own[1]}:{own[2]}"] if own else [], pairs


def _gradle(text: str) -> tuple[list[str], Pairs]:
    return [], [(f"{group}:{artifact}", version) for group, artifact, version in GRADLE.findall(text)]


_READERS: dict[str, Callable[[str], tuple[list[str], Pairs]]] = {
    "pyproject.toml": _pyproject, "package.json": _package_json, "go.mod": _go, "Cargo.toml": _cargo,
    "pom.xml": _maven, "build.gradle": _gradle, "build.gradle.kts": _gradle, "composer.json": _composer,
    "Gemfile": _gem,
}  # fmt: skip
