"""Filters of a search, and the conditions a backend evaluates inside its lanes, before top-k.

What lives here: `Filter`, neutral conditions over payload fields, path globs. What does not: translating conditions
into an engine's own types (`index/backends/edge.py`, `index/backends/server.py`) and parsing queries
(`search/query.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..sources.globs import Glob, compile_glob
from .exact.pattern import TextRule

# Payload fields with an index; nothing else may be filtered on. What filters ask about is in one field of prefixed
# terms: each index costs some twenty synced files a shard, and nine of them made opening a small shard take 0.4 s.
INDEXED_FIELDS = ("key", "terms")
_PREFIXES = {
    "path": "p:",
    "folders": "d:",
    "file_name": "f:",
    "extension": "x:",
    "language": "l:",
    "kind": "k:",
    "role": "r:",
    "names": "n:",
}
PATH_PREFIX = _PREFIXES["path"]
# `*.py`, `**/*.{ts,tsx}` and `**/name`: the index has endings and names as terms.
_SIMPLE_ENDINGS = re.compile(
    r"(?:\*\*/)?\*\.(?:(?P<one>[^*?\[\]{}\\/.,]+)|\{(?P<several>[^*?\[\]{}\\/.,]+(?:,[^*?\[\]{}\\/.,]+)*)\})"
)
_SIMPLE_NAME = re.compile(r"\*\*/([^*?\[\]{}\\/]+)")


def filter_terms(path: str, language: str | None, kind: str, role: str, names: Iterable[str]) -> list[str]:
    """What filters can ask of a point, as the values of its payload field "terms".

    Folders are there by their paths, and by their bare names with "/" in front.
    """
    folders = path.split("/")[:-1]
    file_name = path.rsplit("/", 1)[-1]
    values = {
        "path": [path],
        "folders": ["/".join(folders[: i + 1]) for i in range(len(folders))] + [f"/{name}" for name in folders],
        "file_name": [file_name],
        "extension": [file_name.rsplit(".", 1)[1]] if "." in file_name else [],
        "language": [language] if language else [],
        "kind": [kind],
        "role": [role],
        "names": [spelling for name in names for spelling in _spellings(name.lower())],
    }
    return sorted({_PREFIXES[field] + value for field, several in values.items() for value in several})


def _spellings(name: str) -> tuple[str, ...]:
    """A name with and without the mark at its end, which belongs to it in Ruby, Elixir, Lisp: `save!` and `save`."""
    bare = name.rstrip("?!=")
    return (name, bare) if bare and bare != name else (name,)


@dataclass(frozen=True)
class Filter:
    """What may be found. An empty tuple, or None for `keys`, does not restrict.

    keys: partition keys. paths: globs (`*` within a segment, `**` across, `?`), folders, or whole paths; any of them.
    names: names of definitions, any case. exclude: words that text, path and names must not contain. phrases: strings
    the text or the path must contain, any case. rules: what the text or the path must match, or must not. files: whole
    paths, as they are; None does not restrict.
    """

    keys: tuple[str, ...] | None = None
    paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    name_prefix: str = ""
    exclude: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    rules: tuple[TextRule, ...] = ()
    files: tuple[str, ...] | None = None

    @property
    def has_text_rules(self) -> bool:
        """Whether matching needs the text of chunks."""
        return bool(self.exclude or self.phrases or self.rules)

    @property
    def requires_text(self) -> bool:
        """Whether a text has to be there, word for word."""
        return bool(self.phrases) or any(not rule.excluded for rule in self.rules)


@dataclass(frozen=True)
class Condition:
    """What a point says of `field` has any of the values, or begins with `prefix` if that is given."""

    field: str
    values: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def terms(self) -> list[str]:
        """The values as they are in the payload field "terms"."""
        return [_PREFIXES[self.field] + value for value in self.values]

    @property
    def term_prefix(self) -> str:
        """What the terms begin with in the payload field "terms"; "" without a prefix."""
        return _PREFIXES[self.field] + self.prefix if self.prefix else ""


# All of the outer, any of the inner: what both backends are handed.
Conditions = tuple[tuple[Condition, ...], ...]


def conditions(wanted: Filter, list_paths: Callable[[], Iterable[str]]) -> Conditions:
    """The conditions of a filter, keys apart (the reader adds those a shard needs).

    Globs become conditions on folders, file names and extensions where that says the same; others are resolved over
    the published paths, which `list_paths` gives.
    """
    found: list[tuple[Condition, ...]] = []
    for field, values in (("language", wanted.languages), ("kind", wanted.kinds), ("role", wanted.roles)):
        if values:
            found.append((Condition(field, tuple(value.lower() for value in values)),))
    if wanted.names:
        found.append((Condition("names", tuple(name.lower() for name in wanted.names)),))
    if wanted.name_prefix:
        found.append((Condition("names", prefix=wanted.name_prefix.lower()),))
    if wanted.paths:
        found.append(_path_alternatives(wanted.paths, list_paths))
    if wanted.files is not None:
        found.append((Condition("path", wanted.files),))
    return tuple(found)


def meets(also: Conditions, payload: dict[str, Any]) -> bool:
    """Whether a point's payload meets conditions."""
    terms = payload.get("terms") or ()
    return all(
        any(
            any(term in terms for term in condition.terms)
            or (condition.prefix and any(term.startswith(condition.term_prefix) for term in terms))
            for condition in alternatives
        )
        for alternatives in also
    )


