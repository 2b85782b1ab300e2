"""What the index is asked for is never more than a match has: compared with RE2 on generated patterns and texts."""

from __future__ import annotations

from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.errors import QueryError
from code_index_assets.index.exact.pattern import Pattern
from code_index_assets.index.exact.plan import Need, pattern_need
from code_index_assets.index.exact.texts import Texts, build, document
from code_index_assets.index.exact.trigrams import KeyFinder, Trigrams, fold, keys_of
from code_index_assets.index.exact.trigrams import build as build_trigrams

LETTERS = "abkKsS\u212a\u017fé_ (\n"
ATOMS = st.sampled_from(
    ["a", "b", "k", "K", "s", "ab", "bks", "é", "ſ", "\u212a", ".", r"\w", r"\d", r"\s", "[ab]", "[^a]", "[k-s]", r"[\w-]",
     "[]a]", r"\Qa(b\E", r"\bab", "(?i:Ks)", "(?:ab|k)", "(a|bk)s", "^", "$", r"\(", r"\x61", r"\pL", "[[:alpha:]]", "ab{2}",
     "(?P<n>ab)", "_"]
)  # fmt: skip
MARKS = st.sampled_from(["", "", "", "?", "*", "+", "{0,2}", "{2}", "+?", "{x"])
PATTERNS = st.recursive(
    st.lists(st.tuples(ATOMS, MARKS).map("".join), min_size=1, max_size=5).map("".join),
    lambda inner: st.tuples(inner, st.sampled_from(["|", ""]), inner).map(lambda p: f"(?:{p[0]}{p[1]}{p[2]})"),
    max_leaves=3,
)


def met(need: Need, folded: bytes) -> bool:
    return all(text in folded for text in need.texts) and all(
        any(met(one, folded) for one in alternatives) for alternatives in need.choices
    )


@settings(max_examples=600, deadline=None)
@given(PATTERNS, st.text(LETTERS + "1", max_size=14), st.booleans())
def test_a_match_has_all_that_is_needed(pattern: str, text: str, any_case: bool) -> None:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not any_case
    try:
        found = re2.compile(pattern, options).search(text)
    except re2.error:
        return
    if found is not None:
        assert met(pattern_need(pattern, any_case=any_case), fold(text.encode())), pattern


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [("foo.*bar", {b"foo", b"bar"}), ("Foo[ab]r", set()), (r"get_\w+_name", {b"get_", b"_name"}), ("a(bc|de)f", set()),
     ("x*", set()), (r"\bclass\s+Foo", {b"class", b"foo"})],
)  # fmt: skip
def test_literals_of_a_pattern_are_needed(pattern: str, texts: set[bytes]) -> None:
    need = pattern_need(pattern, any_case=False)
    assert set(need.texts) == texts
    assert bool(need.choices) == (pattern in ("Foo[ab]r", "a(bc|de)f"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(LETTERS + "xyz", max_size=60), min_size=1, max_size=20), st.text(LETTERS, min_size=3, max_size=5)
)
def test_documents_with_a_text_are_among_the_candidates(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], wanted: str
) -> None:
    finder = KeyFinder()
    folder = tmp_path_factory.mktemp("exact")
    documents = [document(f"{n:03d}.txt", None, text) for n, text in enumerate(texts)]
    keys = [finder.of(one.text) for one in documents]
    (folder / "t").write_bytes(build_trigrams(keys))
    (folder / "x").write_bytes(build(documents))
    trigrams, stored = Trigrams(folder / "t"), Texts(folder / "x")
    assert [list(one) for one in trigrams.keys_by_document()] == [list(one) for one in keys]
    assert [stored.text(n).decode() for n in range(len(texts))] == texts
    mask = trigrams.all
    for key in keys_of(fold(wanted.encode())):
        mask &= trigrams.having(key)
    assert all(mask >> n & 1 for n, text in enumerate(texts) if wanted.encode() in text.encode())


def test_more_documents_than_a_byte_can_number(tmp_path: Path) -> None:
    finder = KeyFinder()
    texts = [f"common text number {n} {'odd' if n % 2 else 'even'}".encode() for n in range(700)]
    (tmp_path / "t").write_bytes(build_trigrams([finder.of(text) for text in texts]))
    trigrams = Trigrams(tmp_path / "t")
    (key,) = keys_of(b"odd")
    assert trigrams.having(key) == sum(1 << n for n in range(700) if n % 2)
    assert trigrams.having(keys_of(b"~~~")[0]) == 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["ab", "Ab k", "", "x\u212ay", "aſb", "é ab ab", "\r"]), max_size=6).map("\n".join),
    st.sampled_from(["ab", "k", "b", "é", "s", r"a\w*", r"\bab\b", "^$", r"b$", "a|k", "[^x]b"]),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_lines_are_those_of_a_plain_loop(text: str, source: str, literal: bool, any_case: bool) -> None:
    pattern = Pattern(source, literal=literal, any_case=any_case).checked()
    options = re2.Options()
    options.case_sensitive = not any_case
    options.literal = literal
    engine = re2.compile(source, options)
    lines = text.split("\n")[: -1 if text.endswith("\n") or not text else None]
    assert [line.line for line in pattern.lines(text.encode())] == [
        number for number, line in enumerate(lines, 1) if engine.search(line)
    ]


def test_a_pattern_over_lines() -> None:
    pattern = Pattern(r"class A:\n\s+x = (\d+)").checked()
    (line,) = pattern.lines(b"y = 1\nclass A:\n    x = 12\n")
    assert (line.line, line.end_line, line.text) == (2, 3, "class A:\n    x = 12")
    assert not list(Pattern(r"A:\s+x").checked().lines(b"class A:\n    x = 12\n"))


@pytest.mark.parametrize("source", ["", "a)(b", "[", "(?=x)", "x" * 1001, r"(a)\1"])
def test_what_is_no_pattern_is_refused(source: str) -> None:
    with pytest.raises(QueryError):
        Pattern(source).checked()


def test_time_grows_with_the_text_alone() -> None:
    # A backtracking engine would need 2^60 steps.
    assert not Pattern("(x+x+)+y").checked().matches(b"x" * 60)
