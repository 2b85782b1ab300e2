"""The run log: what every step of every run did, append-only from the first run.

What lives here: writing and reading records. What does not: what is asked of them (`analytics/`).

One JSON-lines file a run below a folder a day. A record is one line, written by one `write` on a file opened for
appending, so parallel steps and a kill leave whole lines; a torn last line is skipped when reading.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..progress import StageTime
from ..storage.layout import Layout, key_segment


class RunLog:
    """Appends records of one kind each: step, stage, check, publication, usage."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def append(self, kind: str, run_id: str, records: list[dict[str, Any]]) -> None:
        """Appends records of a run; each gets its kind, run and time."""
        if not records:
            return
        now = time.time()
        folder = self.layout.run_log / datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"record": kind, "run_id": run_id, "at": now, **record}, default=str) for record in records]
        handle = os.open(folder / f"{key_segment(run_id)}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, ("\n".join(lines) + "\n").encode())
        finally:
            os.close(handle)

    def stages(self, run_id: str, partition: str, asset: str, stages: list[StageTime]) -> None:
        """Appends the stages of one step."""
        self.append(
            "stage",
            run_id,
            [
                {
                    "partition": partition,
                    "asset": asset,
                    "stage": stage.name,
                    "started_at": stage.started_at,
                    "seconds": round(stage.seconds, 6),
                    "items": stage.items,
                    "unit": stage.unit,
                    "info": stage.info,
                }
                for stage in stages
            ],
        )

    def read(self, *kinds: str) -> Iterator[dict[str, Any]]:
        """All records of these kinds, oldest day first."""
        for path in sorted(self.layout.run_log.glob("*/*.jsonl")):
            yield from _records(path, kinds)

    def newest(self, kind: str, *, limit: int, where: Callable[[dict[str, Any]], bool]) -> Iterator[dict[str, Any]]:
        """Up to so many records of a kind that pass, newest run first; no more files are read than it takes."""
        paths = self.layout.run_log.glob("*/*.jsonl")
        latest = 0
        for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
            for record in _records(path, (kind,)):
                if where(record):
                    yield record
                    latest += 1
            if latest >= limit:
                return

    def of_run(self, run_id: str, *kinds: str) -> list[dict[str, Any]]:
        """The records of one run."""
        files = self.layout.run_log.glob(f"*/{key_segment(run_id)}.jsonl")
        return [record for path in sorted(files) for record in _records(path, kinds)]


def _records(path: Path, kinds: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("record") in kinds:
            yield record
