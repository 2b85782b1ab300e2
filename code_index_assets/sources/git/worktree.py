"""The working tree of a git checkout: uncommitted changes and untracked files included.

What lives here: `WorktreeSource`. What does not: hashing (`sources/hashing.py`), git calls (`process.py`).

`git status` is not used: it runs the filters that a repository's configuration names. Content ids are computed here
and compared with the commit's.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from ...errors import ConfigurationError
from ...settings import Settings
from ...storage.layout import Layout
from ..folder import changed, frame_root, is_bare
from ..hashing import GitBlobId, HashCache, Hashed, Sha256Id, hash_files, id_of, read_regular
from ..registry import RepositoryEntry, partition_key
from ..snapshot import (
    INNER_REPOSITORY,
    MODE_EXECUTABLE,
    MODE_FILE,
    MODE_SUBMODULE,
    NOT_READABLE,
    Snapshot,
    entries_frame,
    raw_path,
)
from .local_repository import checkout_of, git_dir_of
from .process import GitFailed, cat_file_batch, run_git, translate
from .source import Commit, read_commit, readable_objects
from .tree import list_tree

_LFS_POINTER = re.compile(
    rb"\Aversion https://git-lfs\.github\.com/spec/v1\n.*^oid sha256:([0-9a-f]{64})$", re.S | re.M
)
_LFS_POINTER_BYTES = 1024
_IDENT = re.compile(rb"\$Id:[^$\n]*\$")
_MAX_CONTROL_BYTES = 1 << 20
_REGULAR = (MODE_FILE, MODE_EXECUTABLE)

Row = tuple[bytes, str, int, int | None]


class WorktreeSource:
    """A checkout, or a folder of one, with its uncommitted work; `<commit>+dirty` where it differs from its commit."""

    def __init__(self, entry: RepositoryEntry, ref: str | None, layout: Layout, settings: Settings) -> None:
        self.entry, self.layout, self.settings = entry, layout, settings
        self.root = Path(entry.path or "")
        if ref is not None or entry.refs:
            raise ConfigurationError(
                f"{entry.name} is indexed as a working tree: it has no other refs",
                remedy="register it again without --worktree",
            )
        self.checkout = checkout_of(self.root)
        if self.checkout is None:
            raise ConfigurationError(
                f"{self.root} is a bare repository: it has no checkout", remedy="leave worktree out"
            )
        self.git_dir = git_dir_of(self.checkout)
        # The folder's path in the checkout, with a slash behind; empty for the checkout itself.
        below = self.root.resolve().relative_to(self.checkout.resolve())
        self.prefix = b"" if below == Path() else os.fsencode(below.as_posix()) + b"/"
        self._listed: pl.DataFrame | None = None

    def observe(self) -> Snapshot:
        """Lists and hashes the checkout. Raises SourceError (no commit yet, unreadable)."""
        commit = read_commit(self.git_dir, "HEAD", self.entry.location)
        committed = self._committed(commit)
        frame = self._list(commit, committed)
        self._listed = frame
        dirty = not frame.equals(entries_frame(committed))
        return Snapshot(
            repository=self.entry.name,
            key=partition_key(self.entry),
            kind="worktree",
            location=self.entry.location,
            ref="HEAD",
            default_ref=True,
            commit=commit.oid,
            label=f"{commit.oid}+dirty" if dirty else commit.oid,
            committed_at=commit.committed_at,
            observed_at=time.time(),
            tree=frame_root(frame),
        )

    def entries(self, snapshot: Snapshot, known: tuple[Snapshot, pl.DataFrame] | None = None) -> pl.DataFrame:
        """Every file of the observed checkout. Raises SourceChangedError if it no longer is what was observed."""
        if self._listed is None or frame_root(self._listed) != snapshot.tree:
            commit = read_commit(self.git_dir, "HEAD", self.entry.location)
            self._listed = self._list(commit, self._committed(commit))
        if frame_root(self._listed) != snapshot.tree:
            raise changed(self.root, None)
        return self._listed

    def read(self, snapshot: Snapshot, entries: pl.DataFrame) -> Iterator[tuple[int, bytes | None]]:
        """Contents by their ids: from the checkout, else from git's objects (line ends converted, sparse checkouts)."""
        scheme = self._scheme(snapshot.commit)
        columns = entries.select("path", "path_raw", "blob", "size").iter_rows()
        with contextlib.ExitStack() as opened:
            objects: Path | None = None
            for row, (path, path_raw, blob, size) in enumerate(columns):
                if blob in (NOT_READABLE, INNER_REPOSITORY):
                    yield row, None
                    continue
                content = read_regular(self.root, raw_path(path, path_raw), size)
                if content is None or id_of(scheme, content) != blob:
                    objects = objects or opened.enter_context(readable_objects(self.git_dir))
                    content = next(cat_file_batch(objects, [blob]), None)
                    if content is None:
                        raise changed(self.root, path)
                yield row, content

    def _committed(self, commit: Commit) -> list[Row]:
        """What the commit has of this folder."""
        with readable_objects(self.git_dir) as objects:
            rows = list_tree(objects, commit.oid, self.entry.location)
        start = len(self.prefix)
        return [(path[start:], *rest) for path, *rest in rows if path.startswith(self.prefix)]  # type: ignore[misc]

    def control_files_above(self, names: Collection[str]) -> list[tuple[bytes, str, bytes]]:
        """(folder in the checkout, name, content) of files with these names in the folders above this one."""
        files = []
        parts = self.prefix.split(b"/")[:-1]
        for depth in range(len(parts)):
            folder = b"/".join(parts[:depth])
            for name in names:
                path = folder + b"/" + name.encode() if folder else name.encode()
                content = read_regular(self.checkout, path, _MAX_CONTROL_BYTES) if self.checkout else None
                if content is not None:
                    files.append((folder, name, content))
        return files

    @staticmethod
    def _scheme(oid: str) -> GitBlobId:
        return GitBlobId(sha256=len(oid) == 64)

    def _list(self, commit: Commit, committed: list[Row]) -> pl.DataFrame:
        scheme = self._scheme(commit.oid)
        tracked, sparse, others = self._paths()
        others = self._without_bare(others)
        cache = HashCache(self.layout, self.entry.name, "git")
        paths = sorted({path for path, (_, mode) in tracked.items() if mode != MODE_SUBMODULE and path not in sparse}
                       | {path for path in others if not path.endswith(b"/")})  # fmt: skip
        hashed = {h.path: h for h in hash_files(self.root, paths, scheme, cache)}
        sizes = {(path, oid): size for path, oid, _, size in committed}
        rows: list[Row] = []
        doubtful: list[tuple[Hashed, str, int]] = []
        for path, (oid, mode) in tracked.items():
            known = hashed.pop(path, None)
            if mode == MODE_SUBMODULE:
                rows.append((path, oid, mode, 0))
            elif path in sparse:
                rows.append((path, oid, mode, sizes.get((path, oid))))
            elif known is not None and known.mode in _REGULAR and mode in _REGULAR and known.blob != oid:
                doubtful.append((known, oid, mode))
            elif known is not None:
                rows.append(
                    (path, known.blob, mode if known.mode in _REGULAR and mode in _REGULAR else known.mode, known.size)
                )
        rows += self._settled(doubtful, scheme, sizes)
        rows += [(h.path, h.blob, h.mode, h.size) for h in hashed.values()]
        # A repository inside this one that is not a submodule of it: git does not look inside either.
        rows += [(path.rstrip(b"/"), INNER_REPOSITORY, MODE_SUBMODULE, 0) for path in others if path.endswith(b"/")]
        return entries_frame(rows)

    def _without_bare(self, others: Collection[bytes]) -> list[bytes]:
        """Untracked paths with a bare repository as one path, as git lists repositories that have a `.git`."""
        bare = [path[:-4] for path in others if path.endswith(b"/HEAD") and is_bare(self.root, path[:-5])]
        return [path for path in others if not path.startswith(tuple(bare))] + bare

    def _settled(
        self, doubtful: list[tuple[Hashed, str, int]], scheme: GitBlobId, sizes: dict[tuple[bytes, str], int | None]
    ) -> list[Row]:
        """Rows of tracked files whose bytes differ from the index: changed, or only converted by git on check-out.

        Converted line ends and Git LFS content count as unchanged and keep the id of the committed blob.
        """
        known = [sizes.get((row.path, oid)) for row, oid, _ in doubtful]
        pointers = [i for i, size in enumerate(known) if size is not None and size < _LFS_POINTER_BYTES]
        with readable_objects(self.git_dir) as objects:
            blobs = cat_file_batch(objects, [doubtful[i][1] for i in pointers])
            contents = dict(zip(pointers, blobs, strict=True))
        rows: list[Row] = []
        for i, (row, oid, mode) in enumerate(doubtful):
            size = sizes.get((row.path, oid))
            pointer = _LFS_POINTER.match(contents.get(i) or b"")
            limit = self.settings.max_file_bytes
            content = read_regular(self.root, row.path, None if pointer else limit)
            same = False
            if content is not None and pointer:
                same = id_of(Sha256Id(), content) == "sha256:" + pointer[1].decode("ascii")
            elif content is not None:
                same = any(id_of(scheme, stored) == oid for stored in self._as_stored(row.path, content))
            rows.append((row.path, oid, mode, size) if same else (row.path, row.blob, mode, row.size))
        return rows

    def _as_stored(self, path: bytes, content: bytes) -> Iterator[bytes]:
        """What git may have in its objects for the content of a clean checkout: its own conversions undone.

        Line ends, `$Id: …$` of the attribute `ident`, and the attribute `working-tree-encoding`. Filters that a
        repository's configuration names are never run.
        """
        if b"\r\n" in content:
            yield content.replace(b"\r\n", b"\n")
        if _IDENT.search(content):
            plain = _IDENT.sub(b"$Id$", content)
            yield from (plain, plain.replace(b"\r\n", b"\n"))
        encoding = self._working_tree_encoding(path)
        if encoding:
            with contextlib.suppress(UnicodeError, LookupError):
                text = content.decode(encoding).removeprefix("\ufeff").encode()
                yield from (text, text.replace(b"\r\n", b"\n"))

    def _working_tree_encoding(self, path: bytes) -> str | None:
        try:
            answer = run_git(
                ["--work-tree", os.fspath(self.checkout or self.root), "check-attr", "-z", "working-tree-encoding",
                 "--", os.fsdecode(path)],
                git_dir=self.git_dir, cwd=self.root,
            )  # fmt: skip
        except GitFailed:
            return None
        value = answer.split(b"\0")[2:3]
        name = value[0].decode("ascii", "replace") if value else "unspecified"
        return None if name in ("unspecified", "set", "unset", "") else name.upper().removesuffix("-BOM")

    def _paths(self) -> tuple[dict[bytes, tuple[str, int]], set[bytes], list[bytes]]:
        """Tracked files (path → object id, mode), those a sparse checkout leaves out, and untracked ones."""
        tracked: dict[bytes, tuple[str, int]] = {}
        sparse: set[bytes] = set()
        for record in self._ls_files("-t", "-s").split(b"\0")[:-1]:
            facts, _, path = record.partition(b"\t")
            tag, mode, oid, _ = facts.split()
            tracked.setdefault(path, (oid.decode("ascii"), int(mode, 8)))
            if tag == b"S":
                sparse.add(path)
        others = self._ls_files("-o", "--exclude-standard").split(b"\0")[:-1]
        return tracked, sparse, others

    def _ls_files(self, *options: str) -> bytes:
        try:
            return run_git(
                ["--work-tree", os.fspath(self.checkout or self.root), "ls-files", "-z", *options],
                git_dir=self.git_dir,
                cwd=self.root,
            )
        except GitFailed as failure:
            raise translate(failure, self.entry.location) from None
