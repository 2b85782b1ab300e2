"""A commit with some files replaced, as a client sends them: its tree was never on this machine.

What lives here: `EditedSource`. What does not: the commit (`git/at_commit.py`), limits of what a client may send.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import polars as pl

from ..storage.fingerprint import digest
from .git.at_commit import CommitSource
from .hashing import GitBlobId, id_of
from .snapshot import MODE_FILE, Snapshot, entries_frame, raw_path


class EditedSource:
    """The entries of a commit without those that are deleted or replaced, and the replacements."""

    def __init__(self, below: CommitSource, files: Mapping[str, bytes], deleted: Collection[str]) -> None:
        """`files`: content by path from the root. Paths are checked by the caller."""
        self._below = below
        self._files = {path.encode(): content for path, content in files.items()}
        self._gone = frozenset(path.encode() for path in deleted) | self._files.keys()

    def observe(self) -> Snapshot:
        """The commit, named by what replaces its files. Raises SourceError if this machine has no such commit."""
        commit = self._below.observe()
        sent = digest(*(part for item in sorted(self._files.items()) for part in item), *sorted(self._gone))
        label = f"{commit.commit}+dirty" if self._gone else commit.commit
        return replace(commit, kind="worktree", label=label, tree=digest(commit.tree, sent))

    def entries(self, snapshot: Snapshot, known: tuple[Snapshot, pl.DataFrame] | None = None) -> pl.DataFrame:
        """See `Source.entries`."""
        del known
        scheme = GitBlobId(sha256=len(snapshot.commit) == 64)
        below = self._below.entries(snapshot)
        rows = [
            (raw_path(path, path_raw), blob, mode, size)
            for path, path_raw, blob, mode, size in below.select("path", "path_raw", "blob", "mode", "size").iter_rows()
            if raw_path(path, path_raw) not in self._gone
        ]
        rows += [(path, id_of(scheme, body), MODE_FILE, len(body)) for path, body in self._files.items()]
        return entries_frame(rows)

    def read(self, snapshot: Snapshot, entries: pl.DataFrame) -> Iterator[tuple[int, bytes | None]]:
        """See `Source.read`."""
        paths = [raw_path(*row) for row in entries.select("path", "path_raw").iter_rows()]
        below = [at for at, path in enumerate(paths) if path not in self._files]
        contents = self._below.read(snapshot, entries[below])
        for at, path in enumerate(paths):
            if path in self._files:
                yield at, self._files[path]
            else:
                yield at, next(contents)[1]
