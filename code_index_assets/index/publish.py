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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from ..errors import DamagedIndexError, GateRefusedError, LockedError, StalePublicationError
from ..progress import Stages, Ticker
from ..quality.permit import Permit
from ..storage.layout import Layout
from .apply import apply_stages
from .backends.interface import IndexBackend
from .content import RepositoryContent
from .generations import Retention, prune_quietly
from .locks import key_lock, writer_lock
from .manifest import PublicationStore, Receipt
from .staging import Stage, stage_content

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
            stage_id=stage_id, shard_limit=backend.shard_limit, closed=backend.closed_shards(base),
            stages=stages, rolled_back=rolled_back,
        )  # fmt: skip
        if before is not None and _same(before, stage):
            return PublicationResult(before, 0, 0, before.points, "reused")
        waiting = store.home / "staging" / stage_id
        waiting.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(waiting)
    try:
        with stages.stage("publish", total=stage.written, unit="points") as ticker:
            receipt = _publish_stage(
                store, backend, layout, stage, content.dimension, lock_timeout=lock_timeout, ticker=ticker
            )
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return PublicationResult(receipt, stage.written, stage.removed, stage.unchanged, "published")


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


def is_receipt_of(receipt: Receipt, content: RepositoryContent, permit: Permit) -> bool:
    """Whether a publication's receipt is of exactly this content: publishing it would change nothing.

    The same artifacts by the same recipe give the same points, so nothing is staged to find out.
    """
    new = {name: getattr(content, name) for name in _TOLD if name != "suite"} | {"suite": permit.suite}
    return (
        receipt.subject == permit.subject
        and all(getattr(receipt, name) == value for name, value in new.items())
        and receipt.default_ref == content.default_ref
        and not receipt.rolled_back
    )


def _publish_stage(
    store: PublicationStore,
    backend: IndexBackend,
    layout: Layout,
    stage: Stage,
    dimension: int,
    *,
    lock_timeout: float,
    ticker: Ticker,
) -> Receipt:
    with layout.lock(writer_lock(store.space), timeout=lock_timeout):
        current = store.current()
        if current and (receipt := current.receipts.get(stage.key)) and receipt.stage_id == stage.id:
            return receipt  # the holder before us took it along
        with _others_waiting(store, layout, stage) as others:
            try:
                manifest = apply_stages(
                    store, backend, [stage, *others], dimension, base=current, left=current, ticker=ticker
                )
            except Exception:
                if not others:
                    raise
                # One of the others may be at fault, and its publisher will hear of it: publish our own.
                manifest = apply_stages(store, backend, [stage], dimension, base=current, left=current, ticker=ticker)
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
