"""Waits until an index run has ended, then becomes the command that follows: `python -m … LOCK BEGUN COMMAND…`.

What lives here: the wait of a run that was asked for while another one was at work on the same folder. What does not:
deciding that it has to wait (`index_runs.py`).
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

WAITING = "waits for the run on this folder that began before"


def main(arguments: list[str]) -> None:
    """Takes the lock file of the run before, the file that says that this one has begun, and the command."""
    lock, begun, *command = arguments
    print(WAITING, file=sys.stderr, flush=True)  # noqa: T201 - the progress of the run
    try:
        with Path(lock).open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
    except FileNotFoundError:
        pass  # an old run's folder was removed: it has ended
    Path(begun).touch()
    os.execv(command[0], command)  # noqa: S606 - the command is our own, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
