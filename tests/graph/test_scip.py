"""Precise indexes: the format, what is refused, and that their edges are proven."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from chains import Chain, GitRepository

from code_index_assets.errors import ConfigurationError
from code_index_assets.graph.scip.export import index_of
from code_index_assets.graph.scip.model import (
    DEFINITION,
    Document,
    Encoding,
    Occurrence,
    ScipIndex,
    package_of,
    read_index,
    symbol_name,
    write_index,
)  # fmt: skip
from code_index_assets.graph.scip.wire import MalformedError
from code_index_assets.index.precise import add_precise, precise_uses, published_receipt
from code_index_assets.search.graphs import graph_of

WORDS = st.text("abcXYZ_ #()./`é", max_size=12)
PLACES = st.integers(0, 100_000)
OCCURRENCES = st.builds(Occurrence, PLACES, PLACES, PLACES, WORDS.filter(bool), st.integers(0, 255))


@st.composite
def indexes(draw: st.DrawFn) -> ScipIndex:
    documents = []
    for path in draw(st.lists(WORDS, max_size=3)):
        occurrences = tuple(draw(st.lists(OCCURRENCES, max_size=5)))
        documents.append(Document(path, occurrences, draw(WORDS), draw(st.sampled_from(Encoding))))
    return ScipIndex(draw(WORDS), tuple(documents), draw(WORDS), draw(WORDS))


@given(indexes())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again(index: ScipIndex) -> None:
    assert read_index(write_index(index)) == index


@given(indexes(), st.integers(0, 400), st.binary(max_size=6))
@settings(max_examples=100, deadline=None)
def test_damaged_bytes_are_malformed_or_read(index: ScipIndex, at: int, change: bytes) -> None:
    raw = write_index(index)
    try:
        assert isinstance(read_index(raw[:at] + change + raw[at + len(change) + 1 :]), ScipIndex)
    except MalformedError:
        pass


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("scip-python python flask 1.0 `flask.app`/Flask#run().", "run"),
        ("scip-python python flask 1.0 `flask.app`/Flask#", "Flask"),
        ("scip-go gomod github.com/a/b v1 `github.com/a/b`/New().", "New"),
        ("rust-analyzer cargo c 1.0 m/impl#[`Vec<T>`][Iterator]next().", "next"),
        ("scip-typescript npm z 1 src/`a.ts`/f().(x)", "x"),
        ("scip-java maven a b c/D#m(+1).", "m"),
        ("x . . . `a b.py`/`odd name`.", "odd name"),
        ("local 4", ""),
    ],
)
def test_the_name_of_a_symbol_is_its_last_part(symbol: str, name: str) -> None:
    assert symbol_name(symbol) == name


def test_a_symbol_names_its_package_and_version() -> None:
    assert package_of("scip-go gomod github.com/a/b v1.2 `x`/New().") == ("github.com/a/b", "v1.2")
    assert package_of("local 4") == package_of("x . . . f().") == ("", "")


# A receiver that no rule knows, a language without resolution, and a line that is not ASCII.
FILES: dict[str, str | bytes] = {
    "a.py": "class A:\n    def go(self): pass\nclass B:\n    def go(self): pass\n\n\ndef f(x):\n    é = 'ü'; x.go()\n",
    "r.rs": "fn low() {}\nfn high() {\n    low();\n}\n",
}
SYMBOL = "t python p 1 `a`/B#go()."


def handmade(column: int = 15, name_line: int = 3) -> bytes:
    python = (
        Occurrence(name_line, 8, 10, SYMBOL, DEFINITION),
        Occurrence(7, column, column + 2, SYMBOL, 8),
        Occurrence(6, 6, 7, "local 1", DEFINITION),
    )
    rust = (
        Occurrence(0, 3, 6, "r cargo p 1 low().", DEFINITION),
        Occurrence(1, 3, 7, "r cargo p 1 high().", DEFINITION),
        Occurrence(2, 4, 7, "r cargo p 1 low().", 8),
    )
    documents = (Document("a.py", python, "python"), Document("r.rs", rust, "rust"), Document("gone.py", python))
    return write_index(ScipIndex("hand", documents))


@pytest.fixture
def indexed(chain: Chain, repository: GitRepository) -> Chain:
    repository.commit(FILES)
    chain.register(repository.path, "code")
    chain.index("code")
    return chain


def uses_of(chain: Chain, path: str, name: str, line: int) -> dict[str, tuple[str, str]]:
    references = graph_of(chain.layout, published_receipt(chain.layout, "code", None)).references
    return {f"{u.path}:{u.line}": (u.grade, u.why) for u in references.answer(name, path, line).references}


def test_edges_of_a_precise_index_are_proven_in_every_language(indexed: Chain, repository: GitRepository) -> None:
    receipt = published_receipt(indexed.layout, "code", None)
    assert uses_of(indexed, "a.py", "go", 4) == {} and uses_of(indexed, "r.rs", "low", 1) == {}

    added = add_precise(indexed.layout, receipt, handmade())

    assert (added.documents, added.elsewhere, added.occurrences, added.commit) == (2, 1, 5, receipt.commit)
    assert uses_of(indexed, "a.py", "go", 4) == {"a.py:8": ("proven", "scip")}
    assert uses_of(indexed, "a.py", "go", 2) == {}
    assert uses_of(indexed, "r.rs", "low", 1) == {"r.rs:3": ("proven", "scip")}
    references = graph_of(indexed.layout, receipt).references
    assert [caller.name for caller in references.answer("low", "r.rs", 1).callers] == ["high"]

    # Documents of the same file replace those before; others stay.
    add_precise(indexed.layout, receipt, write_index(ScipIndex("again", (Document("a.py"),))))
    assert uses_of(indexed, "a.py", "go", 4) == {} and len(uses_of(indexed, "r.rs", "low", 1)) == 1

    # Another commit has no precise edges until an index of it comes.
    repository.commit({"a.py": "\n" + str(FILES["a.py"])})
    indexed.index("code")
    later = published_receipt(indexed.layout, "code", None)
    assert precise_uses(indexed.layout, later) == [] and uses_of(indexed, "r.rs", "low", 1) == {}
    with pytest.raises(ConfigurationError, match="it was made from another commit"):
        add_precise(indexed.layout, later, handmade(name_line=0))
    with pytest.raises(ConfigurationError, match="the index is of commit 000"):
        add_precise(indexed.layout, later, handmade(), commit="000")
    with pytest.raises(ConfigurationError, match="not a SCIP index"):
        add_precise(indexed.layout, later, b"hello")
    with pytest.raises(ConfigurationError, match="none of the 1 files"):
        add_precise(indexed.layout, later, write_index(ScipIndex("x", (Document("z.py"),))))


def test_our_own_index_is_written_taken_in_and_agrees_with_us(indexed: Chain, tmp_path: Path) -> None:
    from catalogs import ask, build

    environment = {"CODE_INDEX_DATA": str(indexed.data), "CODE_INDEX_MODEL": "test", "PATH": "/usr/bin:/bin"}
    file = tmp_path / "out.scip"

    def call(*arguments: str) -> Any:
        command = [sys.executable, "-m", "code_index_assets.cli.main", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert "1 files" in call("export", "scip", "--repo", "code", "-o", str(file))
    index = read_index(file.read_bytes())
    assert [document.path for document in index.documents] == ["a.py"]
    assert {symbol_name(o.symbol) for o in index.documents[0].occurrences if o.defines} >= {"A", "B", "go", "f"}
    told = json.loads(call("scip", "add", str(file), "--repo", "code", "--json"))
    assert told["repository"] == "code" and told["tool"] == "code-index" and told["documents"] == 1
    build(indexed)
    query = "SELECT scip_precision, scip_recall, state FROM marts.edge_coverage"
    assert ask(indexed, query) in ([(None, None, "made")], [(1.0, 1.0, "made")])


def test_the_registry_names_indexes_that_each_publication_takes_in(
    make_chain: Callable[..., Chain], repository: GitRepository
) -> None:
    repository.commit(FILES)
    chain = make_chain("named")
    chain.register(repository.path, "code")
    registry = chain.settings.registry_file or chain.layout.root / "repositories.toml"
    registry.write_text(registry.read_text() + 'scip = ["index.scip", "missing.scip"]\n')
    (repository.path / "index.scip").write_bytes(handmade())

    result = chain.index("code")

    assert uses_of(chain, "a.py", "go", 4) == {"a.py:8": ("proven", "scip")}
    assert result is not None


def test_locals_of_other_files_are_not_exported() -> None:
    from code_graphs import graph_of as made

    graph = made({"a.py": "def f(x):\n    y = x\n    return y\n", "b.py": "from a import f\nf(1)\n"})
    index = index_of(graph, "r", "c", "1")
    by_path = {document.path: document.occurrences for document in index.documents}
    assert sum(o.symbol.startswith("local ") for o in by_path["a.py"]) == 4
    assert [o.symbol for o in by_path["b.py"]] == ["code-index . r c `a.py`/f()."] * 2
