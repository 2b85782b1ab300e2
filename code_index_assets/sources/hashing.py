"""Hashing files of a folder: in parallel, with a cache, and noticing files that change meanwhile.

What lives here: content ids of files on disk (SHA-256 as in folders, git blob ids as in checkouts) and the cache that
saves hashing what did not change. What does not: which files there are (`folder.py`, `sources/git/worktree.py`).
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from glob import escape as glob_escape
from pathlib import Path
from typing import Protocol

import polars as pl

from ..errors import SourceChangedError
from ..storage.fingerprint import digest
from ..storage.layout import Layout, key_segment
from .safe_names import safe_names
from .snapshot import MODE_EXECUTABLE, MODE_FILE, MODE_SYMLINK, NOT_READABLE

# A file written within the granularity of its time stamp (2 s on FAT, below on others) can change again unseen.
SETTLED_NS = 2_000_000_000
_DIGEST_BYTES = 16
_PARQUET_END = b"PAR1"
_BLOCK = 1 << 20
_SCHEMA = {
    "path": pl.Binary,
    "size": pl.Int64,
    "mtime": pl.Int64,
    "ctime": pl.Int64,
    "inode": pl.UInt64,
    "id": pl.String,
}


class ContentId(Protocol):
    """How content is named: `prefix` of the id, and a hash state for content of a known size."""

    prefix: str

    def start(self, size: int) -> hashlib._Hash:
        """A hash that has taken in what precedes content of this many bytes."""
        ...


class Sha256Id:
    """`sha256:<hex>`, as outside git."""

    prefix = "sha256:"

    def start(self, size: int) -> hashlib._Hash:
        """SHA-256 of the content alone."""
        return hashlib.sha256()


class GitBlobId:
    """Git's blob id in the repository's object format."""

    prefix = ""

    def __init__(self, sha256: bool = False) -> None:
        self._new: Callable[[], hashlib._Hash] = (
            hashlib.sha256 if sha256 else lambda: hashlib.sha1(usedforsecurity=False)
        )

    def start(self, size: int) -> hashlib._Hash:
        """Git's blob id: a header with the size, then the content."""
        state = self._new()
        state.update(b"blob %d\0" % size)
        return state


def id_of(scheme: ContentId, content: bytes) -> str:
    """The id of a content."""
    state = scheme.start(len(content))
    state.update(content)
    return scheme.prefix + state.hexdigest()


@dataclass(frozen=True)
class Hashed:
    """A file as it was hashed; `size` is None where it could not be read; `blob` names the reason then."""

    path: bytes
    blob: str
    mode: int
    size: int | None


def hash_files(root: Path, paths: Iterable[bytes], scheme: ContentId, cache: HashCache) -> list[Hashed]:
    """Hashes files and symlinks below root, in order; files that are gone by now are left out."""
    base = os.fsencode(root)

    def work(path: bytes) -> Hashed | None:
        return _hash_one(base, path, scheme, cache)

    # hashlib lets go of the GIL, so threads hash in parallel; more than 8 only queue at the disk.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        results = list(pool.map(work, paths, chunksize=64))
    cache.save()
    return [result for result in results if result is not None]


def _hash_one(base: bytes, path: bytes, scheme: ContentId, cache: HashCache) -> Hashed | None:
    full = base + b"/" + path
    try:
        return _hash_entry(full, path, scheme, cache)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return Hashed(path, NOT_READABLE, MODE_FILE, None)


def _hash_entry(full: bytes, path: bytes, scheme: ContentId, cache: HashCache) -> Hashed:
    status = os.lstat(full)
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(full)
        return Hashed(path, id_of(scheme, target), MODE_SYMLINK, len(target))
    if not stat.S_ISREG(status.st_mode):
        return Hashed(path, NOT_READABLE, 0, None)
    mode = MODE_EXECUTABLE if status.st_mode & 0o100 else MODE_FILE
    known = cache.get(path, status)
    if known is not None:
        return Hashed(path, known, mode, status.st_size)
    for _ in range(3):
        blob, after = _hash_content(full, scheme)
        if blob is not None:
            cache.put(path, after, blob)
            return Hashed(path, blob, mode, after.st_size)
    raise SourceChangedError(
        f"{os.fsdecode(full)} is being written to all the time", remedy="run again when nothing writes there"
    )


