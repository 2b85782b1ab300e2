"""Where immutable folders and the pointers to them are kept: the one interface that steps keep artifacts through.

What lives here: `Store`, what any such place must be able to do, and `LocalStore`, a data folder on a local disk. What
does not: what is inside an artifact (`artifacts.py`), where in a data folder everything is (`layout.py`).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import NotBuiltError
from .layout import Layout, key_segment, write_atomically

_CURRENT = "CURRENT"


@dataclass(frozen=True)
class Home:
    """All artifacts of one kind and one partition key (in one embedding space, where the kind has spaces)."""

    kind: str
    key: str
    space: str | None = None


class Store(Protocol):
    """A place for immutable folders, each under a name in its home; one name of a home may be its current one."""

    def put(self, home: Home, name: str, folder: Path, *, replace: bool = False) -> None:
        """Takes over a complete folder under a name, all at once; `folder` is gone afterwards.

        A name that is there already stays what it is, unless `replace`. Raises LockedError, OutOfDiskError.
        """

    def open(self, home: Home, name: str) -> Path:
        """A local folder with the content of a name. Raises NotBuiltError if there is none."""

    def list(self, home: Home) -> list[str]:
        """The names in a home, ascending."""

    def current(self, home: Home) -> str | None:
        """The current name of a home, or None."""

    def has_damaged_pointer(self, home: Home) -> bool:
        """Whether a home has a pointer that names nothing."""

    def swap(self, home: Home, expected: str | None, new: str | None) -> bool:
        """Makes `new` the current name if `expected` is (None: no name is); returns whether it was."""

    def pin(self, run_id: str, home: Home, name: str) -> None:
        """Keeps a name for as long as a run works with it, and remembers it as the run's own of that kind."""

    def pinned(self, run_id: str, home: Home) -> tuple[Home, str] | None:
        """The name of a kind and key that a run pinned, with the home it is in; None if it pinned none."""

    def lease(self, name: str, *, timeout: float = 600.0, shared: bool = False) -> AbstractContextManager[None]:
        """Holds a name against other processes; it is free again when the holder ends, however it ends.

        Raises LockedError after `timeout` seconds of waiting.
        """

    def temporary(self, prefix: str) -> AbstractContextManager[Path]:
        """A local folder to make something in that `put` takes over; removed at the end otherwise."""


class LocalStore:
    """A data folder on a local disk (or one that renames and locks as a local disk does)."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def put(self, home: Home, name: str, folder: Path, *, replace: bool = False) -> None:
        """See `Store.put`: one rename."""
        target = self._folder(home) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.lease(f"artifact-{home.kind}-{home.key}", timeout=60):
            if replace and target.exists():
                damaged = folder.with_name(folder.name + "-damaged")
                target.rename(damaged)
                shutil.rmtree(damaged, ignore_errors=True)
            if not target.exists():
                folder.rename(target)

    def open(self, home: Home, name: str) -> Path:
        """See `Store.open`."""
        folder = self._folder(home) / name
        if not folder.is_dir():
            raise NotBuiltError(f"there is no artifact at {folder}", remedy="run `code-index index` again")
        return folder

    def list(self, home: Home) -> list[str]:
        """See `Store.list`."""
        folder = self._folder(home)
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []

    def current(self, home: Home) -> str | None:
        """See `Store.current`."""
        return self.layout.read_pointer(self._folder(home) / _CURRENT)

    def has_damaged_pointer(self, home: Home) -> bool:
        """See `Store.has_damaged_pointer`."""
        return self.layout.is_damaged_pointer(self._folder(home) / _CURRENT)

    def swap(self, home: Home, expected: str | None, new: str | None) -> bool:
        """See `Store.swap`."""
        return self.layout.swap(self._folder(home) / _CURRENT, expected, new)

    def pin(self, run_id: str, home: Home, name: str) -> None:
        """See `Store.pin`; retention reads these files."""
        write_atomically(self._pin_file(run_id, home), json.dumps({"fingerprint": name, "space": home.space}).encode())

    def pinned(self, run_id: str, home: Home) -> tuple[Home, str] | None:
        """See `Store.pinned`."""
        try:
            record = json.loads(self._pin_file(run_id, home).read_bytes())
            return Home(home.kind, home.key, record["space"]), str(record["fingerprint"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def lease(self, name: str, *, timeout: float = 600.0, shared: bool = False) -> AbstractContextManager[None]:
        """See `Store.lease`: an advisory lock of the file system."""
        return self.layout.lock(name, timeout=timeout, shared=shared)

    def temporary(self, prefix: str) -> AbstractContextManager[Path]:
        """See `Store.temporary`."""
        return self.layout.temporary(prefix)

    def pins(self, younger_than: float) -> Iterator[Path]:
        """The folders of artifacts that runs have pinned in the last so many seconds."""
        for file in (self.layout.root / "pins").glob("*/*.json"):
            key, _, kind = file.stem.rpartition(".")
            try:
                if time.time() - file.stat().st_mtime >= younger_than:
                    continue
                record = json.loads(file.read_bytes())
                base = self.layout.root / kind
                base = base / record["space"] if record["space"] else base
                yield base / key / str(record["fingerprint"])
            except (OSError, ValueError, TypeError, KeyError):
                continue  # its run's pins were removed meanwhile, or are damaged

    def _folder(self, home: Home) -> Path:
        return self.layout.artifact_home(home.kind, home.key, home.space)

    def _pin_file(self, run_id: str, home: Home) -> Path:
        return self.layout.root / "pins" / key_segment(run_id) / f"{key_segment(home.key)}.{home.kind}.json"
