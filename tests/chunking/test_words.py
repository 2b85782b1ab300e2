"""Words: where they begin and end in any script, what they are found by, and that threads do not disturb each other."""

from __future__ import annotations

import random
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from code_index_assets.chunking import words
from code_index_assets.chunking.words import (
    QueryTerms,
    document_terms,
    find_words,
    query_terms,
    split_identifier,
    word_spans,
    word_terms,
)


def finds(query: str, text: str) -> bool:
    """Whether each word of the query has a term that the text has."""
    known = set(document_terms(text))
    return all(not known.isdisjoint(query_terms(word)) for word in find_words(query))


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("HTTPServer", ["http", "server"]),
        ("parseConfigFile", ["parse", "config", "file"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("MAX_RETRIES", ["max", "retries"]),
        ("utf8Decode", ["utf", "8", "decode"]),
        ("__init__", ["init"]),
        ("getURLs", ["get", "ur", "ls"]),
        ("РассчитатьНалогПродавца", ["рассчитать", "налог", "продавца"]),
        ("paketGrößeBerechnen", ["paket", "grösse", "berechnen"]),
        ("υπολογισμόςΤιμή", ["υπολογισμόσ", "τιμή"]),
        ("ՀաշվելԳինը", ["հաշվել", "գինը"]),
        ("ÉcoleÉlève", ["école", "élève"]),
        ("HTTP服务器", ["http", "服务器"]),
    ],
)
def test_identifiers_split_in_any_script(word: str, parts: list[str]) -> None:
    assert split_identifier(word) == parts


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("налог продавца", "Функция РассчитатьНалогПродавца(Оборот)"),
        ("größe", "function paketGrößeBerechnen()"),
        ("GRÖSSE", "function paketGrößeBerechnen()"),
        ("τιμή", "def υπολογισμόςΤιμή(x):"),
        ("税", "// 根据税率计算应付金额"),
        ("税率", "// 根据税率计算应付金额"),
        ("計算", "税金を計算する"),
        ("値", "値オブジェクト"),
        ("สวัสดี", "# สวัสดีชาวโลก"),
        ("🚀", "// 🚀 starts the engine"),
        ("→", "a → b"),
        ("हिन्दी", "# हिन्दी पाठ"),
        ("donnees", "les données"),
        (unicodedata.normalize("NFD", "données"), "les données"),
        ("données", unicodedata.normalize("NFD", "les données")),
        ("the_last_words_matter", "def test_" + "quite_a_long_name_" * 6 + "the_last_words_matter(): pass"),
    ],
)
def test_what_is_written_is_found(query: str, text: str) -> None:
    assert finds(query, text)


def test_a_longer_query_does_not_ask_for_single_characters() -> None:
    assert query_terms("税率") == ["税率"]
    assert set(document_terms("税率")) == {"税率", "税", "率"}
    assert not finds("值", "税率")


def test_box_drawings_are_no_words_and_signs_are() -> None:
    assert find_words("│ ── 🚀→x") == ["🚀", "→", "x"]


def test_words_beyond_the_length_that_is_split_are_kept_whole() -> None:
    word = "x" * 300 + "Tail"
    assert "=" + word.lower() in word_terms(word)
    assert QueryTerms(word).of_word(word) >= {"=" + word.lower()}


def test_whole_identifiers_are_kept_and_parts_stemmed() -> None:
    assert word_terms("parseConfigs") == ("pars", "config", "=parseconfigs")
    assert word_terms("parsing") == word_terms("parse") == ("pars",)
    assert word_terms("the") == ()
    assert word_terms("données") == word_terms("donnees")
    assert set(word_terms("x")) == {"=x"}


@settings(max_examples=200)
@given(st.text(max_size=80))
@example("é́a")
def test_spans_are_the_words(text: str) -> None:
    assert [text[start:end] for start, end in word_spans(text)] == find_words(text)


@settings(max_examples=200)
@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo", "Mn", "Nd"]), min_size=1, max_size=30))
def test_a_word_is_found_by_itself_however_it_is_composed(word: str) -> None:
    for form in ("NFC", "NFD"):
        assert set(query_terms(unicodedata.normalize(form, word))) <= set(document_terms(word))


_ENDINGS = ("", "s", "es", "ies", "ing", "ying", "ed", "ly", "ically", "ization", "fulness", "ment", "ers", "'s", "y")
_SPELLED = st.builds(
    lambda parts, join: join.join(parts),
    st.lists(
        st.builds(
            lambda start, end, case: case(start + end),
            st.sampled_from(
                "d l t v h die lie tie dye say cry by id url http early news parse retr config é 日本語 税 x 42 y".split()
            )
            | st.text("abdegily", max_size=4),
            st.sampled_from(_ENDINGS),
            st.sampled_from([str, str.title, str.upper]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["", "_", "__", "."]),
)


@settings(max_examples=300)
@given(st.lists(_SPELLED, min_size=1, max_size=4), st.lists(_SPELLED | st.text(max_size=70), max_size=5))
def test_terms_of_a_query_are_found_as_if_every_word_were_stemmed(asked: str, told: Any) -> None:
    terms, text = QueryTerms(" ".join(asked)), " ".join([*told, *asked])
    assert terms.of_text(text) == set(query_terms(" ".join(asked))) & set(document_terms(text))
    for word in " ".join(told).split():
        assert terms.of_text(word) == terms.terms & set(document_terms(word))


def test_a_stem_that_begins_otherwise_than_its_word_is_found() -> None:
    assert QueryTerms("die").of_word("dying") == {"die"}
    assert QueryTerms("lying").of_word("lie") == {"lie"}


def test_threads_stem_as_one_thread_does() -> None:
    """One stemmer shared by threads gave "runlock" for "errors" under a short switch interval, and it stayed cached."""
    starts = "error lock retri connect pars compil schedul optimiz gener accept".split()
    vocabulary = [
        start + middle + end for start in starts for middle in ("", "at", "er") for end in ("s", "ing", "ed", "ers")
    ]
    words._cached_stem.cache_clear()
    alone = {word: words._cached_stem(word) for word in vocabulary}
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def stem_all(seed: int) -> list[str]:
            shuffled = random.Random(seed).sample(vocabulary, len(vocabulary))
            return [word for word in shuffled if words._cached_stem.__wrapped__(word) != alone[word]]

        with ThreadPoolExecutor(8) as pool:
            wrong = [word for found in pool.map(stem_all, range(64)) for word in found]
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
