"""One parser process seen from its parent: starting it, handing it a batch, what its end means.

What lives here: the handle of a process, and the process that is kept for the next caller. What does not: the process
itself (`worker.py`), many of them at once (`pool.py`).

Processes are started as fresh interpreters, never forked: a fork of a process with threads (Polars, Qdrant) can hang,
and multiprocessing's spawn would import the parent's main module with all that it loads.
"""

from __future__ import annotations

import atexit
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection

import pyarrow as pa

from .columns import from_bytes
from .context import ProjectContext
from .single import ChunkOptions, SourceFile, too_long
from .worker import ALIVE, MEMORY_BYTES, hard_limit

# Silence in seconds of a clock on the wall after which a process counts as hanging. A process ends itself after
# `hard_limit` seconds of the worker's CPU time; this is for one that waits, and long enough for a loaded machine.
GRACE_SECONDS = 20.0
WALL_FACTOR = 6
# A process says that it lives once its imports are done; on a loaded machine that took over a second.
START_SECONDS = 60.0


class WorkerLostError(Exception):
    """A parser process ended or hangs. `code` is the diagnostic of its file, `sure` whether that file did it."""

    def __init__(self, message: str, code: str = "crashed", *, sure: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.sure = sure


class Worker:
    """One parser process. It has one batch at a time, so neither side can block on a full pipe."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        # The process writes here which file of its batch it is at, so that its end can be laid to one file.
        at = os.memfd_create("code-index-parser")
        os.ftruncate(at, mmap.PAGESIZE)
        self._at = mmap.mmap(at, mmap.PAGESIZE)
        self.search_path = search_path()
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", str(theirs.fileno()), str(at)],
            pass_fds=(theirs.fileno(), at),
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": self.search_path},
        )
        theirs.close()
        os.close(at)
        self.connection = Connection(ours.detach())
        self.batch: tuple[int, list[SourceFile]] | None = None
        self.heard = time.monotonic()
        self.silence = START_SECONDS
        self._silence_in_work = 0.0
        self._options = ChunkOptions()

    def set_up(self, options: ChunkOptions, context: ProjectContext | None) -> None:
        """What the batches after this are parsed with. Raises WorkerLostError."""
        self._options = options
        self._silence_in_work = WALL_FACTOR * hard_limit(options.timeout_seconds) + GRACE_SECONDS
        self._send((options, context))

    def _send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except OSError as error:
            raise self._lost() from error

    def give(self, number: int, files: list[SourceFile]) -> None:
        """Hands out a batch. Raises WorkerLostError."""
        self._at[:4] = bytes(4)
        self.batch = (number, files)
        self.heard = time.monotonic()
        self._send([(file.path, file.blob, file.language, file.text) for file in files])

    def take(self) -> list[pa.RecordBatch] | None:
        """What there is to read: the answer, or None for a sign of life. Raises WorkerLostError."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        self.heard = time.monotonic()
        self.silence = self._silence_in_work
        if answer == ALIVE:
            return None
        self.batch = None
        return from_bytes(answer)

    @property
    def at(self) -> int:
        """Number of the file in work in its batch."""
        return int.from_bytes(self._at[:4], "little")

    @property
    def overdue(self) -> bool:
        """Whether the worker has been silent longer than its batch may take."""
        return self.batch is not None and time.monotonic() - self.heard > self.silence

    def hangs(self) -> WorkerLostError:
        """What to say of a process that has been silent for too long."""
        return WorkerLostError("its parser process fell silent", "timeout")

    def _lost(self) -> WorkerLostError:
        """What the end of the process means."""
        try:
            ended = self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            return WorkerLostError("its parser process closed the connection")
        if ended == -signal.SIGPROF and self.batch is not None:
            return WorkerLostError(too_long(self.batch[1][self.at], self._options), "timeout", sure=True)
        if ended == -signal.SIGABRT:
            # What tree-sitter does where it gets no memory, and C code where something it relies on does not hold.
            limit = f"{MEMORY_BYTES >> 20:,} MB"
            return WorkerLostError(f"its parser gave up: a fault in the grammar, or more than {limit} of memory")
        how = signal.Signals(-ended).name if ended < 0 else f"exit code {ended}"
        return WorkerLostError(f"its parser process ended with {how}")

    def stop(self) -> None:
        """Ends the process and closes its pipes."""
        self.connection.close()
        self.process.kill()
        self.process.wait()
        self._at.close()


def search_path() -> str:
    """Where a process looks for modules: where this one does."""
    return os.pathsep.join(path or "." for path in sys.path)


_kept: list[Worker] = []
_lock = threading.Lock()


def borrow() -> Worker:
    """A parser process: the one kept from before if it is there, else a new one. It may still be starting."""
    while True:
        with _lock:
            worker = _kept.pop() if _kept else None
        if worker is None:
            return Worker()
        if worker.process.poll() is None and worker.search_path == search_path():
            return worker
        worker.stop()


def keep(worker: Worker) -> None:
    """Takes a process back that has no work, for the next `borrow`; a second one is stopped.

    It costs 60 MB while it waits, and ends by itself after a minute without work or once this process is gone.
    """
    if worker.batch is None and worker.process.poll() is None:
        with _lock:
            if not _kept:
                _kept.append(worker)
                return
    worker.stop()


def start_early() -> None:
    """Starts a process for the next `borrow` if none is kept: it starts while its parent reads the files."""
    keep(borrow())


@atexit.register
def stop_kept() -> None:
    """Stops the process that is kept."""
    with _lock:
        workers, _kept[:] = list(_kept), []
    for worker in workers:
        worker.stop()


def _forget() -> None:
    """In a forked child: the parent's process is none of ours."""
    _kept.clear()


os.register_at_fork(after_in_child=_forget)
