"""A parser process: reads batches of files from its parent, answers with Arrow IPC bytes.

What lives here: the process's loop, the limits it puts on itself, and what it says. What does not: starting, watching
and replacing it (`process.py`, `pool.py`). Imports tree-sitter and pyarrow, no Polars and no NumPy: it is ready in
0.16 s.

Grammars are C code that a damaged text can send into an endless loop, and nothing in this process can stop that loop.
So the kernel ends the process: by a timer of CPU time, which a loaded machine does not bring nearer, and by a limit on
memory. A process that a timer ends needs no parent to be alive: none is left behind that computes for ever.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # PyArrow loads NumPy where it is installed: half of the time to start, and nothing here needs an array.
    sys.modules["numpy"] = None  # type: ignore[assignment]

import gc
import mmap
import resource
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

from .columns import arrow, to_bytes
from .single import ChunkOptions, SourceFile, load, parse_file, seconds_for

ALIVE = "alive"
SAY_ALIVE_SECONDS = 1.0
# Parsing makes no cycles, and a collection after each batch took a tenth of the time.
COLLECT_EVERY = 64
# What a process may have in all; it starts with 120 MB. No file of 1 MB was seen to need half of it.
MEMORY_BYTES = 1000 << 20
# A process without work ends by itself.
IDLE_SECONDS = 60.0


def hard_limit(seconds: float) -> float:
    """CPU seconds after which the kernel ends the process at one file: beyond the limit that code looks at itself."""
    return 1.5 * seconds + 0.2


def main(descriptor: int, place: int) -> None:
    """Serves batches until the parent closes the connection."""
    _limit()
    connection = Connection(descriptor)
    at = mmap.mmap(place, mmap.PAGESIZE)
    options, context = ChunkOptions(), None
    try:
        connection.send(ALIVE)
        gc.disable()
        done = 0
        while connection.poll(IDLE_SECONDS):
            message = connection.recv()
            if isinstance(message, tuple):
                options, context = message
                continue
            files = [SourceFile(*fields) for fields in message]
            connection.send(_parse(connection, at, files, options, context))
            done += 1
            if done % COLLECT_EVERY == 0:
                gc.collect()
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        sys.exit(0)


def _limit() -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for what, most in ((resource.RLIMIT_DATA, MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        _, allowed = resource.getrlimit(what)
        if allowed == resource.RLIM_INFINITY or allowed >= most:
            resource.setrlimit(what, (most, allowed))


def _parse(
    connection: Connection, at: mmap.mmap, files: list[SourceFile], options: ChunkOptions, context: Any
) -> list[bytes]:
    parsed = []
    reported_at = time.monotonic()
    for number, file in enumerate(files):
        at[:4] = number.to_bytes(4, "little")
        signal.setitimer(signal.ITIMER_PROF, 0)
        load(file)
        signal.setitimer(signal.ITIMER_PROF, hard_limit(seconds_for(file, options)))
        parsed.append(parse_file(file, options, context))
        now = time.monotonic()
        if now - reported_at > SAY_ALIVE_SECONDS:
            connection.send(ALIVE)
            reported_at = now
    signal.setitimer(signal.ITIMER_PROF, 0)
    return to_bytes(arrow(parsed))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
