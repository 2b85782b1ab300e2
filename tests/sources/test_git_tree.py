"""The law of listing: entries told from an earlier tree and what changed since are those of the tree listed whole."""

from __future__ import annotations

import shutil

import pytest

from code_index_assets.sources.git.tree import entries_since

from .conftest import (
    Open,
    Repo,
)

FIRST = {"a.py": "a = 1\n", "d/b.py": "b = 1\n", "d/e/c.py": "c = 1\n", "swap": "file", "keep/x.txt": "x",
         "[ab].py": "glob", ":(top)odd": "magic", "-r": "dash", "--": "two", "weiß.py": "ü = 1\n", "line\nbreak": "n"}  # fmt: skip


def rename(repo: Repo) -> None:
    repo.git("mv", "d/b.py", "d/renamed.py")


def to_folder(repo: Repo) -> None:
    (repo.path / "swap").unlink()
    repo.write({"swap/inner.py": "inner = 1\n", "swap.py": "beside = 1\n"})


def to_file(repo: Repo) -> None:
    shutil.rmtree(repo.path / "d" / "e")
    repo.write({"d/e": "was a folder"})


def kinds(repo: Repo) -> None:
    (repo.path / "a.py").chmod(0o755)
    (repo.path / "d" / "b.py").unlink()
    (repo.path / "d" / "b.py").symlink_to("../a.py")
    repo.git("add", "-A")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")


CHANGES = {
    "nothing": lambda repo: None,
    "content": lambda repo: repo.write(dict.fromkeys(["a.py", "-r", "--", "[ab].py", ":(top)odd", "weiß.py", "line\nbreak"], "now\n")),
    "added": lambda repo: repo.write({"new/deep/er.py": "n = 1\n", "a.pyi": ""}),
    "removed": lambda repo: shutil.rmtree(repo.path / "d"),
    "renamed": rename,
    "file to folder": to_folder,
    "folder to file": to_file,
    "kinds": kinds,
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_entries_told_from_an_earlier_tree_are_those_of_the_tree(repo: Repo, opened: Open, change: str) -> None:
    repo.commit(FIRST)
    source = opened(repo.path)
    before = source.observe()
    known = source.entries(before)
    CHANGES[change](repo)
    if change != "kinds":
        repo.git("add", "-A", "-f")
    repo.git("commit", "-q", "--allow-empty", "-m", "second")
    now = source.observe()

    told = entries_since(repo.path / ".git", before.tree, now.tree, known)

    assert told is not None
    assert told.equals(source.entries(now)) and source.entries(now, (before, known)).equals(told)
    assert told.equals(known) == (change == "nothing")


def test_what_cannot_be_told_is_listed_whole(repo: Repo, opened: Open) -> None:
    repo.commit(FIRST)
    source = opened(repo.path)
    before = source.observe()
    known = source.entries(before)
    repo.commit({b"caf\xe9": "latin"})
    odd = source.observe()
    assert entries_since(repo.path / ".git", before.tree, odd.tree, known) is None
    listed = source.entries(odd, (before, known))
    assert listed.height == known.height + 1
    repo.commit({f"many/{n}.txt": str(n) for n in range(600)})
    many = source.observe()
    assert entries_since(repo.path / ".git", odd.tree, many.tree, listed) is None, "a path that is not UTF-8 stays"
    assert entries_since(repo.path / ".git", before.tree, many.tree, known) is None, "too many changes"
    assert entries_since(repo.path / ".git", "0" * 40, many.tree, known) is None, "no such tree"
    assert source.entries(many, (odd, listed)).height == listed.height + 600
