"""Retiring: a partition leaves the index, the artifacts and the pollers' memory.

What lives here: one partition's removal from every store of ours. What does not: the registry (`sources/registry.py`)
and Dagster's partitions, which who calls removes.
"""

from __future__ import annotations

import shutil

from ..index.maintenance import remove
from ..index.published import PublishedIndex
from ..records.failures import clear_failure
from ..settings import Settings
from ..sources.registry import Registry
from ..storage.layout import Layout
from .retention import remove_partition


def retire_partition(layout: Layout, settings: Settings, key: str) -> int:
    """Removes a partition; returns how many points left the index. Waits for a run on it. Raises LockedError.

    The index goes first: a search never finds what its artifacts no longer explain. A run in between two steps finds
    its inputs gone and ends. The mirror goes with the last partition of its repository.
    """
    published = PublishedIndex(layout)
    points = 0
    with layout.lock(f"partition-{key}", timeout=settings.lock_timeout_seconds):
        for manifest in published.publications():
            if key in manifest.receipts:
                points += remove(key, published.backend(manifest, settings), layout, manifest.space)
        remove_partition(layout, key)
        clear_failure(layout, key)
    name = key.partition("@")[0]
    if name not in Registry.load(settings.registry_file, layout).names:
        with layout.lock(f"mirror-{name}", timeout=settings.lock_timeout_seconds):
            shutil.rmtree(layout.mirror(name), ignore_errors=True)
    return points


def is_wanted(layout: Layout, settings: Settings, key: str) -> bool:
    """Whether the registry names this partition (again): then it is not retired."""
    name = key.partition("@")[0]
    for entry in Registry.load(settings.registry_file, layout).entries:
        if entry.name == name and entry.enabled:
            return key in entry.keys
    return False
