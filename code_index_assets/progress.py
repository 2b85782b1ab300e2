"""Progress and stage times: what a long step says while it works, and the stage table afterwards.

What lives here: `Stages`, which rooms are handed and report to, and the plain line renderer for terminals and logs.
What does not: storing the times (`records/run_log.py`) and Dagster metadata (`assets/`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

Say = Callable[[str], None]
REPORT_SECONDS = 1.0


@dataclass
class StageTime:
    """One stage of a step: wall seconds, how many items of which unit, and particulars for the stage table."""

    name: str
    started_at: float
    seconds: float = 0.0
    items: int | None = None
    unit: str | None = None
    info: dict[str, Any] = field(default_factory=dict)


class Stages:
    """Collects the stages of one step and says how far they are.

    `say` gets whole lines, at most one a second: "chunks: parse 1,200/2,117 files, 812/s, 1 s left".
    """

    def __init__(self, title: str = "", say: Say | None = None) -> None:
        self.title = title
        self.done: list[StageTime] = []
        self._say = say or (lambda line: None)

    def say(self, line: str) -> None:
        """Prints a line under the title of the stages."""
        self._say(f"{self.title}: {line}" if self.title else line)

    @contextmanager
    def stage(self, name: str, *, total: int | None = None, unit: str = "files") -> Iterator[Ticker]:
        """Times the block; the ticker it yields counts finished items. A name used again adds up."""
        ticker = Ticker(self, name, total, unit)
        try:
            yield ticker
        finally:
            seconds = time.perf_counter() - ticker.started
            known = next((stage for stage in self.done if stage.name == name), None)
            if known is None:
                known = StageTime(name, time.time() - seconds, unit=unit)
                self.done.append(known)
            known.seconds += seconds
            if ticker.count:
                known.items = (known.items or 0) + ticker.count
            known.info.update(ticker.info)

    def add(self, name: str, seconds: float, items: int | None = None, unit: str | None = None, **info: Any) -> None:
        """Adds a stage that was timed elsewhere."""
        self.done.append(StageTime(name, time.time() - seconds, seconds, items, unit, info))


def stage_note(info: dict[str, Any], items: int | None) -> str:
    """The particulars of a stage in words: cache hits, padding waste, requests and price, how busy a stream was."""
    notes = []
    if "hits" in info and items:
        notes.append(f"{info['hits'] / items:.0%} known")
    if info.get("ahead"):
        notes.append(f"{info['ahead']:,} computed ahead")
    if "staged" in info:
        notes.append(f"staged {info['staged']:,} of {items or 0:,}")
    if "padding_waste" in info:
        notes.append(f"padding {info['padding_waste']:.1%}")
    for name in ("requests", "tokens", "retries", "splits", "cut", "refused"):
        if info.get(name):
            notes.append(f"{info[name]:,} {name}")
    if "price_usd" in info:
        notes.append(f"${info['price_usd']:,.4f}")
    if "busy" in info:
        notes.append(f"busy {info['busy']:.0%}, queue ≤ {info['queue_most']} of {info['queue_limit']}")
    if info.get("left_for_later"):
        notes.append(f"{info['left_for_later']:,} left for later")
    if info.get("failed"):
        notes.append(f"failed: {info['failed'].splitlines()[0]}")
    if info.get("mode"):
        notes.append(str(info["mode"]))
    return ", ".join(notes)


class Ticker:
    """Counts the items of a stage."""

    def __init__(self, stages: Stages, name: str, total: int | None, unit: str) -> None:
        self.stages, self.name, self.total, self.unit = stages, name, total, unit
        self.count = 0
        self.info: dict[str, Any] = {}
        self.started = time.perf_counter()
        self._last = self.started

    def advance(self, items: int = 1) -> None:
        """Counts finished items; prints a line when one is due."""
        self.count += items
        now = time.perf_counter()
        if now - self._last < REPORT_SECONDS:
            return
        self._last = now
        rate = self.count / max(now - self.started, 1e-9)
        line = f"{self.name} {self.count:,}"
        if self.total:
            line += f"/{self.total:,}"
        line += f" {self.unit}, {rate:,.0f}/s"
        if self.total and rate > 0:
            line += f", {max(self.total - self.count, 0) / rate:.0f} s left"
        self.stages.say(line)


class TerminalLines:
    """Shows progress: on a terminal by rewriting one line, in a log by whole lines."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()

    def __call__(self, line: str) -> None:
        """Prints a line; on a terminal it replaces the one before."""
        end = "\r" if self.live else "\n"
        text = f"\033[2K  {line}" if self.live else f"  {line}"
        self.stream.write(text + end)
        self.stream.flush()

    def clear(self) -> None:
        """Removes the line that a terminal still shows."""
        if self.live:
            self.stream.write("\033[2K")
            self.stream.flush()
