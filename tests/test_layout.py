"""Partition keys as folder names: every key has one, no two share one, and every printable character may be in it."""

from __future__ import annotations

import os
import string
import sys
import time
from pathlib import Path

from chains import GitRepository
from hypothesis import given
from hypothesis import strategies as st
from steps_alone import run, settings_of

from code_index_assets.errors import ConfigurationError
from code_index_assets.index.reader import open_index
from code_index_assets.operations.retention import remove_unnamed
from code_index_assets.sources.registry import Registry, validate_name
from code_index_assets.storage.layout import Layout, key_segment, segment_key, write_atomically

KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=120)


@given(KEYS, KEYS)
def test_segments_are_file_names_and_differ(one: str, other: str) -> None:
    segment = key_segment(one)
    assert "/" not in segment and not segment.startswith(".") and len(segment.encode()) <= 200
    assert (key_segment(other) == segment) == (one == other)
    if "~" not in segment:
        assert segment_key(segment) == one


def test_every_printable_character_alone() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isprintable()]
    segments = {key_segment(character) for character in characters}
    assert len(segments) == len(characters) > 100_000
    assert all(segment_key(key_segment(character)) == character for character in characters)


def allowed() -> str:
    """Every printable character of ASCII, and some others, that a repository's name may have."""
    kept = ""
    for character in string.printable + "äß東京🙂éİ":
        try:
            kept += validate_name(f"a{character}b")[1:-1]
        except ConfigurationError:
            continue
    return kept


def test_a_name_of_all_allowed_characters_is_indexed_searched_and_pruned(tmp_path: Path) -> None:
    names = ["a" + allowed() + "b", "long/" + "ö" * 60]
    settings = settings_of(tmp_path / "data")
    layout = Layout(settings.data).create()
    registry = Registry.load(settings.registry_file, layout)
    for number, name in enumerate(names):
        repository = GitRepository(tmp_path / f"work{number}")
        repository.commit({"a.py": f"def f():\n    return {number}\n"})
        registry.add(f"file://{repository.path}", name=name)
        run(settings, name, "r1")
        repository.commit({"a.py": f"def f():\n    return {number + 7}\n"})
        run(settings, name, "r2")
    snapshot = open_index(layout, settings)
    assert sorted(snapshot.receipts) == sorted(names)
    for name in names:
        assert len(list(snapshot.ids(name))) == 1
        with layout.lock(f"partition-{name}", timeout=60):
            before = set((layout.artifact_home("chunks", name)).iterdir())
            remove_unnamed(layout, key=name)  # a run holds its lock: nothing of it goes
            assert set((layout.artifact_home("chunks", name)).iterdir()) == before


def test_what_killed_writers_left_goes(tmp_path: Path) -> None:
    layout = Layout(tmp_path).create()
    write_atomically(tmp_path / "chunks" / "code" / "CURRENT", b"abc\n")
    left = tmp_path / "chunks" / "code" / ".CURRENT-ab12cd_9"
    fresh = tmp_path / "chunks" / "code" / ".CURRENT-zz12cd_9"
    guard = tmp_path / "tmp" / "stage-abcd.lock"
    guard.parent.mkdir()
    for path in (left, fresh, guard):
        path.write_bytes(b"")
    os.utime(left, (time.time() - 7200, time.time() - 7200))
    with layout.temporary("busy") as busy:
        layout.remove_leftovers()
        assert busy.is_dir() and busy.with_suffix(".lock").exists() and not guard.exists()
    assert layout.remove_half_written() == 1
    assert fresh.exists() and not left.exists() and (tmp_path / ".gitignore").exists()
