from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from code_index_assets.errors import ConfigurationError, SourceChangedError, SourceError
from code_index_assets.sources.folder import FolderSource, walk_folder
from code_index_assets.sources.snapshot import Snapshot, Source
from code_index_assets.storage.layout import Layout

from .conftest import Open, Repo, Select, reasons


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[dict[str | bytes, str | bytes]], Path]:
    root = tmp_path / "plain"
    root.mkdir()

    def write(files: dict[str | bytes, str | bytes]) -> Path:
        Repo.write(type("At", (), {"path": root})(), files)
        return root

    return write


def read(source: Source, snapshot: Snapshot) -> dict[str, bytes | None]:
    frame = source.entries(snapshot)
    return {frame["path"][i]: content for i, content in source.read(snapshot, frame)}


def test_a_folder_is_hashed_and_read(folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open) -> None:
    root = folder({"a.py": "x = 1\n", "d/b.txt": b"\xff\xfe"})
    source = opened(root)
    assert isinstance(source, FolderSource)
    snapshot = source.observe()
    assert snapshot.kind == "folder"
    assert snapshot.label == f"folder:{snapshot.commit[:12]}"
    frame = source.entries(snapshot)
    assert frame["blob"].to_list() == ["sha256:" + hashlib.sha256(b).hexdigest() for b in (b"x = 1\n", b"\xff\xfe")]
    assert read(source, snapshot) == {"a.py": b"x = 1\n", "d/b.txt": b"\xff\xfe"}


def test_the_digest_follows_content_names_and_modes_only(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open
) -> None:
    root = folder({"a": "1", "b": "2", ".gitignore": "*.o\n"})
    first = opened(root).observe().tree
    os.utime(root / "a", (5, 5))
    folder({"build.o": "ignored"})
    assert opened(root).observe().tree == first
    seen = {first}
    folder({"a": "3"})
    seen.add(opened(root).observe().tree)
    folder({"a": "1"})
    assert opened(root).observe().tree == first
    (root / "a").chmod(0o755)
    seen.add(opened(root).observe().tree)
    (root / "a").rename(root / "c")
    seen.add(opened(root).observe().tree)
    assert len(seen) == 4


def test_a_snapshot_can_be_read_by_another_process_and_not_after_a_change(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open
) -> None:
    root = folder({"a": "1", "b": "2"})
    snapshot = opened(root).observe()
    assert read(opened(root), snapshot) == {"a": b"1", "b": b"2"}
    source = opened(root)
    frame = source.entries(snapshot)
    folder({"b": "other"})
    with pytest.raises(SourceChangedError, match="'b'"):
        list(source.read(snapshot, frame))
    with pytest.raises(SourceChangedError):
        opened(root).entries(snapshot)
    (root / "b").unlink()
    with pytest.raises(SourceChangedError):
        list(source.read(snapshot, frame))


