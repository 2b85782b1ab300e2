"""Changing shards of the embedded engine: copies of those that change, written, optimized where it pays, renamed in.

What lives here: `EdgeWriter`, and giving a finished shard its name. What does not: which points go where and when a
generation becomes visible (`index/apply.py`), reading (`edge_view.py`), the optimizing process (`index/optimize.py`).

An open shard holds what is written to it in memory, so few are open at a time: a big repository fills one shard after
another. A shard that got many points is optimized in a process of its own while the next one is written.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import CodeIndexError
from ...progress import Say
from ...storage.layout import allocated, require_space
from ..manifest import PublicationManifest, ShardState
from ..seal import seal
from .edge_engine import BODY, DENSE, LEXICAL, create_shard, load_shard
from .shard_files import copied_bytes, copy_sound

if TYPE_CHECKING:
    import qdrant_edge as qe

    from ..points import Point

# Points in one update call: the engine holds the GIL for it, 250 points are about 20 ms.
UPDATE_BATCH = 500
# Free on the disk while the engine writes: it maps pages of 32 MB, and a write into a mapped hole of a full disk is a
# SIGBUS. A batch of 500 points takes 3 MB or so.
RESERVE_BYTES = 48 << 20
# Shards open at a time: 100,000 points that were just written take 170 MB.
MOST_OPEN = 2
# A publication that writes so many points to a shard, and thereby changes such a share of it since it was optimized,
# optimizes it: 4 s for 100,000 points. A push never does; what many pushes leave is the weekly compaction's.
OPTIMIZED_FROM = 10_000
OPTIMIZED_SHARE = 0.3
REPORT_SECONDS = 1.0


class EdgeWriter:
    """Copies of the shards that change. A shard is copied when its first change comes."""

    def __init__(
        self,
        home: Path,
        dimension: int,
        folder: Path,
        base: PublicationManifest | None,
        following: PublicationManifest,
    ) -> None:
        """`home` is the index folder, `folder` an empty one on the same disk."""
        self._home = home
        self._dimension = dimension
        self._folder = folder
        self._base = base
        self._following = following
        self._open: dict[str, qe.EdgeShard] = {}  # in the order in which they were last written to
        self._optimizers: dict[str, Optimizer] = {}
        self._written: dict[str, int] = {}
        self._points: dict[str, int] = {}

    def upsert(self, shard: str, points: list[Point]) -> None:
        """See `ShardWriter.upsert`."""
        import qdrant_edge as qe

        target = self._shard(shard)
        for at in range(0, len(points), UPDATE_BATCH):
            self._require_space()
            batch = [_edge_point(point) for point in points[at : at + UPDATE_BATCH]]
            target.update(qe.UpdateOperation.upsert_points(batch))
        self._written[shard] += len(points)

    def remove(self, shard: str, ids: Sequence[str]) -> None:
        """See `ShardWriter.remove`."""
        import qdrant_edge as qe

        target = self._shard(shard)
        for at in range(0, len(ids), 10_000):
            self._require_space()
            target.update(qe.UpdateOperation.delete_points(list(ids[at : at + 10_000])))
        self._written[shard] += len(ids)

    def finish(self, say: Say | None = None) -> dict[str, ShardState]:
        """See `ShardWriter.finish`."""
        for name in list(self._open):
            self._close(name)
        states: dict[str, ShardState] = {}
        for at, (name, points) in enumerate(self._points.items(), 1):
            unoptimized = self._unoptimized(name)
            if (optimizer := self._optimizers.pop(name, None)) is not None:
                optimizer.wait(
                    _telling(say, f"publish optimizing shard {at} of {len(self._points)} ({points:,} points)")
                )
                unoptimized = 0
            if points:
                generation = adopt(self._home, self._folder / name, name, self._following.sequence, self._source(name))
                states[name] = ShardState(generation, points, unoptimized)
        return states

    def close(self) -> None:
        """Closes the open shards and ends the processes that optimize."""
        for shard in self._open.values():
            with contextlib.suppress(Exception):
                shard.close()
        self._open.clear()
        for optimizer in self._optimizers.values():
            optimizer.stop()
        self._optimizers.clear()

    def _require_space(self, more: int = 0) -> None:
        require_space(self._folder, more + RESERVE_BYTES, "writing the index")

    def _source(self, name: str) -> Path | None:
        """The generation that a shard is copied from; None for a new one."""
        state = self._base.shards.get(name) if self._base else None
        return self._home / state.generation if state is not None else None

    def _unoptimized(self, name: str) -> int:
        before = self._base.shards[name].unoptimized if self._base and name in self._base.shards else 0
        return before + self._written[name]

    def _shard(self, name: str) -> qe.EdgeShard:
        if name in self._open:
            self._open[name] = shard = self._open.pop(name)
            return shard
        while len(self._open) >= MOST_OPEN:
            self._close(next(iter(self._open)))
        folder = self._folder / name
        source = self._source(name)
        if name in self._written:
            if (optimizer := self._optimizers.pop(name, None)) is not None:
                optimizer.wait()
            shard = load_shard(folder)
        elif source is not None:
            self._require_space(copied_bytes(source) if source.is_dir() else 0)
            copy_sound(source, folder)
            shard = load_shard(folder)
        else:
            self._require_space()
            shard = create_shard(folder, self._dimension)
        self._open[name] = shard
        self._written.setdefault(name, 0)
        return shard

    def _close(self, name: str) -> None:
        """Makes a shard's changes durable, and starts to optimize it if so much changed that it pays."""
        import qdrant_edge as qe

        self._require_space()
        shard = self._open.pop(name)
        shard.flush()
        self._points[name] = points = shard.count(qe.CountRequest(exact=True))
        shard.close()
        if self._written[name] < OPTIMIZED_FROM or self._unoptimized(name) <= OPTIMIZED_SHARE * points:
            return
        running = [one for one in self._optimizers.values() if one.running]
        if len(running) >= MOST_OPEN:
            running[0].wait()
        self._optimizers[name] = Optimizer(self._folder / name)


