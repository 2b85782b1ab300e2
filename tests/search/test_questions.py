"""Questions as people and agents put them: what is there is found, and "no match" means that all was looked at."""

from __future__ import annotations

import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from chains import Chain, GitRepository

from code_index_assets.chunking import words
from code_index_assets.errors import NotIndexedError, QueryError
from code_index_assets.search.definitions import find_definitions
from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.search.files import read_lines
from code_index_assets.search.references import find_references
from code_index_assets.search.service import open_engine

FILES = {
    "src/paths.rs": (
        "use std::path;\n\npub fn safe_join(base: &path::PathBuf, rest: &str) -> Result<path::PathBuf, String> {\n"
        '    let joined = base.join(rest);\n    match joined.starts_with(base) {\n        false => Err("out".into()),\n'
        "        true => Ok(joined),\n    }\n}\n"
    ),
    "src/token.rs": "pub enum TokenKind {\n    Word,\n}\n\npub fn intern(word: &str) -> usize {\n    word.len()\n}\n",
    "web/Button.tsx": "export function ButtonLabel(props: { text: string }) {\n  return <b>{props.text}</b>;\n}\n",
    "web/[id].tsx": "export function UserPage() {\n  return <b>user</b>;\n}\n",
    "web/list.js": "export function buttonList(a) {\n  return a !== undefined && a?.length < 0;\n}\n",
    "app/basket.rb": (
        "class Basket\n  def complete?\n    items.all?(&:paid)\n  end\n\n  def save!\n    store(self)\n  end\nend\n"
    ),
    "app/order.rb": "class Order\n  def close(basket)\n    raise 'open' unless basket.complete?\n  end\nend\n",
    "zh/tax.go": "package zh\n\n// 根据税率计算应付金额\nfunc Calc(a int) int { return a }\n",
    "uk/sklad.py": "class ХранилищеДокументов:\n    def открыть(self):\n        return self\n",
    "note.md": "# Notes\n\n🚀 starts the engine, wo\u0308rter are words\n\ntar -xvf archive\n",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, GitRepository]:
    base = tmp_path_factory.mktemp("questions")
    work = GitRepository(base / "shop")
    work.commit(FILES)
    other = GitRepository(base / "other")
    other.commit({"main.go": "package main\n\nfunc main() {}\n"})
    chain = Chain(base / "data")
    chain.register(work.path, "acme/shop")
    chain.register(other.path, "acme/other")
    chain.index("acme/shop")
    chain.index("acme/other")
    return chain, work


@pytest.fixture(scope="module")
def engine(shop: tuple[Chain, GitRepository]) -> SearchEngine:
    return open_engine(shop[0].settings, shop[0].layout)


def paths(engine: SearchEngine, query: str, **options: Any) -> list[str]:
    return [hit.path for hit in engine.search(SearchRequest(query, **options)).hits]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ('"=> Err"', "src/paths.rs"),
        ('"fe_joi"', "src/paths.rs"),
        ('"< 0"', "web/list.js"),
        ('"!=="', "web/list.js"),
        ('"🚀"', "note.md"),
        ('"税"', "zh/tax.go"),
        ('"Err(\\"out\\""', "src/paths.rs"),
        ("=>", "src/paths.rs"),
        ("?.", "web/list.js"),
        ("🚀", "note.md"),
        ("税", "zh/tax.go"),
        ("документов", "uk/sklad.py"),
        ("wörter", "note.md"),
        (unicodedata.normalize("NFD", "wörter"), "note.md"),
        ("path::PathBuf", "src/paths.rs"),
        ("kind::TokenKind", "src/token.rs"),
        ("where is path::safe_join called", "src/paths.rs"),
        ("symbol::intern", "src/token.rs"),
        ("tar -xvf archive", "note.md"),
        ("Basket#complete?", "app/basket.rb"),
        ("save!", "app/basket.rb"),
    ],
)
def test_what_is_there_is_found(engine: SearchEngine, query: str, path: str) -> None:
    assert path in paths(engine, query)


def test_a_phrase_that_is_nowhere_was_looked_for_everywhere(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest('"=> Nowhere"'))
    assert (answer.hits, answer.outcome) == ((), "no_match")
    assert answer.lanes["phrase"].state == "ran"


def test_phrases_keep_to_the_other_filters(engine: SearchEngine) -> None:
    assert paths(engine, '"=>" lang:rust') == ["src/paths.rs"]
    assert paths(engine, '"=>" path:web/**') == []
    assert paths(engine, '"=>" -starts_with') == []
    assert paths(engine, '"func main" repo:other') == ["main.go"]


