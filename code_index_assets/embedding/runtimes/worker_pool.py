"""Embedding processes: slices of a sorted window go to the next free process, vectors come as they are done.

What lives here: starting processes, handing out slices, gathering, and what happens when one dies. What does not: the
process (`worker.py`), which runtime it uses (`choice.py`).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

import numpy as np

from ...errors import EmbeddingError
from ...storage.layout import Layout
from ..interface import InputType, Vectors
from ..models.transformer import TransformerModel
from .runtime import Runtime

# Texts handed over at once: large enough to hide the hand-over, small enough that a kill costs little.
SLICE_TEXTS = 64
# A process that died is started again this often in a run before the run fails.
RESTARTS = 2


class WorkerPool:
    """Processes that compute one model's vectors. A context manager; not for use by several threads."""

    def __init__(
        self,
        model: TransformerModel,
        max_tokens: int,
        layout: Layout,
        runtime: Runtime,
        devices: Sequence[str] = ("cpu",),
    ) -> None:
        """`devices`: one process each of these, in turn. Raises EmbeddingError."""
        export = ""
        if runtime.name.startswith(("onnx", "openvino")):
            from .exported_graph import graph

            export = str(graph(model, layout, max_tokens))
        space = model.space(max_tokens)
        self.model = model
        self.dimension = space.dimension
        self.runtime = ""
        self.padding_waste = 0.0
        self._restarts = RESTARTS
        self._setups = [
            (model, max_tokens, runtime.name, runtime.threads, export, devices[number % len(devices)])
            for number in range(runtime.workers)
        ]
        self._team: list[_Worker] = []
        try:
            self._team = [_Worker(setup) for setup in self._setups]
            for worker in self._team:
                worker.ready(space.id)
        except BaseException:
            self.close()
            raise
        self.runtime = f"{self._team[0].said}, {runtime.workers} x {runtime.threads}"

    def compute(self, texts: Sequence[str], input_type: InputType) -> Iterator[tuple[list[int], Vectors]]:
        """Rows and their vectors, slice by slice as they are done. Longest texts first: lengths in a slice are near.

        Raises EmbeddingError if a text cannot be embedded or processes keep dying.
        """
        order = sorted(range(len(texts)), key=lambda row: (-len(texts[row]), row))
        waiting = deque(order[start : start + SLICE_TEXTS] for start in range(0, len(order), SLICE_TEXTS))
        idle = deque(self._team)
        while waiting or len(idle) < len(self._team):
            while idle and waiting:
                idle.popleft().give(waiting.popleft(), texts, input_type)
            busy = {worker.connection: worker for worker in self._team if worker.rows}
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                rows, worker.rows = worker.rows, []
                try:
                    raw, self.padding_waste = worker.take()
                except (EOFError, OSError) as error:
                    waiting.appendleft(rows)
                    idle.append(self._replace(worker, error))
                    continue
                idle.append(worker)
                yield rows, np.frombuffer(raw, dtype=np.float32).reshape(len(rows), self.dimension)

    def _replace(self, lost: _Worker, error: Exception) -> _Worker:
        place = self._team.index(lost)
        code = lost.stop()
        if self._restarts == 0:
            raise EmbeddingError(
                f"an embedding process died again and again (exit status {code})",
                remedy="it may have run out of memory: set CODE_INDEX_EMBED_WORKERS=1, or CODE_INDEX_MODEL=static",
            ) from error
        self._restarts -= 1
        worker = _Worker(self._setups[place])
        self._team[place] = worker
        worker.ready(None)
        return worker

    def close(self) -> None:
        """Ends the processes. May be called twice."""
        for worker in self._team:
            worker.stop()
        self._team = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def worker_environment(threads: int) -> dict[str, str]:
    """What an embedding process is started with: its thread counts, and memory that it keeps.

    glibc else gives each layer's results of some MB back to the kernel and takes them anew: up to a fifth of the time.
    """
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    }


class _Worker:
    """One process and the rows it works on."""

    def __init__(self, setup: tuple[Any, ...]) -> None:
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env=worker_environment(setup[3]),
        )
        theirs.close()
        self.connection = Connection(ours.detach())
        self.rows: list[int] = []
        self.said = ""
        self.connection.send(setup)

    def ready(self, space: str | None) -> None:
        """Waits until the model is loaded. Raises EmbeddingError."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise EmbeddingError(
                f"an embedding process ended while it loaded its model (exit status {self.stop()})",
                remedy="it may have run out of memory: see the lines above, or set CODE_INDEX_EMBED_WORKERS=1",
            ) from error
        if isinstance(answer, Exception):
            raise answer
        self.said, made = answer
        if space is not None and made != space:
            raise EmbeddingError(f"an embedding process loaded the space {made}, not {space}", remedy="report it")

    def give(self, rows: list[int], texts: Sequence[str], input_type: InputType) -> None:
        self.rows = rows
        try:
            self.connection.send(([texts[row] for row in rows], input_type))
        except OSError:
            return  # it died: what waits for its answer finds out

    def take(self) -> tuple[bytes, float]:
        answer = self.connection.recv()
        if isinstance(answer, Exception):
            raise (
                answer
                if isinstance(answer, EmbeddingError)
                else EmbeddingError(
                    f"texts could not be embedded: {type(answer).__name__}: {answer}",
                    remedy="index again; if it stays, CODE_INDEX_MODEL=static",
                )
            )
        raw, waste = answer
        return raw, waste

    def stop(self) -> int | None:
        self.connection.close()
        self.process.kill()
        return self.process.wait()