def _path_alternatives(globs: tuple[str, ...], list_paths: Callable[[], Iterable[str]]) -> tuple[Condition, ...]:
    alternatives: list[Condition] = []
    rest: list[str] = []
    for glob in globs:
        if "\\" in glob:
            alternatives.append(Condition("path", (glob.strip(),)))
        simple = _simple_glob(glob)
        if simple:
            alternatives.extend(simple)
        else:
            rest.append(glob)
    if rest:
        paths = sorted(path for path in list_paths() if any(matches_glob(glob, path) for glob in rest))
        alternatives.append(Condition("path", tuple(paths)))
    return tuple(alternatives)


def _simple_glob(glob: str) -> list[Condition]:
    """Conditions that say exactly what the glob says; none if there are no such."""
    glob = clean_glob(glob)
    if not _is_pattern(glob):
        if not glob:
            return []
        if "/" in glob:
            return [Condition("path", (glob,)), Condition("folders", (glob,))]
        # A bare name means it anywhere: a folder or a file.
        return [Condition("file_name", (glob,)), Condition("folders", (f"/{glob}",))]
    if glob.endswith("/**") and not _is_pattern(glob[:-3]) and glob[:-3]:
        return [Condition("folders", (glob[:-3],))]
    endings = _SIMPLE_ENDINGS.fullmatch(glob)
    if endings:
        several = endings["several"]
        return [Condition("extension", tuple(several.split(",")) if several else (endings["one"],))]
    name = _SIMPLE_NAME.fullmatch(glob)
    return [Condition("file_name", (name.group(1),))] if name else []


def clean_glob(glob: str) -> str:
    """A path entry as it is compared: no `./` or `/` in front, no `/` behind, Windows' separators turned."""
    glob = glob.strip()
    if "\\" in glob and "/" not in glob:
        glob = glob.replace("\\", "/")
    while glob.startswith("./"):
        glob = glob[2:]
    return glob.strip("/") if not glob.endswith("/**") else glob.lstrip("/")


def _is_pattern(text: str) -> bool:
    return any(c in text for c in "*?[{\\")


@lru_cache(maxsize=1024)
def _path_glob(glob: str) -> Glob | None:
    """A cleaned glob over whole paths; without a slash it matches the name in any folder."""
    if "/" not in glob and glob != "**":
        glob = f"**/{glob}"
    return compile_glob(glob.encode("utf-8", "surrogateescape"), pathname=True, braces=True)


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether a text (a repository's or a ref's name) is the pattern itself, or matches it as a glob."""
    if pattern == text:
        return True
    if not _is_pattern(pattern):
        return False
    compiled = _path_glob(clean_glob(pattern))
    return compiled is not None and compiled.matches(text.encode("utf-8", "surrogateescape"))


def matches_glob(glob: str, path: str) -> bool:
    """Whether a filter's path entry covers a path: the meaning that conditions are a faster form of.

    An entry is a file, a folder, or a glob with git's meaning and braces. What can be read both ways is: a file called
    `[id].tsx` is found by its name.
    """
    cleaned = clean_glob(glob)
    if glob.strip() == path:
        return True
    if "/" not in cleaned:
        if cleaned in path.split("/"):
            return True
    elif path == cleaned or path.startswith(f"{cleaned}/"):
        return True
    if not _is_pattern(cleaned):
        return False
    compiled = _path_glob(cleaned)
    return compiled is not None and compiled.matches(path.encode("utf-8", "surrogateescape"))


def passes_text_rules(wanted: Filter, payload: dict[str, Any]) -> bool:
    """Whether a point has every phrase, none of the excluded words, and meets the rules."""
    if wanted.rules and not _meets_rules(wanted.rules, payload):
        return False
    text = str(payload.get("text") or "").lower()
    path = str(payload.get("path") or "").lower()
    if any(phrase.lower() not in text and phrase.lower() not in path for phrase in wanted.phrases):
        return False
    for word in wanted.exclude:
        pattern = _word_pattern(word.lower())
        if pattern.search(text) or pattern.search(path) or word.lower() in (payload.get("names") or ()):
            return False
    return True


def _meets_rules(rules: tuple[TextRule, ...], payload: dict[str, Any]) -> bool:
    text, path = (str(payload.get(field) or "").encode("utf-8", "surrogatepass") for field in ("text", "path"))
    return all(
        rule.allows(text) and rule.allows(path) if rule.excluded else rule.allows(text) or rule.allows(path)
        for rule in rules
    )


@lru_cache(maxsize=256)
def _word_pattern(word: str) -> re.Pattern[str]:
    start = r"(?<![^\W_])" if word[:1].isalnum() else ""
    end = r"(?![^\W_])" if word[-1:].isalnum() else ""
    return re.compile(start + re.escape(word) + end)
