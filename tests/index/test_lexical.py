"""The analyser: how identifiers split, what a vector depends on, what the statistics sum to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.index.lexical import (
    DocumentFrequencies,
    QueryTerms,
    document_vector,
    frequency_table,
    merge_tables,
    query_weights,
    split_identifier,
    term_id,
    terms_of,
    word_terms,
)


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
    ],
)
def test_identifiers_split(word, parts):
    assert split_identifier(word) == parts


def test_whole_identifiers_are_kept_and_parts_stemmed():
    assert word_terms("parseConfigs") == ("pars", "config", "=parseconfigs")
    assert word_terms("parsing") == word_terms("parse") == ("pars",)
    assert word_terms("the") == ()
    assert word_terms("données") == word_terms("donnees")
    assert set(word_terms("x")) == {"=x"}


identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
texts = st.lists(identifiers, max_size=30).map(" ".join)


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_any_text_is_analysed(text):
    ids, weights = document_vector([text], text, text)
    assert np.all(np.diff(ids.astype(np.int64)) > 0)
    assert np.all((weights > 0) & (weights < 2.2 + 1e-6)) and np.all(np.isfinite(weights))
    assert {term_id(term) for term in terms_of(text)} == set(ids.tolist())


@given(texts, texts)
@settings(max_examples=50)
def test_order_of_words_does_not_matter(one, other):
    first, second = document_vector([], "", f"{one} {other}"), document_vector([], "", f"{other} {one}")
    assert np.array_equal(first[0], second[0]) and np.allclose(first[1], second[1])


@given(st.lists(st.lists(st.integers(0, 50), max_size=10, unique=True), max_size=12), st.integers(1, 4))
@settings(max_examples=80)
def test_tables_of_buckets_sum_to_the_whole(documents, buckets):
    arrays = [np.array(sorted(ids), np.uint32) for ids in documents]
    whole = frequency_table(arrays)
    merged = merge_tables([frequency_table(arrays[b::buckets]) for b in range(buckets)])
    assert np.array_equal(whole, merged)


def test_names_weigh_more_than_paths_and_paths_more_than_text():
    def weight(names, path, body):
        ids, weights = document_vector(names, path, body)
        return dict(zip(ids.tolist(), weights.tolist(), strict=True))[term_id("cart")]

    filler = "filler words here"
    assert weight(["cart"], "", filler) > weight([], "cart", filler) > weight([], "", filler + " cart")


def test_idf_favours_rare_words_and_drops_unknown_ones(tmp_path):
    documents = [document_vector([], "", text)[0] for text in ("common rare", "common", "common", "common other")]
    np.save(tmp_path / "a.npy", frequency_table(documents[:2]))
    np.save(tmp_path / "b.npy", frequency_table(documents[2:]))
    frequencies = DocumentFrequencies([(tmp_path / "a.npy", 2), (tmp_path / "b.npy", 2)])
    weights = query_weights("common rare unheard", frequencies)
    assert weights.keys() == {term_id("common"), term_id("rare")}
    assert weights[term_id("rare")] > weights[term_id("common")] > 0
    assert frequencies.documents == 4
    assert frequencies.of(np.array([term_id("common")], np.uint32)).tolist() == [4]


_ENDINGS = (
    "",
    "s",
    "es",
    "ies",
    "ing",
    "ying",
    "ed",
    "ly",
    "ically",
    "ization",
    "fulness",
    "ment",
    "ers",
    "'s",
    "y",
    "yed",
)
_SPELLED = st.builds(
    lambda words, join: join.join(words),
    st.lists(
        st.builds(
            lambda start, end, case: case(start + end),
            st.sampled_from(
                "d l t v h die lie tie dye say cry by id url http early news parse retr config é 日本語 x 42 y".split()
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


@settings(max_examples=500)
@given(st.lists(_SPELLED, min_size=1, max_size=4), st.lists(_SPELLED | st.text(max_size=70), max_size=5))
def test_terms_of_a_query_are_found_as_if_every_word_were_stemmed(asked, told):
    terms, text = QueryTerms(" ".join(asked)), " ".join([*told, *asked])
    assert terms.of_text(text) == set(terms_of(" ".join(asked))) & set(terms_of(text))
    for word in " ".join(told).split():
        assert terms.of_text(word) == terms.terms & set(terms_of(word))


def test_a_stem_that_begins_otherwise_than_its_word_is_found():
    assert QueryTerms("die").of_word("dying") == {"die"}
    assert QueryTerms("lying").of_word("lie") == {"lie"}
