"""What is said on the sockets of run workers: JSON objects, one a line.

What lives here: reading and writing them. What does not: their meaning (`keeper.py`, `worker.py`, `client.py`).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

# Raised whenever the meaning of a message changes: a client and a keeper of two releases do not talk to each other.
PROTOCOL = 1
LINE_BYTES = 64 << 20

Message = dict[str, Any]


class Lines:
    """A connection seen as messages in both directions."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = bytearray()

    def send(self, message: Message) -> None:
        """Sends a message. Raises OSError."""
        self.connection.sendall(packed(message))

    def read(self) -> Message | None:
        """The next message; None at the end of the connection. Raises OSError, ValueError."""
        while (end := self._rest.find(b"\n")) < 0:
            part = self.connection.recv(1 << 16)
            if not part:
                return None
            self._rest += part
            if len(self._rest) > LINE_BYTES:
                raise ValueError("a message that does not end")
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return unpacked(line)

    def __iter__(self) -> Iterator[Message]:
        while (message := self.read()) is not None:
            yield message


def packed(message: Message) -> bytes:
    """A message as it is sent."""
    return json.dumps(message, default=str).encode() + b"\n"


def unpacked(line: bytes) -> Message:
    """A message as it was received. Raises ValueError."""
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not a message")
    return found
