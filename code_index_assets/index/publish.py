"""Publication: a verified stage becomes visible by one move of the pointer.

What lives here: `publish`, the writer's part of it, and where buckets are placed. What does not: working out what
changes (`staging.py`), the engines (`index/backends/edge.py`, `index/backends/server.py`), roll-back and clean-up
(`maintenance.py`).

Locks, in this order: one a key for the whole publication (so its ledger stands still), then the writer lock for the
engine's part. Who gets the writer lock publishes every complete stage that is waiting, one generation a shard; who
waited finds its stage published. A stage whose publisher died (its key lock is free) is thrown away, not published.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DamagedIndexError, GateRefusedError, LockedError, StalePublicationError
from ..progress import Stages
from ..quality.permit import Permit
from ..storage.layout import Layout
from .backends.interface import IndexBackend, ShardWriter
from .content import RepositoryContent
from .documents import read_spill
from .maintenance import Retention, prune_quietly
from .manifest import PublicationManifest, PublicationStore, Receipt, ShardState
from .staging import Stage, move_tables, stage_content
from .tables import id_text

LOCK_SECONDS = 1800.0
_TOLD = ("commit", "label", "suite", "artifacts", "coverage", "recipe")


@dataclass(frozen=True)
class PublicationResult:
    """What a publication did: points written, removed and left as they were; outcome "published" or "reused"; `mended`
    tells what of the index was damaged and made anew before."""

    receipt: Receipt
    written: int
    removed: int
    unchanged: int
    outcome: str
    mended: tuple[str, ...] = field(default=())


def publish(
    permit: Permit,
    content: RepositoryContent,
    backend: IndexBackend,
    layout: Layout,
    stages: Stages | None = None,
    *,
    retention: Retention | None = None,
    lock_timeout: float = LOCK_SECONDS,
    rolled_back: bool = False,
) -> PublicationResult:
    """Publishes one repository at one commit, whole or not at all.

    Raises GateRefusedError if the permit does not speak of exactly these bytes, StalePublicationError if a commit
    observed later is published already, CorruptArtifactError for damaged artifacts, LockedError if another
    publication does not end. In every case the published index is as it was.
    """
    stages = stages or Stages()
    store = PublicationStore(layout, content.space)
    _check_permit(permit, content)
    with layout.lock(key_lock(content.space, content.key), timeout=lock_timeout):
        mended: tuple[str, ...] = ()
        if store.is_adrift():
            mended = (_rebuilt(backend, content, layout, stages, lock_timeout),)
        try:
            result = _publish_content(permit, content, store, backend, stages, lock_timeout, rolled_back)
        except DamagedIndexError:
            mended = (*mended, _rebuilt(backend, content, layout, stages, lock_timeout))
            result = _publish_content(permit, content, store, backend, stages, lock_timeout, rolled_back)
        result = replace(result, mended=mended)
    if result.outcome == "published":
        prune_quietly(store, backend, retention or Retention())
    return result


def _rebuilt(
    backend: IndexBackend, content: RepositoryContent, layout: Layout, stages: Stages, lock_timeout: float
) -> str:
    """Makes what is damaged of the index anew, and tells of it."""
    from .rebuild import rebuild

    return str(rebuild(backend, layout, content.space, content.dimension, stages=stages, lock_timeout=lock_timeout))


def _publish_content(
    permit: Permit,
    content: RepositoryContent,
    store: PublicationStore,
    backend: IndexBackend,
    stages: Stages,
    lock_timeout: float,
    rolled_back: bool,
) -> PublicationResult:
    """One try. The caller holds the key's lock. Raises DamagedIndexError if the index is to be made anew first."""
    layout = store.layout
    base = store.current()
    before = base.receipts.get(content.key) if base else None
    if not rolled_back:
        _check_order(before, content)
    stage_id = os.urandom(8).hex()
    with layout.temporary("stage") as folder:
        stage = stage_content(
            permit, content, store, base, folder,
            stage_id=stage_id, shard_limit=backend.shard_limit, stages=stages, rolled_back=rolled_back,
        )  # fmt: skip
        if before is not None and _same(before, stage):
            return PublicationResult(before, 0, 0, before.points, "reused")
        waiting = store.home / "staging" / stage_id
        waiting.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(waiting)
    try:
        with stages.stage("publish", total=stage.written, unit="points"):
            receipt = _publish_stage(store, backend, layout, stage, content.dimension, lock_timeout=lock_timeout)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return PublicationResult(receipt, stage.written, stage.removed, stage.unchanged, "published")


def key_lock(space: str, key: str) -> str:
    return f"publish-{space}-{key}"


def writer_lock(space: str) -> str:
    return f"index-writer-{space}"


