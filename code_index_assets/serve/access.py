"""Who may ask: bearer tokens, the page's session, names a request may use for this host, addresses bound to.

What lives here: deciding. What does not: the login form (`pages.py`) and webhooks' signatures (`webhooks.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from ..errors import ConfigurationError
from ..settings import Settings

COOKIE = "code_index_session"
# Without a token: what says nothing of the code, and what has a signature of its own.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login"})
OPEN_PREFIXES = ("/assets/", "/webhooks/")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Access:
    """The tokens of one server."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = [token.get_secret_value().encode() for token in settings.tokens]
        self._sessions = [_session(token) for token in self._tokens]

    @property
    def needs_token(self) -> bool:
        return bool(self._tokens)

    def admits(self, path: str, authorization: str, cookies: str) -> bool:
        """Whether a request may pass."""
        if not self._tokens or path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            return True
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer" and _is_one_of(given.strip().encode(), self._tokens):
            return True
        return _is_one_of(_cookie(cookies), self._sessions)

    def session_for(self, token: str) -> str | None:
        """The cookie's value for a token typed into the page, None if it is none of ours."""
        given = token.strip().encode()
        return _session(given).decode() if _is_one_of(given, self._tokens) else None


def _is_one_of(given: bytes, known: Iterable[bytes]) -> bool:
    """In a time that does not tell which one, or how much of one, was right."""
    digest = hashlib.sha256(given).digest()
    found = [hmac.compare_digest(digest, hashlib.sha256(one).digest()) for one in known]
    return any(found)


def _session(token: bytes) -> bytes:
    return hmac.new(token, b"code-index page session", hashlib.sha256).hexdigest().encode()


def _cookie(header: str) -> bytes:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return b""
    return morsel.value.encode() if morsel else b""


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_binding(host: str, settings: Settings) -> None:
    """Raises ConfigurationError if the server would be open to others by accident."""
    if is_loopback(host) or settings.tokens or settings.open_access:
        return
    raise ConfigurationError(
        f"the server would answer everybody who reaches {host}, and no token is set",
        remedy="set CODE_INDEX_TOKENS (e.g. `openssl rand -hex 32`), or CODE_INDEX_OPEN_ACCESS=true if that is meant",
    )


def hosts_for(host: str, settings: Settings) -> tuple[str, ...]:
    """Host names that requests may use; () for any.

    On loopback without tokens only its own names: a page elsewhere whose name is made to resolve to 127.0.0.1 would
    otherwise read the code through the visitor's browser.
    """
    if settings.allowed_hosts:
        return settings.allowed_hosts
    return LOOPBACK_NAMES if is_loopback(host) and not settings.tokens else ()


def host_name(header: str) -> str:
    """The name in a Host header, without the port."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()
