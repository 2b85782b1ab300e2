"""Where everything lives under the data folder, and the only ways to change what is current there.

What lives here: paths, partition keys as path segments, pointers moved by compare-and-swap, advisory locks, the
format version. What does not: what is inside an artifact (`artifacts.py`), and when one is made (`assets/`).

Rules every reader can rely on: artifact folders are immutable once they have their final name; a pointer names one
of them and moves only through `Layout.swap`; locks are `flock`s, so a killed process lets go at once.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from ..errors import ConfigurationError, LockedError, NewerDataError, OutOfDiskError
from .fingerprint import digest

FORMAT_VERSION = 1
_POINTER = re.compile(rb"[A-Za-z0-9%@+=,_~:-][A-Za-z0-9%@+=,_~:.-]{0,254}")
# What `write_atomically`, and the cache of hashes, call a file before it has its name.
_HALF_WRITTEN = re.compile(r"\.(.+-[a-z0-9_]{8}|.+\.parquet-[0-9]+)")
_OTHERS = {"dagster", "mirrors", "models", "segments", "tmp"}
_SPACE_REMEDY = (
    "free some space (`code-index prune` removes what no pointer names) and run again: finished stages are kept"
)
_SEGMENT_BYTES = 200  # leaves room for suffixes below the 255 bytes that common file systems allow


def key_segment(key: str) -> str:
    """A partition key as one path segment: percent-encoded; a very long one is cut and gets a digest."""
    segment = quote(key, safe="@+=,-_.")
    if segment in {".", ".."} or segment.startswith("."):
        segment = "%2E" + segment[1:]
    if len(segment) > _SEGMENT_BYTES:
        segment = f"{segment[: _SEGMENT_BYTES - 34]}~{digest(key)}"
    return segment


def segment_key(segment: str) -> str:
    """The partition key of a path segment (segments of cut keys give the cut form: manifests hold the whole key)."""
    return unquote(segment)


class Layout:
    """Paths, pointers and locks below one data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # -- set-up ------------------------------------------------------------------------------------------------

    def create(self) -> Layout:
        """Makes the data folder if it is not there and checks its format.

        Raises NewerDataError if a newer version of the program wrote it, ConfigurationError if it cannot be used.
        """
        try:
            if not self.root.is_file():
                self.root.mkdir(parents=True, exist_ok=True)
            self.check()
            version = self.root / "VERSION"
            if not version.exists():
                write_atomically(version, f"{FORMAT_VERSION}\n".encode())
            (self.root / ".gitignore").write_text("*\n")
        except OSError as error:
            raise _disk_error(error, self.root) from error
        return self.check()

    def check(self) -> Layout:
        """Checks the format of an existing data folder; a folder not made yet passes.

        Raises NewerDataError, ConfigurationError if it is no folder.
        """
        if self.root.exists() and not self.root.is_dir():
            raise ConfigurationError(
                f"the data folder {self.root} is a file", remedy="set CODE_INDEX_DATA to a folder, or unset it"
            )
        version = self.root / "VERSION"
        if version.exists():
            text = version.read_bytes().decode("ascii", "replace").strip()
            if not text.isdigit():
                raise ConfigurationError(
                    f"{version} holds {text[:20]!r} where the number of the format should be: it is damaged",
                    remedy="code-index repair records",
                )
            if int(text) > FORMAT_VERSION:
                raise NewerDataError(
                    f"the data folder {self.root} has format {text!r}; this version knows up to {FORMAT_VERSION}",
                    remedy="update Code Index, or point CODE_INDEX_DATA at another folder",
                )
        return self

    # -- paths -------------------------------------------------------------------------------------------------

    def mirror(self, repository: str) -> Path:
        """The bare mirror of a repository."""
        return self.root / "mirrors" / f"{key_segment(repository)}.git"

    def artifact_home(self, kind: str, key: str, space: str | None = None) -> Path:
        """The folder that holds all artifacts of one kind and key, and their CURRENT pointer."""
        base = self.root / kind
        return (base / space if space else base) / key_segment(key)

    def vectors(self, space: str) -> Path:
        """The vector cache of a space."""
        return self.root / "vectors" / space

    def index(self, space: str) -> Path:
        """The index of a space."""
        return self.root / "index" / space

    @property
    def run_log(self) -> Path:
        """The folder of run records."""
        return self.root / "run_log"

    @property
    def catalog(self) -> Path:
        """The file of the DuckDB catalogue."""
        return self.root / "catalog.duckdb"

    @property
    def inbox(self) -> Path:
        """The folder of events that wait for a sensor."""
        return self.root / "inbox"

    @property
    def models(self) -> Path:
        """The folder of models made or measured on this machine."""
        return self.root / "models"

    @property
    def dagster_home(self) -> Path:
        """The home of Dagster, unless `DAGSTER_HOME` is set."""
        return self.root / "dagster"

    def keys(self, kind: str, space: str | None = None) -> list[Path]:
        """Homes of all keys that have an artifact of this kind."""
        base = self.root / kind
        base = base / space if space else base
        return sorted(p for p in base.iterdir() if p.is_dir()) if base.is_dir() else []

    # -- pointers ----------------------------------------------------------------------------------------------

    def read_pointer(self, pointer: Path) -> str | None:
        """The name a pointer holds; None if it is not there, or holds what is no name."""
        try:
            raw = pointer.read_bytes().strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return raw.decode("ascii") if _POINTER.fullmatch(raw) else None

    def is_damaged_pointer(self, pointer: Path) -> bool:
        """Whether a pointer is there and holds what is no name."""
        return pointer.exists() and self.read_pointer(pointer) is None

    def swap(self, pointer: Path, expected: str | None, new: str | None) -> bool:
        """Moves a pointer from `expected` to `new` (None: absent); False if somebody else moved it first."""
        with self.lock(f"pointer-{digest(str(pointer.relative_to(self.root)))}", timeout=30):
            if self.read_pointer(pointer) != expected:
                return False
            if new is None:
                pointer.unlink(missing_ok=True)
            else:
                write_atomically(pointer, f"{new}\n".encode())
            return True

    # -- locks and temporary folders ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, name: str, *, timeout: float = 600.0, shared: bool = False) -> Iterator[None]:
        """Holds an advisory lock; raises LockedError after `timeout` seconds of waiting."""
        path = self.root / "locks" / f"{key_segment(name)}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + timeout
        pause = 0.002
        with path.open("a+") as handle:
            while True:
                try:
                    fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise LockedError(
                            f"another process has been working on {name!r} for more than {timeout:.0f} s",
                            remedy="wait for it, or look for a hung run with `code-index status`",
                        ) from None
                    time.sleep(pause)
                    pause = min(pause * 1.5, 0.25)
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def is_locked(self, name: str) -> bool:
        """Whether somebody holds this lock exclusively right now. Waits for nobody and makes no file."""
        try:
            with (self.root / "locks" / f"{key_segment(name)}.lock").open("r") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @contextlib.contextmanager
    def temporary(self, prefix: str = "t") -> Iterator[Path]:
        """A temporary folder on the data folder's file system, removed at the end unless it was renamed away.

        It is held by a lock for as long as its process lives, so that leftovers of a killed process can be told
        from work in progress (`remove_leftovers`).
        """
        base = self.root / "tmp"
        try:
            base.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=base))
        except OSError as error:
            raise _disk_error(error, base) from error
        guard = folder.with_suffix(".lock")
        with guard.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield folder
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise _disk_error(error, folder) from error
                raise
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                guard.unlink(missing_ok=True)

    def remove_leftovers(self) -> int:
        """Removes temporary folders whose process is gone; returns how many."""
        removed = 0
        base = self.root / "tmp"
        for folder in list(base.iterdir()) if base.is_dir() else []:
            if not folder.is_dir():
                if folder.suffix == ".lock" and not folder.with_suffix("").exists():
                    self._remove_guard(folder)
                continue
            try:
                with folder.with_suffix(".lock").open("a+") as handle:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.with_suffix(".lock").unlink(missing_ok=True)
                    removed += 1
            except OSError:
                continue
        return removed

    def _remove_guard(self, guard: Path) -> None:
        """Removes the lock file of a temporary folder that was renamed away by a process that died since."""
        with contextlib.suppress(OSError), guard.open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            guard.unlink(missing_ok=True)

    def remove_half_written(self, older_than: float = 3_600.0) -> int:
        """Removes the new contents of small files whose writers were killed before renaming them in; returns how many.

        Other programs' folders are not looked into. An hour is longer than any of these takes to be written.
        """
        removed = 0
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in _OTHERS]
            for name in files:
                path = Path(folder) / name
                with contextlib.suppress(OSError):
                    if _HALF_WRITTEN.fullmatch(name) and time.time() - path.stat().st_mtime > older_than:
                        path.unlink()
                        removed += 1
        return removed


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a small file so that readers see the old bytes or the new ones, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def require_space(path: Path, needed: int, what: str) -> None:
    """Raises OutOfDiskError unless so many bytes are free where a path is, or would be.

    Memory maps have to be asked for before: writing into a hole of a mapped file on a full disk ends the process.
    """
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < needed:
        raise OutOfDiskError(
            f"{what} needs {_megabytes(needed)}, and {_megabytes(free)} are free on the disk that holds {path}",
            remedy=_SPACE_REMEDY,
        )


def allocated(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk: holes take none."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _disk_error(error: OSError, path: Path) -> OutOfDiskError | ConfigurationError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfDiskError(
            f"the disk that holds {path} is full",
            remedy=_SPACE_REMEDY,
        )
    return ConfigurationError(
        f"the data folder {path} cannot be written: {error.strerror}",
        remedy="check its owner and permissions, or set CODE_INDEX_DATA to another folder",
    )
