"""What became of the partitions that a command indexed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .. import errors


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
    error_type: str = ""  # the name of its class in `errors.py`; "" where a fault of the program ended the run


def failure_code(outcomes: list[Outcome]) -> int:
    """The exit code of a command some of whose runs failed: the first of gate (3), source (4), else 5."""
    kinds = [getattr(errors, outcome.error_type, errors.CodeIndexError) for outcome in outcomes if not outcome.success]
    for code, family in ((3, (errors.GateRefusedError, errors.StalePublicationError)), (4, (errors.SourceError,))):
        if any(issubclass(kind, family) for kind in kinds):
            return code
    return 5
