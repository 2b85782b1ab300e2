"""Restoring a backup into an empty data folder: every byte is compared with its digest before any of it is used."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigurationError, CorruptArtifactError, NewerDataError
from ...progress import Say
from ...storage.layout import FORMAT_VERSION, Layout, require_space
from .manifest import BackupManifest, BackupTarget, copy_content, damaged_files

_UNFINISHED = ".restoring"
_OF_AN_EMPTY_ONE = {"VERSION", ".gitignore", "locks", "tmp"}
_NAMED = 50


class DamagedBackupError(CorruptArtifactError):
    """Files of a backup are damaged; `files` has every one of them with what is wrong."""

    def __init__(self, name: str, files: list[tuple[str, str]]) -> None:
        lines = "\n  ".join(f"{path}: {fault}" for path, fault in files[:_NAMED])
        more = f"\n  and {len(files) - _NAMED:,} more" if len(files) > _NAMED else ""
        super().__init__(
            f"{len(files):,} files of the backup {name} are damaged:\n  {lines}{more}",
            remedy="restore an earlier backup (--name); or delete the damaged contents named here, and back up again",
        )
        self.files = files


@dataclass(frozen=True)
class RestoreReport:
    """What was restored, or, of a dry run, what would be."""

    name: str
    data: str
    dry_run: bool
    made_at: float
    files: int
    bytes: int
    partitions: int
    left_out: tuple[str, ...]
    seconds: float


def restore_backup(
    layout: Layout, place: Path, *, name: str | None = None, dry_run: bool = False, say: Say = lambda line: None
) -> RestoreReport:
    """Restores a backup (the newest one, or that of a name) into an empty data folder.

    Raises ConfigurationError for a folder that is not empty or a place without backups, DamagedBackupError,
    NewerDataError for a backup of a newer version, OutOfDiskError. What fails leaves the folder empty.
    """
    started = time.monotonic()
    place = place.expanduser().absolute()
    target = BackupTarget(place)
    names = target.names()
    if not names:
        raise ConfigurationError(f"{place} has no backups", remedy="name a folder that `code-index backup` wrote to")
    manifest = target.read(name or names[0])
    if manifest.data_format > FORMAT_VERSION:
        raise NewerDataError(
            f"the backup {manifest.name} was made by version {manifest.program}", remedy="update Code Index"
        )
    _require_empty(layout.root, manifest)
    say(f"comparing {len(manifest.files):,} files with their digests")
    if damaged := list(damaged_files(target, manifest)):
        raise DamagedBackupError(manifest.name, damaged)
    if not dry_run:
        _restore(layout.root, target, manifest)
    return RestoreReport(
        manifest.name, str(layout.root), dry_run, manifest.made_at, len(manifest.files),
        sum(entry.size for entry in manifest.files), len(manifest.commits), manifest.left_out,
        round(time.monotonic() - started, 3),
    )  # fmt: skip


def _require_empty(root: Path, manifest: BackupManifest) -> None:
    if not root.exists():
        return
    if not root.is_dir():
        raise ConfigurationError(f"{root} is a file", remedy="set CODE_INDEX_DATA to an empty folder")
    found = {path.name for path in root.iterdir()}
    ours = {entry.path.partition("/")[0] for entry in manifest.files} if _UNFINISHED in found else set()
    if more := found - _OF_AN_EMPTY_ONE - ours - {_UNFINISHED, *(f.partition("/")[0] for f in manifest.folders)}:
        raise ConfigurationError(
            f"the data folder {root} is not empty: it has {', '.join(sorted(more)[:5])}",
            remedy="set CODE_INDEX_DATA to an empty folder, or move this one away",
        )


def _restore(root: Path, target: BackupTarget, manifest: BackupManifest) -> None:
    """Writes everything beside its place, then moves it there; one that was cut off begins again from the start."""
    root.mkdir(parents=True, exist_ok=True)
    place = root / _UNFINISHED
    if place.exists():
        _clear(root)
    place.mkdir()
    try:
        held = {entry.digest: target.object_path(entry.digest).stat().st_blocks * 512 for entry in manifest.files}
        require_space(place, sum(held.values()), "the restored data")
        _write(place, target, manifest)
        os.sync()
        shutil.rmtree(root / "locks", ignore_errors=True)
        for path in sorted(place.iterdir(), key=lambda path: path.name == "VERSION"):
            path.replace(root / path.name)
        place.rmdir()
    except BaseException:
        _clear(root)
        raise


def _write(place: Path, target: BackupTarget, manifest: BackupManifest) -> None:
    damaged = []
    for folder in manifest.folders:
        (place / folder).mkdir(parents=True, exist_ok=True)
    for entry in manifest.files:
        path = place / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.linked:
            os.link(place / entry.linked, path)
            continue
        digest, size = copy_content(target.object_path(entry.digest), path)
        if (digest, size) != (entry.digest, entry.size):
            damaged.append((entry.path, "its content changed while it was read"))
        path.chmod(entry.mode)
        os.utime(path, ns=(entry.modified_ns, entry.modified_ns))
    if damaged:
        raise DamagedBackupError(manifest.name, damaged)


def _clear(root: Path) -> None:
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
