"""A plain folder without git: walked, hashed, with a Merkle root in place of a commit.

What lives here: the walk under nested `.gitignore` files, and `FolderSource`. What does not: hashing (`hashing.py`)
and the meaning of ignore files (`ignore.py`).

What a `.gitignore` ignores is not part of the folder's tree, as in git: build output does not change the digest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..errors import ConfigurationError, SourceChangedError, SourceError
from ..settings import Settings
from ..storage.fingerprint import merkle_root
from ..storage.layout import Layout
from .hashing import HashCache, Sha256Id, hash_files, id_of, read_regular
from .ignore import IgnoreRules
from .registry import RepositoryEntry, partition_key
from .snapshot import INNER_REPOSITORY, MODE_FOLDER, MODE_SUBMODULE, NOT_READABLE, Snapshot, entries_frame, raw_path

_MAX_IGNORE_BYTES = 1 << 20


@dataclass
class Walk:
    """What a walk found: files (paths from the root), bare git repositories, folders that could not be listed."""

    files: list[bytes] = field(default_factory=list)
    repositories: list[bytes] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)
    ignored: int = 0


def walk_folder(root: Path) -> Walk:
    """Files and symlinks below a folder that no `.gitignore` ignores, in byte order.

    Iterative, and a symlink is never followed. `.git` folders and bare repositories are not entered. A folder that
    cannot be listed (no permission, path too long for the system) is reported, and the walk goes on. Raises
    SourceError for the root alone.
    """
    base = os.fsencode(root)
    walk = Walk()
    rules = IgnoreRules(".gitignore")
    pending = [b""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(base + b"/" + folder) as listing:
                children = sorted(listing, key=lambda child: child.name)
        except OSError as error:
            if not folder:
                raise SourceError(
                    f"the folder {root} cannot be read: {error.strerror}", remedy="check the path"
                ) from None
            walk.unreadable.append(folder)
            continue
        if folder and {b"HEAD", b"objects", b"refs"} <= {child.name for child in children} and is_bare(root, folder):
            walk.repositories.append(folder)
            continue
        if any(child.name == b".gitignore" for child in children):
            here = folder + b"/.gitignore" if folder else b".gitignore"
            rules.add(folder, read_regular(root, here, _MAX_IGNORE_BYTES) or b"")
        for child in children:
            path = folder + b"/" + child.name if folder else child.name
            is_folder = child.is_dir(follow_symlinks=False)
            if child.name == b".git":
                continue
            match = rules.decide(path, is_folder) if rules else None
            if match is not None and match.ignored:
                walk.ignored += 1
            elif is_folder:
                pending.append(path)
            else:
                walk.files.append(path)
    walk.files.sort()
    return walk


def is_bare(root: Path, folder: bytes) -> bool:
    """Whether a folder below the root is a git repository without a checkout: objects and refs, no text of anyone's."""
    place = root / os.fsdecode(folder)
    return (place / "HEAD").is_file() and (place / "objects").is_dir() and (place / "refs").is_dir()


def frame_root(entries: pl.DataFrame) -> str:
    """Merkle root over path, mode and content of every entry."""
    columns = entries.select("path", "mode", "blob").iter_rows()
    return merkle_root((path, f"{mode:o}:{blob}") for path, mode, blob in columns)


class FolderSource:
    """A plain folder. Observing hashes it; reading verifies that it still holds what was observed."""

    def __init__(self, entry: RepositoryEntry, ref: str | None, layout: Layout, settings: Settings) -> None:
        self.entry, self.layout, self.settings = entry, layout, settings
        self.root = Path(entry.path or "")
        if entry.worktree or ref is not None or entry.refs:
            raise ConfigurationError(
                f"{self.root} is a plain folder: it has no refs and no checkout",
                remedy="take ref and worktree off this entry, or make the folder a git repository",
            )
        self._listed: pl.DataFrame | None = None
        self.ignored = 0

    def observe(self) -> Snapshot:
        """Walks and hashes the folder. Raises SourceError if it is not there or holds no file."""
        if not self.root.is_dir():
            raise SourceError(f"there is no folder {self.root}", remedy="check the path in the registry")
        frame = self._list()
        if frame.height == 0:
            raise SourceError(f"the folder {self.root} holds no files", remedy="check the path and its .gitignore")
        self._listed = frame
        tree = frame_root(frame)
        return Snapshot(
            repository=self.entry.name,
            key=partition_key(self.entry),
            kind="folder",
            location=self.entry.location,
            ref="HEAD",
            default_ref=True,
            commit=tree,
            label=f"folder:{tree[:12]}",
            committed_at=None,
            observed_at=time.time(),
            tree=tree,
        )

    def entries(self, snapshot: Snapshot, known: tuple[Snapshot, pl.DataFrame] | None = None) -> pl.DataFrame:
        """Every file of the observed folder. Raises SourceChangedError if it no longer is what was observed."""
        if self._listed is None or frame_root(self._listed) != snapshot.tree:
            self._listed = self._list()
        if frame_root(self._listed) != snapshot.tree:
            raise changed(self.root, None)
        return self._listed

    def read(self, snapshot: Snapshot, entries: pl.DataFrame) -> Iterator[tuple[int, bytes | None]]:
        """Contents, each verified against its hash; None for what could not be read when it was listed."""
        scheme = Sha256Id()
        for row, (path, path_raw, blob, size) in enumerate(
            entries.select("path", "path_raw", "blob", "size").iter_rows()
        ):
            if blob in (NOT_READABLE, INNER_REPOSITORY):
                yield row, None
                continue
            content = read_regular(self.root, raw_path(path, path_raw), size)
            if content is None or id_of(scheme, content) != blob:
                raise changed(self.root, path)
            yield row, content

    def _list(self) -> pl.DataFrame:
        walk = walk_folder(self.root)
        self.ignored = walk.ignored
        hashed = hash_files(self.root, walk.files, Sha256Id(), HashCache(self.layout, self.entry.name, "sha256"))
        rows: list[tuple[bytes, str, int, int | None]] = [(h.path, h.blob, h.mode, h.size) for h in hashed]
        rows += [(folder + b"/", NOT_READABLE, MODE_FOLDER, None) for folder in walk.unreadable]
        rows += [(folder, INNER_REPOSITORY, MODE_SUBMODULE, 0) for folder in walk.repositories]
        return entries_frame(rows)


def changed(root: Path, path: str | None) -> SourceChangedError:
    """The error of a folder that changed while it was read."""
    what = f"{path!r} in {root}" if path is not None else str(root)
    return SourceChangedError(
        f"{what} changed while it was being read", remedy="run again when nothing is writing there"
    )
