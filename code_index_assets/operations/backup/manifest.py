"""What a backup holds, in one file that is written last: each file's place, size and digest.

What lives here: the manifest's shape, reading and writing it, and the contents ("objects") that all backups of a target
share. What does not: what of a data folder belongs into a backup (`snapshot.py`).

A target holds `objects/ab/<SHA-256>`, one file a content, and `backups/<name>.json`. An object never changes, and a
manifest appears only when its objects are there: what is cut off leaves the earlier backups as they are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, CorruptArtifactError
from ...storage.fingerprint import sealed, unsealed
from ...storage.layout import write_atomically

BACKUP_FORMAT = 1
_BLOCK = 1 << 20
_ZEROS = bytes(_BLOCK)


@dataclass(frozen=True)
class StoredFile:
    """One file of a backup. `origin` tells whether the file it came from has changed since; `linked` is the path of the
    file that is the same one under another name, "" if none is."""

    path: str
    size: int
    mode: int
    modified_ns: int
    digest: str
    origin: str = ""
    linked: str = ""


@dataclass(frozen=True)
class BackupManifest:
    """One backup: its files, the publications it holds, and what could not be taken into it."""

    name: str
    made_at: float
    program: str
    data_format: int
    publications: dict[str, str]
    commits: dict[str, str]
    files: tuple[StoredFile, ...]
    folders: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    format: int = BACKUP_FORMAT

    def to_json(self) -> bytes:
        """The manifest as JSON with its digest."""
        return sealed(json.dumps(asdict(self), separators=(",", ":")).encode())

    @classmethod
    def from_json(cls, raw: bytes) -> BackupManifest:
        """The manifest of such JSON. Raises DamagedIndexError, ValueError, TypeError, KeyError."""
        body: dict[str, Any] = json.loads(unsealed(raw))
        body["files"] = tuple(StoredFile(**entry) for entry in body["files"])
        body["folders"], body["left_out"] = tuple(body["folders"]), tuple(body["left_out"])
        return cls(**body)


@dataclass(frozen=True)
class BackupTarget:
    """A folder of backups."""

    root: Path
    objects: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "objects", self.root / "objects")

    def names(self) -> list[str]:
        """Names of the backups, newest first."""
        return sorted((path.stem for path in (self.root / "backups").glob("*.json")), reverse=True)

    def manifest_path(self, name: str) -> Path:
        """The file of a backup's manifest."""
        return self.root / "backups" / f"{name}.json"

    def read(self, name: str) -> BackupManifest:
        """A backup's manifest. Raises ConfigurationError if there is none, CorruptArtifactError if it is damaged."""
        path = self.manifest_path(name)
        try:
            return BackupManifest.from_json(path.read_bytes())
        except FileNotFoundError:
            known = ", ".join(self.names()[:5]) or "it has none"
            raise ConfigurationError(
                f"{self.root} has no backup {name!r}", remedy=f"backups of this folder, newest first: {known}"
            ) from None
        except (ValueError, TypeError, KeyError, CorruptArtifactError) as error:
            raise CorruptArtifactError(
                f"the manifest {path} is damaged: {error}", remedy="name an earlier backup: code-index restore --name"
            ) from error

    def newest(self) -> BackupManifest | None:
        """The newest backup whose manifest can be read, or None."""
        for name in self.names():
            try:
                return self.read(name)
            except CorruptArtifactError:
                continue
        return None

    def object_path(self, digest: str) -> Path:
        """Where the content of a digest is kept."""
        return self.objects / digest[:2] / digest

    def has(self, digest: str, size: int) -> bool:
        """Whether a content is there, in full length."""
        try:
            return self.object_path(digest).stat().st_size == size
        except OSError:
            return False

    def write(self, manifest: BackupManifest) -> None:
        """Makes a backup visible. Everything written before reaches the disk first."""
        os.sync()
        write_atomically(self.manifest_path(manifest.name), manifest.to_json())

    def forget(self, keep: int) -> tuple[int, int]:
        """Removes all but the newest `keep` backups, and contents that none of these names: (backups, objects)."""
        names = self.names()
        for name in names[keep:]:
            self.manifest_path(name).unlink(missing_ok=True)
        try:
            named = {entry.digest for name in names[:keep] for entry in self.read(name).files}
        except CorruptArtifactError:
            return len(names[keep:]), 0  # what a damaged manifest names is unknown: nothing is removed
        unnamed = [path for path in self.objects.glob("??/*") if path.name not in named]
        for path in unnamed:
            path.unlink(missing_ok=True)
        return len(names[keep:]), len(unnamed)


def copy_content(source: Path, target: Path, limit: int | None = None) -> tuple[str, int]:
    """Copies a file, or its first `limit` bytes, holes kept; returns digest and size of what was copied."""
    hashed, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(_BLOCK if limit is None else min(_BLOCK, limit - size)):
            hashed.update(block)
            size += len(block)
            if block == _ZEROS:
                writer.seek(len(block), os.SEEK_CUR)
            else:
                writer.write(block)
        writer.truncate(size)
    return hashed.hexdigest(), size


def digest_of(path: Path) -> str:
    """The digest of a file's content."""
    hashed = hashlib.sha256()
    with path.open("rb") as reader:
        while block := reader.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()


def damaged_files(target: BackupTarget, manifest: BackupManifest) -> Iterator[tuple[str, str]]:
    """Files of a backup whose content is gone or not the one that was stored: path, and what is wrong."""
    known: dict[str, str] = {}
    for entry in manifest.files:
        if entry.digest not in known:
            known[entry.digest] = _fault(target.object_path(entry.digest), entry)
        if known[entry.digest]:
            yield entry.path, known[entry.digest]


def _fault(path: Path, entry: StoredFile) -> str:
    try:
        size = path.stat().st_size
        if size != entry.size:
            return f"{path} has {size:,} bytes in place of {entry.size:,}"
        return "" if digest_of(path) == entry.digest else f"{path} holds other bytes than were stored"
    except FileNotFoundError:
        return f"{path} is gone"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
