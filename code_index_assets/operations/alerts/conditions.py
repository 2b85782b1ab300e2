"""What is wrong now: conditions worked out from the records of a data folder.

What lives here: the conditions. What does not: who has heard of them (`telling.py`) and how they are sent
(`channels.py`). A condition holds or it does not: nothing here remembers, so a restart repeats and loses no alert.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...errors import CodeIndexError
from ...records.failures import FailedPartition, failed_partitions
from ...search.answers import RepositoryStatus
from ...search.freshness import repository_statuses
from ...settings import Settings
from ...storage.layout import Layout
from ...triggers.heads import load_heads

KINDS = (
    "run_failed", "gate_refused", "freshness_missed", "budget_reached", "disk_low", "repository_unreachable",
)  # fmt: skip
GIB = 1 << 30
_UNREACHABLE = ("SourceError", "SourceUnavailableError")
_OF_ERRORS = {
    "GateRefusedError": "gate_refused", "BudgetError": "budget_reached",
    **dict.fromkeys(_UNREACHABLE, "repository_unreachable"),
}  # fmt: skip
_REMEDIES = {
    "run_failed": "code-index status {0}",
    "gate_refused": "code-index status {0}; correct the cause, or code-index accept {0} CHECK --reason …",
    "budget_reached": "raise CODE_INDEX_BUDGET_USD, then code-index index {0}",
    "repository_unreachable": "check the address and its token: code-index doctor",
}


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong: of which kind, with what, since when (Unix time), and what to do."""

    kind: str
    subject: str
    text: str
    remedy: str
    since: float = 0.0

    @property
    def id(self) -> str:
        """The same for as long as the condition holds, whatever its words say."""
        return f"{self.kind} {self.subject}"


@dataclass(frozen=True)
class FailedJob:
    """A job of Dagster's whose last ended run failed, and is of no repository (those have records of their own)."""

    name: str
    run_id: str
    at: float


def alerts_now(
    layout: Layout, settings: Settings, jobs: Iterable[FailedJob] = (), now: float | None = None
) -> list[Alert]:
    """Everything that is wrong, of the kinds that are wanted, by kind and subject."""
    now = time.time() if now is None else now
    found = [
        *_failures(layout),
        *_jobs(jobs),
        *_disk(layout, settings),
        *_unreachable(layout),
        *_late(layout, settings, now),
    ]
    by_id: dict[str, Alert] = {}
    for alert in found:
        if alert.kind in settings.alert_kinds:
            by_id.setdefault(alert.id, alert)
    return sorted(by_id.values(), key=lambda alert: (KINDS.index(alert.kind), alert.subject))


def _failures(layout: Layout) -> Iterator[Alert]:
    for failed in failed_partitions(layout):
        kind = _OF_ERRORS.get(failed.kind, "run_failed")
        yield Alert(kind, failed.key, _told(failed), _REMEDIES[kind].format(failed.key), failed.since)


def _told(failed: FailedPartition) -> str:
    times = f", {failed.times} times" if failed.times > 1 else ""
    return f"{failed.asset} failed{times}: {' '.join(failed.message.split())[:300]}"


def _jobs(jobs: Iterable[FailedJob]) -> Iterator[Alert]:
    for job in jobs:
        yield Alert("run_failed", job.name, f"the last run of the job {job.name} failed (run {job.run_id[:8]})",
                    "open the run in Dagster's UI, correct the cause and run the job again", job.at)  # fmt: skip


def _disk(layout: Layout, settings: Settings) -> Iterator[Alert]:
    free = shutil.disk_usage(layout.root).free / GIB
    if free < settings.alert_disk_gb:
        yield Alert("disk_low", str(layout.root),
                    f"{free:.1f} GiB are free on the disk of the data folder, less than {settings.alert_disk_gb:g}",
                    "code-index prune --compact, or a larger disk")  # fmt: skip


def _unreachable(layout: Layout) -> Iterator[Alert]:
    for name, polled in load_heads(layout).items():
        for key, message in polled.errors.items():
            remedy = _REMEDIES["repository_unreachable"]
            text = f"it cannot be polled: {' '.join(message.split())[:300]}"
            yield Alert("repository_unreachable", key or name, text, remedy, polled.polled_at)


def _late(layout: Layout, settings: Settings, now: float) -> Iterator[Alert]:
    try:
        statuses = repository_statuses(layout, settings)
    except CodeIndexError as error:
        yield Alert("run_failed", "registry", f"the registry cannot be read: {error.message}", error.remedy or "")
        return
    for status in statuses:
        text = _lateness(status, settings.freshness_hours, now)
        if text:
            yield Alert(
                "freshness_missed", status.key, text, f"code-index index {status.key}", status.indexed_at or 0.0
            )


def _lateness(status: RepositoryStatus, hours: float, now: float) -> str:
    """What is late about a published repository; "" for nothing. One that was never published has failed, or is new."""
    if status.indexed_at is None:
        return ""
    seen = max(status.head_seen_at or 0.0, status.indexed_at)
    if (now - seen) / 3600 > hours:
        return f"its head was last looked at {(now - seen) / 3600:,.0f} h ago; {hours:g} h are allowed"
    if status.published == "behind" and (now - status.indexed_at) / 3600 > hours:
        return f"the ref has moved, and what is published is {(now - status.indexed_at) / 3600:,.0f} h old"
    return ""
