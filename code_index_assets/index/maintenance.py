"""Care of a published index: roll back, remove, verify, compact, prune.

What lives here: these. What does not: publishing (`publish.py`), and when any of it is run (`cli/`, schedules).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import CorruptArtifactError, DamagedIndexError, LockedError, NotBuiltError, NotIndexedError
from ..storage.artifacts import Artifact, ArtifactStore
from ..storage.layout import Layout
from .backends.interface import IndexBackend, View
from .content import RepositoryContent
from .manifest import REBUILD_REMEDY, PublicationManifest, PublicationStore, Receipt
from .tables import id_text, ids_digest, load_table

if TYPE_CHECKING:
    from ..progress import Stages
    from ..quality.permit import Permit
    from .publish import PublicationResult

# Points changed since the last optimize, as a share of the shard, from which `compact` rebuilds it.
CHANGED_SHARE = 0.3


@dataclass(frozen=True)
class Retention:
    """What is kept: at least so many publications (the current one counts), and each so long after it was replaced."""

    generations: int = 2
    seconds: float = 600.0


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


def content_of(layout: Layout, space: str, dimension: int, receipt: Receipt) -> RepositoryContent:
    """The content a receipt was published from. Raises NotBuiltError if an artifact is no longer kept."""

    def opened(kind: str, in_space: str | None = None) -> Artifact:
        try:
            return Artifact.open(layout.artifact_home(kind, receipt.key, in_space) / receipt.artifacts[kind])
        except NotBuiltError:
            raise NotBuiltError(
                f"the {kind.replace('_', ' ')} of {receipt.key} at {receipt.commit[:12]} are no longer kept",
                remedy=f"index that commit again: `code-index index {receipt.key}`",
            ) from None

    return RepositoryContent(
        key=receipt.key,
        repository=receipt.repository,
        ref=receipt.ref,
        default_ref=receipt.default_ref,
        commit=receipt.commit,
        label=receipt.label,
        committed_at=receipt.committed_at,
        observed_at=receipt.observed_at,
        space=space,
        dimension=dimension,
        chunks=opened("chunks"),
        embeddings=opened("embeddings", space),
        files=opened("file_hashes"),
        coverage=receipt.coverage,
        run_id=receipt.run_id,
        recipe=receipt.recipe,
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
    from .publish import key_lock, writer_lock

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
            raise LockedError("the index was published by somebody without the writer lock", remedy="run it again")
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


def verify(key: str, backend: IndexBackend, layout: Layout, space: str, *, deep: bool = False) -> list[str]:
    """Compares the index with a key's receipt; returns what is wrong, in words (empty: nothing).

    Counts and ids always; with `deep` also every point's payload and vector bytes. Raises NotIndexedError.
    """
    store = PublicationStore(layout, space)
    manifest = store.current()
    if manifest is None or key not in manifest.receipts:
        raise NotIndexedError(f"{key} is not published", remedy=f"run `code-index index {key}`")
    receipt = manifest.receipts[key]
    problems: list[str] = []
    tables = []
    view = backend.view(manifest)
    try:
        expected: dict[str, dict[str, bytes]] = {shard: {} for shard in receipt.shards}
        for bucket in store.ledger(receipt).buckets:
            table = load_table(store.home / bucket.table)
            tables.append(table)
            if bucket.points:
                rows = expected[bucket.shard]
                rows.update((id_text(row[:16].tobytes()), row[16:].tobytes()) for row in table)
        if ids_digest(tables) != receipt.id_digest:
            problems.append("the point tables are not those of the receipt")
        for shard, rows in expected.items():
            problems += _verify_shard(view, shard, key, rows, deep)
    finally:
        view.close()
    return problems


def damaged_shards(backend: IndexBackend, manifest: PublicationManifest) -> dict[str, CorruptArtifactError]:
    """The shards of a publication that cannot be opened and counted, and why."""
    damaged: dict[str, CorruptArtifactError] = {}
    view = backend.view(manifest)
    try:
        for shard, state in manifest.shards.items():
            try:
                view.count(shard, None, ())
            except CorruptArtifactError as error:
                damaged[shard] = error
            except FileNotFoundError as error:
                damaged[shard] = DamagedIndexError(
                    f"the index shard {state.generation} is gone: {error}", remedy=REBUILD_REMEDY
                )
    finally:
        view.close()
    return damaged


def _verify_shard(view: View, shard: str, key: str, rows: dict[str, bytes], deep: bool) -> list[str]:
    from .staging import point_digest

    problems = []
    found = set(view.ids(shard, key))
    if missing := rows.keys() - found:
        problems.append(f"shard {shard}: {len(missing)} of {len(rows)} points are missing")
    if extra := found - rows.keys():
        problems.append(f"shard {shard}: {len(extra)} points are in no receipt")
    if deep:
        changed = 0
        ids = sorted(rows.keys() & found)
        for at in range(0, len(ids), 500):
            batch = ids[at : at + 500]
            vectors = view.vectors(shard, batch)
            for hit in view.get(shard, batch):
                payload = json.dumps(hit.payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                changed += point_digest(payload, vectors[hit.id]) != rows[hit.id]
        if changed:
            problems.append(f"shard {shard}: {changed} points hold other content than was published")
    return problems


# -- compacting and pruning ------------------------------------------------------------------------------------------


def compact(backend: IndexBackend, layout: Layout, space: str, *, changed_share: float = CHANGED_SHARE) -> int:
    """Optimizes shards that changed much since they were last; returns how many. Searches see no difference but speed.

    A shard is optimized without the writer lock, from a copy; if it was published anew meanwhile, the work is dropped.
    """
    from .publish import writer_lock

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


def prune_generations(
    backend: IndexBackend, layout: Layout, space: str, retention: Retention | None = None
) -> tuple[int, int]:
    """Removes what neither CURRENT nor a kept publication names: (publications, shards or points) removed."""
    from .publish import writer_lock

    store = PublicationStore(layout, space)
    with layout.lock(writer_lock(space)):
        return _prune(store, backend, retention or Retention(), sweep=True)


def prune_quietly(store: PublicationStore, backend: IndexBackend, retention: Retention) -> None:
    """The small prune after each publication; leaves it to the next one when the writer is busy."""
    from .publish import writer_lock

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
