"""The order of definitions of one name: the definition that a name most likely means comes first.

What lives here: the key that definitions are sorted by, and folding overloads. What does not: finding them
(`definitions.py`, `references.py`), ranking of whole hits (`ranking.py`, which uses the same key for ties).

The case as written comes first, then source before tests, benchmarks and examples, then types, then what is at the top
level of its file, then members: `symbol Engine` gives the struct before its methods, and `symbol ref` gives a function
before a benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TYPES = "class struct interface trait enum type union object record protocol module namespace alias table view message"
_CALLABLE = "function macro service task route rule constructor"
_MEMBERS = "method property field constant variable enum_member key element"
_DECLARED = "prototype impl"
KIND_ORDER: dict[str, int] = {
    kind: rank for rank, kinds in enumerate((_TYPES, _CALLABLE, _MEMBERS, _DECLARED)) for kind in kinds.split()
}
_OTHER_KINDS = 3
ROLE_ORDER: dict[str, int] = {
    role: rank
    for rank, role in enumerate(
        ("source", "stub", "config", "docs", "data", "test", "example", "generated", "vendored")
    )
}
# Folders and file names whose code exercises other code: benchmarks have the role "source".
_PARTS = re.compile(r"::|[.#/]")
_EXERCISES = re.compile(
    r"(^|/)(bench|benches|benchmark|benchmarks|perf|examples?|demos?|samples?|fixtures?|testdata|tests?|specs?)(/|$)"
    r"|(^|[/_.-])bench(mark)?s?([_.-][^/]*)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DefinitionPlace:
    """What the order looks at."""

    name: str
    kind: str
    role: str
    qualified_name: str
    repository: str
    path: str
    start_line: int


OrderKey = tuple[bool, bool, int, bool, int, bool, bool, int, str, str, int]


def order_key(place: DefinitionPlace, spellings: Iterable[str]) -> OrderKey:
    """The key of a definition where one of `spellings` is asked for; smaller is nearer to what is meant."""
    exact = tuple(spellings)
    lower = [one.lower() for one in exact]
    return (
        place.name not in exact,
        place.name.lower() not in lower,
        len(place.name) if place.name.lower() not in lower else 0,
        exercises(place.path, place.role),
        ROLE_ORDER.get(place.role, len(ROLE_ORDER)),
        KIND_ORDER.get(place.kind, _OTHER_KINDS) > 0,
        _is_nested(place),
        KIND_ORDER.get(place.kind, _OTHER_KINDS),
        place.repository,
        place.path,
        place.start_line,
    )


def exercises(path: str, role: str) -> bool:
    """Whether a file exercises code rather than being used: tests, benchmarks, examples."""
    return role in ("test", "example") or _EXERCISES.search(path) is not None


def _is_nested(place: DefinitionPlace) -> bool:
    """Whether a definition is inside another one: its qualified name has more than the module, which the path names."""
    modules = set(_PARTS.split(place.path)) | {"crate", "src"}
    around = [part for part in _PARTS.split(place.qualified_name or "")[:-1] if part and part not in modules]
    return bool(around)
