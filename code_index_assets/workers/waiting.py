"""A request that waits for a run worker, and a connection whose request is not read yet.

What lives here: their state. What does not: their order and what becomes of them (`keeper.py`).
"""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, field

from .messages import Message, packed, unpacked

HEADER_BYTES = 1 << 20
# Who comes first: a person at a terminal or an agent, a push, a run of Dagster's queue, what nobody waits for.
CLASSES = {"index": 0, "events": 1, "run": 2, "catalogue": 3}


@dataclass(eq=False)
class Request:
    """What a worker is to do. With a connection, a client waits at its other end."""

    kind: str
    connection: socket.socket | None = None
    run_id: str = ""
    run_ids: tuple[str, ...] = ()
    since: float = field(default_factory=time.monotonic)
    _told: Message = field(default_factory=dict)

    @property
    def order(self) -> int:
        """Its place among the kinds of requests: lower ones come first."""
        return CLASSES.get(self.kind, 0)

    @property
    def once(self) -> bool:
        """Whether one request of this kind does for all."""
        return self.kind in ("events", "catalogue")

    def tell(self, message: Message) -> None:
        """Sends a message to the client, unless it was the last one sent. Never waits for the client to read."""
        if self.connection is None or message == self._told:
            return
        self._told = message
        with contextlib.suppress(OSError):
            self.connection.send(packed(message), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


class Unread:
    """A connection of which the first line is not complete."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._read = bytearray()

    def read(self) -> Message | None:
        """The request, when its line has come whole. Raises OSError, ValueError for what is no request."""
        part = self.connection.recv(1 << 16)
        if not part:
            raise ValueError("closed")
        self._read += part
        if self._read.endswith(b"\n"):
            return unpacked(bytes(self._read))
        if len(self._read) > HEADER_BYTES:
            raise ValueError("a request that does not end")
        return None
