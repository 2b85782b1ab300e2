"""Pasted text: an issue, a traceback or a chat message is words and names, and has no operators."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.errors import QueryError
from code_index_assets.search.query import MAX_TEXT, is_pasted, parse

ISSUE = """`total_price` is wrong with "two items"

Steps: run `cart --add 2 -x`, then see path:nowhere and kind:wrong.
Traceback (most recent call last):
  File "shop/cart.py", line 12, in total_price
    raise ValueError("negative -sum")
"""


def test_an_issue_has_words_names_and_a_path_and_no_operators() -> None:
    query = parse(ISSUE)
    assert (query.phrases, query.exclude, query.paths, query.kinds) == ((), (), (), ())
    assert query.path == "shop/cart.py"
    assert [name.name for name in query.names] == ["total_price", "ValueError"]
    assert {"two", "items", "nowhere", "negative"} <= set(query.words)


def test_a_typed_line_keeps_its_operators_unless_it_is_said_to_be_text() -> None:
    line = 'retry -flaky "two items" lang:python'
    assert parse(line).phrases == ("two items",) and parse(line).languages == ("python",)
    text = parse(line, as_text=True)
    assert (text.phrases, text.exclude, text.languages) == ((), (), ())
    assert {"flaky", "two", "items", "lang", "python"} <= set(text.words)


def test_text_is_told_by_a_line_break_or_by_its_length() -> None:
    assert is_pasted("a\nb") and is_pasted("word " * 100)
    assert not is_pasted("a b\n") and not is_pasted("word " * 20)


def test_what_is_too_long_or_has_no_word_is_refused() -> None:
    assert parse("word " * (MAX_TEXT // 5)).words
    with pytest.raises(QueryError, match="characters"):
        parse("word " * MAX_TEXT)
    with pytest.raises(QueryError, match="no words"):
        parse("=>\n---\n")


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_any_text_with_a_word_is_taken(text: str) -> None:
    query = parse(f"word\n{text}", as_text=True)
    assert "word" in query.words and not (query.phrases or query.exclude or query.repositories)
