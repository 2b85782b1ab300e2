"""Who may ask: bearer tokens, the page's session, names a request may use for this host, addresses bound to.

What lives here: deciding. What does not: the login form (`serve/pages/routes.py`) and webhooks' signatures
(`serve/webhooks.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from ...errors import ConfigurationError
from ...settings import Settings
from .login_limits import LoginLimits

COOKIE = "code_index_session"
# Paths that need no token: they reveal nothing about the code, or check a signature themselves.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login"})
OPEN_PREFIXES = ("/assets/", "/webhooks/")
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?)(?::[0-9]{1,5})?")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Access:
    """The tokens of one server."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = [token.get_secret_value().encode() for token in settings.tokens]
        self._sessions = [_session(token) for token in self._tokens]
        self.limits = LoginLimits()

    @property
    def needs_token(self) -> bool:
        """Whether requests need a bearer token."""
        return bool(self._tokens)

    def admits(self, path: str, authorization: str, cookies: str, address: str = "") -> bool:
        """Whether a request may pass. Raises TooManyTriesError."""
        if not self._tokens or path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            return True
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer" and self._is_token(given.strip().encode(), address):
            return True
        return _is_one_of(_cookie(cookies), self._sessions)

    def session_for(self, token: str, address: str = "") -> str | None:
        """The cookie's value for a token typed into the page, None if it is none of ours. Raises TooManyTriesError."""
        given = token.strip().encode()
        return _session(given).decode() if self._is_token(given, address) else None

    def _is_token(self, given: bytes, address: str) -> bool:
        if not self.limits.may_try(address):
            raise TooManyTriesError
        if _is_one_of(given, self._tokens):
            return True
        self.limits.count_wrong(address, given)
        return False


class TooManyTriesError(Exception):
    """Too many wrong tokens came from an address: its next ones are not looked at for some minutes."""


def _is_one_of(given: bytes, known: Iterable[bytes]) -> bool:
    """In a time that does not tell which one, or how much of one, was right."""
    digest = hashlib.sha256(given).digest()
    matches = [hmac.compare_digest(digest, hashlib.sha256(one).digest()) for one in known]
    return any(matches)


def _session(token: bytes) -> bytes:
    return hmac.new(token, b"code-index page session", hashlib.sha256).hexdigest().encode()


def _cookie(header: str) -> bytes:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return b""
    return morsel.value.encode() if morsel else b""


def is_loopback(host: str) -> bool:
    """Whether an address or host name means this machine alone."""
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
    """The name in a Host header, without the port; "" for what is no name and port, and nothing else."""
    match = _HOST.fullmatch(header)
    return (match["v6"] or match["name"]).lower() if match else ""


def is_from_elsewhere(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks this on behalf of a page of another site, and may not.

    `Sec-Fetch-Site` is the browser's word, which no page can change; browsers without it send an `Origin` where it
    matters. Links from elsewhere to our pages are fine; the API, MCP and whatever is no GET are for our own pages.
    """
    reads = method in ("GET", "HEAD")
    site = headers.get("sec-fetch-site", "")
    if site:
        foreign = site not in ("same-origin", "none")
    else:
        origin = headers.get("origin", "")
        foreign = bool(origin) and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if not foreign or path in ("/healthz", "/readyz"):
        return False
    is_link = reads and headers.get("sec-fetch-mode", "navigate") == "navigate" and bool(site)
    return not is_link or path.startswith(("/v1/", "/mcp", "/metrics", "/openapi.json"))
