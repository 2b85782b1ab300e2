"""Which questions are taken: a few at a time, a burst in line; in a lasting flood the rest is refused, to retry later.

What lives here: slots and the line before them. What does not: HTTP (`front.py`), the work.

A line that empties again within `BURST_SECONDS` is a burst: everybody in it is answered in turn. A line that does not
is a flood, in which waiting would only make every answer late: then who finds no slot is refused at once, until no
refusal was needed for `CALM_SECONDS`.

A question at work for longer than `LONG_SECONDS` gives its slot to the next one and goes on beside it, as long as fewer
than `LONG_AT_A_TIME` do: one slow question must not be all that the server does.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...errors import BusyError

BURST_SECONDS = 1.0
CALM_SECONDS = 2.0
LONG_SECONDS = 0.5
LONG_AT_A_TIME = 3


class Admission:
    """Slots for `at_a_time` pieces of work, and a line of at most `waiting`. For one event loop."""

    def __init__(self, at_a_time: int, waiting: int = 512) -> None:
        self._free = at_a_time
        self._most_waiting = waiting
        self._line: deque[asyncio.Future[None]] = deque()
        self._line_since = 0.0  # when the line was last empty
        self._flood_until = 0.0
        self._long = 0
        self.refused = 0

    @property
    def is_flooded(self) -> bool:
        """Whether questions arrive faster than they are answered."""
        return time.monotonic() < self._flood_until

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for a slot and holds it. Raises BusyError."""
        await self._enter()
        turn = _Turn(self)
        handle = asyncio.get_running_loop().call_later(LONG_SECONDS, turn.become_long)
        try:
            yield
        finally:
            handle.cancel()
            turn.end()

    async def _enter(self) -> None:
        if self._free and not self._line:
            self._free -= 1
            return
        now = time.monotonic()
        if not self._line:
            self._line_since = now
        elif now - self._line_since > BURST_SECONDS and not self.is_flooded:
            self._begin_flood(now)
        if len(self._line) >= (0 if self.is_flooded else self._most_waiting):
            raise self._refusal(now)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(mine)
        try:
            await mine
        except BaseException:
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                self.release()  # the slot came in the moment its taker left
            elif mine in self._line:
                self._line.remove(mine)
            raise

    def _begin_flood(self, now: float) -> None:
        self._flood_until = now + CALM_SECONDS
        while self._line:
            waiting = self._line.popleft()
            if not waiting.done():
                waiting.set_exception(self._refusal(now))

    def _refusal(self, now: float) -> BusyError:
        self.refused += 1
        if self.is_flooded:
            self._flood_until = now + CALM_SECONDS
        return BusyError("more is asked than can be answered in time", remedy="ask again in a few seconds")

    def release(self) -> None:
        """Gives a slot to the next in line."""
        while self._line:
            waiting = self._line.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1

    def lend(self) -> bool:
        """Whether a long piece of work may go on without a slot."""
        if self._long >= LONG_AT_A_TIME:
            return False
        self._long += 1
        return True

    def end_long(self) -> None:
        """Counts one long question as answered."""
        self._long -= 1


class _Turn:
    """One piece of work: it holds a slot, or has become a long one."""

    def __init__(self, admission: Admission) -> None:
        self._admission, self._is_long = admission, False

    def become_long(self) -> None:
        if self._admission.lend():
            self._is_long = True
            self._admission.release()

    def end(self) -> None:
        if self._is_long:
            self._admission.end_long()
        else:
            self._admission.release()
