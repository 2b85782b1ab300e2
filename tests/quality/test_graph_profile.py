"""What the gate sees of the code graph: each fault that is put into the facts is counted, sound facts are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from code_index_assets.chunking.single import ChunkOptions, SourceFile, parse_file
from code_index_assets.quality.graph_profile import GraphProfile, _bucket, share_of

FILES = {
    "a.py": "from b import K\n\n\ndef f(a: K, b):\n    a.go()\n    return b.go()\n",
    "b.py": "class K:\n    def go(self):\n        return 1\n\n\nclass L:\n    def go(self):\n        return 2\n",
}
LINES = {path: text.count("\n") for path, text in FILES.items()}


def facts() -> pl.DataFrame:
    rows = [parse_file(SourceFile(p, "blob", "python", t), ChunkOptions()).code_facts[0] for p, t in FILES.items()]
    return pl.DataFrame(rows, schema=["path", "language", "names", "facts"], orient="row")


def changed(change: Callable[[list[Any]], None], path: str = "a.py") -> pl.DataFrame:
    """The facts, one file's changed: [version, package, scopes, definitions, expressions]."""
    rows = facts().to_dicts()
    for row in rows:
        if row["path"] == path:
            body = json.loads(row["facts"])
            change(body)
            row["facts"] = json.dumps(body)
    return pl.DataFrame(rows)


def test_sound_facts_have_no_fault() -> None:
    profile = _bucket(facts(), LINES)
    assert (profile.files, profile.broken, profile.lines_outside, profile.targets_missing) == (2, 0, 0, 0)
    assert profile.textual == 1  # b.go(): either class may be meant
    assert share_of({"graph": {"x": vars(profile)}}) == pytest.approx(1 / profile.names)
    assert share_of({}) is None


def move_use(body: list[Any]) -> None:
    use = next(e for e in body[4] if e[0] == "a")
    use[2] = 99


def move_definition(body: list[Any]) -> None:
    body[3][0][3] = 0


def unknown_scope(body: list[Any]) -> None:
    next(e for e in body[4] if e[0] == "a")[4] = 77


def other_version(body: list[Any]) -> None:
    body[0] = 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (move_use, "lines_outside"),
        (move_definition, "lines_outside"),
        (unknown_scope, "broken"),
        (other_version, "broken"),
    ],
)
def test_a_fault_in_the_facts_is_counted(change: Callable[[list[Any]], None], fault: str) -> None:
    assert getattr(_bucket(changed(change), LINES), fault) == 1


def test_an_edge_past_the_end_of_a_file_is_counted() -> None:
    assert _bucket(facts(), {**LINES, "b.py": 1}).targets_missing > 0


def test_a_definition_may_end_with_the_last_line_break() -> None:
    text = "int f(void);\n#define LAST 1\n"
    row = parse_file(SourceFile("a.c", "blob", "c", text), ChunkOptions()).code_facts[0]
    frame = pl.DataFrame([row], schema=["path", "language", "names", "facts"], orient="row")
    assert _bucket(frame, {"a.c": 2}).lines_outside == 0


def test_profiles_add_up() -> None:
    assert GraphProfile(1, 2, 3, 4, 5, 6) + GraphProfile(1, 1, 1, 1, 1, 1) == GraphProfile(2, 3, 4, 5, 6, 7)
