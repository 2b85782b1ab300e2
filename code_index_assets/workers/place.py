"""Where the run workers of a data folder are reached: a Unix socket that only its owner may open.

What lives here: the files, listening and connecting. What does not: what is said on the socket (`messages.py`).

The socket is not in the data folder, which people copy while programs run: `shutil.copytree` fails at a socket. It is
in the user's runtime folder, under a digest of the data folder's path; a socket's address holds 107 bytes at most.
"""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

from ..storage.fingerprint import digest
from ..storage.layout import Layout

WAITING_CONNECTIONS = 128
ADDRESS_BYTES = 108  # with the zero at its end


def folder_of(layout: Layout) -> Path:
    """The folder of the lock and the log of a data folder's run workers."""
    return layout.root / "run_workers"


def socket_of(layout: Layout) -> Path:
    """The socket of a data folder's run workers; its folder may not be there yet."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    name = f"code-index-{os.getuid()}/{digest(str(layout.root.resolve()))}.sock"
    return base / name if len(os.fsencode(base / name)) < ADDRESS_BYTES else Path("/tmp") / name  # noqa: S108 - its folder is checked


def listen(layout: Layout) -> socket.socket:
    """A listening socket, readable and writable for its owner alone. Raises OSError."""
    path = socket_of(layout)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(path.parent):
        raise PermissionError(f"{path.parent} is not a folder of this user alone")
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(WAITING_CONNECTIONS)
    except BaseException:
        listening.close()
        raise
    return listening


def connect(layout: Layout, timeout: float) -> socket.socket | None:
    """A connection to the keeper of the run workers; None if there is none, or if another user's."""
    path = socket_of(layout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        if not _is_private(path.parent) or path.stat().st_uid != os.getuid():
            connection.close()
            return None
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def withdraw(layout: Layout) -> None:
    """Removes the socket's name: a client that comes now is refused at once, and does not wait."""
    socket_of(layout).unlink(missing_ok=True)


def _is_private(folder: Path) -> bool:
    """Whether a folder is one of this user, and no link, that no other user can write to."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
