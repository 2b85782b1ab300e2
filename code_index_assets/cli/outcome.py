"""What became of the partitions that a command indexed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outcome:
    """What became of one partition."""

    key: str
    run_id: str
    success: bool
    seconds: float
    error: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)
    damage: list[dict[str, Any]] = field(default_factory=list)


def failure_code(outcomes: list[Outcome]) -> int:
    """The exit code of several outcomes: that of the worst."""
    errors = " ".join(outcome.error for outcome in outcomes)
    return 3 if "GateRefused" in errors or "StalePublication" in errors else 4 if "Source" in errors else 5
