"""Making a backup: what changed since the last one is copied, then the manifest makes it visible.

What lives here: copying a held state into a target. What does not: holding it (`snapshot.py`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ... import __version__
from ...embedding.cache.vectors import copy_to, is_sound, state_of
from ...errors import CodeIndexError, ConfigurationError, LockedError
from ...progress import Say
from ...settings import Settings
from ...storage.layout import FORMAT_VERSION, Layout, require_space
from .manifest import BackupManifest, BackupTarget, StoredFile, copy_content
from .snapshot import DataSnapshot, take_snapshot


@dataclass(frozen=True)
class BackupReport:
    """What a backup did: its name (what it would be, of a dry run), files and bytes, and what of these was new."""

    name: str
    target: str
    dry_run: bool
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    partitions: int
    left_out: tuple[str, ...]
    removed_backups: int
    seconds: float


def make_backup(
    layout: Layout, settings: Settings, place: Path, *, keep: int = 96, mirrors: bool = True, dry_run: bool = False,
    say: Say = lambda line: None,
) -> BackupReport:  # fmt: skip
    """Backs a data folder up into a folder outside of it, while runs and searches go on.

    Raises ConfigurationError for a place that cannot be used, LockedError while another backup goes there,
    DamagedIndexError where no publication can be read, OutOfDiskError.
    """
    started = time.monotonic()
    place = _usable(layout, place)
    target = BackupTarget(place)
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(3).hex()}"
    with _alone(target, dry_run), layout.temporary("backup") as folder:
        held = take_snapshot(layout, folder, mirrors=mirrors)
        _registry(layout, settings, held)
        copier = _Copier(layout, target, held, dry_run)
        say(f"{len(copier.sources):,} files of {sum(len(m.receipts) for m in held.publications.values()):,} partitions")
        files = tuple(copier.files())
        removed = 0
        if not dry_run:
            target.write(_manifest(name, held, files))
            removed = target.forget(keep)[0]
    partitions = {key for manifest in held.publications.values() for key in manifest.receipts}
    return BackupReport(
        name, str(place), dry_run, len(files), sum(entry.size for entry in files), copier.new_files, copier.new_bytes,
        len(partitions), tuple(held.left_out), removed, round(time.monotonic() - started, 3),
    )  # fmt: skip


def _usable(layout: Layout, place: Path) -> Path:
    place = place.expanduser().absolute()
    if not layout.root.is_dir() or not (layout.root / "VERSION").exists():
        raise ConfigurationError(f"{layout.root} is no data folder", remedy="set CODE_INDEX_DATA to the one to back up")
    if place.resolve().is_relative_to(layout.root.resolve()):
        raise ConfigurationError(
            f"{place} is inside of the data folder {layout.root}", remedy="name a folder on another disk"
        )
    known = place / "backups"
    if place.is_file() or (place.is_dir() and any(place.iterdir()) and not known.is_dir()):
        raise ConfigurationError(f"{place} holds other things than backups", remedy="name a new or an empty folder")
    return place


@contextmanager
def _alone(target: BackupTarget, dry_run: bool) -> Iterator[None]:
    """Holds a target against other backups. A dry run writes nothing there."""
    if dry_run:
        yield
        return
    try:
        (target.root / "backups").mkdir(parents=True, exist_ok=True)
        target.objects.mkdir(exist_ok=True)
        handle = (target.root / "lock").open("a+")
    except OSError as error:
        raise ConfigurationError(
            f"{target.root} cannot be written: {error.strerror}", remedy="check its owner, permissions and disk"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                f"another backup into {target.root} is under way", remedy="wait for it and try again"
            ) from None
        for leftover in target.objects.glob("new-*"):
            leftover.unlink(missing_ok=True)
        yield


def _registry(layout: Layout, settings: Settings, held: DataSnapshot) -> None:
    """A registry outside of the data folder comes along, in the place it has by default."""
    if settings.registry is not None and settings.registry.is_file():
        (held.folder / "repositories.toml").unlink(missing_ok=True)
        (held.folder / "repositories.toml").write_bytes(settings.registry.read_bytes())
    if os.environ.get("DAGSTER_HOME") and Path(os.environ["DAGSTER_HOME"]) != layout.dagster_home:
        held.left_out.append("Dagster's records: DAGSTER_HOME is outside of the data folder")


def _manifest(name: str, held: DataSnapshot, files: tuple[StoredFile, ...]) -> BackupManifest:
    folders = tuple(
        path.relative_to(held.folder).as_posix()
        for path in sorted(held.folder.rglob("*/"))
        if path.is_dir() and not any(path.iterdir())
    )
    receipts = [receipt for manifest in held.publications.values() for receipt in manifest.receipts.values()]
    commits = {receipt.key: receipt.commit for receipt in receipts}
    publications = {space: manifest.name for space, manifest in held.publications.items()}
    return BackupManifest(
        name, time.time(), __version__, FORMAT_VERSION, publications, commits, files, folders, tuple(held.left_out)
    )


class _Copier:
    """Copies what a target does not have yet; a file that has not changed since the last backup is not even read."""

    def __init__(self, layout: Layout, target: BackupTarget, held: DataSnapshot, dry_run: bool) -> None:
        self.layout, self.target, self.held, self.dry_run = layout, target, held, dry_run
        last = target.newest()
        self.known = {entry.path: entry for entry in last.files} if last else {}
        self.sources = sorted(path for path in held.folder.rglob("*") if path.is_file())
        self.new_files = self.new_bytes = 0
        self._first: dict[int, str] = {}

    def files(self) -> Iterator[StoredFile]:
        """Each file of the state, stored."""
        if not self.dry_run:
            changed = sum(path.stat().st_blocks * 512 for path in self.sources if not self._same(path))
            require_space(self.target.root, changed, "the backup")
        for path in self.sources:
            yield self._plain(path)
        for path in self.held.engines:
            entry = self._by_engine(path)
            if entry is not None:
                yield entry

    def _same(self, path: Path) -> StoredFile | None:
        """What is stored of a file that has not changed since."""
        found = self.known.get(path.relative_to(self.held.folder).as_posix())
        same = found is not None and found.origin == _origin(path) and self.target.has(found.digest, found.size)
        return found if same else None

    def _plain(self, path: Path) -> StoredFile:
        relative, state = path.relative_to(self.held.folder).as_posix(), path.stat()
        linked = self._first.setdefault(state.st_ino, relative) if state.st_nlink > 1 else relative
        linked = "" if linked == relative else linked
        if found := self._same(path):
            return StoredFile(relative, found.size, found.mode, found.modified_ns, found.digest, found.origin, linked)
        limit = _whole_lines(path, state.st_size) if path.suffix == ".jsonl" else state.st_size
        digest, size = self._store(path, limit)
        return StoredFile(relative, size, state.st_mode & 0o777, state.st_mtime_ns, digest, _origin(path), linked)

    def _by_engine(self, path: Path) -> StoredFile | None:
        """SQLite's and LMDB's files, as of one commit; one that is damaged is left out and named."""
        relative = path.relative_to(self.layout.root).as_posix()
        try:
            state = path.stat()
            lmdb = path.name == "data.mdb"
            if lmdb and not is_sound(path.parent):
                raise ConfigurationError("it is damaged")
            origin = state_of(path.parent) if lmdb else _sqlite_state(path)
            found = self.known.get(relative)
            if found and found.origin == origin and self.target.has(found.digest, found.size):
                return found
            with self.layout.temporary("backup") as folder:
                if lmdb:
                    copy_to(path.parent, folder)
                else:
                    _copy_sqlite(path, folder / path.name)
                digest, size = self._store(folder / path.name, None)
        except FileNotFoundError:
            return None
        except (CodeIndexError, sqlite3.Error) as error:
            self.held.left_out.append(f"{relative}: {error} (code-index repair)")
            return None
        return StoredFile(relative, size, state.st_mode & 0o777, state.st_mtime_ns, digest, origin)

    def _store(self, path: Path, limit: int | None) -> tuple[str, int]:
        if self.dry_run:
            self.new_files += 1
            self.new_bytes += path.stat().st_size if limit is None else limit
            return "", path.stat().st_size
        part = self.target.objects / f"new-{os.getpid()}"
        try:
            digest, size = copy_content(path, part, limit)
            if not self.target.has(digest, size):
                self.new_files += 1
                self.new_bytes += part.stat().st_blocks * 512
                goal = self.target.object_path(digest)
                goal.parent.mkdir(exist_ok=True)
                part.replace(goal)
        finally:
            part.unlink(missing_ok=True)
        return digest, size


def _origin(path: Path) -> str:
    state = path.stat()
    return f"{state.st_ino}-{state.st_mtime_ns}-{state.st_size}"


def _sqlite_state(path: Path) -> str:
    beside = [path, path.with_name(f"{path.name}-wal")]
    return " ".join(_origin(file) for file in beside if file.exists())


def _copy_sqlite(path: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _whole_lines(path: Path, size: int) -> int:
    """How many bytes of a log are whole lines: its writer may be within one."""
    with path.open("rb") as reader:
        at = size
        while at > 0:
            start = max(0, at - 65_536)
            reader.seek(start)
            found = reader.read(at - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            at = start
    return 0
