"""How a question ended."""

from __future__ import annotations

from enum import StrEnum


class SearchOutcome(StrEnum):
    """`DEGRADED`: a lane failed, with or without hits. `INCOMPLETE`: time ran out before everything was looked at.
    `RELAXED`: found, after a phrase or an exclusion that left nothing was dropped."""

    FOUND = "found"
    NO_MATCH = "no_match"
    DEGRADED = "degraded"
    INCOMPLETE = "incomplete"
    RELAXED = "relaxed"
