"""Processes that outlive the one that starts them.

What lives here: starting one. What does not: what they do (`keeper.py`, `cli/catalog.py`, `cli/poll.py`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

# Kept: Python warns of a process that is forgotten while it runs, which these are meant to be.
_started: list[subprocess.Popen[bytes]] = []


def start_detached(
    command: Sequence[str], log: IO[bytes], environment: Mapping[str, str], *, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Starts a command in a session of its own, its output in `log`. Raises OSError."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, pass_fds=pass_fds,
        start_new_session=True,
    )  # fmt: skip
    _started[:] = [one for one in _started if one.poll() is None]
    _started.append(process)
    return process
