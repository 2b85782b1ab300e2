"""Starting the keeper of the run workers beside a long-lived program (`code-index up`, `serve`).

What lives here: the lease by which the keeper ends with that program, however the program ends. What does not: the
keeper (`keeper.py`).
"""

from __future__ import annotations

import os
import sys

from ..storage.layout import Layout
from . import place
from .detached import start_detached
from .worker_process import worker_environment

COMMAND = (sys.executable, "-P", "-m", "code_index_assets.workers.keeper")


def start_keeper(layout: Layout, workers: int) -> int | None:
    """Starts a keeper with so many workers; returns the lease, a file handle that keeps it alive. None for 0 workers.

    Whatever program holds the lease keeps the workers: it may pass it on by `exec`. Where another program keeps the
    workers of this data folder already, this keeper waits, and takes over when that one ends.
    """
    if workers < 1:
        return None
    theirs, lease = os.pipe()
    folder = place.folder_of(layout)
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "worker.log").open("ab") as log:
        start_detached([*COMMAND, str(theirs), str(workers)], log, worker_environment(layout), pass_fds=(theirs,))
    os.close(theirs)
    return lease