@pytest.mark.parametrize(
    "entry", ["web/*.{ts,tsx}", "**/*.{ts,tsx}", "web/[A-C]*", "web\\Button.tsx", "{web,src}/B*", "./web/Button.tsx"]
)
def test_path_filters_are_understood(engine: SearchEngine, entry: str) -> None:
    assert "web/Button.tsx" in paths(engine, "button label", paths=(entry,))
    assert "web/list.js" not in paths(engine, "button label", paths=(entry,))
    assert "web/Button.tsx" in paths(engine, f"button label path:{entry}")


def test_a_name_that_looks_like_a_pattern_is_found_by_itself(engine: SearchEngine) -> None:
    assert paths(engine, "user page", paths=("web/[id].tsx",)) == ["web/[id].tsx"]


def test_a_path_filter_that_covers_nothing_is_said(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest("button", paths=("wbe/**",)))
    assert not answer.hits
    assert any("'wbe/**'" in note and "web" in note for note in answer.notes)


def test_agents_name_folders_as_they_know_them(shop: tuple[Chain, GitRepository], engine: SearchEngine) -> None:
    root = str(shop[1].path)
    for repository in (root, f"file://{root}", f"{root}/web"):
        answer = engine.search(SearchRequest("button label", repositories=(repository,)))
        assert {hit.repository for hit in answer.hits} == {"acme/shop"}
    assert set(paths(engine, "button", paths=(f"{root}/web",))) <= {"web/Button.tsx", "web/list.js", "web/[id].tsx"}
    assert paths(engine, "button label", paths=(f"file://{root}/web/Button.tsx",)) == ["web/Button.tsx"]
    assert read_lines(engine, "shop", f"{root}/zh/tax.go").path == "zh/tax.go"
    assert read_lines(engine, root, "zh\\tax.go").path == "zh/tax.go"
    with pytest.raises(NotIndexedError, match="elsewhere"):
        engine.search(SearchRequest("x", repositories=(f"{root}-elsewhere",)))


def test_an_unknown_ref_is_not_indexed_and_names_no_other_repository(engine: SearchEngine) -> None:
    asked: tuple[dict[str, Any], ...] = ({"refs": ("nope",)}, {"refs": ("nope",), "repositories": ("acme/shop",)})
    for options in asked:
        with pytest.raises(NotIndexedError, match="ref nope is not indexed") as caught:
            engine.search(SearchRequest("button", **options))
        assert caught.value.state == "not_indexed" and "nope" in caught.value.wanted


@pytest.mark.parametrize("name", ["complete?", "Basket#complete?", "complete", "COMPLETE?"])
def test_names_with_marks_are_looked_up_with_and_without(engine: SearchEngine, name: str) -> None:
    assert [hit.path for hit in find_definitions(engine, name).symbols] == ["app/basket.rb"]


def test_references_of_a_name_with_a_mark(engine: SearchEngine) -> None:
    found = find_references(engine, "complete?", limit=1)
    assert [hit.name for hit in found.definitions] == ["complete?"]
    assert "app/order.rb" in {reference.path for reference in found.references}


def test_flags_are_words_and_words_are_excluded(engine: SearchEngine) -> None:
    from code_index_assets.search.query import parse

    assert parse("tar -xvf a -1 -rf -O2 -v").exclude == ()
    assert parse("retry -test -js -legacy_mode -Mock").exclude == ("test", "js", "legacy_mode", "Mock")
    with pytest.raises(QueryError):
        parse("retry -path:src")


def test_answers_of_many_threads_are_those_of_one(engine: SearchEngine) -> None:
    """Everything a query goes through is shared by threads: words, stems, patterns, verdicts, shards."""
    queries = [
        "button label", "complete?", "where is path::safe_join called", '"=> Err"', "税", "errors locked running compiled",
        "basket closing orders", "path:web/*.{ts,tsx} button", "word -order", "User page",
    ]  # fmt: skip

    def answer(query: str) -> Any:
        return [
            (hit.path, hit.start_line, hit.score, tuple(hit.why)) for hit in engine.search(SearchRequest(query)).hits
        ]

    alone = {query: answer(query) for query in queries}
    words._cached_stem.cache_clear()
    words.word_terms.cache_clear()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            given = list(pool.map(lambda n: (queries[n % len(queries)], answer(queries[n % len(queries)])), range(160)))
    finally:
        sys.setswitchinterval(interval)
    assert [query for query, found in given if found != alone[query]] == []
