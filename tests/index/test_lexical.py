"""The analyser: what a vector depends on, what the statistics sum to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.chunking.terms import count_terms, term_id
from code_index_assets.chunking.words import document_terms
from code_index_assets.index.lexical import (
    DocumentFrequencies,
    frequency_table,
    merge_tables,
    query_weights,
    term_weights,
)

identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
texts = st.lists(identifiers, max_size=30).map(" ".join)


def document_vector(names: list[str], path: str, body: str) -> tuple[np.ndarray, np.ndarray]:
    terms = count_terms(names, path, body)
    counts = np.array(terms.counts, np.uint32)
    return np.array(terms.ids, np.uint32), term_weights(counts, np.full(len(counts), terms.length))


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_any_text_is_analysed(text: str) -> None:
    ids, weights = document_vector([text], text, text)
    assert np.all(np.diff(ids.astype(np.int64)) > 0)
    assert np.all((weights > 0) & (weights < 2.2 + 1e-6)) and np.all(np.isfinite(weights))
    assert {term_id(term) for term in document_terms(text)} == set(ids.tolist())


@given(texts, texts)
@settings(max_examples=50)
def test_order_of_words_does_not_matter(one: str, other: str) -> None:
    first, second = document_vector([], "", f"{one} {other}"), document_vector([], "", f"{other} {one}")
    assert np.array_equal(first[0], second[0]) and np.allclose(first[1], second[1])


@given(st.lists(st.lists(st.integers(0, 50), max_size=10, unique=True), max_size=12), st.integers(1, 4))
@settings(max_examples=80)
def test_tables_of_buckets_sum_to_the_whole(documents: Any, buckets: int) -> None:
    arrays = [np.array(sorted(ids), np.uint32) for ids in documents]
    whole = frequency_table(arrays)
    merged = merge_tables([frequency_table(arrays[b::buckets]) for b in range(buckets)])
    assert np.array_equal(whole, merged)


def test_names_weigh_more_than_paths_and_paths_more_than_text() -> None:
    def weight(names: list[str], path: str, body: str) -> float:
        ids, weights = document_vector(names, path, body)
        return float(dict(zip(ids.tolist(), weights.tolist(), strict=True))[term_id("cart")])

    filler = "filler words here"
    assert weight(["cart"], "", filler) > weight([], "cart", filler) > weight([], "", filler + " cart")


def test_idf_favours_rare_words_and_drops_unknown_ones(tmp_path: Path) -> None:
    documents = [document_vector([], "", text)[0] for text in ("common rare", "common", "common", "common other")]
    np.save(tmp_path / "a.npy", frequency_table(documents[:2]))
    np.save(tmp_path / "b.npy", frequency_table(documents[2:]))
    frequencies = DocumentFrequencies([(tmp_path / "a.npy", 2), (tmp_path / "b.npy", 2)])
    weights = query_weights("common rare unheard", frequencies)
    assert weights.keys() == {term_id("common"), term_id("rare")}
    assert weights[term_id("rare")] > weights[term_id("common")] > 0
    assert frequencies.documents == 4
    assert frequencies.of(np.array([term_id("common")], np.uint32)).tolist() == [4]
