"""Handing a request to the process that answers, over a Unix socket, and its answer back.

What lives here: one exchange. What does not: which requests, and for how long (`front.py`); the process
(`worker_process.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

# Headers that speak of one connection, and those that only we may set.
_NOT_PASSED_ON = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
     b"content-length", b"expect", b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"}
)  # fmt: skip
# The route that answered, for the metrics of the process in front.
ROUTE_HEADER = b"x-code-index-route"
_BLOCK = 64 * 1024


class WorkerGoneError(Exception):
    """The process that answers is not there, or ended before its answer did."""


@dataclass
class Answer:
    """The head of an answer; `parts` gives its body as it comes."""

    status: int
    headers: list[tuple[bytes, bytes]]
    route: str
    _reader: asyncio.StreamReader
    _connection: h11.Connection
    _first: list[bytes] = field(default_factory=list)

    async def parts(self) -> AsyncIterator[bytes]:
        """The body, piece by piece. Raises WorkerGoneError."""
        while True:
            event = await _next_event(self._reader, self._connection)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise WorkerGoneError("the answer ended early")

    async def body(self) -> bytes:
        """The whole body."""
        return b"".join([part async for part in self.parts()])


@asynccontextmanager
async def exchanged(place: Path, scope: MutableMapping[str, Any], body: bytes) -> AsyncIterator[Answer]:
    """Asks the process that listens at `place`. Raises WorkerGoneError."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(place), limit=_BLOCK)
    except OSError as error:
        raise WorkerGoneError(str(error)) from error
    try:
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(method=scope["method"], target=_target(scope), headers=_headers(scope, body))
        out = connection.send(request) or b""
        out += (connection.send(h11.Data(body)) or b"") if body else b""
        writer.write(out + (connection.send(h11.EndOfMessage()) or b""))
        await writer.drain()
        event = await _next_event(reader, connection)
        while isinstance(event, h11.InformationalResponse):
            event = await _next_event(reader, connection)
        if not isinstance(event, h11.Response):
            raise WorkerGoneError("no answer came")
        raw = [(bytes(name), bytes(value)) for name, value in event.headers]
        route = next((value.decode("latin-1") for name, value in raw if name == ROUTE_HEADER), "")
        passed = [
            (name, value)
            for name, value in raw
            if name not in (ROUTE_HEADER, b"connection", b"keep-alive", b"transfer-encoding", b"date", b"server")
        ]
        yield Answer(event.status_code, passed, route, reader, connection)
    except (OSError, h11.ProtocolError) as error:
        raise WorkerGoneError(str(error)) from error
    finally:
        writer.close()


def _target(scope: MutableMapping[str, Any]) -> bytes:
    query: bytes = scope.get("query_string", b"")
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return path + (b"?" + query if query else b"")


def _headers(scope: MutableMapping[str, Any], body: bytes) -> list[tuple[bytes, bytes]]:
    found = [(name, value) for name, value in scope["headers"] if name.lower() not in _NOT_PASSED_ON]
    if not any(name == b"host" for name, _ in found):
        found.append((b"host", b"localhost"))
    client = scope.get("client")
    found.append((b"x-forwarded-for", (client[0] if client else "127.0.0.1").encode("latin-1")))
    found.append((b"x-forwarded-proto", scope.get("scheme", "http").encode("latin-1")))
    found.append((b"connection", b"close"))
    if body or scope["method"] not in ("GET", "HEAD", "OPTIONS", "DELETE"):
        found.append((b"content-length", str(len(body)).encode()))
    return found


async def _next_event(reader: asyncio.StreamReader, connection: h11.Connection) -> Any:
    while True:
        event = connection.next_event()
        if event is not h11.NEED_DATA:
            return event
        connection.receive_data(await reader.read(_BLOCK))
