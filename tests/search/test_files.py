"""Lines of files as indexed: the published commit, secrets removed, and why a file is not there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from chains import Chain, GitRepository

from code_index_assets.chunking.parse import ChunkOptions, SourceFile, parse_file
from code_index_assets.errors import FileNotIndexedError, NotIndexedError, QueryError
from code_index_assets.index.published_artifacts import published_artifact
from code_index_assets.search.engine import SearchEngine
from code_index_assets.search.file_text import ChunkRow, lines_of
from code_index_assets.search.files import read_lines
from code_index_assets.search.service import open_engine
from code_index_assets.sources.text import count_lines
from code_index_assets.tables import CHUNKS

SECRET = "AKIA" + "Q3EGRNDPNKVXYZ7M"
BODY = "".join(f"def f{n}(a):\n    return a + {n}\n\n\n" for n in range(200))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, GitRepository, str]:
    """A repository indexed once: the chain, the work tree, its first commit."""
    base = tmp_path_factory.mktemp("files")
    work = GitRepository(base / "work")
    first = work.commit(
        {
            "src/long.py": BODY,
            "src/secret.py": f'import os\n\nKEY = "{SECRET}"\n\n\ndef go():\n    return KEY\n',
            "crlf.txt": "one\r\n\r\n\r\ntwo\r\nthree\r\n",
            "no_end.md": "# A\n\ntext\n\n\n## B\n\nlast line",
            "blank.txt": "\n\n\n",
            "vendor/lib.js": "var a = 1;\n",
            "logo.png": b"\x89PNG\0\0",
            ".env": "TOKEN=1\n",
            "docs/über.md": "# Über\n\nä\n",
        }
    )
    chain = Chain(base / "data")
    chain.register(work.path, "acme/shop")
    chain.index("acme/shop")
    return chain, work, first


@pytest.fixture
def engine(shop: tuple[Chain, GitRepository, str]) -> SearchEngine:
    return open_engine(shop[0].settings, shop[0].layout)


@pytest.mark.parametrize("path", ["src/long.py", "crlf.txt", "no_end.md", "docs/über.md"])
def test_a_file_comes_back_as_it_was_committed(
    shop: tuple[Chain, GitRepository, str], engine: SearchEngine, path: str
) -> None:
    text = shop[1].git("show", f"HEAD:{path}")
    found = read_lines(engine, "acme/shop", path)
    assert found.text == text.removesuffix("\n")
    assert (found.total_lines, found.start_line, found.end_line) == (count_lines(text), 1, count_lines(text))
    assert found.commit == shop[2]
    assert found.blob == shop[1].git("rev-parse", f"HEAD:{path}").strip()


def test_ranges(engine: SearchEngine) -> None:
    lines = BODY.split("\n")
    found = read_lines(engine, "shop", "./src/long.py", start=401, end=402)
    assert (found.text, found.start_line, found.end_line) == ("\n".join(lines[400:402]), 401, 402)
    assert read_lines(engine, "acme/shop", "src/long.py", start=799, end=10_000).end_line == 800
    ranges: tuple[dict[str, Any], ...] = ({"start": 0}, {"start": 5, "end": 4}, {"start": 801})
    for bad in ranges:
        with pytest.raises(QueryError, match=r"range|not among"):
            read_lines(engine, "acme/shop", "src/long.py", **bad)


def test_secrets_are_shown_as_indexed_and_lines_keep_their_numbers(engine: SearchEngine) -> None:
    found = read_lines(engine, "acme/shop", "src/secret.py", start=3, end=7)
    assert SECRET not in found.text and "[removed: " in found.text.split("\n")[0]
    assert found.text.split("\n")[3] == "def go():"


@pytest.mark.parametrize(
    ("path", "reason", "words"),
    [
        ("vendor/lib.js", "vendored", "CODE_INDEX_INCLUDE_VENDORED"),
        ("logo.png", "binary", "binary"),
        (".env", "credential_file", "credentials"),
        ("blank.txt", "empty", "only white space"),
        ("src/longg.py", "unknown", "no file"),
        ("lib/long.py", "unknown", "did you mean src/long.py"),
        ("src", "unknown", "is a folder: src/long.py"),
    ],
)
def test_what_is_not_kept_says_why(engine: SearchEngine, path: str, reason: str, words: str) -> None:
    with pytest.raises(FileNotIndexedError) as caught:
        read_lines(engine, "acme/shop", path)
    assert caught.value.reason == reason and words in str(caught.value)


@pytest.mark.parametrize("path", ["../data/VERSION", "/etc/passwd", "src/../../x", "src//long.py", "", ".", "a\0b"])
def test_paths_out_of_the_repository_are_refused(engine: SearchEngine, path: str) -> None:
    with pytest.raises(QueryError, match="not a path"):
        read_lines(engine, "acme/shop", path)


def test_unknown_repositories_and_refs(engine: SearchEngine) -> None:
    with pytest.raises(NotIndexedError, match="acme/other is not indexed"):
        read_lines(engine, "acme/other", "src/long.py")
    with pytest.raises(NotIndexedError, match="v2"):
        read_lines(engine, "acme/shop", "src/long.py", ref="v2")


def test_the_indexed_content_is_shown_whatever_became_of_the_place(
    shop: tuple[Chain, GitRepository, str], engine: SearchEngine
) -> None:
    _, work, first = shop
    hidden = work.path.with_name("gone")
    work.commit({"src/long.py": "changed = 1\n"})
    shutil.move(work.path, hidden)
    try:
        found = read_lines(engine, "acme/shop", "src/long.py")
        assert (found.commit, found.text) == (first, BODY.removesuffix("\n"))
    finally:
        shutil.move(hidden, work.path)
        work.git("reset", "-q", "--hard", first)


TEXTS = st.lists(
    st.sampled_from(
        ["def f():\n", "    return 1\n", "\n", "  \n", "x = 1\n", "# c\n", "class A:\n", "\t\n", "é = 2\n", "y"]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["python", "markdown", None]))
def test_chunks_give_the_file_back(text: str, newline: str, language: str) -> None:
    text = text.replace("\n", newline)
    rows = parse_file(SourceFile("f", "0" * 40, language, text), ChunkOptions(max_chars=60, min_chars=20), None)
    columns = [column.name for column in CHUNKS.columns]
    named = [dict(zip(columns, row, strict=True)) for row in rows.chunks]
    chunks = [ChunkRow(**{name: row[name] for name in ChunkRow.__dataclass_fields__}) for row in named]
    got, wanted = lines_of(chunks, count_lines(text)), text.split("\n")[: count_lines(text)]
    assert len(got) == len(wanted)
    assert [line.rstrip() for line in got] == [line.rstrip() for line in wanted]


def test_a_publication_pruned_while_it_is_read_is_read_anew(
    shop: tuple[Chain, GitRepository, str], engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from code_index_assets.index.reader import SnapshotGoneError
    from code_index_assets.search import files

    calls: list[str] = []

    def gone_at_first(layout: Any, receipt: Any, kind: Any) -> Any:
        calls.append(kind)
        if len(calls) == 1:
            raise SnapshotGoneError("pruned")
        return published_artifact(layout, receipt, kind)

    monkeypatch.setattr(files, "published_artifact", gone_at_first)
    assert read_lines(engine, "acme/shop", "no_end.md", end=1).text == "# A"
    monkeypatch.setattr(files, "published_artifact", lambda *_: (_ for _ in ()).throw(SnapshotGoneError("pruned")))
    with pytest.raises(SnapshotGoneError):
        read_lines(engine, "acme/shop", "no_end.md")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("src/pay/gateway.py", ["src/payments/gateway.py", "old/gateway.py"]),  # another folder
        ("src/payments/gatway.py", ["src/payments/gateway.py", "old/gateway.py"]),  # misspelt
        ("src/payments/Gateways.py", ["src/payments/gateway.py", "old/gateway.py"]),
        ("docs/readme.rst", []),
    ],
)
def test_paths_that_may_have_been_meant(written: str, meant: list[Any] | list[str]) -> None:
    from code_index_assets.search.files import near_paths

    assert near_paths(written, ["old/gateway.py", "src/payments/gateway.py", "src/cart.py", "gate.go"]) == meant