def adopt(home: Path, folder: Path, shard: str, sequence: int, source: Path | None = None) -> str:
    """Renames a finished shard folder in as a new generation; returns its name relative to the index folder.

    `source` is the generation that it was copied from: its seal holds for the files that both share.
    """
    generation = f"shards/{shard}/g{sequence:08d}-{os.urandom(4).hex()}"
    target = home / generation
    target.parent.mkdir(parents=True, exist_ok=True)
    seal(folder, source)
    folder.rename(target)
    return generation


class Optimizer:
    """A process that optimizes a shard folder: a new interpreter, since the engine holds the GIL throughout, and a
    forked child of a process with an open shard hangs."""

    def __init__(self, folder: Path) -> None:
        """Starts it. Raises OutOfDiskError if there is no room for what is written anew."""
        require_space(folder, allocated(folder) + RESERVE_BYTES, "optimizing a shard")
        self._folder = folder
        self._messages = folder.with_name(f"{folder.name}.optimize.txt")
        self._started = time.monotonic()
        with self._messages.open("wb") as messages:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "code_index_assets.index.optimize", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
            )

    @property
    def running(self) -> bool:
        """Whether it is not done yet."""
        return self._process.poll() is None

    def wait(self, report: Callable[[float], None] | None = None) -> None:
        """Waits until it is done; `report` gets the seconds since its start, each second. Raises CodeIndexError."""
        while True:
            try:
                code = self._process.wait(REPORT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if report is not None:
                    report(time.monotonic() - self._started)
        if code == 0:
            return
        told = self._messages.read_text(errors="replace").strip()[-500:]
        raise CodeIndexError(
            f"shard {self._folder.name} could not be optimized: {told or f'exit status {code}'}",
            remedy="the published index is not affected; try again, or look for a full disk",
        )

    def stop(self) -> None:
        """Ends it before it is done."""
        self._process.kill()
        self._process.wait()


def _telling(say: Say | None, what: str) -> Callable[[float], None] | None:
    return (lambda seconds: say(f"{what}, {seconds:.0f} s")) if say is not None else None


def _edge_point(point: Point) -> qe.Point:
    import qdrant_edge as qe

    vector: dict[str, Any] = {DENSE: point.dense.tolist()}
    if point.lexical is not None and len(point.lexical[0]):
        vector[LEXICAL] = qe.SparseVector(point.lexical[0].tolist(), point.lexical[1].tolist())
    return qe.Point(point.id, vector, point.filtered | {BODY: point.body})
