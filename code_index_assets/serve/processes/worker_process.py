"""The process that answers questions, seen from the one in front: started, watched, ended, started again.

What lives here: its life. What does not: what it does (`worker.py`), which requests it gets (`front.py`).

Both sides hold the listening socket, so a request that comes while the process is started again waits for it. It ends
when its standard input does: a server that is killed leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ...settings import Settings

# A process that ends sooner than this after its start is not started again at once.
SHORT_LIFE_SECONDS = 5.0
PAUSE_SECONDS = 2.0
END_SECONDS = 5.0
WATCH_SECONDS = 0.1

log = logging.getLogger("code_index.serve")


class WorkerProcess:
    """One process that answers, replaced by another one when it ends."""

    def __init__(self, settings: Settings, instance: str) -> None:
        self._start_text = pickle.dumps((settings, instance))
        self._folder = Path(tempfile.mkdtemp(prefix="code-index-"))
        self.place = self._folder / "answers"
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(self.place))
        self._listening.listen(256)
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = self._ended_here = False
        self.starts = 0
        self.has_answered = False

    @property
    def pid(self) -> int:
        """The process id; 0 while none runs."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Starts the process, and from now on another one whenever it ends."""
        self._spawn()
        self._watch = asyncio.get_running_loop().create_task(self._keep_alive())

    def _spawn(self) -> None:
        handle = self._listening.fileno()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "code_index_assets.serve.processes.worker", str(handle)],
            stdin=subprocess.PIPE, pass_fds=(handle,), env=environment, start_new_session=True,
        )  # fmt: skip
        self.starts += 1
        self.has_answered = False
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(self._start_text)
            self._process.stdin.flush()

    async def _keep_alive(self) -> None:
        started = time.monotonic()
        while not self._stopping:
            await asyncio.sleep(WATCH_SECONDS)
            if self._stopping or self._process is None or self._process.poll() is None:
                continue
            log.error("the process that answers ended with status %s; another one is started", self._process.returncode)
            if time.monotonic() - started < SHORT_LIFE_SECONDS and not self._ended_here:
                await asyncio.sleep(PAUSE_SECONDS)
            started, self._ended_here = time.monotonic(), False
            self._spawn()

    def end_now(self) -> None:
        """Ends the process in the middle of what it does; the next one is started by the watch, at once."""
        self.has_answered = False
        self._ended_here = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    async def stop(self) -> None:
        """Ends the process for good: it may finish what it answers."""
        self._stopping = True
        if self._watch is not None:
            self._watch.cancel()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + END_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            if process.poll() is None:
                process.kill()
            process.wait()
        if process is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError, OSError):
                process.stdin.close()
        self._listening.close()
        shutil.rmtree(self._folder, ignore_errors=True)