def test_a_change_of_the_same_size_right_after_is_seen(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open
) -> None:
    root = folder({"a": "1111"})
    for text in ("2222", "3333"):
        before = opened(root).observe().tree
        stat = (root / "a").stat()
        folder({"a": text})
        os.utime(root / "a", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert opened(root).observe().tree != before


def test_settled_files_are_not_read_again(
    folder: Callable[[dict[str | bytes, str | bytes]], Path],
    opened: Open,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = folder({"a": "1", "b": "2"})
    later = time.time_ns() + 10_000_000_000
    monkeypatch.setattr("code_index_assets.sources.hashing.time.time_ns", lambda: later)
    first = opened(root).observe()
    monkeypatch.setattr("code_index_assets.sources.hashing._hash_content", lambda *a: pytest.fail("was read"))
    assert opened(root).observe().tree == first.tree
    for file in (layout.root / "hash_cache").iterdir():
        file.write_bytes(b"damaged")
    monkeypatch.undo()
    assert opened(root).observe().tree == first.tree


def test_symlinks_are_never_followed(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("outside")
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "x.py").write_text("outside")
    root = folder({"a.py": "1"})
    os.symlink(tmp_path / "secret.txt", root / "link")
    os.symlink(tmp_path / "away", root / "dir")
    os.symlink(".", root / "loop")
    os.mkfifo(root / "pipe")
    source = opened(root)
    snapshot = source.observe()
    contents = read(source, snapshot)
    assert set(contents) == {"a.py", "link", "dir", "loop", "pipe"}
    assert contents["link"] == os.fsencode(tmp_path / "secret.txt")
    assert all(b"outside" not in (content or b"") for content in contents.values())


def test_every_odd_thing_has_its_reason(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], selected: Select
) -> None:
    root = folder({"a.py": "x = 1\n", "locked/x.py": "1", b"bad\xff.py": "y = 1\n", "new\nline.py": "z = 1\n"})
    os.symlink("/etc/passwd", root / "link")
    os.mkfifo(root / "pipe")
    (root / "sock.py").write_text("x = 2\n")
    original = os.scandir

    def scandir(path: Any) -> Any:
        if os.fsencode(path).endswith(b"/locked"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    with pytest.MonkeyPatch.context() as patch:  # tests may run as root, whom nothing is forbidden
        patch.setattr("code_index_assets.sources.folder.os.scandir", scandir)
        _, _, selection = selected(root)
    assert reasons(selection) == {
        "a.py": "kept", "bad\\xff.py": "kept", "new\nline.py": "kept", "sock.py": "kept",
        "link": "symlink", "pipe": "special_file", "locked/": "permission",
    }  # fmt: skip


def test_deep_nesting_does_not_recurse(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open, request: pytest.FixtureRequest
) -> None:
    root = folder({})
    # pytest's own clean-up recurses.
    request.addfinalizer(lambda: subprocess.run(["rm", "-rf", str(root)], check=True))
    here = os.open(root, os.O_RDONLY)
    depth = 1500
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    handle = os.open("leaf.py", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(handle, b"x = 1\n")
    os.close(handle)
    os.close(here)
    source = opened(root)
    snapshot = source.observe()
    path = "d/" * depth + "leaf.py"
    assert read(source, snapshot) == {path: b"x = 1\n"}


def test_a_path_longer_than_the_system_takes_is_reported(
    folder: Callable[[dict[str | bytes, str | bytes]], Path],
) -> None:
    root = folder({"a.py": "1"})
    here = os.open(root, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    walk = walk_folder(root)
    assert walk.files == [b"a.py"]
    assert len(walk.unreadable) == 1


def test_git_folders_and_the_data_folder_are_not_content(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open
) -> None:
    root = folder(
        {
            "a.py": "1",
            "inner/.git/config": "x",
            "inner/b.py": "2",
            ".code-index/.gitignore": "*\n",
            ".code-index/x": "3",
        }
    )
    assert [p.decode() for p in walk_folder(root).files] == ["a.py", "inner/b.py"]


def test_what_is_no_folder_says_so(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="there is no folder"):
        opened(tmp_path / "nowhere").observe()
    with pytest.raises(SourceError, match="holds no files"):
        opened(folder({})).observe()
    with pytest.raises(ConfigurationError, match="no refs"):
        opened(folder({"a": "1"}), ref="main")


def test_bare_repositories_inside_a_folder_or_a_checkout_are_left_out(
    folder: Callable[[dict[str | bytes, str | bytes]], Path], opened: Open, selected: Select, tmp_path: Path
) -> None:
    root = folder({"a.py": "x = 1\n", "HEAD": "no repository\n", "mirrors/readme.md": "text\n"})
    subprocess.run(["git", "init", "-q", "--bare", str(root / "mirrors/app.git")], check=True)
    (root / "mirrors/app.git/hooks/own.py").write_text("y = 2\n")
    source = opened(root)
    snapshot = source.observe()
    listed = dict(source.entries(snapshot).select("path", "mode").iter_rows())
    assert set(listed) == {"HEAD", "a.py", "mirrors/readme.md", "mirrors/app.git"}
    assert reasons(selected(root)[2])["mirrors/app.git"] == "submodule"
    assert read(source, snapshot)["mirrors/app.git"] is None

    checkout = Repo(tmp_path / "checkout")
    checkout.commit({"b.py": "z = 3\n"})
    (root / "mirrors").rename(checkout.path / "mirrors")
    source = opened(checkout.path, worktree=True)
    listed = source.entries(source.observe())["path"].to_list()
    assert listed == ["b.py", "mirrors/app.git", "mirrors/readme.md"]
