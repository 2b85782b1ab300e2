"""A pool of parser processes that survives what files do to them.

What lives here: starting processes, handing out batches, answers in order, and what happens when a process dies or
falls silent. What does not: the process itself (`worker.py`).

Processes are started as fresh interpreters, never forked: a fork of a process with threads (Polars, Qdrant) can hang,
and multiprocessing's spawn would import the parent's main module with all that it loads. Each process has one batch
at a time, so neither side can block on a full pipe that the other is not reading.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

import pyarrow as pa

from .columns import arrow, from_bytes
from .context import ProjectContext
from .single import ChunkOptions, SourceFile, given_up
from .worker import ALIVE

# How long beyond twice the time limit of a file a process may be silent before it counts as hanging.
GRACE_SECONDS = 5.0
# A process says that it lives once its imports are done; on a loaded machine that took over a second.
START_SECONDS = 60.0
AHEAD = 3  # batches in work or waiting to be yielded, per process


class WorkerLostError(Exception):
    """A parser process died or hangs; `code` is the diagnostic of a file that did it alone."""

    def __init__(self, message: str, code: str = "crashed") -> None:
        super().__init__(message)
        self.code = code


class _Worker:
    """One parser process."""

    def __init__(self, options: ChunkOptions, context: ProjectContext | None) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        theirs.close()
        self.connection = Connection(ours.detach())
        self.silence = START_SECONDS
        self._silence_in_work = 2 * options.timeout_seconds + GRACE_SECONDS
        self.batch: tuple[int, list[SourceFile]] | None = None
        self.heard = time.monotonic()
        self._send((options, context))

    def _send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except OSError as error:
            raise WorkerLostError(str(error)) from error

    def give(self, number: int, files: list[SourceFile]) -> None:
        """Hands out a batch. Raises WorkerLostError."""
        self.batch = (number, files)
        self.heard = time.monotonic()
        self._send([(file.path, file.blob, file.language, file.text) for file in files])

    def take(self) -> list[pa.RecordBatch] | None:
        """What there is to read: the answer, or None for a sign of life. Raises WorkerLostError."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerLostError("the parser process died") from error
        self.heard = time.monotonic()
        self.silence = self._silence_in_work
        if answer == ALIVE:
            return None
        self.batch = None
        return from_bytes(answer)

    @property
    def overdue(self) -> bool:
        return self.batch is not None and time.monotonic() - self.heard > self.silence

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


def parse_in_pool(
    batches: Iterable[list[SourceFile]], options: ChunkOptions, context: ProjectContext | None, workers: int
) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
    """Parses batches in so many processes; yields (files, record batches) in the order of the batches.

    A batch whose process dies or hangs is parsed again file by file in a fresh process; the file that does it again is
    given up with a diagnostic.
    """
    pending = enumerate(batches)
    done: dict[int, tuple[int, list[pa.RecordBatch]]] = {}
    team = [_Worker(options, context) for _ in range(workers)]
    idle = deque(team)
    following, issued, exhausted = 0, 0, False
    try:
        while True:
            while idle and not exhausted and issued - following < AHEAD * workers:
                item = next(pending, None)
                if item is None:
                    exhausted = True
                    break
                issued += 1
                worker = idle.popleft()
                try:
                    worker.give(*item)
                except WorkerLostError:
                    done[item[0]] = len(item[1]), _replace(team, idle, worker, item[1], options, context)
            while following in done:
                yield done.pop(following)
                following += 1
            busy = [worker for worker in team if worker.batch is not None]
            if not busy:
                if exhausted and following == issued:
                    return
                continue
            ready: set[Any] = set(wait([worker.connection for worker in busy], timeout=0.5))
            for worker in busy:
                _listen(worker, ready, done, team, idle, options, context)
    finally:
        for worker in team:
            worker.stop()


def _listen(
    worker: _Worker,
    ready: set[Any],
    done: dict[int, tuple[int, list[pa.RecordBatch]]],
    team: list[_Worker],
    idle: deque[_Worker],
    options: ChunkOptions,
    context: ProjectContext | None,
) -> None:
    """Takes a process's answer, or replaces the process if it is gone or overdue."""
    assert worker.batch is not None
    number, files = worker.batch
    try:
        if worker.connection in ready:
            answer = worker.take()
            if answer is not None:
                done[number] = len(files), answer
                idle.append(worker)
        elif worker.overdue:
            raise WorkerLostError("no sign of life", "timeout")
    except WorkerLostError:
        done[number] = len(files), _replace(team, idle, worker, files, options, context)


def _replace(
    team: list[_Worker],
    idle: deque[_Worker],
    lost: _Worker,
    files: list[SourceFile],
    options: ChunkOptions,
    context: ProjectContext | None,
) -> list[pa.RecordBatch]:
    """Puts a fresh process in the place of a lost one and parses its batch file by file."""
    lost.stop()
    team.remove(lost)
    parts: list[list[pa.RecordBatch]] = []
    worker = _Worker(options, context)
    for file in files:
        try:
            parts.append(_parse_one(worker, file))
        except WorkerLostError as error:
            worker.stop()
            parts.append(arrow([given_up(file, options, error.code, str(error))]))
            worker = _Worker(options, context)
    team.append(worker)
    idle.append(worker)
    return [pa.concat_batches(column) for column in zip(*parts, strict=True)]


def _parse_one(worker: _Worker, file: SourceFile) -> list[pa.RecordBatch]:
    worker.give(0, [file])
    while True:
        if not worker.connection.poll(worker.silence):
            raise WorkerLostError("no sign of life", "timeout")
        answer = worker.take()
        if answer is not None:
            return answer
