"""Where the ref of each partition was last seen: what makes "current" and "behind" answerable.

What lives here: one small file a partition. What does not: looking (`sources/`, pollers) and telling (`search/`).
Imports nothing heavy: searches read this.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..storage.layout import Layout, segment_key, write_atomically


@dataclass(frozen=True)
class Observation:
    """A ref was seen at this commit, with these entries (label, artifact) at this time (Unix seconds)."""

    commit: str
    label: str
    seen_at: float
    fingerprint: str = ""


def observation_file(layout: Layout, key: str) -> Path:
    """The file with the commit a ref was last seen at."""
    return layout.artifact_home("repository", key) / "OBSERVED"


def observe(layout: Layout, key: str, observation: Observation) -> None:
    """Records an observation, unless a later one is there already."""
    with layout.lock(f"observation-{key}", timeout=30):
        known = last_observation(layout, key)
        if known is None or known.seen_at <= observation.seen_at:
            write_atomically(observation_file(layout, key), json.dumps(asdict(observation)).encode())


def last_observation(layout: Layout, key: str) -> Observation | None:
    """The last observation of a partition's ref, or None."""
    try:
        return Observation(**json.loads(observation_file(layout, key).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def known_keys(layout: Layout) -> list[str]:
    """Partition keys that anything was made of, by the folders of their first artifact."""
    return [segment_key(home.name) for home in layout.keys("repository")]
