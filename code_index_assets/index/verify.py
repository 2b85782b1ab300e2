"""Whether what is published can be read as it was written, point by point."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import CorruptArtifactError, DamagedIndexError, NotBuiltError, NotIndexedError
from ..storage.artifacts import Artifact, ArtifactStore
from ..storage.layout import Layout
from .backends.interface import IndexBackend, View
from .content import RepositoryContent
from .manifest import REBUILD_REMEDY, PublicationManifest, PublicationStore, Receipt
from .tables import id_text, ids_digest, load_table

if TYPE_CHECKING:
    pass


def content_of(layout: Layout, space: str, dimension: int, receipt: Receipt) -> RepositoryContent:
    """The content a receipt was published from. Raises NotBuiltError if an artifact is no longer kept."""

    def opened(kind: str, in_space: str | None = None) -> Artifact:
        try:
            return ArtifactStore(layout).named(kind, receipt.key, receipt.artifacts[kind], in_space)
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
                rows.update((id_text(row[:16].tobytes()), row[16:32].tobytes()) for row in table)
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
