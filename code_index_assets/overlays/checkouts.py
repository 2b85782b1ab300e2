"""Which registered repository a checkout is of.

What lives here: `find_checkout`. What does not: reading the checkout (`sources/git/worktree.py`).

A checkout belongs to an entry if both share a git directory (it is the same checkout, or a linked worktree), or if its
remote `origin` is the entry's URL. A checkout of anything else is never taken for it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ..sources.git.local_repository import checkout_of, git_dir_of
from ..sources.git.process import GitFailed, run_git
from ..sources.location import display_location
from ..sources.registry import Registry, RepositoryEntry
from ..storage.fingerprint import digest


@dataclass(frozen=True)
class Checkout:
    """A checkout (or the folder of it that is registered), and the entry it is of."""

    root: Path
    entry: RepositoryEntry

    @property
    def looked_at(self) -> RepositoryEntry:
        """The entry as it reads this checkout. Its name is its own: hashes of files are kept by it."""
        name = f"{self.entry.name}~{digest(os.fspath(self.root))[:12]}"
        return replace(self.entry, name=name, url=None, path=os.fspath(self.root), refs=(), worktree=True)


def find_checkout(folder: Path, registry: Registry) -> Checkout | None:
    """The checkout that a folder lies in, if it is of a registered repository; None outside of any such."""
    top = checkout_of(folder)
    if top is None:
        return None
    common, origin = _common_dir(top), _origin(top)
    found = [checkout for entry in registry.entries if (checkout := _as(entry, top, common, origin)) is not None]
    # The very folder that is registered comes first: it may be registered twice, by commits and as it is.
    return min(found, key=lambda one: (one.entry.path != os.fspath(one.root), one.entry.worktree), default=None)


def _as(entry: RepositoryEntry, top: Path, common: Path | None, origin: str) -> Checkout | None:
    if entry.url is not None:
        return Checkout(top, entry) if origin and origin == _place(entry.url) else None
    path = Path(entry.path or "")
    own_top = checkout_of(path) if path.is_dir() else None
    own = _common_dir(own_top if own_top is not None else path)
    if own is None or own != common:
        return None
    below = path.resolve().relative_to(own_top.resolve()) if own_top is not None else Path()
    root = top / below
    return Checkout(root, entry) if root.is_dir() else None


def _common_dir(folder: Path) -> Path | None:
    """The git directory that linked worktrees share."""
    try:
        out = run_git(["rev-parse", "--git-common-dir"], cwd=folder)
    except (GitFailed, OSError):
        return None
    return (folder / out.decode("utf-8", "surrogateescape").rstrip("\n")).resolve()


def _origin(top: Path) -> str:
    try:
        raw = run_git(["config", "--get", "remote.origin.url"], git_dir=git_dir_of(top))
    except GitFailed:
        return ""
    return _place(raw.decode("utf-8", "replace").strip())


def _place(url: str) -> str:
    """An address without protocol, user and ending: clones by SSH and by HTTPS are of the same repository."""
    text = display_location(url)
    text = re.sub(r"^(?:https?|ssh|git)://(?:[^/@]*@)?([^/:]+)(?::\d+)?/", r"\1/", text)
    text = re.sub(r"^[\w.-]+@([^/:]+):", r"\1/", text).removeprefix("file://")
    return text.rstrip("/").removesuffix(".git")
