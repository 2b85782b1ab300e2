"""The words that filters take: other names of languages, kinds and roles, and what to say of a word nothing has.

What lives here: aliases, and the notes of an answer on filter values that nothing searched has. What does not: the
filters themselves (`index/filters.py`), parsing queries (`query.py`).
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..chunking.readable import not_read
from ..index.filters import Filter, clean_glob, matches_glob
from ..index.reader import IndexSnapshot

_KINDS = {
    "func": "function", "fn": "function", "def": "function", "cls": "class", "const": "constant", "ctor": "constructor",
    "var": "variable", "prop": "property", "ns": "namespace", "mod": "module", "typedef": "type",
    "enum-member": "enum_member",
}  # fmt: skip
_ROLES = {"doc": "docs", "documentation": "docs", "src": "source", "code": "source", "vendor": "vendored"}
# Kinds of chunks and of definitions, the most frequent first.
KINDS = (
    "method", "function", "type", "field", "block", "class", "property", "variable", "macro", "constructor", "constant",
    "enum_member", "struct", "module", "impl", "trait", "prototype", "interface", "enum", "test", "namespace", "alias",
    "element", "object", "union", "route", "task", "section", "lines", "key", "rule", "table", "view", "stage",
    "record", "package", "statement", "message", "service",
)  # fmt: skip
ROLES = ("source", "test", "docs", "example", "stub", "config", "data", "generated", "vendored")
NEAR = 3
LISTED = 8


def languages(values: Iterable[str]) -> tuple[str, ...]:
    """Languages as the index names them: `golang` is go, `py` python, `c++` cpp."""
    return tuple(_language(value.strip().lower()) for value in values)


def is_language(value: str) -> bool:
    """Whether a word names a language, by its name, another name for it, or a file ending."""
    from ..sources.languages import language_named

    return language_named(value) is not None


def _language(value: str) -> str:
    from ..sources.languages import language_named

    return language_named(value.lstrip(".")) or value


def kinds(values: Iterable[str]) -> tuple[str, ...]:
    """Kinds as the index names them: `func` is function, `methods` method."""
    return tuple(_plain(value, _KINDS, KINDS) for value in values)


def roles(values: Iterable[str]) -> tuple[str, ...]:
    """Roles as the index names them: `tests` is test."""
    return tuple(_plain(value, _ROLES, ROLES) for value in values)


def _plain(value: str, aliases: dict[str, str], known: Collection[str]) -> str:
    value = value.strip().lower()
    if value in known:
        return value
    for ending in ("", "es", "s"):
        stem = value.removesuffix(ending)
        if stem in aliases or stem in known:
            return aliases.get(stem, stem)
    return value


def unknown_values(snapshot: IndexSnapshot, where: Filter, seen: Collection[tuple[str, str]] = ()) -> tuple[str, ...]:
    """What to say of each language, kind and role of a filter that nothing searched has.

    `seen` are (field, value) of hits, which need no looking up.
    """
    # Hits prove that a single path filter covers something.
    notes = [] if seen and len(where.paths) < 2 else uncovered_paths(snapshot, where)
    filtered = [("kind", value) for value in where.kinds] + [("role", value) for value in where.roles]
    for field, value in filtered:
        if (field, value) not in seen and not _count(snapshot, where, field, value):
            names = KINDS if field == "kind" else ROLES
            there = [name for name in names if _count(snapshot, where, field, name)]
            notes.append(f"nothing that was searched has the {field} {value!r}{_choice(value, there)}")
    if any(("language", value) not in seen for value in where.languages):
        there = indexed_languages(snapshot, where)
        notes += [
            f"no file that was searched is in the language {value!r}{_choice(value, there)}"
            for value in where.languages
            if value not in there and there
        ]
    return tuple(notes)


def unread_definitions(snapshot: IndexSnapshot, where: Filter) -> tuple[str, ...]:
    """What to say of languages that were searched for a definition, and whose definitions are not read."""
    there = indexed_languages(snapshot, where)
    unread = not_read([name for name in where.languages if name in there] if where.languages else there)
    if not unread:
        return ()
    more = f" and {len(unread) - LISTED} more languages" if len(unread) > LISTED else ""
    return (f"definitions in {', '.join(unread[:LISTED])}{more} are not read; a search finds the name in their text",)


def uncovered_paths(snapshot: IndexSnapshot, where: Filter) -> list[str]:
    """What to say of each path filter that covers no indexed file: nothing was looked at for it."""
    if not where.paths:
        return []
    paths = snapshot.paths(sorted(snapshot.receipts) if where.keys is None else sorted(where.keys))
    notes = []
    for glob in where.paths:
        if not any(matches_glob(glob, path) for path in paths):
            names = sorted({part for path in paths for part in (path, *path.split("/"))})
            written = re.split(r"[*?\[{]", clean_glob(glob))[0].strip("/") or clean_glob(glob).strip("*/.")
            near = difflib.get_close_matches(written, names[:20_000], n=NEAR, cutoff=0.6)
            meant = f": did you mean {' or '.join(near)}?" if near else ""
            notes.append(f"no indexed file is covered by the path {glob!r}{meant}")
    return notes


def other_kinds(defined: Iterable[str], name: str, requested: Sequence[str]) -> tuple[str, ...]:
    """What to say where a name is defined, but not as one of the kinds asked for. `found` are the kinds it has."""
    counts = Counter(defined)
    if not counts or not counts.keys().isdisjoint(requested):
        return ()
    listed = ", ".join(kind for kind, _ in counts.most_common(LISTED))
    return (f"{name!r} is defined, but not with the kind {' or '.join(map(repr, requested))}: it is of kind {listed}",)


def indexed_languages(snapshot: IndexSnapshot, where: Filter) -> list[str]:
    """Languages of what a filter's repositories have, the most frequent first."""
    keys = snapshot.receipts if where.keys is None else where.keys
    counts: Counter[str] = Counter()
    for key in keys:
        counts.update(snapshot.receipts[key].coverage.get("chunk_languages") or {})
    return [name for name, _ in counts.most_common()]


def _count(snapshot: IndexSnapshot, where: Filter, field: str, value: str) -> int:
    everything = Filter(keys=where.keys)
    return snapshot.count(
        replace(everything, kinds=(value,)) if field == "kind" else replace(everything, roles=(value,))
    )


def _choice(value: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, there, n=NEAR, cutoff=0.6)
    more = ", …" if len(there) > LISTED else ""
    listed = f"there are {', '.join(there[:LISTED])}{more}" if there else ""
    parts = [part for part in (near and f"did you mean {' or '.join(near)}?", listed) if part]
    return f": {' '.join(parts)}" if parts else ""
