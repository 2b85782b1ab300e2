"""Which tree a question is about: what is published, the checkout it comes from, or a ref that is not published.

What lives here: the choice, for all front ends. What does not: the layers (`trees.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ..errors import CodeIndexError, NotIndexedError, QueryError
from ..index.manifest import Receipt
from ..search.engine import SearchEngine, resolve_keys
from ..search.files import checked_path
from ..sources.registry import Registry, RepositoryEntry, is_glob
from .checkouts import Checkout, find_checkout
from .trees import Trees


def at_checkout(engine: SearchEngine, trees: Trees, folder: Path) -> SearchEngine:
    """The engine for the checkout that a folder lies in. Raises QueryError if it is of no registered repository."""
    checkout = checkout_at(trees, folder)
    if checkout is None:
        raise QueryError(
            f"{folder} is in no checkout of a registered repository",
            remedy=f"register it: code-index add {folder}; or ask without --worktree",
        )
    return engine.over(trees.checkout(checkout))


def checkout_at(trees: Trees, folder: Path) -> Checkout | None:
    """The checkout of a registered repository that a folder lies in, if any."""
    return find_checkout(folder, Registry.load(trees.settings.registry_file, trees.layout))


def at_edits(
    engine: SearchEngine, trees: Trees, repositories: tuple[str, ...], commit: str, files: Mapping[str, bytes],
    deleted: Collection[str],
) -> SearchEngine:  # fmt: skip
    """The engine for a commit of one repository with files that a client sends.

    Raises QueryError if not exactly one repository is asked about, or for a path that cannot be one.
    """
    entry = _entry(engine, trees, engine.receipts(), repositories)
    if entry is None:
        raise QueryError("an overlay is of one registered repository", remedy="name it in `repositories`")
    for path in (*files, *deleted):
        if checked_path(path) != path:
            raise QueryError(f"{path[:200]!r} is not a path from the repository's root", remedy="leave './' out")
    return engine.over(trees.edited(entry, commit, files, deleted))


def at_ref(engine: SearchEngine, trees: Trees, repositories: tuple[str, ...], refs: tuple[str, ...]) -> SearchEngine:
    """The engine for a ref that is not published of one repository; the engine itself for all other questions.

    The engine's answers raise NotIndexedError if this machine has no such ref.
    """
    if len(refs) != 1 or is_glob(refs[0]):
        return engine
    receipts = engine.receipts()
    try:
        resolve_keys(receipts, repositories, refs)
    except NotIndexedError:
        entry = _entry(engine, trees, receipts, repositories)
        if entry is not None:
            return engine.over(trees.ref(entry, refs[0]))
    return engine


def _entry(
    engine: SearchEngine, trees: Trees, receipts: dict[str, Receipt], repositories: tuple[str, ...]
) -> RepositoryEntry | None:
    """The one registered repository that is asked about."""
    try:
        registry = Registry.load(trees.settings.registry_file, trees.layout)
        keys = resolve_keys(receipts, tuple(engine.places.repository(name) for name in repositories), ())
    except CodeIndexError:
        return None
    names = {receipts[key].repository for key in (receipts if keys is None else keys)}
    entries = [entry for entry in registry.entries if entry.name in names]
    return entries[0] if len(entries) == 1 else None
