"""Care of a published index: roll back, remove, verify, compact, prune.

What lives here: these. What does not: publishing (`publish.py`), and when any of it is run (`cli/`, schedules).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import DamagedIndexError, LockedError, NotBuiltError, NotIndexedError
from ..storage.artifacts import ArtifactStore
from ..storage.layout import Layout
from .backends.interface import IndexBackend
from .manifest import PublicationStore, Receipt
from .tables import id_text, load_table
from .verify import content_of

if TYPE_CHECKING:
    from ..progress import Stages
    from ..quality.permit import Permit
    from .publish import PublicationResult

# Points changed since the last optimize, as a share of the shard, from which `compact` rebuilds it.
CHANGED_SHARE = 0.3


# -- rolling back and removing ---------------------------------------------------------------------------------------


def previous_receipt(store: PublicationStore, key: str) -> Receipt:
    """What was published of a key before what is published now, among the kept publications.

    Raises NotIndexedError if the key is not published or nothing earlier is kept.
    """
    current: Receipt | None = None
    for manifest in store.history():
        receipt = manifest.receipts.get(key)
        if current is None:
            if receipt is None:
                break
            current = receipt
        elif receipt is not None and (receipt.subject, receipt.commit) != (current.subject, current.commit):
            return receipt
    raise NotIndexedError(
        f"{key} has no earlier publication to go back to" if current else f"{key} is not published",
        remedy="`code-index status` lists what is published; publications are kept for CODE_INDEX_KEEP_SECONDS",
    )


def rollback(
    key: str,
    permit_for: Callable[[Receipt], Permit],
    backend: IndexBackend,
    layout: Layout,
    space: str,
    *,
    stages: Stages | None = None,
) -> PublicationResult:
    """Publishes a repository's previous kept artifacts again, as a new publication.

    `permit_for` gets the receipt to go back to and gives a permit for its subject, or raises: the gate has its say
    again. Raises NotIndexedError, NotBuiltError, GateRefusedError.
    """
    from .publish import publish

    store = PublicationStore(layout, space)
    receipt = previous_receipt(store, key)
    current = store.current()
    assert current is not None
    content = content_of(layout, space, current.dimension, receipt)
    return publish(permit_for(receipt), content, backend, layout, stages, rolled_back=True)


def remove(key: str, backend: IndexBackend, layout: Layout, space: str, *, lock_timeout: float = 1800.0) -> int:
    """Takes a key out of the published index; returns how many points went. A key that is not published: 0."""
    from .locks import key_lock, writer_lock

    store = PublicationStore(layout, space)
    if store.is_adrift():
        from .rebuild import rebuild

        rebuild(backend, layout, space, store_dimension(store), lock_timeout=lock_timeout)
    with (
        layout.lock(key_lock(space, key), timeout=lock_timeout),
        layout.lock(writer_lock(space), timeout=lock_timeout),
    ):
        base = store.current()
        if base is None or key not in base.receipts:
            return 0
        following = store.successor(base, base.dimension)
        receipt = base.receipts[key]
        touched = set()
        with backend.writer(base, following) as writer:
            for bucket in store.ledger(receipt).buckets:
                ids = [id_text(row.tobytes()) for row in load_table(store.home / bucket.table)[:, :16]]
                if ids:
                    writer.remove(bucket.shard, ids)
                    touched.add(bucket.shard)
            states = writer.finish()
        kept = {name: state for name, state in base.shards.items() if name not in touched}
        receipts = {other: r for other, r in base.receipts.items() if other != key}
        manifest = replace(following, published_at=time.time(), shards=kept | states, receipts=receipts)
        if not store.move(base, manifest):
            raise LockedError(
                "another process published the index without holding the writer lock", remedy="run it again"
            )
        return receipt.points


def store_dimension(store: PublicationStore) -> int:
    """The dimension of a space's vectors, by any publication that can be read, else by its embeddings."""
    try:
        manifest = store.current()
    except DamagedIndexError:
        manifest = None
    if manifest is not None:
        return manifest.dimension
    artifacts = ArtifactStore(store.layout)
    for home in store.layout.keys("embeddings", store.space):
        for folder in home.iterdir():
            artifact = artifacts.open_folder(folder) if folder.is_dir() else None
            if artifact is not None:
                return int(artifact.info["dimension"])
    raise NotBuiltError(
        f"neither a publication nor embeddings are left in {store.space}", remedy="run `code-index index --all`"
    )


# -- verifying -------------------------------------------------------------------------------------------------------


# -- compacting and pruning ------------------------------------------------------------------------------------------


def compact(backend: IndexBackend, layout: Layout, space: str, *, changed_share: float = CHANGED_SHARE) -> int:
    """Optimizes shards that changed much since they were last; returns how many. Searches see no difference but speed.

    A shard is optimized without the writer lock, from a copy; if it was published anew meanwhile, the work is dropped.
    """
    from .locks import writer_lock

    store = PublicationStore(layout, space)
    manifest = store.current()
    done = 0
    for name, state in (manifest.shards if manifest else {}).items():
        assert manifest is not None
        if state.unoptimized <= changed_share * state.points:
            continue
        optimized = backend.optimized(manifest, name)
        if optimized is None:
            continue
        with layout.lock(writer_lock(space)):
            base = store.current()
            if base is None or base.shards.get(name) != state:
                continue
            following = store.successor(base, base.dimension)
            done += store.move(base, replace(following, shards=following.shards | {name: optimized}))
    return done
