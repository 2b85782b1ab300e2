"""Staged changes become one publication: which shard each bucket goes to, and one move of the pointer.

What lives here: the part of a publication that needs the writer lock. What does not: who takes that lock and when
(`publish.py`, `rebuild.py`)."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..errors import LockedError
from ..progress import Ticker
from .backends.interface import IndexBackend, ShardWriter
from .manifest import PublicationManifest, PublicationStore, ShardState
from .points import read_spill
from .staging import Stage, move_tables
from .tables import id_text


def apply_stages(
    store: PublicationStore,
    backend: IndexBackend,
    stages: list[Stage],
    dimension: int,
    *,
    base: PublicationManifest | None,
    left: PublicationManifest | None,
    emptied: Collection[str] = (),
    ticker: Ticker | None = None,
) -> PublicationManifest:
    """Writes the stages' changes and moves the pointer from `base`. The caller holds the writer lock.

    `left` is what of the base goes on: all of it, or without what is made anew, whose keys are `emptied`. `ticker`
    counts the points written.
    """
    following = store.successor(left, dimension)
    placement = Placement(dict(following.shards), backend.shard_limit, backend.closed_shards(left))
    receipts = dict(following.receipts)
    touched: set[str] = set()
    with backend.writer(left, following) as writer:
        if base is not None and backend.shard_limit is None:
            _empty(writer, backend, base, emptied)
        for stage in stages:
            published = receipts.get(stage.key)
            if (published.stage_id if published else "") != stage.base_stage:
                raise LockedError(f"{stage.key} was published by another process meanwhile", remedy="run it again")
            folder = store.home / "staging" / stage.id
            shards = placement.place(stage)
            touched |= _write(writer, stage, folder, shards, dimension, ticker)
            receipt, _ = move_tables(stage, folder, store, shards)
            receipts[stage.key] = receipt
        states = writer.finish(ticker.stages.say if ticker else None)
    at = time.time()
    for stage in stages:
        receipts[stage.key] = replace(receipts[stage.key], published_at=at)
    kept = {name: state for name, state in following.shards.items() if name not in touched}
    manifest = replace(following, published_at=at, shards=kept | states, receipts=receipts)
    if not store.move(base, manifest):
        raise LockedError("another process published the index without holding the writer lock", remedy="run it again")
    return manifest


def _empty(writer: ShardWriter, backend: IndexBackend, base: PublicationManifest, keys: Collection[str]) -> None:
    """Takes every point of some keys out of a server, whose one shard goes on."""
    view = backend.view(base)
    try:
        for key in keys:
            for shard in base.receipts[key].shards:
                writer.remove(shard, list(view.ids(shard, key)))
    finally:
        view.close()


def _write(
    writer: ShardWriter, stage: Stage, folder: Path, shards: list[str], dimension: int, ticker: Ticker | None
) -> set[str]:
    touched = set()
    for shard, name in stage.removed_ids.items():
        raw = (folder / name).read_bytes()
        writer.remove(shard, [id_text(raw[at : at + 16]) for at in range(0, len(raw), 16)])
        touched.add(shard)
    for bucket, shard in zip(stage.buckets, shards, strict=True):
        if bucket.spill:
            touched.add(shard)
            for batch in read_spill(folder, bucket.spill, dimension):
                writer.upsert(shard, batch)
                if ticker is not None:
                    ticker.advance(len(batch))
    return touched


class Placement:
    """Which shard each bucket goes to: where it is; else one with room for the whole repository; else spread."""

    def __init__(self, shards: dict[str, ShardState], limit: int | None, closed: Collection[str] = ()) -> None:
        """`closed`: shards that take no more points."""
        self.sizes = {name: state.points for name, state in shards.items()}
        self.limit = limit
        self.closed = closed

    def place(self, stage: Stage) -> list[str]:
        """The shard of every bucket of a stage, in order."""
        if self.limit is None:
            return ["server"] * len(stage.buckets)
        new = sum(bucket.points for bucket in stage.buckets if not bucket.shard)
        own = [bucket.shard for bucket in stage.buckets if bucket.shard]
        together = self._with_room(new, own) if new <= self.limit else None
        placed: list[str] = []
        for bucket in stage.buckets:
            shard = bucket.shard
            if not shard:
                shard = together or self._with_room(bucket.points, [*own, *placed]) or f"s{os.urandom(4).hex()}"
                self.sizes[shard] = self.sizes.get(shard, 0) + bucket.points
            placed.append(shard)
        return placed

    def _with_room(self, points: int, preferred: list[str]) -> str | None:
        assert self.limit is not None
        room = [name for name, size in self.sizes.items() if size + points <= self.limit and name not in self.closed]
        return max(room, key=lambda name: (name in preferred, self.sizes[name], name), default=None)
