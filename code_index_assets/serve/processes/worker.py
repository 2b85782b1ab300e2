"""The process that answers: the whole application behind a Unix socket that only the process in front knows.

What lives here: its start and its end. What does not: the application (`serve/http/app.py`), who may ask and how much
(`front.py` and `serve/http/middleware.py`, in the process in front).
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading


def main() -> None:
    """Takes settings from standard input and answers on the socket whose number is the first argument."""
    settings, instance = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this one
    threading.Thread(target=_end_with_the_front, name="front", daemon=True).start()
    import uvicorn

    from ...storage.layout import Layout
    from ..http.app import create_app
    from .server import STOP_SECONDS

    app = create_app(settings, Layout(settings.data), instance=instance, behind_front=True)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=False, ws="none",
        timeout_graceful_shutdown=STOP_SECONDS, proxy_headers=True, forwarded_allow_ips="*",
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


def _end_with_the_front() -> None:
    """Standard input ends when the process in front does, however it ended."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
