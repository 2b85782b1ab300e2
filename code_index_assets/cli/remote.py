"""Asking the server that runs on the same data folder, where there is one: its index is open and warm.

What lives here: finding it, asking it, its errors as ours. What does not: what to do without one (`search.py`).
Imports little: this is what makes `code-index search` quick.
"""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode, urlsplit

from .. import errors
from ..errors import CodeIndexError
from ..serve.presence import Presence, build, read_presence, settings_digest, token_hint
from ..settings import Settings
from ..storage.layout import Layout

CHECK_SECONDS = 0.15
ANSWER_SECONDS = 60.0


class NoAnswerError(Exception):
    """The server did not answer as one of ours: the command line answers itself."""


@dataclass(frozen=True)
class Reply:
    """An answer: its text; for text, its outcome and how many hits it has."""

    text: str
    outcome: str
    hits: int
    unproven: bool = False  # nothing was found, and not everything was looked at


class Remote:
    """A connection to the server."""

    def __init__(self, connection: HTTPConnection, headers: dict[str, str]) -> None:
        self._connection, self._headers = connection, headers

    def get(self, path: str, fields: dict[str, Any]) -> Reply:
        """Asks for a path. Raises CodeIndexError as the server met it, NoAnswerError for anything unforeseen."""
        pairs = [
            (name, _plain(value))
            for name, values in fields.items()
            for value in (values if isinstance(values, tuple) else (values,))
            if not (value is None or value is False or value == "")
        ]
        response, body = self._ask(f"{path}?{urlencode(pairs)}")
        if response.status == 200:
            headers = response.headers
            return Reply(
                body.decode(), headers.get("X-Code-Index-Outcome", ""), int(headers.get("X-Code-Index-Hits", "0")),
                headers.get("X-Code-Index-Unproven") == "true",
            )  # fmt: skip
        raise error_of(response, body)

    def _ask(self, target: str) -> tuple[HTTPResponse, bytes]:
        try:
            self._connection.request("GET", target, headers=self._headers)
            response = self._connection.getresponse()
            return response, response.read()
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswerError(str(error)) from error

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def _plain(value: Any) -> str:
    return "true" if value is True else str(value)


def find_server(settings: Settings, layout: Layout) -> Remote | None:
    """The server of this data folder that would answer as this process would; None without one."""
    if not settings.use_server:
        return None
    presence = read_presence(layout)
    if presence is None or presence.build != build() or presence.settings != settings_digest(settings):
        return None
    headers = {"Accept-Encoding": "identity", "User-Agent": "code-index"}
    if presence.token:
        known = [token.get_secret_value() for token in settings.tokens]
        token = next((one for one in known if token_hint(one) == presence.token), None)
        if token is None:
            return None
        headers["Authorization"] = f"Bearer {token}"
    return _checked(presence, headers)


def _checked(presence: Presence, headers: dict[str, str]) -> Remote | None:
    """The connection, if the process behind the announcement is the one that made it and answers in time."""
    place = urlsplit(presence.url)
    connection = HTTPConnection(place.hostname or "", place.port or 80, timeout=CHECK_SECONDS)
    try:
        connection.request("GET", "/healthz", headers=headers)
        health = json.loads(connection.getresponse().read())
        if health.get("instance") == presence.instance and health.get("build") == presence.build:
            if connection.sock is not None:
                connection.sock.settimeout(ANSWER_SECONDS)
                with contextlib.suppress(OSError):
                    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.timeout = ANSWER_SECONDS
            return Remote(connection, headers)
    except (OSError, HTTPException, ValueError, AttributeError):
        pass
    connection.close()
    return None


def error_of(response: HTTPResponse, body: bytes) -> Exception:
    """The error that a problem tells of; NoAnswerError for what this program would not have met itself."""
    try:
        problem = json.loads(body)
        kind = getattr(errors, problem["error"], None)
    except (ValueError, KeyError, TypeError):
        return NoAnswerError(f"status {response.status}")
    if (
        not isinstance(kind, type)
        or not issubclass(kind, CodeIndexError)
        or issubclass(kind, errors.SpaceMismatchError | errors.BusyError)
    ):
        return NoAnswerError(f"status {response.status}: {problem.get('detail')}")
    error = kind(problem["detail"], remedy=problem.get("remedy", ""))
    for name in ("state", "wanted", "reason"):
        if name in problem:
            setattr(error, name, problem[name])
    return error
