"""What failed last, by partition: one small file for each partition whose last run did not publish.

What lives here: writing, clearing and listing them. What does not: retrying (`triggers/due.py`, Dagster's policies).
Only what is broken has a file, so listing costs what is broken and not what is registered.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..storage.layout import Layout, key_segment, write_atomically


@dataclass(frozen=True)
class FailedPartition:
    """The last failure of a partition: where, what, since when, how often in a row; `retryable` by the taxonomy."""

    key: str
    asset: str
    kind: str
    message: str
    retryable: bool
    run_id: str
    at: float
    since: float
    times: int = 1


def record_failure(layout: Layout, key: str, asset: str, kind: str, message: str, retryable: bool, run_id: str) -> None:
    """Records that a run failed; a second record of the same run replaces the first."""
    now = time.time()
    before = _read(layout, key)
    times = 1 if before is None else before.times + (before.run_id != run_id)
    since = now if before is None else before.since
    failed = FailedPartition(key, asset, kind, message, retryable, run_id, now, since, times)
    write_atomically(_path(layout, key), json.dumps(asdict(failed)).encode())


def clear_failure(layout: Layout, key: str) -> None:
    """Records that a partition is published: nothing is wrong with it now."""
    _path(layout, key).unlink(missing_ok=True)


def failed_partitions(layout: Layout) -> list[FailedPartition]:
    """Every partition whose last run failed, by key."""
    failures = []
    for path in sorted((layout.root / "failures").glob("*.json")):
        try:
            failures.append(FailedPartition(**json.loads(path.read_bytes())))
        except (OSError, ValueError, TypeError):
            continue
    return failures


def _read(layout: Layout, key: str) -> FailedPartition | None:
    try:
        return FailedPartition(**json.loads(_path(layout, key).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _path(layout: Layout, key: str) -> Path:
    return layout.root / "failures" / f"{key_segment(key)}.json"
