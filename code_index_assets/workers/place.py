"""Where the run workers of a data folder are reached: a Unix socket in it that only its owner may open.

What lives here: the files, listening and connecting. What does not: what is said on the socket (`messages.py`).

A socket's address holds 107 bytes and a data folder's path may be longer: the folder is opened first, and the address
names it by the number of the open folder.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..storage.layout import Layout

_SOCKET = "socket"
WAITING_CONNECTIONS = 128


def folder_of(layout: Layout) -> Path:
    """The folder of the socket, the lock and the log of a data folder's run workers."""
    return layout.root / "run_workers"


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{_SOCKET}"
    finally:
        os.close(handle)


def listen(layout: Layout) -> socket.socket:
    """A listening socket, readable and writable for its owner alone. Raises OSError."""
    folder = folder_of(layout)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    (folder / _SOCKET).unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _address(folder) as address:
        found.bind(address)
    (folder / _SOCKET).chmod(0o600)
    found.listen(WAITING_CONNECTIONS)
    return found


def connect(layout: Layout, timeout: float) -> socket.socket | None:
    """A connection to the keeper of the run workers; None if there is none, or if another user's."""
    folder = folder_of(layout)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.settimeout(timeout)
    try:
        if (folder / _SOCKET).stat().st_uid != os.getuid():
            found.close()
            return None
        with _address(folder) as address:
            found.connect(address)
    except OSError:
        found.close()
        return None
    return found


def withdraw(layout: Layout) -> None:
    """Removes the socket's name: a client that comes now finds nobody, and does not wait."""
    (folder_of(layout) / _SOCKET).unlink(missing_ok=True)