def _check_permit(permit: Permit, content: RepositoryContent) -> None:
    for what, permitted, given in (
        ("partition", permit.key, content.key),
        ("embedding space", permit.space, content.space),
        ("commit", permit.commit, content.commit),
    ):
        if permitted != given:
            raise GateRefusedError(
                f"the verdict speaks of {what} {permitted!r}, not of {given!r}",
                remedy=f"run `code-index index {content.key}` (or materialize `index_quality` for this partition)",
            )


def _check_order(before: Receipt | None, content: RepositoryContent) -> None:
    if before and before.observed_at > content.observed_at and before.commit != content.commit:
        raise StalePublicationError(
            f"{content.key}: {content.commit[:12]} was observed before the published {before.commit[:12]}",
            remedy="nothing to do: the newer commit stays; to go back on purpose: `code-index rollback`",
        )


def _same(before: Receipt, stage: Stage) -> bool:
    """Whether the stage would change nothing anybody can see."""
    new = stage.receipt
    return (
        not stage.written
        and not stage.removed
        and before.subject == new["subject"]
        and all(getattr(before, name) == new[name] for name in _TOLD)
        and before.default_ref == new["default_ref"]
        and before.rolled_back == new["rolled_back"]
    )


def _publish_stage(
    store: PublicationStore, backend: IndexBackend, layout: Layout, stage: Stage, dimension: int, *, lock_timeout: float
) -> Receipt:
    with layout.lock(writer_lock(store.space), timeout=lock_timeout):
        current = store.current()
        if current and (receipt := current.receipts.get(stage.key)) and receipt.stage_id == stage.id:
            return receipt  # the holder before us took it along
        with _others_waiting(store, layout, stage) as others:
            try:
                manifest = apply_stages(store, backend, [stage, *others], dimension, base=current, left=current)
            except Exception:
                if not others:
                    raise
                # One of the others may be at fault, and its publisher will hear of it: publish our own.
                manifest = apply_stages(store, backend, [stage], dimension, base=current, left=current)
        return manifest.receipts[stage.key]


@contextmanager
def _others_waiting(store: PublicationStore, layout: Layout, own: Stage) -> Iterator[list[Stage]]:
    """The complete stages of publishers that are alive and wait; those of dead ones are removed."""
    found: list[Stage] = []
    for folder in sorted((store.home / "staging").iterdir()):
        if folder.name == own.id:
            continue
        try:
            stage = Stage.load(folder)
        except FileNotFoundError:
            continue
        if stage.key == own.key:  # we hold its key's lock, so its publisher is gone
            shutil.rmtree(folder, ignore_errors=True)
            continue
        with ExitStack() as stack:
            try:
                stack.enter_context(layout.lock(key_lock(store.space, stage.key), timeout=0))
            except LockedError:
                found.append(stage)
                continue
            shutil.rmtree(folder, ignore_errors=True)
    yield found


def apply_stages(
    store: PublicationStore,
    backend: IndexBackend,
    stages: list[Stage],
    dimension: int,
    *,
    base: PublicationManifest | None,
    left: PublicationManifest | None,
    emptied: Collection[str] = (),
) -> PublicationManifest:
    """Writes the stages' changes and moves the pointer from `base`. The caller holds the writer lock.

    `left` is what of the base goes on: all of it, or without what is made anew, whose keys are `emptied`.
    """
    following = store.successor(left, dimension)
    placement = Placement(dict(following.shards), backend.shard_limit)
    receipts = dict(following.receipts)
    touched: set[str] = set()
    with backend.writer(left, following) as writer:
        if base is not None and backend.shard_limit is None:
            _empty(writer, backend, base, emptied)
        for stage in stages:
            published = receipts.get(stage.key)
            if (published.stage_id if published else "") != stage.base_stage:
                raise LockedError(f"{stage.key} was published by somebody else meanwhile", remedy="run it again")
            folder = store.home / "staging" / stage.id
            shards = placement.place(stage)
            touched |= _write(writer, stage, folder, shards, dimension)
            receipt, _ = move_tables(stage, folder, store, shards)
            receipts[stage.key] = receipt
        states = writer.finish()
    at = time.time()
    for stage in stages:
        receipts[stage.key] = replace(receipts[stage.key], published_at=at)
    kept = {name: state for name, state in following.shards.items() if name not in touched}
    manifest = replace(following, published_at=at, shards=kept | states, receipts=receipts)
    if not store.move(base, manifest):
        raise LockedError("the index was published by somebody without the writer lock", remedy="run it again")
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


def _write(writer: ShardWriter, stage: Stage, folder: Path, shards: list[str], dimension: int) -> set[str]:
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
    return touched


class Placement:
    """Which shard each bucket goes to: where it is; else one with room for the whole repository; else spread."""

    def __init__(self, shards: dict[str, ShardState], limit: int | None) -> None:
        self.sizes = {name: state.points for name, state in shards.items()}
        self.limit = limit

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
        room = [name for name, size in self.sizes.items() if size + points <= self.limit]
        return max(room, key=lambda name: (name in preferred, self.sizes[name], name), default=None)
