"""How long one question may take: a clock that the code answering it looks at between two pieces of work.

What lives here: the clock, and marking an answer that was cut by it. What does not: what is done about it (`search/`),
ending work that never looks at a clock (`serve/processes/worker_process.py`).

The clock travels in a context variable, because the pieces of work are far below those who set it: a shard, a block of
payloads, a table. Code outside any clock is never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from .errors import OutOfTimeError


@dataclass
class Clock:
    """When the time is up (`time.monotonic`), the seconds that were given, and whether work was left undone."""

    ends_at: float
    seconds: float
    cut: bool = False

    @property
    def message(self) -> str:
        """The sentence that explains an answer cut by the deadline."""
        return f"stopped after {self.seconds:g} s"


_CLOCK: ContextVar[Clock | None] = ContextVar("code_index_clock", default=None)


@contextmanager
def within(seconds: float) -> Iterator[Clock]:
    """Gives the work inside so many seconds; a clock around this one that ends sooner goes on to hold."""
    outer = _CLOCK.get()
    clock = Clock(time.monotonic() + seconds, seconds)
    if outer is not None and outer.ends_at < clock.ends_at:
        clock = Clock(outer.ends_at, outer.seconds)
    token = _CLOCK.set(clock)
    try:
        yield clock
    finally:
        _CLOCK.reset(token)
        if outer is not None:
            outer.cut = outer.cut or clock.cut


@contextmanager
def part() -> Iterator[Clock]:
    """A part of the work under the same end, so that it is known which part was cut."""
    outer = _CLOCK.get()
    with within(outer.seconds if outer is not None else float("inf")) as clock:
        yield clock


def is_over() -> bool:
    """Whether the time is up. Who asks and hears yes leaves work undone: the answer counts as cut from then on."""
    clock = _CLOCK.get()
    if clock is None or time.monotonic() < clock.ends_at:
        return False
    clock.cut = True
    return True


def check() -> None:
    """Raises OutOfTimeError when the time is up: for work of which a part is worth nothing."""
    clock = _CLOCK.get()
    if is_over() and clock is not None:
        raise OutOfTimeError(
            f"the question was {clock.message}, before all of it could be looked at",
            remedy="ask for less (fewer repositories, a language, a folder), or raise CODE_INDEX_QUERY_SECONDS",
        )
