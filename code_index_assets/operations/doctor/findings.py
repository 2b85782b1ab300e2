"""Findings: what is damaged, and what repairs it.

What lives here: their shape. What does not: looking for damage (`artifacts.py`, `index.py`, `caches.py`, `records.py`,
`mirrors.py`, `dagster.py`) and showing it (`cli/`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["fail", "warn"]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be. `command` repairs it; `repair` is what that command calls, where it is
    not an index run."""

    level: Level
    kind: str
    what: str
    remedy: str
    command: tuple[str, ...] = ()
    repair: Callable[[], str] | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The finding as `doctor --json` prints it."""
        return {
            "level": self.level, "kind": self.kind, "what": self.what, "remedy": self.remedy,
            "command": list(self.command),
        }  # fmt: skip


def damage(kind: str, group: str, what: str, repair: Callable[[], str]) -> Finding:
    """Damage that `code-index repair GROUP` repairs."""
    command = ("code-index", "repair", group)
    return Finding("fail", kind, what, " ".join(command), command, repair)
