"""How far the catalogue is behind the index.

What lives here: the record of what the catalogue holds, and the comparison with what is published. What does not:
building (`catalog.py`) and who builds it after a publication (`workers/catalogue_follower.py`). Needs no DuckDB:
`code-index status` stays quick.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from ..index.published import PublishedIndex
from ..storage.layout import Layout, write_atomically

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class CatalogueLag:
    """Publications (with roll-backs and removals) that the catalogue does not hold, and the age of the oldest (s)."""

    behind_publications: int
    behind_seconds: float


def published_state(layout: Layout) -> dict[str, str]:
    """What every space publishes: "space/key" → a text that changes with each publication of the key."""
    return {
        f"{manifest.space}/{key}": f"{receipt.published_at!r} {receipt.subject} {receipt.commit}"
        for manifest in PublishedIndex(layout).publications()
        for key, receipt in manifest.receipts.items()
    }


def record_state(layout: Layout, state: dict[str, str]) -> None:
    """Notes what a catalogue that was just published holds."""
    write_atomically(_record(layout), json.dumps(state).encode())


def make_stale(layout: Layout, key: str) -> None:
    """Notes that the catalogue lacks what belongs to a partition now: the next build brings it."""
    held = {name: state for name, state in _held(layout).items() if name.partition("/")[2] != key}
    write_atomically(_record(layout), json.dumps(held).encode())


def catalogue_lag(layout: Layout) -> CatalogueLag:
    """What the catalogue lacks. Without a catalogue that is everything published."""
    published = published_state(layout)
    held = _held(layout)
    missing = [state for name, state in published.items() if held.get(name) != state]
    removed = len(held.keys() - published.keys())
    oldest = min((float(state.split(" ", 1)[0]) for state in missing), default=None)
    seconds = max(time.time() - oldest, 0.0) if oldest is not None else 0.0
    return CatalogueLag(len(missing) + removed, seconds)


def wait_for_catalogue(layout: Layout, seconds: float) -> CatalogueLag:
    """Waits until the catalogue holds all that is published, at most so many seconds; returns what it lacks then."""
    deadline = time.monotonic() + seconds
    while (lag := catalogue_lag(layout)).behind_publications and time.monotonic() < deadline:
        time.sleep(min(POLL_SECONDS, max(deadline - time.monotonic(), 0.0)))
    return lag


def _held(layout: Layout) -> dict[str, str]:
    if not layout.catalog.exists():
        return {}
    try:
        return dict(json.loads(_record(layout).read_bytes()))
    except (OSError, ValueError):
        return {}


def _record(layout: Layout) -> Path:
    return layout.root / "catalog.holds.json"