def _hash_content(full: bytes, scheme: ContentId) -> tuple[str | None, os.stat_result]:
    """Id and state of a file; None for the id if it changed while it was read."""
    handle = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(handle)
        state = scheme.start(before.st_size)
        count = 0
        while block := os.read(handle, _BLOCK):
            state.update(block)
            count += len(block)
        after = os.fstat(handle)
    finally:
        os.close(handle)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and count == after.st_size
    return (scheme.prefix + state.hexdigest() if same else None), after


def read_regular(root: Path, path: bytes, limit: int | None) -> bytes | None:
    """Content of a regular file, or a symlink's target; None if it is gone, is neither, or is longer than `limit`."""
    full = os.fsencode(root) + b"/" + path
    try:
        if stat.S_ISLNK(os.lstat(full).st_mode):
            return os.readlink(full)
        handle = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as stream:
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or (limit is not None and status.st_size > limit):
                return None
            return stream.read()
        except OSError:
            return None


class HashCache:
    """Content ids of files by path, size, times and inode, kept between runs. Losing it costs time, nothing else."""

    def __init__(self, layout: Layout, name: str, scheme: str) -> None:
        self._file = layout.root / "hash_cache" / f"{key_segment(name)}-{scheme}.parquet"
        self._known: dict[bytes, tuple[int, int, int, int, str]] = {}
        self._seen: dict[bytes, tuple[int, int, int, int, str]] = {}
        raw = _unsealed(self._file)
        if raw is not None:
            for path, *facts in pl.read_parquet(io.BytesIO(raw), schema=_SCHEMA).iter_rows():
                self._known[path] = tuple(facts)

    def get(self, path: bytes, status: os.stat_result) -> str | None:
        """The id of an unchanged file; None if the file is new or changed."""
        known = self._known.get(path)
        if known is None or known[:4] != _facts(status):
            return None
        self._seen[path] = known
        return known[4]

    def put(self, path: bytes, status: os.stat_result, blob: str) -> None:
        """Keeps the id of a file that did not change just now."""
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > SETTLED_NS:
            self._seen[path] = (*_facts(status), blob)

    def save(self) -> None:
        """Keeps what was seen since the cache was opened; a cache that cannot be written is done without."""
        if self._seen == self._known:
            return
        paths = sorted(self._seen)
        unsafe = safe_names([path.decode("utf-8", "replace") for path in paths])
        rows = [(path, *self._seen[path]) for i, path in enumerate(paths) if i not in unsafe]
        frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
        temporary = self._file.with_name(f".{self._file.name}-{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            stream = io.BytesIO()
            frame.write_parquet(stream)
            # A wrong hash would be believed for good: the file ends with the digest of its bytes.
            temporary.write_bytes(stream.getvalue() + bytes.fromhex(digest(stream.getvalue())))
            temporary.replace(self._file)
        except OSError:
            temporary.unlink(missing_ok=True)
        self._known, self._seen = self._seen, dict(self._seen)


def is_sound_cache(file: Path) -> bool:
    """Whether a cache's bytes are those that were written. One without a digest is of an earlier version: not read."""
    return _unsealed(file) is not None or file.read_bytes().endswith(_PARQUET_END)


def _unsealed(file: Path) -> bytes | None:
    try:
        raw = file.read_bytes()
    except OSError:
        return None
    body = raw[:-_DIGEST_BYTES]
    return body if body and bytes.fromhex(digest(body)) == raw[-_DIGEST_BYTES:] else None


def _facts(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def forget_hashes(layout: Layout, names: Iterable[str]) -> None:
    """Removes the caches of some repositories: their next run reads and hashes every file."""
    for name in names:
        for file in (layout.root / "hash_cache").glob(f"{glob_escape(key_segment(name))}-*.parquet"):
            file.unlink(missing_ok=True)
