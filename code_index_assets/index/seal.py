"""Seals: what a finished shard folder held, file by file, so that bytes that change later are found.

What lives here: making and checking them. What does not: what follows from a broken one (`rebuild.py`).

A seal is a CRC of each file's blocks that are not all zeros: holes and zeros are the same to the engine, and a file is
mostly holes (2.4 GB/s; 0.05 s for the 112 MB of 100,000 points). The first loading rewrites a few small files: those
are left to the engine, which refuses them if it cannot read them.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

from ..storage.fingerprint import sealed, unsealed

FILE = ".seal.json"
_BLOCK = 1 << 16
_ZEROS = bytes(_BLOCK)
# Rewritten, or taken in and removed, when a shard is loaded.
_OF_THE_ENGINE = (
    "edge_config.json",
    "tracker_journal.dat",
    "mutable_id_tracker.mappings",
    "mutable_id_tracker.versions",
    "id_tracker.versions",
)


def seal(folder: Path, source: Path | None = None) -> None:
    """Writes the seal of a finished folder into it. Files that are the same as in `source` (hard links) are taken from
    its seal, and not read."""
    known = _sealed(source) if source is not None else {}
    files = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        state = known.get(name) if source is not None and _same_file(path, source / name) else None
        files[name] = state or _state(path)
    (folder / FILE).write_bytes(sealed(json.dumps({"files": files}, separators=(",", ":")).encode()))


def broken(folder: Path) -> list[str]:
    """Files of a folder that are not as they were sealed, by name; none for a folder that never had a seal."""
    try:
        known = _read(folder)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError):
        return [FILE]
    return [name for name, state in known.items() if _state(folder / name) != state]


def _read(folder: Path) -> dict[str, list[int]]:
    return dict(json.loads(unsealed((folder / FILE).read_bytes()))["files"])


def _sealed(folder: Path) -> dict[str, list[int]]:
    """What a folder's seal says; nothing if it has none that can be read."""
    try:
        return _read(folder)
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if not path.name.startswith(".") and path.name not in _OF_THE_ENGINE]


def _state(path: Path) -> list[int]:
    """Size and checksum of a file; [] if it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return []
    try:
        size = os.fstat(handle).st_size
        checksum = at = 0
        while at < size:
            try:
                at = os.lseek(handle, at, os.SEEK_DATA)
                end = os.lseek(handle, at, os.SEEK_HOLE)
            except OSError:
                break  # only a hole is left
            at -= at % _BLOCK
            while at < end:
                block = os.pread(handle, _BLOCK, at)
                if not block:
                    break
                if block != _ZEROS[: len(block)]:
                    checksum = zlib.crc32(block, zlib.crc32(at.to_bytes(8, "little"), checksum))
                at += _BLOCK
        return [size, checksum]
    except OSError:
        return []
    finally:
        os.close(handle)
