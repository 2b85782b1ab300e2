"""What pollers know: where each repository's refs pointed last, when it is its turn again, what went wrong.

What lives here: that state, in one file that only the poller writes. What does not: asking (`polling.py`), and what
runs have seen (`records/observations.py`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..storage.layout import Layout, write_atomically


@dataclass
class Polled:
    """One repository's state. `heads`: commit by partition key, of the refs written out and those globs matched."""

    heads: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)  # by key; "" for the repository as a whole
    failures: int = 0
    polled_at: float = 0.0
    next_at: float = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it is its turn. A turn set by a clock that was set back since is not waited for."""
        return self.next_at <= now or self.polled_at > now


def load_heads(layout: Layout) -> dict[str, Polled]:
    """The state by repository name; a file that cannot be read is no state: everything is asked again."""
    try:
        raw = json.loads(_file(layout).read_bytes())
        return {name: Polled(**state) for name, state in raw.items()}
    except (OSError, ValueError, TypeError):
        return {}


def save_heads(layout: Layout, state: dict[str, Polled]) -> None:
    """Writes what polls found, by repository name."""
    write_atomically(_file(layout), json.dumps({name: asdict(polled) for name, polled in state.items()}).encode())


def _file(layout: Layout) -> Path:
    return layout.root / "polls.json"
