"""The vector cache: what was put is found, what was damaged is a miss, what was removed is gone from the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from code_index_assets.embedding.cache.vectors import VectorCache, as_kept
from code_index_assets.storage.fingerprint import digest


def keys(count: int) -> list[str]:
    return [digest(str(i)) for i in range(count)]


def vectors(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)


def test_what_is_found_is_what_was_computed_as_it_is_kept(tmp_path: Path) -> None:
    cache, put = VectorCache(tmp_path / "c", 8), as_kept(vectors(500))
    assert np.array_equal(as_kept(put), put)
    cache.put(keys(500), put)
    found = cache.get([*keys(500), digest("absent")])
    assert len(found) == len(cache) == 500
    assert all(np.array_equal(found[key], row) for key, row in zip(keys(500), put, strict=True))


def test_a_damaged_row_is_a_miss(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "c", 8)
    cache.put(keys(3), vectors(3))
    raw = bytes.fromhex(keys(3)[1])
    with cache._begin(write=True) as transaction:
        row = bytearray(transaction.get(raw))
        row[-1] ^= 1
        transaction.put(raw, bytes(row))
    assert set(cache.get(keys(3))) == {keys(3)[0], keys(3)[2]}


def test_what_was_removed_leaves_the_file_when_compacted(tmp_path: Path) -> None:
    cache, put = VectorCache(tmp_path / "c", 8), vectors(50)
    cache.put(keys(50), put)
    assert cache.remove(keys(10)) == 10
    cache.compact()
    assert len(cache) == 40
    file = (tmp_path / "c" / "data.mdb").read_bytes()
    assert put[0].astype("<f2").tobytes() not in file
    assert put[20].astype("<f2").tobytes() in file


def test_rounding_hardly_turns_a_vector() -> None:
    rows = np.random.default_rng(3).standard_normal((200, 1024)).astype(np.float32)
    rows = rows.astype(float)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    kept = as_kept(rows)
    cosines = (rows.astype(float) * kept).sum(axis=1) / np.linalg.norm(kept.astype(float), axis=1)
    assert cosines.min() > 0.9999999
    assert np.abs(np.linalg.norm(kept, axis=1) - 1).max() < 1e-4


def test_processes_write_side_by_side(tmp_path: Path) -> None:
    script = """
import sys, numpy as np
from pathlib import Path
from code_index_assets.embedding.cache.vectors import VectorCache
from code_index_assets.storage.fingerprint import digest
cache, me = VectorCache(Path(sys.argv[1]), 8), sys.argv[2]
for i in range(40):
    cache.put([digest(me, str(i))], np.full((1, 8), i, dtype=np.float32))
"""
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "c"), name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    cache = VectorCache(tmp_path / "c", 8)
    found = cache.get([digest(name, str(i)) for name in "abc" for i in range(40)])
    assert len(found) == 120
    assert found[digest("b", "7")][0] == 7
