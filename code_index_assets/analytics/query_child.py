"""The process of one query, seen from the one that asks: started, read from until a moment, ended.

What lives here: its life and its frames. What does not: what it does (`query_process.py`), what is asked (`query.py`).
"""

from __future__ import annotations

import json
import os
import pickle
import selectors
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


class QueryProcess:
    """Runs one query; ended at the latest when it is left."""

    def __init__(self, question: dict[str, Any], seconds: float) -> None:
        path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if part)
        # Two arenas: each thread's own one would count as memory it never uses.
        environment = {**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"}
        self._ends_at = time.monotonic() + seconds
        self._process = subprocess.Popen(
            [sys.executable, "-m", "code_index_assets.analytics.query_process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._out = self._process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # the child ended at once: reading its answer raises the error

    def __enter__(self) -> QueryProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._selector.close()
        self._out.close()

    def frame(self) -> tuple[Any, ...]:
        """The next frame. Raises TimeoutError when the time is up, EOFError if the process ended without its answer."""
        (length,) = struct.unpack(">Q", self._read(8))
        reply: tuple[Any, ...] = pickle.loads(self._read(length))  # noqa: S301 - of a process that we started
        return reply

    def _read(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            left = self._ends_at - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                raise TimeoutError
            part = os.read(self._out.fileno(), min(length - len(content), 1 << 20))
            if not part:
                raise EOFError
            content += part
        return bytes(content)
