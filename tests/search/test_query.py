"""Understanding queries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.errors import QueryError
from code_index_assets.search.query import Name, parse


@pytest.mark.parametrize(
    ("raw", "form", "names"),
    [
        ("FooBar::baz", "symbol", (Name("baz", ("FooBar",)),)),
        ("foo_bar(", "symbol", (Name("foo_bar"),)),
        ("app.router.get()", "symbol", (Name("get", ("app", "router")),)),
        ("ServeHTTP", "symbol", (Name("ServeHTTP"),)),
        ("MAX_SIZE", "symbol", (Name("MAX_SIZE"),)),
        ("Class#method", "symbol", (Name("method", ("Class",)),)),
        ("router", "natural", (Name("router", guessed=True),)),
        ("parse config", "natural", (Name("parse_config", guessed=True), Name("parseconfig", guessed=True))),
        ("how are credit card payments retried after a failure", "natural", ()),
        ("shop/cart.py", "path", ()),
        ("http.go", "path", ()),
        ("symbol:Foo.bar", "symbol", (Name("bar", ("Foo",)),)),
    ],
)
def test_forms(raw: str, form: str, names: tuple[Any, ...] | tuple[Name, Name] | tuple[Name]) -> None:
    query = parse(raw)
    assert (query.form, query.names) == (form, names)


def test_mixed_queries_give_their_identifiers() -> None:
    query = parse("where is ServeHTTP called with a timeout")
    assert query.form == "mixed" and Name("ServeHTTP") in query.names


def test_operators_phrases_and_exclusions() -> None:
    query = parse(
        'retry "exact phrase" -legacy repo:acme/shop ref:v1,v2 path:src/** lang:py kind:fn symbol:Foo role:test'
    )
    assert query.text == "retry exact phrase"
    assert query.phrases == ("exact phrase",) and query.exclude == ("legacy",)
    assert (query.repositories, query.refs, query.paths) == (("acme/shop",), ("v1", "v2"), ("src/**",))
    assert (query.languages, query.kinds, query.symbols, query.roles) == (
        ("python",),
        ("function",),
        ("Foo",),
        ("test",),
    )


def test_what_only_looks_like_an_operator_is_text() -> None:
    assert parse("std::string").text == "std::string"
    assert parse("http://example.com").text == "http://example.com"
    assert parse("foo -> bar").text == "foo -> bar"
    assert parse("a --flag").text == "a --flag"


@given(st.text(max_size=300))
def test_any_text_parses_or_is_refused_with_words(raw: str) -> None:
    try:
        query = parse(raw)
    except QueryError as error:
        assert error.message
    else:
        assert query.text or query.symbols
