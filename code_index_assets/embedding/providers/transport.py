"""One HTTP request to an embedding provider: sending it, and saying what kind of answer came.

What lives here: the connection, the key, telling refusals apart, decoding vectors. What does not: what to do about a
refusal (`requests.py`). The key is in one header and nowhere else: not in errors, reprs or records; a reply that
repeats it is shown without it.
"""

from __future__ import annotations

import base64
import email.utils
import json
import math
import re
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from ...errors import ConfigurationError, EmbeddingError

_SHOWN = 300
_LARGE = re.compile(
    r"max(imum)? allowed tokens|too many tokens|tokens? (limit|count|per)|exceed\w* .{0,40}(token|length|context|limit)"
    r"|context (length|window|size)|(input|prompt|text)s? (is|are) too (long|large)|input length|max_model_len"
    r"|payload too large|must have less than \d+ tokens",
    re.IGNORECASE,
)
_MANY = re.compile(
    r"batch ?size|too many (inputs|items|texts)|(list|array|number of inputs).{0,60}(\d|long)", re.IGNORECASE
)
_COUNTED = re.compile(r"(?:batch has|requested|has) (\d+) tokens", re.IGNORECASE)
_SPENT = re.compile(r"insufficient_quota|exceeded your current quota|payment method|billing", re.IGNORECASE)


class PassingError(Exception):
    """An answer that may be another later: wait `retry_after` seconds at least; `everyone`: all requests wait."""

    def __init__(self, message: str, retry_after: float = 0.0, *, everyone: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.everyone = retry_after, everyone


class TooLargeError(Exception):
    """The request has too many tokens (`tokens`, if the provider counted), or too many texts (`count`)."""

    def __init__(self, message: str, *, tokens: int = 0, count: bool = False) -> None:
        super().__init__(message)
        self.tokens, self.count = tokens, count


class BadTextError(Exception):
    """Something in the request is refused for itself."""


class ShortReplyError(Exception):
    """A reply that is not one vector for each text."""


class Transport:
    """POSTs JSON to one URL. For threads; connections are kept open."""

    def __init__(
        self, name: str, url: str, key: str | None, *, timeout: float, connections: int, dtype: str = "float",
        key_setting: str = "CODE_INDEX_EMBEDDING_KEY",
    ) -> None:  # fmt: skip
        """`name` is what errors call the provider. Raises ConfigurationError for a URL that is none."""
        import httpx

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"{_without_user(url)!r} is no address of an embedding endpoint",
                remedy="set CODE_INDEX_EMBEDDING_URL to something like http://localhost:8000/v1",
            )
        self.name = f"{name} ({parts.hostname}{f':{parts.port}' if parts.port else ''})"
        self.url = url
        self.dtype = dtype
        self.key_setting = key_setting
        self._key = key
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = httpx.Client(headers=headers, timeout=timeout, limits=limits)

    def __repr__(self) -> str:
        return f"Transport({self.name})"

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def post(self, body: dict[str, Any]) -> Any:
        """The reply's JSON. Raises PassingError, TooLargeError, BadTextError, ShortReplyError, EmbeddingError."""
        import httpx

        try:
            response = self._client.post(self.url, content=json.dumps(body).encode())
        except httpx.TimeoutException:
            raise PassingError("no answer in time") from None
        except httpx.TransportError as error:
            raise PassingError(f"the connection failed: {type(error).__name__}: {self._clean(str(error))}") from None
        if response.status_code == 200:
            try:
                return response.json()
            except ValueError:
                raise ShortReplyError("a reply that is not JSON") from None
        raise self._problem(response.status_code, response.text, response.headers.get("retry-after"))

    def _problem(self, status: int, text: str, retry_after: str | None) -> Exception:
        message = self._clean(_message_of(text))
        what = f"{status} {message}".strip()
        if status in (401, 403):
            return EmbeddingError(
                f"{self.name} does not accept the key: {what}", remedy=f"set {self.key_setting} to a key that is valid"
            )
        if status in (402, 404) or (status == 429 and _SPENT.search(message)):
            return EmbeddingError(
                f"{self.name} refuses every request: {what}",
                remedy="check the model's name, the address and the account with the provider",
            )
        if status in (408, 409, 425, 429) or status >= 500:
            return PassingError(what, _seconds(retry_after), everyone=status in (429, 503))
        many, large = bool(_MANY.search(message)), bool(_LARGE.search(message))
        if status == 413 or large or many:
            counted = _COUNTED.search(message)
            return TooLargeError(what, tokens=int(counted.group(1)) if counted else 0, count=many and not large)
        return BadTextError(what)

    def vector(self, value: Any) -> npt.NDArray[np.float32]:
        """A vector as it came: a list of numbers, or base64 of float32, int8 or bits. Raises ShortReplyError."""
        try:
            if self.dtype == "float":
                raw = np.frombuffer(base64.b64decode(value), dtype="<f4") if isinstance(value, str) else value
                return np.asarray(raw, dtype=np.float32).reshape(-1)
            packed = base64.b64decode(value) if isinstance(value, str) else bytes(int(item) & 0xFF for item in value)
            if self.dtype == "ubinary":
                return np.unpackbits(np.frombuffer(packed, dtype=np.uint8)).astype(np.float32) * 2 - 1
            return np.frombuffer(packed, dtype=np.int8).astype(np.float32)
        except (ValueError, TypeError, OverflowError):
            raise ShortReplyError("a vector that cannot be read") from None

    def _clean(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _message_of(text: str) -> str:
    """What an error body says: `detail` (Voyage), `error.message` (OpenAI), `error` or `message`, else the body."""
    try:
        raw = json.loads(text)
    except ValueError:
        return text[:_SHOWN]
    for name in ("detail", "error", "message"):
        value = raw.get(name) if isinstance(raw, dict) else None
        if isinstance(value, dict):
            value = " ".join(str(value[key]) for key in ("code", "message") if value.get(key))
        if value:
            return str(value)[:_SHOWN]
    return text[:_SHOWN]


def _seconds(retry_after: str | None) -> float:
    """A Retry-After header in seconds, from a number or a date; at most five minutes are honoured."""
    if not retry_after:
        return 0.0
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, TypeError):
            return 0.0
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), 300.0)


def _without_user(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
