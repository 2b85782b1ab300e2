"""Listening: one uvicorn process on one port, announced in the data folder, stopped cleanly.

What lives here: the port, the announcement, the life of the process. What does not: the application
(`serve/http/app.py`).
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable

from ...errors import ConfigurationError
from ...settings import Settings
from ...storage.layout import Layout
from ..http.access import Access, check_binding, hosts_for
from ..presence import Presence, announce, build, new_instance, settings_digest, token_hint, withdraw

STOP_SECONDS = 10


def serve(
    settings: Settings, layout: Layout, say: Callable[[str], None] = print, beside: Callable[[], object] = lambda: None
) -> None:
    """Serves until SIGINT or SIGTERM; requests at work are answered first. `beside` is called when it listens.

    Raises ConfigurationError if the address cannot be bound, or would be open to others without a token.
    """
    check_binding(settings.host, settings)
    listening = bind(settings.host, settings.port)
    import uvicorn

    from ..http.middleware import Gatekeeper
    from ..metrics import Metrics
    from .connection import IDLE_SECONDS, MAX_HEADER_BYTES, bounded, raise_file_limit
    from .front import Front

    url = address_of(listening)
    token = settings.tokens[0].get_secret_value() if settings.tokens else ""
    presence = Presence(
        url, os.getpid(), build(), new_instance(), settings_digest(settings), token_hint(token) if token else ""
    )
    metrics = Metrics()
    front = Front(settings, presence.instance, metrics)
    app = Gatekeeper(front, Access(settings), metrics, hosts_for(settings.host, settings), bounded=True)
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=IDLE_SECONDS, http=bounded(raise_file_limit()), ws="none", lifespan="on",
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )  # fmt: skip
    server = _Announcing(config, front.until_answering, lambda: announce(layout, presence))
    say(f"Code Index on {url} (data {settings.data}); API at {url}/docs; stop with Ctrl-C")
    if not settings.tokens:
        say("no token is set: anyone who reaches this address can search")
    _end_on_sigterm()
    beside()
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        say("stopped")
    finally:
        withdraw(layout, presence)
        listening.close()


def _end_on_sigterm() -> None:
    """Uvicorn raises the signal that stopped it once more at its end: there is still an announcement to take back."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


class _Announcing:
    """A uvicorn server that says when it answers: `started` is called when `ready` is done."""

    def __init__(self, config: object, ready: Callable[[], Awaitable[None]], started: Callable[[], None]) -> None:
        import uvicorn

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    self.announcing = asyncio.ensure_future(_then(ready, started))

        self._server = Server(config)  # type: ignore[arg-type]

    def run(self, sockets: list[socket.socket]) -> None:
        self._server.run(sockets)


async def _then(ready: Callable[[], Awaitable[None]], started: Callable[[], None]) -> None:
    await ready()
    started()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigurationError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.set_inheritable(False)
        return found
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} of {host} is taken by another program",
                remedy="stop that one, or choose another port: `code-index serve --port 8766`, or 0 for any free one",
            ) from error
        raise ConfigurationError(
            f"the server cannot listen on {host}:{port}: {error.strerror or error}", remedy="check --host and --port"
        ) from error


def address_of(listening: socket.socket) -> str:
    """The URL to reach a socket by from this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - every address includes this one
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
