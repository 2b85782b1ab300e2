"""Tests of definitions: those that reach them by calls, and wider where calls do not show it.

What lives here: that answer. What does not: walks over calls (`questions.py`), which files are tests
(`sources/roles.py`).

Tests often reach code without naming it: through a client, a fixture, a plug-in. So the answer is widened: by tests
named after a file and, where few tests reach it by calls, by those that write a changed name whose target is not known
there, and by those that import the file. Each of these edges gives that reason and is graded `textual`. On forty
commits of Flask and Gin that changed a source and a test file, the test is in the answer of 31, by calls alone of 23;
it holds 9 to 15 % of the test files in the median.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from .questions import Edge, Walk, callers
from .references import References
from .repository import Place

# Test files reached by calls, from which on an answer is not widened by names.
ENOUGH = 3
# A name that more test files write than this is too common to say anything.
COMMON = 8
SHORTEST_NAME = 4
_MARKS = re.compile(r"^(?:tests?[_.-]?)+|(?:[_.-]?(?:tests?|spec))+$", re.IGNORECASE)


def reaching_tests(
    references: References, places: Iterable[Place], roles: Callable[[str], str], depth: int = 6
) -> Walk:
    """Tests of some definitions, those that reach them by calls first."""
    places = tuple(places)
    walk = callers(references, places, depth)
    found = [edge for edge in walk.edges if roles(edge.path) == "test"]
    reached = {edge.path for edge in found}
    tests = [path for path in references.repository.paths if roles(path) == "test"]
    for edge in _wider(references, places, tests, few=len(reached) < ENOUGH):
        if edge.path not in reached:
            reached.add(edge.path)
            found.append(edge)
    return Walk(tuple(found), walk.complete)


def _wider(references: References, places: tuple[Place, ...], tests: list[str], *, few: bool) -> Iterable[Edge]:
    for path in dict.fromkeys(path for path, _ in places):
        for test in tests:
            if _subject(test) == _subject(path):
                yield _edge(test, 1, f"named after {path}")
    if not few:
        return
    known = set(tests)
    for place in places:
        name = references.repository.definition(place).name
        mentioned = [file.path for file in references.repository.mentioning(name) if file.path in known]
        if len(name) >= SHORTEST_NAME and len(mentioned) <= COMMON:
            for test in mentioned:
                yield _edge(test, 1, f"writes {name}, whose target is not known there")
    for path in dict.fromkeys(path for path, _ in places):
        importing = [test for test in tests if path in _imported(references, test)]
        if len(importing) <= COMMON:
            for test in importing:
                yield _edge(test, 1, f"imports {path}")


def _subject(path: str) -> str:
    """What a file is about, by its name: `test_cart.py`, `cart_test.go`, `CartTest.java` and `cart.py` agree."""
    stem = path.rpartition("/")[2].partition(".")[0]
    if path.rpartition("/")[2].count(".") > 1:  # cart.test.ts
        stem = path.rpartition("/")[2].split(".")[0]
    bare = _MARKS.sub("", stem)
    return (bare or stem).replace("_", "").replace("-", "").lower()


def _imported(references: References, path: str) -> frozenset[str]:
    """Files of the repository that a file imports, as far as its import statements lead to one."""
    repository = references.repository
    file = repository.file(path)
    if file is None:
        return frozenset()
    modules = {definition.target[0] for definition in file.definitions if definition.target}
    found = (repository.resolve(path, module) for module in modules)
    return frozenset(one for one in found if one is not None)


def _edge(path: str, line: int, why: str) -> Edge:
    return Edge(path, "<module>", line, "tests", "textual", why, 1, path, line)
