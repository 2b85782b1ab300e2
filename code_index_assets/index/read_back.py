"""Whether what is published can be read: its points counted, shard by shard.

What lives here: the count, and the memory of counts already made. What does not: what follows from a wrong one
(`chain/publish.py`), comparing every point (`maintenance.py`).

Counting loads a shard, 0.6 s for 100,000 points. A published generation never changes, so it is loaded once; after that
its files are only looked at (`IndexBackend.inventory`), and loaded again if they are not what they were.
"""

from __future__ import annotations

import json
from typing import Any

from ..storage.layout import write_atomically
from .backends.interface import IndexBackend
from .manifest import PublicationManifest, PublicationStore

# In the index folder: generation → inventory of its files, and points by key as counted then.
FILE = "read_back.json"


def readable_points(backend: IndexBackend, store: PublicationStore, manifest: PublicationManifest, key: str) -> int:
    """How many points of a published key its shards hold. Raises CorruptArtifactError, FileNotFoundError (pruned)."""
    counted = _counted(store)
    known = {state.generation: counted.get(state.generation, {}) for state in manifest.shards.values()}
    total = 0
    changed = False
    view = backend.view(manifest)
    try:
        for shard in manifest.receipts[key].shards:
            state = manifest.shards[shard]
            seen = known[state.generation]
            inventory = backend.inventory(state) if seen else ""
            if inventory and inventory == seen["inventory"] and key in seen["points"]:
                total += seen["points"][key]
                continue
            found = view.count(shard, [key], ())
            total += found
            # Of files as they are after loading: the engine takes in its journals then.
            inventory = backend.inventory(state)
            same = bool(seen) and seen["inventory"] == inventory
            known[state.generation] = {
                "inventory": inventory,
                "points": (seen["points"] if same else {}) | {key: found},
            }
            changed = changed or bool(inventory)
    finally:
        view.close()
    if changed:
        write_atomically(store.home / FILE, json.dumps({name: one for name, one in known.items() if one}).encode())
    return total


def _counted(store: PublicationStore) -> dict[str, Any]:
    try:
        return dict(json.loads((store.home / FILE).read_bytes()))
    except (OSError, ValueError):
        return {}
