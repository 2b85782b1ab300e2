"""One run worker, seen from the keeper: started, given work, watched, ended.

What lives here: its process and what it is at. What does not: what it does (`worker.py`), when it is replaced
(`keeper.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ..storage.layout import Layout
from .messages import Message
from .place import folder_of
from .waiting import Request

COMMAND = (sys.executable, "-P", "-m", "code_index_assets.workers.worker")
LOG_BYTES = 1 << 20
_MESSAGE_BYTES = 1 << 18


class WorkerProcess:
    """A worker's process and the connection to it."""

    def __init__(self, layout: Layout, code: str, *, extra: bool) -> None:
        self.code, self.extra = code, extra
        self.started = self.free_since = time.monotonic()
        self.request: Request | None = None
        self.run_id = ""
        self.runs = 0
        self.was_ready = self.ending = False
        self.kill_at = 0.0
        self._log = folder_of(layout) / "worker.log"
        # Each message is read whole, together with the connection that it may bring.
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, _opened(self._log) as log:
            self._process = subprocess.Popen(
                [*COMMAND, str(theirs.fileno())], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(theirs.fileno(),), start_new_session=True, env=worker_environment(layout),
            )  # fmt: skip

    @property
    def is_free(self) -> bool:
        """Whether it can be given work."""
        return self.was_ready and self.request is None and not self.ending

    def hand(self, request: Request) -> None:
        """Gives it work, with the connection of the client: the worker's end of it is the only one afterwards."""
        self.request, self.run_id = request, request.run_id
        message = json.dumps({"kind": request.kind, "run_id": request.run_id, "run_ids": request.run_ids}).encode()
        handles = [request.connection.fileno()] if request.connection is not None else []
        with contextlib.suppress(OSError):  # it has just ended: the end of the control connection tells
            if request.connection is not None:
                request.connection.setblocking(True)
            socket.send_fds(self.control, [message], handles)
        if request.connection is not None:
            request.connection.close()

    def hear(self) -> Message | None:
        """What the worker says; None when it has ended."""
        try:
            data = self.control.recv(_MESSAGE_BYTES)
        except OSError:
            return None
        if not data:
            return None
        message: Message = json.loads(data)
        if "ready" in message:
            self.was_ready = True
            self.free_since = time.monotonic()
        return message

    def finish(self) -> None:
        """Its work is done."""
        self.runs += self.request is not None and self.request.kind != "lost"
        self.request, self.run_id, self.kill_at = None, "", 0.0
        self.free_since = time.monotonic()

    def cancel(self, kill_at: float) -> None:
        """Interrupts the run, as Ctrl-C does; a worker that has not ended it at `kill_at` is killed."""
        self.kill_at = kill_at
        with contextlib.suppress(OSError):
            self.control.send(json.dumps({"kind": "cancel", "run_id": self.run_id}).encode())

    def end_when_idle(self) -> None:
        """Ends it after the work it is at; it gets no more."""
        self.ending = True
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """Ends it in the middle of what it does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # its git and parser processes too
        self._process.wait()

    def end(self) -> None:
        """Ends it if it still lives, and closes the connection."""
        self.ending = True
        self.kill()
        self.control.close()

    def memory_mb(self) -> int:
        """Memory of its own, in MB: without the files and libraries that it has mapped."""
        try:
            lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("RssAnon:")), 0)

    def say(self, line: str) -> None:
        """Writes a line to the workers' log."""
        with contextlib.suppress(OSError), self._log.open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} worker {self._process.pid} {line}\n")

    def describe(self) -> dict[str, Any]:
        """What it is at, for a person."""
        doing = "starting" if not self.was_ready else "free" if self.request is None else self.request.kind
        return {
            "pid": self._process.pid, "doing": doing, "run_id": self.run_id, "runs": self.runs, "extra": self.extra,
            "ending": self.ending, "memory_mb": self.memory_mb(),
        }  # fmt: skip


def worker_environment(layout: Layout) -> dict[str, str]:
    """The environment of a worker: that of the keeper, and the path of this package."""
    package = str(Path(__file__).parents[2])
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != package]
    return os.environ | {
        "CODE_INDEX_DATA": str(layout.root),
        "PYTHONPATH": os.pathsep.join([package, *known]),
        "PYTHONUNBUFFERED": "1",
        # Threads with arenas of their own kept 60 MB more after a run.
        "MALLOC_ARENA_MAX": "2",
    }


def _opened(log: Path) -> Any:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log.open("ab")
