"""Globs: braces and classes, and time that grows with the length of what is matched and no faster."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.analytics.owners import parse_owners
from code_index_assets.index.filters import matches_glob, matches_pattern
from code_index_assets.sources.git.attributes import Attributes
from code_index_assets.sources.globs import MAX_GLOB_BYTES, compile_glob
from code_index_assets.sources.ignore import IgnoreRules
from code_index_assets.sources.registry import glob_matches


def matches(glob: str, path: str) -> bool:
    compiled = compile_glob(glob.encode(), pathname=True, braces=True)
    return compiled is not None and compiled.matches(path.encode())


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("*.{ts,tsx}", ["a.ts", "a.tsx"], ["a.js", "a.t", "d/a.ts"]),
        ("src/**/*.{c,h}", ["src/a.c", "src/x/y/b.h"], ["src/a.cc", "a.c"]),
        ("{a,b}/{c,d}", ["a/c", "b/d"], ["a/b", "{a,b}/c"]),
        ("{a,{b,c}d}", ["a", "bd", "cd"], ["b", "d"]),
        ("{**/,}x", ["x", "a/b/x"], ["xx"]),
        ("a{,b}", ["a", "ab"], ["abb"]),
        ("{open", ["{open"], ["open"]),
        ("close}", ["close}"], ["close"]),
        ("\\{a,b}", ["{a,b}"], ["a"]),
        ("[{]a", ["{a"], ["a"]),
        ("[A-C]*", ["Apple", "C"], ["D", "a", "A/b"]),
        ("[!A-C]?", ["Dx", "ax"], ["Ax", "/x"]),
        ("[+-9]", ["0", "5", "-"], ["/", "a"]),
        ("é?", ["éa"], ["éab"]),
    ],
)
def test_braces_and_classes(glob: str, yes: list[str], no: list[str]) -> None:
    assert [path for path in yes if not matches(glob, path)] == []
    assert [path for path in no if matches(glob, path)] == []


ATTACK = "?*" * 25 + "Z"
LONG = "a" * 4000


def test_no_pattern_of_a_stranger_takes_more_than_linear_time() -> None:
    """With Python's `re` each of these runs for longer than the universe has; the test would not end."""
    rules = IgnoreRules(".gitignore")
    rules.add(b"", f"{ATTACK}\n**/*a*a*a*a*a*a*a*b\n".encode())
    assert rules.ignored(LONG.encode()) is None
    attributes = Attributes()
    attributes.add(b"", f"{ATTACK} linguist-vendored\n".encode())
    assert attributes.of(LONG.encode()).roles == {}
    assert not any(rule.matches(LONG) for rule in parse_owners(f"{ATTACK} @someone\n"))
    assert not glob_matches(ATTACK, LONG)
    assert not matches_glob(ATTACK, LONG)
    assert not matches_pattern("{" + ",".join(["*a*a*a*b"] * 200) + "}", LONG)


def test_a_glob_longer_than_any_path_matches_nothing() -> None:
    assert compile_glob(b"*" * (MAX_GLOB_BYTES + 1), pathname=True) is None
    assert compile_glob(b"{" * 2000 + b"a", pathname=True, braces=True) is not None


PIECES = st.sampled_from(["a", "b", "/", "*", "?", "[ab]", "[!a]", "{a,b}", "{,b}", ".", "("])


@settings(max_examples=200)
@given(st.lists(PIECES, max_size=6).map("".join), st.text("ab/.(", max_size=6))
def test_a_glob_means_what_its_regular_expression_means(glob: str, path: str) -> None:
    source = re.escape(glob)
    for written, meant in {
        r"\*\*/": "(?:.*/)?", r"\*\*": "[^/]*", r"\*": "[^/]*", r"\?": "[^/]", r"\[ab\]": "[ab]",
        r"\[!a\]": "[^a/]", r"\{a,b\}": "(?:a|b)", r"\{,b\}": "(?:|b)",
    }.items():  # fmt: skip
        source = source.replace(written, meant)
    if "**" not in glob:
        assert matches(glob, path) == (re.fullmatch(source, path, re.DOTALL) is not None)
