"""What was asked: one line a question, appended off the way of the answer; never an error, never a wait.

What lives here: recording and the bound of what is kept. What does not: what is asked of the records (`analytics/`).

`usage/<day>-<n>.jsonl` in the data folder: a segment takes at most 8 MB, and the oldest segments go above the bound. A
process collects records in memory and one thread of it appends them; what does not fit into the memory is dropped.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..settings import Settings
from ..storage.layout import Layout

FOLDER = "usage"
SEGMENT_BYTES = 8 << 20
_WAITING = 10_000
_LATEST_END = 2.0


@dataclass(frozen=True)
class Question:
    """One question: where it was asked, which tool answered, about which repositories, and what came of it."""

    surface: str
    tool: str
    outcome: str
    milliseconds: float
    hits: int | None = None
    repositories: tuple[str, ...] = ()
    confidence: float | None = None
    confidence_word: str = ""
    client: str = ""
    text: str = ""


class UsageLog:
    """Records the questions of one process. `kept_bytes` bounds all segments; `with_text` keeps what was asked."""

    def __init__(self, layout: Layout, *, kept_bytes: int, with_text: bool) -> None:
        self.folder = layout.root / FOLDER
        self.kept_bytes, self.with_text = kept_bytes, with_text
        self.dropped = 0
        self._queue: queue.SimpleQueue[tuple[float, Question, Any]] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._lock = threading.Lock()

    def record(self, question: Question, answer: bytes | dict[str, Any] | None = None) -> None:
        """Takes a record; returns at once, whatever the disk does. What `answer` (JSON) tells is read later."""
        try:
            if self._queue.qsize() >= _WAITING:
                self.dropped += 1
                return
            self._queue.put((time.time(), question, answer))
            self._start()
        except Exception:  # a record must not fail an answer
            self.dropped += 1

    def flush(self, seconds: float = _LATEST_END) -> None:
        """Waits until everything taken is written, at most so long."""
        writer = self._writer
        if writer is not None:
            writer.join(seconds)

    def _start(self) -> None:
        with self._lock:
            if self._writer is None or not self._writer.is_alive():
                self._writer = threading.Thread(target=self._write, name="usage", daemon=True)
                self._writer.start()

    def _write(self) -> None:
        try:
            while True:
                rows: list[tuple[float, Question, Any]] = []
                # The lock decides between this thread's end and a record that comes in the same moment.
                with self._lock:
                    while not self._queue.empty() and len(rows) < 1000:
                        rows.append(self._queue.get_nowait())
                    if not rows:
                        self._writer = None
                        return
                self._append(rows)
        except OSError:
            self.dropped += 1
            self._writer = None

    def _append(self, rows: list[tuple[float, Question, Any]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        data = "".join(json.dumps(self._row(*row), default=str) + "\n" for row in rows).encode("utf-8", "replace")
        handle = os.open(self._segment(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)

    def _row(self, at: float, question: Question, answer: Any) -> dict[str, Any]:
        row = {"at": at, **asdict(question)}
        if isinstance(answer, bytes):
            try:
                answer = json.loads(answer)
            except ValueError:
                answer = None
        told = of_answer(answer)
        row |= {name: value for name, value in told.items() if row.get(name) in (None, "", ())}
        if not self.with_text:
            row.pop("text")
        return row

    def _segment(self) -> Path:
        """The segment to append to; a full one is followed by the next, and the oldest go."""
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        segments = sorted(self.folder.glob("*.jsonl"))
        today = [path for path in segments if path.name.startswith(day)]
        if today and today[-1].stat().st_size < SEGMENT_BYTES:
            return today[-1]
        total = sum(path.stat().st_size for path in segments)
        for path in segments:
            if total <= self.kept_bytes - SEGMENT_BYTES:
                break
            total -= path.stat().st_size
            path.unlink(missing_ok=True)
        number = int(today[-1].stem.rpartition("-")[2]) + 1 if today else 0
        return self.folder / f"{day}-{number:04d}.jsonl"


_open: dict[tuple[Path, int, bool], UsageLog] = {}


def usage_log(layout: Layout, *, kept_bytes: int, with_text: bool) -> UsageLog:
    """The log of a data folder in this process; what it has taken is written before the process ends."""
    place = (layout.root, kept_bytes, with_text)
    if place not in _open:
        log = _open[place] = UsageLog(layout, kept_bytes=kept_bytes, with_text=with_text)
        atexit.register(log.flush)
    return _open[place]


def usage_of(layout: Layout, settings: Settings) -> UsageLog | None:
    """The log that the settings ask for; None where questions are not recorded."""
    if not settings.usage:
        return None
    return usage_log(layout, kept_bytes=settings.usage_mb << 20, with_text=settings.usage_text)


def of_answer(body: Any) -> dict[str, Any]:
    """Hits, outcome, confidence and repositories of an answer's JSON, as far as it has them."""
    if not isinstance(body, dict):
        return {}
    lists = [value for value in body.values() if isinstance(value, list) and (not value or isinstance(value[0], dict))]
    names = (
        "hits",
        "symbols",
        "results",
        "definitions",
        "references",
        "lines",
        "edges",
        "files",
        "rows",
        "code",
        "repositories",
    )
    named = next((body[name] for name in names if isinstance(body.get(name), list)), None)
    found = named if named is not None else (lists[0] if len(lists) == 1 else None)
    told = {str(row["repository"]) for row in found or () if isinstance(row, dict) and row.get("repository")}
    known: dict[str, Any] = {"hits": None if found is None else len(found), "repositories": tuple(sorted(told)[:20])}
    if isinstance(body.get("confidence"), int | float):
        known["confidence"] = float(body["confidence"])
    known["confidence_word"] = str(body.get("confidence_word") or "")
    known["outcome"] = str(body.get("outcome") or ("no_match" if found == [] else "found"))
    return known
