"""Any commit that this machine has of a repository: of a local one, or of the mirror of a remote one.

What lives here: `CommitSource`. What does not: fetching (`source.py`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from ..snapshot import Snapshot
from .local_repository import git_dir_of
from .source import _GitObjects, read_commit, readable_objects


class CommitSource(_GitObjects):
    """A branch, tag or commit as it is here: nothing is fetched."""

    def _git_dir(self) -> Path:
        return self.layout.mirror(self.entry.name) if self.entry.url else git_dir_of(Path(self.entry.path or ""))

    def _readable(self) -> AbstractContextManager[Path]:
        return readable_objects(self._git_dir())

    def observe(self) -> Snapshot:
        """The commit of the ref. Raises SourceError if this machine has no such commit."""
        return self.snapshot_of(read_commit(self._git_dir(), self.ref or "HEAD", self.entry.location))
