"""The model of an HTTP error.

What lives here: its fields. What does not: making one of an error (`problems.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...search.answer_fields import IF_SET


@dataclass(frozen=True)
class Problem:
    """What went wrong (RFC 9457), and what to do about it.

    `error` is the class of the error, `type` its address in the documentation, `title` its name in words. `state`,
    `wanted` and `reason` are of a NotIndexedError, `errors` of parameters that cannot be used.
    """

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    error: str
    retryable: bool
    state: str = field(default="", metadata=IF_SET)
    wanted: str = field(default="", metadata=IF_SET)
    reason: str = field(default="", metadata=IF_SET)
    errors: tuple[dict[str, str], ...] = field(default=(), metadata=IF_SET)
