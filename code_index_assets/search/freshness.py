"""How fresh what is published is: where refs were seen last, what is at work, what failed, why something is missing.

What lives here: reading the state that runs, pollers and webhooks leave in the data folder. What does not: looking at
repositories (`sources/`, `triggers/`), and front ends. Everything read here is small; nothing is written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import NotIndexedError, StillIndexingError
from ..index.manifest import Receipt
from ..index.published import PublishedIndex
from ..records.dagster_runs import runs_at_work
from ..records.failures import FailedPartition, failed_partitions
from ..records.observations import last_observation, observation_file
from ..records.run_log import RunLog
from ..settings import Settings
from ..storage.layout import Layout, key_segment, segment_key
from ..triggers.heads import Polled, load_heads
from ..triggers.inbox import Inbox
from .answers import Published, RepositoryStatus, StatusState

if TYPE_CHECKING:
    from ..sources.registry import Registry, RepositoryEntry

# Longer than any pause between two steps of a run.
BETWEEN_STEPS_SECONDS = 10.0
_RUN_TOLD = {
    "running": "a run is working on it", "starting": "its run is starting",
    "queued": "its run waits in Dagster's queue",
}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """The commit a ref was last seen at (a poller may give its beginning only), and when (Unix time)."""

    commit: str
    seen_at: float | None = None


def ago(seconds: float) -> str:
    """An age in words."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now"


