"""Path globs: the fast conditions say exactly what the glob says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.index.filters import Filter, conditions, filter_terms, matches_glob, passes_text_rules

segment = st.sampled_from(["a", "b", "src", "x.py", "y.PY", "lib.go", "test_a.py", "a.b", "Makefile", ".py"])
paths = st.lists(segment, min_size=1, max_size=4).map("/".join)
glob_segment = st.sampled_from(["a", "b", "src", "*", "**", "x.py", "*.py", "*.PY", "?", "test_*", "lib.*", "Makefile"])
globs = st.lists(glob_segment, min_size=1, max_size=4).map("/".join)


def terms(path: str) -> set[str]:
    return set(filter_terms(path, "python", "function", "source", ["Name"]))


@given(st.lists(paths, min_size=1, max_size=12, unique=True), globs)
@settings(max_examples=200)
def test_conditions_equal_the_glob(all_paths: list[str], glob: str) -> None:
    for alternatives in conditions(Filter(paths=(glob,)), lambda: all_paths):
        for path in all_paths:
            found = any(set(c.terms) & terms(path) for c in alternatives)
            assert found == matches_glob(glob, path), (glob, path)


def test_excluded_words_are_words() -> None:
    point = {"text": "retry_count = legacyMode", "path": "src/a.py", "names": ["retry_count"]}
    assert not passes_text_rules(Filter(exclude=("retry",)), point)
    assert passes_text_rules(Filter(exclude=("legacy",)), point)
    assert not passes_text_rules(Filter(exclude=("src",)), point)
    assert passes_text_rules(Filter(phrases=("COUNT = legacy",)), point)
