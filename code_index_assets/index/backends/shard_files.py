"""The files of a shard: copying a generation, and the digest by which it is known again.

What lives here: these. What does not: what the engine reads in them (`edge_engine.py`), seals (`index/seal.py`).

The engine never writes some files of an immutable segment again, however many of its points are removed: those are
shared between generations by hard links, so that a copy costs what can change. A test holds the list against the
engine, and the seal of every generation covers shared files as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from ...errors import DamagedIndexError
from ...storage.fingerprint import digest, file_digest
from ..manifest import REBUILD_REMEDY
from ..seal import broken

# Files up to this size are in the inventory with their bytes. Of 220 MB of 100,000 points 35 MB, 30 ms; loading: 0.6 s.
INVENTORY_BYTES = 4 << 20
# Only immutable segments have it: the dense vectors, end to end.
_IMMUTABLE = Path("vector_storage-dense/matrix.dat")
_SHARED = frozenset(
    ("matrix.dat", "inverted_index.dat", "indices_tracker.json", "point_to_values.bin", "values_to_points.bin",
     "prefix_index.bin", "id_tracker.e2i", "id_tracker.i2e", "graph.bin", "links_compressed.bin")
)  # fmt: skip
# Texts and sparse vectors. Points are added to appendable segments alone; removing one is noted in other files.
_PAGES = "page_"


def copy_sound(source: Path, target: Path) -> None:
    """Copies a published generation to change the copy. Raises DamagedIndexError if its bytes are not those that were
    published: the copy would be sealed with the damage in it."""
    if not source.is_dir():
        raise DamagedIndexError(f"the index shard {source} is gone", remedy=REBUILD_REMEDY)
    if changed := broken(source):
        raise DamagedIndexError(
            f"the index shard {source} is damaged: {changed[0]} is not what was written", remedy=REBUILD_REMEDY
        )
    copy_shard(source, target, share=True)


def copy_shard(source: Path, target: Path, *, share: bool = False) -> None:
    """Copies a shard folder, holes kept: the engine's files are mostly preallocated (336 MB long, 112 MB on disk).

    `share`: files that the engine never writes again become hard links, where the file system has them.
    """
    for path, relative, fixed in _files(source):
        goal = target / relative
        goal.parent.mkdir(parents=True, exist_ok=True)
        if not (share and fixed and _linked(path, goal)):
            _copy_sparse(str(path), str(goal))
    target.mkdir(parents=True, exist_ok=True)
    for folder in source.glob("*/"):
        (target / folder.name).mkdir(exist_ok=True)  # the engine's empty folders


def copied_bytes(source: Path) -> int:
    """Bytes that a copy with shared files takes on the disk: holes take none."""
    return sum(path.stat().st_blocks * 512 for path, _, fixed in _files(source) if not fixed)


def _files(source: Path) -> Iterator[tuple[Path, Path, bool]]:
    """The files of a shard, where each is below it, and whether it is one that never changes again."""
    segments: dict[str, bool] = {}
    for folder, _, names in os.walk(source):
        parts = Path(folder).relative_to(source).parts
        fixed = False
        if len(parts) > 1 and parts[0] == "segments":
            if parts[1] not in segments:
                segments[parts[1]] = (source / parts[0] / parts[1] / _IMMUTABLE).is_file()
            fixed = segments[parts[1]]
        for name in names:
            if name.startswith("."):
                continue  # the seal, and temporary files of readers
            shared = fixed and (name in _SHARED or name.startswith(_PAGES))
            yield Path(folder, name), Path(*parts, name), shared


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links: copied
        return False
    return True


def _copy_sparse(source: str, target: str) -> None:
    reading = os.open(source, os.O_RDONLY)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            size = os.fstat(reading).st_size
            os.truncate(writing, size)
            at = 0
            while at < size:
                try:
                    start = os.lseek(reading, at, os.SEEK_DATA)
                except OSError:
                    break  # only a hole is left
                at = os.lseek(reading, start, os.SEEK_HOLE)
                _copy_range(reading, writing, start, at)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_range(reading: int, writing: int, start: int, end: int) -> None:
    # In the kernel where it can: a third less work, and no copy at all on a file system that shares extents.
    in_kernel = hasattr(os, "copy_file_range")
    while start < end:
        if in_kernel:
            try:
                done = os.copy_file_range(reading, writing, end - start, start, start)
            except OSError:  # what is really wrong, writing it says below
                in_kernel = False
                continue
        else:
            block = os.pread(reading, min(end - start, 8 << 20), start)
            done = os.pwrite(writing, block, start)
        if not done:
            break
        start += done


def inventory(folder: Path) -> str:
    """Digest of a shard's files: their names and sizes, and the bytes of those that loading goes through.

    Larger ones hold vectors and payloads, are mapped into memory, and would be most of the time. Once a shard has been
    loaded, loading it again changes none of them. Another version of the engine gives another digest.
    """
    parts = [version("qdrant-edge-py")]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            size = path.stat().st_size
            content = file_digest(path) if size <= INVENTORY_BYTES else ""
            parts += (path.relative_to(folder).as_posix(), str(size), content)
    return digest(*parts)