class Heads:
    """Where refs were seen last: by a run, or later by a poller. Reads a file again when it has changed: an answer over
    5,000 repositories asks for as many heads."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._polled: tuple[int, dict[str, Polled]] = (-1, {})
        self._observed: dict[str, tuple[str, tuple[int, int], Head | None]] = {}

    def __call__(self, key: str) -> Head | None:
        """Where the ref of a partition was last seen; None if neither a run nor the poller has seen it."""
        head = self._seen(key)
        polled = self.poller().get(key.partition("@")[0])
        polled_commit = polled.heads.get(key) if polled is not None and not polled.failures else None
        if polled is not None and polled_commit and (head is None or polled.polled_at > (head.seen_at or 0)):
            # A poller of an unchanged ref confirms the whole id that the run saw.
            commit = head.commit if head is not None and head.commit.startswith(polled_commit) else polled_commit
            return Head(commit, polled.polled_at)
        return head

    def _seen(self, key: str) -> Head | None:
        known = self._observed.get(key)
        path = known[0] if known else str(observation_file(self.layout, key))
        try:
            status = os.stat(path)  # noqa: PTH116 - no Path object for each of thousands
        except OSError:
            self._observed.pop(key, None)
            return None
        state = (status.st_mtime_ns, status.st_ino)
        if known is None or known[1] != state:
            seen = last_observation(self.layout, key)
            known = (path, state, Head(seen.commit, seen.seen_at) if seen else None)
            self._observed[key] = known
        return known[2]

    def poller(self) -> dict[str, Polled]:
        """What the poller knows, by repository."""
        try:
            changed = (self.layout.root / "polls.json").stat().st_mtime_ns
        except OSError:
            return {}
        if self._polled[0] != changed:
            self._polled = (changed, load_heads(self.layout))
        return self._polled[1]


def published_state(receipt: Receipt, head: Head | None) -> Published:
    """The published commit against where its ref was seen last."""
    if head is None:
        return "unknown"
    return "current" if receipt.commit.startswith(head.commit) else "behind"


def repository_statuses(
    layout: Layout, settings: Settings, receipts: Mapping[str, Receipt] | None = None
) -> list[RepositoryStatus]:
    """The status of every registered partition, in registry order, then of what is published but not registered.

    `receipts`: what an engine's publication holds (`SearchEngine.receipts`); else what is published in any space.
    Raises ConfigurationError for a registry that cannot be read.
    """
    from ..sources.registry import Registry

    registry = Registry.load(settings.registry_file, layout)
    look = _Look(layout, dict(PublishedIndex(layout).receipts if receipts is None else receipts))
    rows = [look.status(key, entry) for entry in registry.entries for key in _keys(entry, look)]
    known = {row.key for row in rows}
    return rows + [look.status(key, None) for key in sorted(look.receipts.keys() - known)]


def _keys(entry: RepositoryEntry, look: _Look) -> list[str]:
    """Keys written out, then those that patterns of refs stand for: what is published or a poller has seen of them."""
    if not entry.globs:
        return list(entry.keys)
    known = {key for key in look.receipts if key.partition("@")[0] == entry.name}
    known |= set(look.polled(entry.name).heads)
    return list(dict.fromkeys((*entry.keys, *sorted(known))))


class _Look:
    """What is known at one moment."""

    def __init__(self, layout: Layout, receipts: dict[str, Receipt]) -> None:
        self.layout = layout
        self.receipts = receipts
        self.heads = Heads(layout)
        self.failed = {failure.key: failure for failure in failed_partitions(layout)}
        self.waiting = Inbox(layout).waiting()
        self.between_steps = _between_steps(layout)
        self.runs = runs_at_work(layout)

    def polled(self, name: str) -> Polled:
        return self.heads.poller().get(name, Polled())

    def status(self, key: str, entry: RepositoryEntry | None) -> RepositoryStatus:
        receipt, head, failure = self.receipts.get(key), self.heads(key), self.failed.get(key)
        name, _, ref = key.partition("@")
        published = published_state(receipt, head) if receipt else None
        state, why = self._state(key, entry, published, failure)
        row = RepositoryStatus(
            key=key,
            repository=name,
            ref=ref or None,
            default_ref=not ref,
            state=state,
            published=published,
            location=entry.location if entry else "",
            head=head.commit if head else None,
            head_seen_at=head.seen_at if head else None,
            why=why,
        )
        if receipt is None:
            return row
        return replace(
            row,
            repository=receipt.repository,
            ref=receipt.ref,
            default_ref=receipt.default_ref,
            commit=receipt.commit,
            label=receipt.label,
            committed_at=receipt.committed_at,
            indexed_at=receipt.published_at,
            coverage=receipt.coverage,
            points=receipt.points,
            run_id=receipt.run_id,
        )

    def _state(
        self, key: str, entry: RepositoryEntry | None, published: Published | None, failure: FailedPartition | None
    ) -> tuple[StatusState, str]:
        work = self.at_work(key)
        if work:
            return "indexing", work
        if failure is not None:
            again = f", {failure.times} times in a row" if failure.times > 1 else ""
            return "failed", f"{failure.asset}: {failure.message}{again}"
        if published is None:
            return "not_indexed", "no run has published it yet"
        if entry is None:
            return published, "it is no longer registered"
        troubled = self.polled(entry.name).errors
        why = troubled.get(key) or troubled.get("") or ""
        return published, f"its head could not be asked for: {why}" if why else ""

    def at_work(self, key: str) -> str:
        """What is going on for a key, "" if nothing is."""
        if self.layout.is_locked(f"partition-{key}"):
            return "a run is working on it"
        failure, receipt = self.failed.get(key), self.receipts.get(key)
        ended = max(failure.at if failure else 0.0, receipt.published_at if receipt else 0.0)
        if self.between_steps.get(key_segment(key), 0.0) > ended:
            return "a run is working on it"
        if key in self.runs:
            return _RUN_TOLD[self.runs[key]]
        return "it waits for a run" if key in self.waiting else ""


def _between_steps(layout: Layout) -> dict[str, float]:
    """Keys (as path segments) that a run has just finished a step of, but not its last one, and when.

    A run holds the lock of its repository step by step, a tenth of its time it holds none.
    """
    latest: dict[str, float] = {}
    base = layout.root / "pins"
    oldest = time.time() - BETWEEN_STEPS_SECONDS
    for run in os.scandir(base) if base.is_dir() else ():
        try:
            if run.stat().st_mtime < oldest:
                continue
            pins = {pin.name: pin.stat().st_mtime for pin in os.scandir(run.path)}
        except OSError:
            continue
        published = {
            key_segment(str(record.get("partition")))
            for record in RunLog(layout).of_run(segment_key(run.name), "step")
            if record.get("asset") == "search_index"
        }
        for name, at in pins.items():
            key = name.removesuffix(".json").rpartition(".")[0]
            if key not in published:
                latest[key] = max(latest.get(key, 0.0), at)
    return latest


# -- why something is not indexed -------------------------------------------------------------------------------------


def explained(error: NotIndexedError, layout: Layout, settings: Settings) -> NotIndexedError:
    """The same error, saying what is known of what is missing: a run at work, a run that failed, never asked for."""
    from ..errors import CodeIndexError
    from ..sources.registry import Registry

    if type(error) is not NotIndexedError or not (layout.root / "VERSION").exists():
        return error
    try:
        registry = Registry.load(settings.registry_file, layout)
    except CodeIndexError:
        return error
    look = _Look(layout, {})
    keys = _meant(error.wanted, registry) + ([] if error.wanted else sorted(look.waiting | look.runs.keys()))
    for key in keys:
        work = look.at_work(key)
        if work:
            what = f"{error.wanted} is still being indexed" if error.wanted else f"nothing is indexed yet, but {key} is"
            return StillIndexingError(
                f"{what}: {work}",
                remedy="ask again when it is done (`code-index status` tells)",
                wanted=error.wanted,
            )
    for key in keys:
        failure = look.failed.get(key)
        if failure is not None:
            return NotIndexedError(
                f"{error.wanted or key} is not indexed: its last run failed at {failure.asset}: {failure.message}",
                remedy=f"see `code-index status {key}`, then `code-index index {key}`",
                wanted=error.wanted,
                state="failed",
            )
    if error.wanted and keys:
        return NotIndexedError(
            f"{error.wanted} is registered but not indexed yet",
            remedy=f"run `code-index index {keys[0].partition('@')[0]}`",
            wanted=error.wanted,
        )
    return error


def _meant(missing: str, registry: Registry) -> list[str]:
    """Keys of the registry that `wanted` may mean; all for ""."""
    if not missing:
        return [key for entry in registry.entries for key in entry.keys]
    folded = missing.strip("/").casefold()
    if folded.startswith("@"):
        return [key for entry in registry.entries for key in entry.keys if key.casefold().endswith(folded)]
    keys = [
        key
        for entry in registry.entries
        for key in entry.keys
        if folded in (key.casefold(), entry.name.casefold()) or entry.name.casefold().endswith(f"/{folded}")
    ]
    name, _, ref = missing.partition("@")
    by_pattern = ref and any(entry.name == name and entry.names_ref(ref) for entry in registry.entries)
    return keys or ([missing] if by_pattern else [])
