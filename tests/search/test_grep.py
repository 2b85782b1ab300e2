"""The exact lane and certificates through the engine, on real repositories; gaps are injected one by one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from chains import Chain, GitRepository

from code_index_assets.errors import QueryError
from code_index_assets.index import staging
from code_index_assets.index.exact.pattern import Pattern
from code_index_assets.index.exact.texts import Texts
from code_index_assets.quality import parts
from code_index_assets.search.answers import Absence, GrepAnswer
from code_index_assets.search.definitions import find_definitions
from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.search.freshness import Head
from code_index_assets.search.grep import GrepRequest, grep
from code_index_assets.search.references import find_references
from code_index_assets.search.service import open_engine

FILES: dict[str, str | bytes | None] = {
    "src/cart.py": "def add_item(cart, item):\n    cart.append(item)\n\n\ndef total(cart):\n    return sum(cart)  # Sum\n",
    "src/wire.go": "package wire\n\nfunc Sum(a []int) int {\n\treturn 0\n}\n",
    "tests/test_cart.py": "from src.cart import total\n\n\ndef test_total():\n    assert total([1]) == 1\n",
    "win.txt": "first line\r\nsecond => line\r\n\r\nlast 値段 line",
    "blank.txt": "\n   \n\ntext\n\n",
}


def add(base: Path, **files: str | bytes | None) -> tuple[Chain, GitRepository]:
    work = GitRepository(base / "work")
    work.commit(FILES | {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()})
    chain = Chain(base / "data")
    chain.register(work.path, "acme/shop")
    chain.index("acme/shop")
    return chain, work


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, GitRepository]:
    return add(tmp_path_factory.mktemp("grep"))


@pytest.fixture(scope="module")
def engine(shop: tuple[Chain, GitRepository]) -> SearchEngine:
    return open_engine(shop[0].settings, shop[0].layout)


Filters = dict[str, Any]


def asked(engine: SearchEngine, source: str, **options: bool) -> GrepAnswer:
    return grep(engine, GrepRequest(Pattern(source, **options)))


def places(answer: GrepAnswer) -> list[tuple[str, int, int]]:
    return [(match.path, match.line, match.column) for match in answer.matches]


def test_every_line_is_found_and_no_other(engine: SearchEngine) -> None:
    answer = asked(engine, r"total\(")
    assert places(answer) == [("src/cart.py", 5, 5), ("tests/test_cart.py", 4, 10), ("tests/test_cart.py", 5, 12)]
    assert (answer.total, answer.files, answer.complete, answer.outcome) == (3, 2, True, "found")
    assert answer.matches[0].text == "def total(cart):"
    assert places(asked(engine, "Sum", literal=True)) == [("src/cart.py", 6, 25), ("src/wire.go", 3, 6)]
    assert asked(engine, "sum", literal=True, any_case=True).total == 2
    assert asked(engine, "tota", word=True).total == 0


@pytest.mark.parametrize(
    ("source", "options", "found"),
    [
        ("=>", {"literal": True}, [("win.txt", 2, 8)]),
        ("値", {"literal": True}, [("win.txt", 4, 6)]),
        ("^$", {}, [("blank.txt", 1, 1), ("blank.txt", 3, 1), ("blank.txt", 5, 1), ("src/cart.py", 3, 1),
                    ("src/cart.py", 4, 1), ("src/wire.go", 2, 1), ("tests/test_cart.py", 2, 1),
                    ("tests/test_cart.py", 3, 1)]),
        (r"^ +$", {}, [("blank.txt", 2, 1)]),
        (r"int \{\n\treturn", {}, [("src/wire.go", 3, 19)]),
        ("first line\r\nsec", {"literal": True}, [("win.txt", 1, 1)]),
    ],
)  # fmt: skip
def test_texts_that_no_word_index_knows(
    engine: SearchEngine, source: str, options: dict[str, bool], found: list[tuple[str, int, int]]
) -> None:
    assert places(asked(engine, source, **options)) == found


def test_filters_pages_and_counts(engine: SearchEngine) -> None:
    whole = GrepRequest(Pattern("t"))
    every = places(grep(engine, whole))
    paged: list[tuple[str, int, int]] = []
    cursor = None
    while True:
        page = grep(engine, replace(whole, limit=4), cursor)
        assert page.total == len(every)
        paged += places(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == every
    assert grep(engine, replace(whole, limit=0)).matches == ()
    cases: list[tuple[Filters, str]] = [
        ({"languages": ("go",)}, "src/wire.go"),
        ({"roles": ("test",)}, "tests/test_cart.py"),
        ({"paths": ("src/*.go",)}, "src/wire.go"),
    ]
    for restricted, path in cases:
        assert {match.path for match in grep(engine, replace(whole, **restricted)).matches} == {path}
    with pytest.raises(QueryError):
        grep(engine, replace(whole, limit=4), "nonsense")


def test_changed_buckets_hold_what_a_new_index_would(tmp_path: Path) -> None:
    work = GitRepository(tmp_path / "work")
    work.commit({f"f{n}.txt": f"common line\nown{n} text\n" for n in range(30)})
    chain = Chain(tmp_path / "data")
    chain.register(work.path, "acme/many")
    chain.index("acme/many")
    work.commit({"f3.txt": "another line\n", "f4.txt": None, "g.txt": "common line\nnew file\n"})
    chain.index("acme/many")
    engine = open_engine(chain.settings, chain.layout)
    assert grep(engine, GrepRequest(Pattern("common"))).total == 29
    assert [match.path for match in asked(engine, "another|new").matches] == ["f3.txt", "g.txt"]
    assert asked(engine, "own[34]\\b").total == 0
    again = Chain(tmp_path / "again")
    again.register(work.path, "acme/many")
    again.index("acme/many")
    made = [one.store.require("chunks", "acme/many") for one in (chain, again)]
    texts = [one.part("texts", 0).content for one in made]
    assert texts[0] == texts[1]
    trigrams = [one.part("trigrams", 0).digest for one in made]
    assert trigrams[0] == trigrams[1]


def test_nothing_of_a_file_that_went_stays_in_the_texts(tmp_path: Path) -> None:
    work = GitRepository(tmp_path / "work")
    work.commit({f"f{n:02d}.txt": f"zebraquux{n} text of file {n}\n" for n in range(20)})
    chain = Chain(tmp_path / "data")
    chain.register(work.path, "acme/many")
    chain.index("acme/many")
    work.commit({"f00.txt": None, "f07.txt": "calm text\n"})
    chain.index("acme/many")
    texts = Texts(chain.store.require("chunks", "acme/many").verified_part("texts", 0))
    # The dictionary holds text, too.
    everything = b"".join([texts.dictionary, *(texts.text(n) for n in range(texts.documents))])
    assert b"zebraquux1 " in everything and b"zebraquux0 " not in everything and b"zebraquux7 " not in everything


def test_a_publication_without_the_index_is_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = tuple(spec for spec in parts.PARTS if spec.name not in ("texts", "trigrams"))
    monkeypatch.setattr(parts, "PARTS", older)
    monkeypatch.setattr(staging, "PARTS", older)
    chain, _ = add(tmp_path)
    engine = open_engine(chain.settings, chain.layout)
    answer = asked(engine, r"total\(")
    assert answer.total == 3 and "no exact index" in answer.notes[0]
    assert [hit.path for hit in engine.search(SearchRequest('"second => line"')).hits] == ["win.txt"]
    assert not certificate(engine.search(SearchRequest('"nowhere to be seen"')).absence).certified


# -- searches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ('"second => line"', {"win.txt"}),
        ("/def (add|total)/", {"src/cart.py"}),
        ("/SUM\\(/ case:yes", set()),
        ("/SUM\\(/", {"src/cart.py", "src/wire.go"}),
        ('"package wire" OR "first line"', {"src/wire.go", "win.txt"}),
        ("total -/assert/ path:**/*.py", {"src/cart.py"}),
        ("word:add_ite", set()),
        ("word:add_item", {"src/cart.py"}),
    ],
)
def test_required_texts_in_a_search(engine: SearchEngine, query: str, paths: set[str]) -> None:
    assert {hit.path for hit in engine.search(SearchRequest(query)).hits} == paths


def test_a_regular_expression_filters_and_the_words_rank(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest("sum of the cart /return/"))
    assert answer.hits[0].path == "src/cart.py" and {"lexical", "semantic"} & set(answer.hits[0].lanes)


def test_a_phrase_that_leaves_nothing_is_dropped_beside_three_words_and_no_fewer(engine: SearchEngine) -> None:
    relaxed = engine.search(SearchRequest('total of the cart "nowhere to be seen" -cart'))
    assert (relaxed.outcome, relaxed.ignored) == ("relaxed", ('"nowhere to be seen"', "-cart"))
    assert relaxed.hits and relaxed.absence is None
    for kept in ('the cart "nowhere to be seen"', "total of the cart /nowhere/", "total of the cart word:nowhere"):
        assert engine.search(SearchRequest(kept)).outcome == "no_match"
    filtered = SearchRequest('total of the cart "nowhere to be seen"', paths=("blank.txt",))
    assert {hit.path for hit in engine.search(filtered).hits} <= {"blank.txt"}


def test_confidence_is_told_and_explained(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest("total of the cart", explain=True))
    assert 0 <= answer.confidence <= 1 and answer.confidence_word in ("strong", "weak", "probably not here")
    assert answer.signals["cover"] > 0 and all(hit.signals for hit in answer.hits)
    assert engine.search(SearchRequest('"def total"')).confidence_word == "strong"
    foreign = engine.search(SearchRequest("kubernetes ingress controller reconciliation loop"))
    assert foreign.confidence < answer.confidence and foreign.confidence_word == "probably not here"


# -- certificates ------------------------------------------------------------------------------------------------------


def certificate(absence: Absence | None) -> Absence:
    assert absence is not None
    return absence


def test_absence_is_certified_with_what_was_looked_at(engine: SearchEngine, shop: tuple[Chain, GitRepository]) -> None:
    commit = shop[1].git("rev-parse", "HEAD").strip()
    found = certificate(asked(engine, "nowhere").absence)
    assert (found.certified, found.commit, found.files_covered) == (True, commit, len(FILES))
    assert (found.lanes, found.patterns, found.refused_because) == (("exact",), ("/nowhere/",), ())
    assert certificate(engine.search(SearchRequest('"nowhere"')).absence).certified
    assert certificate(find_definitions(engine, "Nowhere").absence).certified
    assert certificate(find_references(engine, "nowhere").absence).certified
    assert asked(engine, "total").absence is None


def test_a_filter_that_covers_nothing_proves_nothing(engine: SearchEngine) -> None:
    cases: list[Filters] = [{"paths": ("lib/**",)}, {"languages": ("rust",)}]
    for filters in cases:
        absence = certificate(grep(engine, GrepRequest(Pattern("total"), **filters)).absence)
        assert not absence.certified and absence.refused_because


SECRET = "AKIA" + "Q3EGRNDPNKVXYZ7M"
GAPS = [
    pytest.param({"_dot_codeindexignore": "hidden.txt\n", "hidden_dot_txt": "needle\n"}, "ignored", id="skipped"),
    pytest.param({"huge_dot_txt": "needle\n" + "padding line of text\n" * 60_000}, "too_large", id="oversized"),
    pytest.param({"vendor__lib_dot_js": "function needle() {}\n"}, "vendored", id="vendored"),
    pytest.param({"key_dot_py": f'KEY = "{SECRET}"\n'}, "secret", id="secret"),
    pytest.param({"lfs_dot_txt": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 9\n"},
                 "lfs_pointer", id="elsewhere"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "reason"), GAPS)
def test_what_is_left_out_refuses_a_certificate(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    chain, _ = add(tmp_path, **files)
    engine = open_engine(chain.settings, chain.layout)
    for absence in (
        asked(engine, "needle").absence,
        engine.search(SearchRequest('"needle"')).absence,
        find_definitions(engine, "needle").absence,
        find_references(engine, "needle").absence,
    ):
        told = certificate(absence)
        assert not told.certified and any(reason in why for why in told.refused_because), told
        assert any(reason in one.reason for one in told.left_out)


def test_a_newer_commit_refuses_a_certificate(shop: tuple[Chain, GitRepository]) -> None:
    for head in (Head("f" * 40), None):
        heads = dict.fromkeys(["acme/shop"], head)
        engine = SearchEngine(shop[0].layout, shop[0].settings, head_of=heads.get)
        assert not certificate(asked(engine, "needle").absence).certified


def damaged(data: Path, pattern: str) -> None:
    for file in data.glob(pattern):
        raw = bytearray(file.read_bytes())
        raw[len(raw) // 2] ^= 0xFF
        file.unlink()
        file.write_bytes(raw)


@pytest.mark.parametrize("part", ["texts", "trigrams"])
def test_what_cannot_be_read_refuses_a_certificate(
    shop: tuple[Chain, GitRepository], tmp_path: Path, part: str
) -> None:
    data = Path(shutil.copytree(shop[0].layout.root, tmp_path / "data", symlinks=True))
    chain = Chain(data)
    damaged(data, f"chunks/*/*/{part}-000.mapped")
    damaged(data, f"chunks/*/*/*/{part}-000.mapped")
    engine = open_engine(chain.settings, chain.layout)
    # Two letters: every text has to be read.
    answer = grep(engine, GrepRequest(Pattern("~~")))
    assert not answer.complete and answer.outcome == "degraded" and not certificate(answer.absence).certified


def test_a_lane_that_is_down_refuses_a_certificate(
    shop: tuple[Chain, GitRepository], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(shop[0].settings, shop[0].layout)

    def broken(*_: object) -> object:
        raise OSError("the disk is gone")

    monkeypatch.setattr("code_index_assets.search.lanes.find_phrases", broken)
    monkeypatch.setattr("code_index_assets.search.lanes.files_with", lambda *_: None)
    answer = engine.search(SearchRequest('"needle in the text"'))
    assert answer.outcome == "degraded" and not certificate(answer.absence).certified


def test_a_question_that_is_out_of_time_proves_nothing(shop: tuple[Chain, GitRepository]) -> None:
    hurried = shop[0].settings.model_copy(update={"query_seconds": 0.0})
    engine = open_engine(hurried, shop[0].layout)
    answer = asked(engine, "needle")
    assert (answer.complete, answer.outcome) == (False, "incomplete")
    assert not certificate(answer.absence).certified


# -- beside ripgrep ----------------------------------------------------------------------------------------------------


@pytest.mark.external
@pytest.mark.parametrize("source", ["total", r"\bcart\b", r"^\s*def \w+", "line$", "[^a-z]Sum", "a|b", "^$", r"\(.*\)"])
@pytest.mark.parametrize("option", ["", "-i"])
def test_ripgrep_agrees(
    engine: SearchEngine, shop: tuple[Chain, GitRepository], source: str, option: str, ripgrep: Callable[..., str]
) -> None:
    answer = grep(engine, GrepRequest(Pattern(source, any_case=option == "-i"), None))
    rows = ripgrep(shop[1].path, "-n", "--no-heading", *([option] if option else []), "-e", source, ".")
    theirs = {(row.split(":")[0].removeprefix("./"), int(row.split(":")[1])) for row in rows.splitlines() if row}
    assert {(match.path, match.line) for match in answer.matches} == theirs


@pytest.fixture
def ripgrep() -> Callable[..., str]:
    if shutil.which("rg") is None:
        pytest.skip("ripgrep is not installed")

    def run(folder: Path, *arguments: str) -> str:
        command = ["rg", "--no-config", "--hidden", "--glob", "!.git", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout.decode()

    return run
