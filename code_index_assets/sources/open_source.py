"""The source of a registry entry: which of the kinds of sources it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import Settings
    from ..storage.layout import Layout
    from .snapshot import Source
from .registry import RepositoryEntry


def open_source(entry: RepositoryEntry, ref: str | None, layout: Layout, settings: Settings) -> Source:
    """The source of a registry entry at a ref (None: the entry's default). Raises SourceError, ConfigurationError."""
    from .folder import FolderSource
    from .git.local_repository import checkout_of, is_git_repository
    from .git.source import GitSource, LocalGitSource
    from .git.worktree import WorktreeSource

    if entry.url is not None:
        return GitSource(entry, ref, layout, settings)
    folder = Path(entry.path or "")
    if is_git_repository(folder):
        return (WorktreeSource if entry.worktree else LocalGitSource)(entry, ref, layout, settings)
    if ref is None and not entry.refs and checkout_of(folder) is not None:
        # A folder of a checkout is read as it is on disk, by the ignore rules of the whole checkout.
        return WorktreeSource(entry, ref, layout, settings)
    return FolderSource(entry, ref, layout, settings)
