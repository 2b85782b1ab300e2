"""The vector cache: content-addressed vectors of one embedding space, on disk, shared by all runs.

What lives here: look-up, storing as the work goes, removal, compaction. What does not: deciding what to embed
(`embedding/chunk_vectors.py`).

An LMDB environment (docs/adr/003-vector-cache.md): one writer at a time across processes, readers never wait, a killed
writer leaves the last committed state, and look-ups read pages through the memory map without loading anything. Each
row carries a checksum; a row that does not match is a miss.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import struct
import threading
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from ...errors import EmbeddingError, OutOfDiskError
from ..interface import Vectors

_FIRST_MAP = 1 << 30
# Of LMDB's file: the size of a page, and what its two header pages begin with.
_PAGE = 4096
_MAGIC = 0xBEEFC0DE
_LOCK_BYTES = 65_664  # of 1,024 readers
_CHECKSUM_BYTES = 4
_KEPT = np.dtype("<f2")
_open: dict[Path, tuple[Any, tuple[int, int] | None]] = {}
_open_lock = threading.Lock()


def vectors_lock(space: str) -> str:
    """The lock that who works with a cache holds shared, and who compacts it alone."""
    return f"vectors-{space}"


def as_kept(vectors: Vectors) -> Vectors:
    """Vectors (float32) rounded to what the cache keeps of them.

    Half precision takes half the disk (cosine to the vector above .9999999); what is computed is rounded before it is
    used, so that a vector is the same bits whether it was computed or found.
    """
    return vectors.astype(_KEPT).astype(np.float32)


class VectorCache:
    """Vectors by 32-digit hex keys: `dimension` numbers, in float32 to the caller, in float16 on disk."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        self._env = _environment(folder)

    def get(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of the keys that are there, undamaged."""
        try:
            return self._found(keys)
        except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.PanicError):
            self._start_anew()
            return {}

    def _found(self, keys: Sequence[str]) -> dict[str, Vectors]:
        vectors: dict[str, Vectors] = {}
        size = _CHECKSUM_BYTES + _KEPT.itemsize * self.dimension
        with self._begin(write=False) as transaction:
            for key in keys:
                row = transaction.get(bytes.fromhex(key), None)
                if row is None or len(row) != size:
                    continue
                body = bytes(row[_CHECKSUM_BYTES:])
                if zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "little") == bytes(row[:_CHECKSUM_BYTES]):
                    vectors[key] = np.frombuffer(body, dtype=_KEPT).astype(np.float32)
        return vectors

    def put(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Stores vectors; durable when this returns. Raises OutOfDiskError."""
        rows = [
            (bytes.fromhex(k), np.ascontiguousarray(v, dtype=_KEPT).tobytes())
            for k, v in zip(keys, vectors, strict=True)
        ]
        rows.sort()
        while True:
            try:
                with self._begin(write=True) as transaction:
                    for key, body in rows:
                        transaction.put(key, zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "little") + body)
                return
            except lmdb.MapFullError:
                self._env.set_mapsize(self._env.info()["map_size"] * 2)
            except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.PanicError):
                self._start_anew()
            except lmdb.DiskError as error:
                raise _full(self.folder, error) from error

    def remove(self, keys: Iterable[str]) -> int:
        """Removes vectors; returns how many were there."""
        with self._begin(write=True) as transaction:
            return sum(transaction.delete(bytes.fromhex(key)) for key in keys)

    def compact(self) -> None:
        """Rewrites the file without the pages that removals left, and without what they held.

        Only for when no other process uses the cache: other processes keep the old file until they open it again.
        """
        target = self.folder / "compact"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        self._env.copy(str(target), compact=True)
        with _open_lock:
            self._env.close()
            _open.pop(self.folder.absolute(), None)
            (target / "data.mdb").replace(self.folder / "data.mdb")
        shutil.rmtree(target, ignore_errors=True)
        self._env = _environment(self.folder)

    def keys(self) -> set[str]:
        """Every key in the cache, in hexadecimal."""
        with self._begin(write=False) as transaction:
            return {bytes(key).hex() for key in transaction.cursor().iternext(keys=True, values=False)}

    def __len__(self) -> int:
        return int(self._env.stat()["entries"])

    def _start_anew(self) -> None:
        """Puts a damaged cache aside: what it held is taken from artifacts, or computed again."""
        forget(self.folder)
        self._env = _environment(self.folder)

    def _begin(self, *, write: bool) -> Any:
        try:
            return self._env.begin(write=write, buffers=True)
        except lmdb.MapResizedError:
            self._env.set_mapsize(0)  # another process let the map grow: take its size
            return self._env.begin(write=write, buffers=True)


