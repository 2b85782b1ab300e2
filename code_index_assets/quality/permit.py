"""Permits: what the publisher asks for, and only this room can make.

What lives here: the verdict a check run leaves, and the permit issued from a passing one. What does not: running the
checks (`gate.py`), publishing (`index/`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import GateRefusedError

_ISSUER = object()


@dataclass(frozen=True)
class CheckResult:
    """Result of one expectation."""

    name: str
    severity: str  # "warn" or "error"
    passed: bool
    description: str = ""
    observed: dict[str, Any] = field(default_factory=dict)

    @property
    def blocks(self) -> bool:
        """Whether the result keeps the partition from being published."""
        return not self.passed and self.severity == "error"


@dataclass(frozen=True)
class Verdict:
    """What the gate found about one subject with one suite."""

    key: str
    space: str
    subject: str
    suite: str
    passed: bool
    commit: str
    results: tuple[CheckResult, ...]
    run_id: str
    at: float

    @property
    def failed(self) -> list[CheckResult]:
        """The results that keep the partition from being published."""
        return [result for result in self.results if result.blocks]


@dataclass(frozen=True)
class Permit:
    """Leave to publish exactly one subject. `issue_permit` makes it; there is no other way."""

    key: str
    space: str
    subject: str
    suite: str
    commit: str
    verdict_at: float
    _token: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._token is not _ISSUER:
            raise GateRefusedError("a permit can only be issued from a passing verdict")


def issue_permit(verdict: Verdict | None, *, key: str, suite: str) -> Permit:
    """A permit from a verdict. Raises GateRefusedError naming what failed and what to do.

    `suite` is the hash of the suite in force: a verdict by another suite is out of date.
    """
    again = f"run `code-index index {key}` (or materialize `index_quality` for this partition)"
    if verdict is None:
        raise GateRefusedError(f"{key} has no verdict: it was never checked", remedy=again)
    if verdict.suite != suite:
        raise GateRefusedError(f"the verdict on {key} was made by another version of the checks", remedy=again)
    if not verdict.passed:
        names = ", ".join(result.name for result in verdict.failed)
        raise GateRefusedError(
            f"{key} at {verdict.commit[:12]} failed its checks: {names}",
            remedy=f"see `code-index status {key}`; correct the cause and {again}; if it is as it should be: "
            f"`code-index accept {key} {verdict.failed[0].name if verdict.failed else 'CHECK'} --reason …`",
        )
    return Permit(key, verdict.space, verdict.subject, suite, verdict.commit, verdict.at, _token=_ISSUER)
