"""A pool of parser processes that survives what files do to them.

What lives here: handing out batches, answers in order, and what happens when a process ends or falls silent. What does
not: one process (`process.py`, `worker.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

import pyarrow as pa

from .columns import arrow
from .context import ProjectContext
from .process import Worker, WorkerLostError, borrow, keep
from .single import ChunkOptions, SourceFile, given_up

AHEAD = 3  # batches in work or waiting to be yielded, per process

Answer = tuple[int, list[pa.RecordBatch]]


@dataclass
class _Team:
    """Processes of one call, and what they are to parse with."""

    options: ChunkOptions
    context: ProjectContext | None
    members: list[Worker] = field(default_factory=list)
    idle: deque[Worker] = field(default_factory=deque)

    def add(self, worker: Worker) -> Worker:
        self.members.append(worker)
        worker.set_up(self.options, self.context)
        return worker

    def replace(self, lost: Worker) -> Worker:
        lost.stop()
        self.members.remove(lost)
        return self.add(Worker())

    def disband(self) -> None:
        for worker in self.members:
            keep(worker)


def parse_in_pool(
    batches: Iterable[list[SourceFile]],
    options: ChunkOptions,
    context: ProjectContext | None,
    workers: int,
    first: Worker | None = None,
) -> Iterator[Answer]:
    """Parses batches in so many processes; yields (files, record batches) in the order of the batches.

    A file that ends or hangs its process comes back as lines with a diagnostic; the others of its batch are parsed
    again by a fresh process. `first` is a process that was borrowed before.
    """
    pending = enumerate(batches)
    done: dict[int, Answer] = {}
    team = _Team(options, context)
    following, issued, exhausted = 0, 0, False
    try:
        for number in range(workers):
            team.idle.append(_ready(team, first if number == 0 and first is not None else borrow()))
        while True:
            while team.idle and not exhausted and issued - following < AHEAD * workers:
                item = next(pending, None)
                if item is None:
                    exhausted = True
                    break
                issued += 1
                _hand_out(team, done, *item)
            while following in done:
                yield done.pop(following)
                following += 1
            busy = [worker for worker in team.members if worker.batch is not None]
            if not busy:
                if exhausted and following == issued:
                    return
                continue
            ready: set[Any] = set(wait([worker.connection for worker in busy], timeout=0.5))
            for worker in busy:
                _listen(team, done, worker, ready)
    finally:
        team.disband()


def _ready(team: _Team, worker: Worker) -> Worker:
    """A process that knows what to parse with; one that was kept may have ended in the meantime."""
    try:
        return team.add(worker)
    except WorkerLostError:
        return team.replace(worker)


def _hand_out(team: _Team, done: dict[int, Answer], number: int, files: list[SourceFile]) -> None:
    worker = team.idle.popleft()
    try:
        worker.give(number, files)
    except WorkerLostError as error:
        done[number] = len(files), _one_by_one(team, worker, files, error)


def _listen(team: _Team, done: dict[int, Answer], worker: Worker, ready: set[Any]) -> None:
    """Takes a process's answer, or replaces the process if it is gone or overdue."""
    assert worker.batch is not None
    number, files = worker.batch
    try:
        if worker.connection in ready:
            answer = worker.take()
            if answer is not None:
                done[number] = len(files), answer
                team.idle.append(worker)
        elif worker.overdue:
            raise worker.hangs()
    except WorkerLostError as error:
        done[number] = len(files), _one_by_one(team, worker, files, error)


def _one_by_one(team: _Team, lost: Worker, files: list[SourceFile], error: WorkerLostError) -> list[pa.RecordBatch]:
    """Parses a batch file by file in a fresh process, without the file that is known to have ended the last one.

    A process may also end for a reason that is no file's (the kernel ran out of memory): then the file in work gets a
    second chance, alone.
    """
    guilty = lost.at if error.sure else -1
    parts: list[list[pa.RecordBatch]] = []
    worker = team.replace(lost)
    for number, file in enumerate(files):
        if number == guilty:
            parts.append(arrow([given_up(file, team.options, error.code, str(error))]))
            continue
        try:
            parts.append(_parse_one(worker, file))
        except WorkerLostError as again:
            parts.append(arrow([given_up(file, team.options, again.code, str(again))]))
            worker = team.replace(worker)
    team.idle.append(worker)
    return [pa.concat_batches(column) for column in zip(*parts, strict=True)]


def _parse_one(worker: Worker, file: SourceFile) -> list[pa.RecordBatch]:
    worker.give(0, [file])
    while True:
        if not worker.connection.poll(worker.silence):
            raise worker.hangs()
        answer = worker.take()
        if answer is not None:
            return answer
