"""What another tree of a repository changes of its publication, worked out aside: nothing of the index changes.

What lives here: the steps of the chain up to what would be published. What does not: answering from it
(`index/overlaid.py`), finding the tree (`overlays/`).

The steps are those of an index run, with the published artifacts as what came before, and pointers of their own. So
selection, ignore rules and secrets are as in a run. What is not there is the gate; chunks in which the secret scanner
finds something are refused here.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from pathlib import Path

import polars as pl

from ..errors import GateRefusedError, QueryError, SpaceMismatchError
from ..index.manifest import PublicationStore, PublishedPart, Receipt
from ..index.overlaid import SHARD, Layer, read_points
from ..index.reader import IndexSnapshot
from ..index.staging import Stage, stage_changes
from ..index.tables import id_text
from ..progress import Stages
from ..quality.profile import secrets_left
from ..settings import Settings
from ..sources.snapshot import Snapshot
from ..storage.artifacts import Artifact, ArtifactStore
from ..storage.aside_store import AsideStore
from ..storage.layout import Layout
from ..storage.store import Home
from .chunk import chunk_files
from .embed import embed_chunks
from .observe import list_repository
from .publish import content_of
from .run import ChainRun, GivenSource
from .select import hash_files

# Files that differ: parsing and embedding 5,000 takes about 10 s, and a run would be asked for the same.
MOST_CHANGED = 5_000


class LayerRun:
    """The chain on a tree, observed when this is made: its name says whether a layer that is known still holds."""

    def __init__(
        self, layout: Layout, settings: Settings, base: IndexSnapshot, key: str, given: GivenSource,
        stages: Stages | None = None,
    ) -> None:  # fmt: skip
        """Raises SpaceMismatchError, ConfigurationError."""
        self.base, self.receipt = base, base.receipts[key]
        current = _published(layout, self.receipt, base.space)
        run_id = f"layer-{uuid.uuid4()}"
        stages = stages or Stages()
        self.run = ChainRun(key, run_id, layout, settings, stages, kept_in=AsideStore(layout, current), given=given)
        if self.run.space.id != base.space:
            raise SpaceMismatchError(
                f"the index that is asked is in the embedding space {base.space}, new code would be embedded in "
                f"{self.run.space.id}",
                remedy="set CODE_INDEX_MODEL to the model the index was made with, or leave it out",
            )
        self.snapshot, self._repository = self._observe()

    def _observe(self) -> tuple[Snapshot, Artifact]:
        snapshot, built = list_repository(self.run)
        return snapshot, built.artifact

    @property
    def tree(self) -> str:
        """The tree that was observed, on what is published now: a layer of the same name is the same."""
        return f"{self.snapshot.tree}-{self.snapshot.commit[:16]}-{self.receipt.stage_id}"

    def layer(self, folder: Path, most_changed: int = MOST_CHANGED) -> Layer:
        """The layer, its tables in `folder`, which stays as long as it is used.

        Raises QueryError (more files differ than are looked at in a question), SourceChangedError, GateRefusedError (a
        secret would be shown), EmbeddingError.
        """
        run, receipt = self.run, self.receipt
        run.input("repository")
        hash_files(run)
        files = run.input("file_hashes")
        before = run.store.named("file_hashes", receipt.key, receipt.artifacts["file_hashes"])
        changed, gone = _differences(before, files)
        if len(changed) > most_changed:
            raise QueryError(
                f"{len(changed):,} files of {self.snapshot.location} differ from what is published of {receipt.key}; "
                f"{most_changed:,} are looked at for a question",
                remedy=f"index it: code-index index {self.snapshot.location}; or ask for what is published",
            )
        chunk_files(run)
        chunks = run.input("chunks")
        embed_chunks(run)
        embeddings = run.input("embeddings", run.space.id)
        _refuse_secrets(chunks, changed)
        content = content_of(run, self.snapshot, files, chunks, embeddings, run.space.dimension)
        content = replace(
            content, repository=receipt.repository, ref=receipt.ref, default_ref=receipt.default_ref,
            recipe=receipt.recipe,
        )  # fmt: skip
        store = PublicationStore(run.layout, run.space.id)
        stage = stage_changes(
            content, store, self.base.manifest, folder,
            stage_id=os.urandom(8).hex(), shard_limit=None, closed=(), stages=run.stages,
        )  # fmt: skip
        points = read_points(folder, [bucket.spill for bucket in stage.buckets if bucket.spill], run.space.dimension)
        hidden = _removed(stage, folder) | {point.id for point in points}
        return Layer(
            base=receipt,
            receipt=_receipt(stage, folder, store, receipt),
            points=points,
            hidden=frozenset(hidden),
            gone=gone,
            changed=changed,
            tree=self.tree,
        )


def _published(layout: Layout, receipt: Receipt, space: str) -> dict[Home, str]:
    """What a publication was made from, as the current artifacts of a run. Raises NotBuiltError."""
    key, made = receipt.key, receipt.artifacts
    files = ArtifactStore(layout).named("file_hashes", key, made["file_hashes"])
    return {
        Home("repository", key): str(files.manifest.inputs["repository"]),
        Home("file_hashes", key): made["file_hashes"],
        Home("chunks", key): made["chunks"],
        Home("embeddings", key, space): made["embeddings"],
    }


def _differences(before: Artifact, after: Artifact) -> tuple[frozenset[str], frozenset[str]]:
    """Kept files that are new or have other content, and files that are no longer kept."""

    def kept(artifact: Artifact) -> pl.DataFrame:
        return artifact.read("files", ["path", "hash", "status"]).filter(pl.col("status") == "kept")

    old, new = kept(before), kept(after)
    changed = new.join(old, on=["path", "hash"], how="anti").get_column("path").to_list()
    gone = old.join(new, on="path", how="anti").get_column("path").to_list()
    return frozenset(changed), frozenset(gone)


def _refuse_secrets(chunks: Artifact, changed: frozenset[str]) -> None:
    rows = chunks.read("chunks", ["path", "start_byte", "end_byte", "text"])
    rows = rows.filter(pl.col("path").is_in(sorted(changed)))
    if rows.height and any(secrets_left(rows)):
        raise GateRefusedError(
            "a changed file holds what the secret scanner takes for a secret and could not remove",
            remedy="take it out of the file, or ask without the working tree (--published)",
        )


def _removed(stage: Stage, folder: Path) -> set[str]:
    ids: set[str] = set()
    for name in stage.removed_ids.values():
        raw = (folder / name).read_bytes()
        ids.update(id_text(raw[at : at + 16]) for at in range(0, len(raw), 16))
    return ids


def _receipt(stage: Stage, folder: Path, store: PublicationStore, base: Receipt) -> Receipt:
    """The receipt of a stage that stays where it is: its tables by absolute path."""
    body = dict(stage.receipt)
    body["frequencies"] = str(store.home / body["frequencies"] if body["frequencies"] else folder / "total.npy")
    body["parts"] = {name: PublishedPart(**part) for name, part in body["parts"].items()}
    return Receipt(
        **body, shards=(*base.shards, SHARD), ledger=base.ledger, published_at=base.published_at, stage_id=stage.id
    )
