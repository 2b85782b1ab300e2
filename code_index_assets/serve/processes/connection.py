"""One client's connection, bounded in time and size: headers, waiting, reading what it asked for.

What lives here: the protocol that uvicorn speaks for us. What does not: bodies (`front.py` reads them under a time
limit), who may ask (`serve/http/middleware.py`).

A client that sends nothing, or its headers a byte at a time, or does not read its answer, costs a file handle for some
seconds and nothing else; when all places are taken, the one that has been quiet longest makes room.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# All headers of a request: 16 KiB are four times what browsers send.
MAX_HEADER_BYTES = 16 * 1024
HEADER_SECONDS = 10.0
IDLE_SECONDS = 20
# How long an answer may lie unread.
UNREAD_SECONDS = 20.0
LINGER_SECONDS = 2.0
MAX_CONNECTIONS = 1000


class Connection(H11Protocol):
    """Uvicorn's HTTP/1.1 with clocks."""

    max_connections = MAX_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock of the first request."""
        super().connection_made(transport)
        self._clock: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self.quiet_since = self.loop.time()
        self._expect_headers()
        if len(self.connections) > self.max_connections:
            self._make_room()

    def _make_room(self) -> None:
        quiet = [one for one in self.connections if isinstance(one, Connection) and one.is_quiet and one is not self]
        victim = min(quiet, key=lambda one: one.quiet_since, default=self)
        victim.transport.abort()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being answered on it."""
        return self.cycle is None or self.cycle.response_complete

    def _expect_headers(self) -> None:
        if self._clock is None:
            self._clock = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def data_received(self, data: bytes) -> None:
        """Parses bytes; stops the clock when a request has its headers."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and self.is_quiet:
            self._expect_headers()
        else:
            self._stop_clock()

    def on_response_complete(self) -> None:
        """Starts the clock of the next request."""
        super().on_response_complete()
        self.quiet_since = self.loop.time()
        if self.conn.their_state is h11.SEND_BODY:
            # Answered before all of its body came: what still comes is read for a moment, so that the answer arrives.
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that stays idle."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)  # an unread answer would hold it open

    def pause_writing(self) -> None:
        """Starts the clock of a client that does not read."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stops the clock of a client that reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops all clocks."""
        self._stop_clock()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)


def raise_file_limit(wanted: int = 4 * MAX_CONNECTIONS) -> int:
    """Lets this process open so many files, or as many as it may; returns how many connections that is enough for."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    available = wanted if soft == resource.RLIM_INFINITY else soft
    return max(16, min(MAX_CONNECTIONS, available // 3))


def bounded(connections: int) -> Any:
    """The protocol for a server of so many connections."""
    return type("BoundedConnection", (Connection,), {"max_connections": connections})
