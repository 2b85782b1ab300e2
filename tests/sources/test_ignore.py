"""Ignore files: held equal to git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from code_index_assets.sources.folder import walk_folder
from code_index_assets.sources.git.attributes import Attributes
from code_index_assets.sources.ignore import Globs, IgnoreRules

from .conftest import Repo

CASES = [
    ("*.log", ["a.log", "x/b.log", "a.logx"]),
    ("/a", ["a", "x/a"]),
    ("build/", ["build/x", "src/build/y", "build"]),
    ("doc/*.txt", ["doc/a.txt", "doc/x/a.txt", "x/doc/a.txt"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "b"]),
    ("**/foo", ["foo", "x/foo", "x/y/foo/z"]),
    ("abc/**", ["abc/x", "abc/x/y", "abc"]),
    ("a**b", ["axxb", "a/b", "x/acb"]),
    ("x/a**b", ["x/ab", "x/a/b", "x/acb"]),
    ("*\n!keep.txt", ["keep.txt", "x.txt", "d/keep.txt"]),
    ("logs/\n!logs/keep", ["logs/keep", "logs/x"]),
    ("logs/*\n!logs/keep", ["logs/keep", "logs/x"]),
    ("\\#x\n\\!y\n#z", ["#x", "!y", "#z"]),
    ("a\\ \nb ", ["a ", "b", "a"]),
    ("[a-c]x\n[!d]y\n[^e]z", ["ax", "dx", "dy", "ay", "ez", "az"]),
    ("[[:digit:]]\n[]]q", ["1", "a", "]q"]),
    ("[unclosed", ["[unclosed", "u"]),
    ("tail\\", ["tail", "tail\\"]),
    ("?", ["a", "ab", "d/b"]),
    ("a/?b", ["a/xb", "a//b", "a/x/b"]),
    ("foo\r\nbar\r\n", ["foo", "bar", "foo\r"]),
    ("/*/x", ["a/x", "a/b/x", "x"]),
    ("/", ["a"]),
    ("***/q", ["q", "a/q", "a/b/q"]),
    ("*/", ["a", "d/a"]),
    ("a.b+c(d)", ["a.b+c(d)", "aXb+c(d)"]),
    ("\ufeffmark", ["mark"]),
]


def check_ignore(root: Path, paths: list[str]) -> set[Any] | set[str]:
    out = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=root, input=b"\0".join(p.encode() for p in paths) + b"\0", capture_output=True, check=False,
    )  # fmt: skip
    assert out.returncode in (0, 1), out.stderr
    return {p.decode() for p in out.stdout.split(b"\0") if p}


def ours(files: dict[str, str], paths: list[str]) -> set[Any] | set[str]:
    rules = IgnoreRules(".gitignore")
    for folder, content in files.items():
        rules.add(folder.encode(), content.encode())
    return {path for path in paths if rules.ignored(path.encode())}


@pytest.mark.parametrize(("content", "paths"), CASES)
def test_each_pattern_means_what_git_says(repo: Repo, content: str, paths: list[str]) -> None:
    paths = [p for p in paths if "//" not in p]
    repo.write({".gitignore": content})
    assert ours({"": content}, paths) == check_ignore(repo.path, paths)


PIECES = st.sampled_from(
    ["*", "**", "?", "/", "a", "b", "ab", "[ab]", "[!a]", "[a-", "\\a", ".", "x", "!", "#", " ", "***"]
)
LINES = st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=5).map("\n".join)
NAMES = st.sampled_from(["a", "b", "ab", "x", "a.b", ".x", "abx"])
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), min_size=1, max_size=12, unique=True)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(root=LINES, nested=LINES, paths=PATHS)
def test_nested_files_decide_as_git_does(repo: Repo, root: str, nested: str, paths: list[str]) -> None:
    folder = repo.path / "a"
    folder.mkdir(exist_ok=True)
    (repo.path / ".gitignore").write_text(root)
    (folder / ".gitignore").write_text(nested)
    paths = [path for path in paths if path != "a"] or ["b"]  # `a` is a folder here
    assert ours({"": root, "a": nested}, paths) == check_ignore(repo.path, paths)


def test_the_walk_lists_what_git_lists(repo: Repo) -> None:
    repo.write({
        ".gitignore": "*.log\nout/\n/local\n!keep.log\n", "a.log": "", "keep.log": "", "out/x": "", "src/out/y": "",
        "local": "", "src/local": "", "src/.gitignore": "*.tmp\n!a.log\n", "src/a.log": "", "src/z.tmp": "",
        "src/deep/keep.log": "", "deep/er/x.py": "",
    })  # fmt: skip
    listed = repo.git("ls-files", "-z", "-o", "--exclude-standard").split("\0")
    assert [p.decode() for p in walk_folder(repo.path).files] == sorted(p for p in listed if p)


def test_globs_cover_folders_and_name_the_one_that_matched() -> None:
    globs = Globs(["testdata", "*.snap", "/docs/**"])
    assert globs.match(b"a/testdata/x/y.go") == "testdata"
    assert globs.match(b"a/b.snap") == "*.snap"
    assert globs.match(b"docs/x/y") == "/docs/**"
    assert globs.match(b"src/docs/x") is None
    assert not Globs([])


def test_attributes_take_the_last_match_and_the_deeper_file() -> None:
    attributes = Attributes()
    attributes.add(
        b"", b"*.js linguist-vendored\nlib/** linguist-generated=true\nx/* -linguist-vendored\n!y linguist-vendored\n"
    )
    attributes.add(b"x", b"own.js linguist-vendored=false linguist-documentation\n")
    assert attributes.of(b"a/b.js").roles == {"vendored": True}
    assert attributes.of(b"lib/d/e.go").roles == {"generated": True}
    assert attributes.of(b"x/own.js").roles == {"vendored": False, "docs": True}
    assert attributes.of(b"other/own.js").roles == {"vendored": True}
    assert attributes.of(b"y").roles == {}
