"""How long replaced publications are kept, and removing older ones with what only they name."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import DamagedIndexError, LockedError
from ..storage.layout import Layout
from .backends.interface import IndexBackend
from .manifest import PublicationManifest, PublicationStore

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Retention:
    """What is kept: at least so many publications (the current one counts), and each so long after it was replaced."""

    generations: int = 2
    seconds: float = 600.0


def prune_generations(
    backend: IndexBackend, layout: Layout, space: str, retention: Retention | None = None
) -> tuple[int, int]:
    """Removes what neither CURRENT nor a kept publication names: (publications, shards or points) removed."""
    from .locks import writer_lock

    store = PublicationStore(layout, space)
    with layout.lock(writer_lock(space)):
        return _prune(store, backend, retention or Retention(), sweep=True)


def prune_quietly(store: PublicationStore, backend: IndexBackend, retention: Retention) -> None:
    """The small prune after each publication; leaves it to the next one when the writer is busy."""
    from .locks import writer_lock

    try:
        with store.layout.lock(writer_lock(store.space), timeout=0):
            _prune(store, backend, retention, sweep=False)
    except LockedError:
        return


def _prune(store: PublicationStore, backend: IndexBackend, retention: Retention, *, sweep: bool) -> tuple[int, int]:
    kept, dropped = _split_history(store, retention)
    # Reading manifests costs, so the small prune waits until there is enough to remove.
    if not sweep and len(dropped) * 4 < len(kept):
        return 0, 0
    manifests: list[PublicationManifest] = []
    for name in kept:
        try:
            manifests.append(store.read(name))
        except DamagedIndexError:
            dropped.append(name)  # nothing can be read by it any more
    for name in dropped:
        store.manifest_path(name).unlink(missing_ok=True)
    removed = backend.prune(manifests)
    if sweep:
        _sweep_tables(store, manifests)
    return len(dropped), removed


def _split_history(store: PublicationStore, retention: Retention) -> tuple[list[str], list[str]]:
    """Names of manifests to keep (newest first) and to drop. One that was never current is dropped by age alone."""
    folder = store.home / "publications"
    if store.is_adrift() or not folder.is_dir():
        return [], []  # nothing is removed before what was lost is made anew
    manifest = store.current()
    if manifest is None:
        return [], []
    current = manifest.name
    times = {path.stem: path.stat().st_mtime for path in folder.glob("p*.json")}
    names = sorted(times, reverse=True)
    names.remove(current)
    kept, dropped = [current], []
    replaced_at = times[current]
    now = time.time()
    for name in names:
        if len(kept) < retention.generations or now - replaced_at < retention.seconds:
            kept.append(name)
        else:
            dropped.append(name)
        replaced_at = times[name]
    return kept, dropped


def _sweep_tables(store: PublicationStore, manifests: Sequence[PublicationManifest]) -> None:
    named: set[str] = set()
    for manifest in manifests:
        for receipt in manifest.receipts.values():
            if receipt.ledger in named:
                continue
            named |= {receipt.ledger, receipt.frequencies}
            for bucket in store.ledger(receipt).buckets:
                named |= {bucket.table, bucket.frequencies}
    for kind in ("ledgers", "points", "frequencies"):
        home = store.home / kind
        for folder in list(home.iterdir()) if home.is_dir() else []:
            files = list(folder.iterdir())
            unnamed = [path for path in files if path.relative_to(store.home).as_posix() not in named]
            for path in unnamed:
                path.unlink(missing_ok=True)
            if len(unnamed) == len(files):
                shutil.rmtree(folder, ignore_errors=True)
