"""Snapshots of trees that are not published, kept while they are asked.

What lives here: laying a layer, and keeping those that were used last. What does not: what a layer is
(`index/overlaid.py`) and how it is made (`chain/layer.py`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ..chain.layer import LayerRun
from ..chain.run import GivenSource
from ..errors import NotIndexedError, SourceError
from ..index.overlaid import Layer, LayeredSnapshot
from ..index.published import in_force, with_space
from ..index.reader import IndexSnapshot
from ..settings import Settings
from ..sources.edited import EditedSource
from ..sources.git.at_commit import CommitSource
from ..sources.git.worktree import WorktreeSource
from ..sources.registry import RepositoryEntry
from ..storage.fingerprint import digest
from ..storage.layout import Layout
from .checkouts import Checkout

# Trees kept at a time: a layer of 20 changed files takes about 1 MB.
KEPT = 64


@dataclass
class _Kept:
    layer: Layer
    folder: ExitStack
    base: IndexSnapshot | None = None
    snapshot: LayeredSnapshot | None = None


class Trees:
    """The trees that one process answers for."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        self.layout, self.settings = layout, settings
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        # A lock a name would grow with every overlay that a client sends.
        self._locks = [threading.Lock() for _ in range(KEPT)]
        self._guard = threading.Lock()

    def checkout(self, checkout: Checkout) -> Callable[[IndexSnapshot], IndexSnapshot]:
        """The publication with a checkout as it is now, by a function of the publication.

        The function raises NotIndexedError if nothing of the repository is published, SourceError.
        """

        def over(base: IndexSnapshot) -> IndexSnapshot:
            key = _default_key(base, checkout.entry)
            source = WorktreeSource(checkout.looked_at, None, self.layout, self.settings)
            given = GivenSource(checkout.looked_at, source)
            return self._snapshot((str(checkout.root), key), base, given, ref=None)

        return over

    def ref(self, entry: RepositoryEntry, ref: str) -> Callable[[IndexSnapshot], IndexSnapshot]:
        """The publication with a repository at a branch, tag or commit that this machine has.

        The function raises NotIndexedError if it has no such ref.
        """

        def over(base: IndexSnapshot) -> IndexSnapshot:
            key = _default_key(base, entry)
            given = GivenSource(entry, CommitSource(entry, ref, self.layout, self.settings))
            try:
                return self._snapshot((f"{entry.name}@{ref}", key), base, given, ref=ref)
            except SourceError as error:
                raise NotIndexedError(error.message, remedy=error.remedy, wanted=f"{entry.name}@{ref}") from error

        return over

    def edited(
        self, entry: RepositoryEntry, commit: str, files: Mapping[str, bytes], deleted: Collection[str]
    ) -> Callable[[IndexSnapshot], IndexSnapshot]:
        """The publication with a repository at a commit, some of its files replaced.

        The function raises NotIndexedError if this machine has no such commit.
        """

        def over(base: IndexSnapshot) -> IndexSnapshot:
            key = _default_key(base, entry)
            source = EditedSource(CommitSource(entry, commit, self.layout, self.settings), files, deleted)
            sent = digest(*(part for path in sorted(files) for part in (path, files[path])), *sorted(deleted))
            try:
                name = (f"{entry.name}+{commit}+{sent}", key)
                return self._snapshot(name, base, GivenSource(entry, source), ref=None)
            except SourceError as error:
                raise NotIndexedError(error.message, remedy=error.remedy, wanted=f"{entry.name}@{commit}") from error

        return over

    def _snapshot(
        self, name: tuple[str, str], base: IndexSnapshot, given: GivenSource, ref: str | None
    ) -> IndexSnapshot:
        with self._lock(name):
            kept = self._kept.get(name)
            settings = with_space(in_force(self.settings, self.layout), self.layout, base.space)
            run = LayerRun(self.layout, settings, base, name[1], given)
            if kept is None or kept.layer.tree != run.tree:
                kept = self._laid(name, run, ref)
            if kept.snapshot is None or kept.base is not base:
                kept.base, kept.snapshot = base, LayeredSnapshot(base, [kept.layer])
            return kept.snapshot

    def _laid(self, name: tuple[str, str], run: LayerRun, ref: str | None) -> _Kept:
        folder = ExitStack()
        try:
            layer = run.layer(folder.enter_context(self.layout.temporary("layer")))
        except BaseException:
            folder.close()
            raise
        if ref is not None:
            layer = replace(layer, receipt=replace(layer.receipt, ref=ref), kind="commit")
        kept = _Kept(layer, folder)
        with self._guard:
            before = self._kept.pop(name, None)
            self._kept[name] = kept
            out = [before] if before is not None else []
            while len(self._kept) > KEPT:
                out.append(self._kept.popitem(last=False)[1])
        for one in out:
            one.folder.close()
        return kept

    def _lock(self, name: tuple[str, str]) -> threading.Lock:
        with self._guard:
            if name in self._kept:
                self._kept.move_to_end(name)
        return self._locks[hash(name) % KEPT]

    def close(self) -> None:
        """Removes the folders of all layers."""
        with self._guard:
            for kept in self._kept.values():
                kept.folder.close()
            self._kept.clear()


def _default_key(base: IndexSnapshot, entry: RepositoryEntry) -> str:
    """The key that a repository's default ref is published under. Raises NotIndexedError."""
    for key in entry.keys:
        if key in base.receipts:
            return key
    raise NotIndexedError(
        f"nothing of {entry.name} is published yet: there is nothing to compare its tree with",
        remedy=f"run `code-index index {entry.name}` first",
        wanted=entry.name,
    )
