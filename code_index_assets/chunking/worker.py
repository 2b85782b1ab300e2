"""A parser process: reads batches of files from its parent, answers with Arrow IPC bytes.

What lives here: the process's loop and what it says. What does not: starting, watching and replacing it (`pool.py`).
Imports tree-sitter and pyarrow, no Polars: it is ready in a quarter of a second.
"""

from __future__ import annotations

import gc
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from .columns import arrow, to_bytes
from .single import SourceFile, parse_file

ALIVE = "alive"
SAY_ALIVE_SECONDS = 1.0
# Parsing makes no cycles, and a collection after each batch took a tenth of the time.
COLLECT_EVERY = 64


def main(descriptor: int) -> None:
    """Serves batches until the parent closes the connection."""
    connection = Connection(descriptor)
    try:
        options, context = connection.recv()
        connection.send(ALIVE)
        gc.disable()
        done = 0
        while True:
            files = [SourceFile(*fields) for fields in connection.recv()]
            connection.send(_parse(connection, files, options, context))
            done += 1
            if done % COLLECT_EVERY == 0:
                gc.collect()
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        sys.exit(0)


def _parse(connection: Connection, files: list[SourceFile], options: Any, context: Any) -> list[bytes]:
    parsed = []
    said = time.monotonic()
    for file in files:
        parsed.append(parse_file(file, options, context))
        now = time.monotonic()
        if now - said > SAY_ALIVE_SECONDS:
            connection.send(ALIVE)
            said = now
    return to_bytes(arrow(parsed))


if __name__ == "__main__":
    main(int(sys.argv[1]))