def _identity(data: Path) -> tuple[int, int] | None:
    """Which file has that name now: a compaction by another process replaces it."""
    try:
        status = data.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _allocate_lock(folder: Path) -> None:
    """Has the lock file's blocks on the disk before LMDB maps it: a full disk is an error then, not a SIGBUS.

    Raises OutOfDiskError.
    """
    try:
        with (folder / "lock.mdb").open("ab") as stream:
            os.posix_fallocate(stream.fileno(), 0, _LOCK_BYTES)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(folder, error) from error
        # Where it cannot be allocated (another file system), LMDB makes it as it always did.


def _full(folder: Path, error: Exception) -> OutOfDiskError:
    return OutOfDiskError(
        f"the vector cache in {folder} cannot be written: {error}", remedy="free some space and run again"
    )


def data_file(folder: Path) -> Path:
    """The file of the LMDB environment in a folder."""
    return folder / "data.mdb"


def is_sound(folder: Path) -> bool:
    """Whether the file is as long as its header says, or there is none yet. LMDB maps it: reading beyond its end would
    end the process."""
    data = data_file(folder)
    try:
        size = data.stat().st_size
        with data.open("rb") as stream:
            head = stream.read(2 * _PAGE)
    except OSError:
        return True
    if size == 0:
        return True
    last_pages = []
    for at in (0, _PAGE):
        page = head[at : at + 16 + 136]
        if len(page) < 16 + 136 or struct.unpack_from("<I", page, 16)[0] != _MAGIC:
            return False
        last_pages.append(struct.unpack_from("<QQ", page, 16 + 120))
    last, _ = max(last_pages, key=lambda candidate: candidate[1])
    return bool(size >= (last + 1) * _PAGE)


def forget(folder: Path) -> None:
    """Puts a damaged cache aside, in place of one that was put aside before."""
    folder = folder.absolute()
    with _open_lock:
        known = _open.pop(folder, None)
        if known is not None:
            known[0].close()
        _put_aside(folder)


def _put_aside(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        data_file(folder).replace(folder / "damaged.mdb")
    (folder / "lock.mdb").unlink(missing_ok=True)


def _environment(folder: Path) -> Any:
    """One environment per folder and process: LMDB forbids a second."""
    folder = folder.absolute()
    with _open_lock:
        data = folder / "data.mdb"
        known = _open.get(folder)
        if known is not None and known[1] == _identity(data):
            return known[0]
        if known is not None:
            known[0].close()
        folder.mkdir(parents=True, exist_ok=True)
        if not is_sound(folder):
            _put_aside(folder)
        _allocate_lock(folder)
        size = max(_FIRST_MAP, 2 * data.stat().st_size if data.exists() else 0)
        try:
            # Without metasync a power cut may lose the last commit, never the file; each commit is one fsync less.
            environment = lmdb.open(str(folder), map_size=size, metasync=False, max_readers=1024, max_dbs=0)
        except lmdb.Error as error:
            raise EmbeddingError(
                f"the vector cache in {folder} cannot be opened: {error}",
                remedy="remove that folder: vectors are computed again as they are needed",
            ) from error
        _open[folder] = environment, _identity(data)
        return environment


def state_of(folder: Path) -> str:
    """A text that changes with every commit to the cache in a folder."""
    data = data_file(folder)
    return f"{data.stat().st_ino}-{_environment(folder).info()['last_txnid']}"


def copy_to(folder: Path, target: Path) -> None:
    """Copies a cache, as of one commit, into an empty folder; readers and the writer go on. Raises EmbeddingError."""
    try:
        _environment(folder).copy(str(target), compact=False)
    except lmdb.Error as error:
        raise EmbeddingError(
            f"the vector cache in {folder} cannot be copied: {error}", remedy="code-index repair caches"
        ) from error
