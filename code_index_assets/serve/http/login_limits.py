"""How often a client may try tokens: wrong ones are counted by address and over all of them.

What lives here: counting. What does not: comparing tokens (`access.py`), the form (`serve/pages/routes.py`).

A wrong token counts once, however often it comes: a program that was forgotten with an old token guesses nothing. When
too many were tried from everywhere, only addresses that have tried none yet may try one.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import time
from collections import OrderedDict, deque

WINDOW_SECONDS = 300.0
BY_ADDRESS = 10
OVER_ALL = 300
# Addresses remembered; those that tried longest ago are forgotten first.
ADDRESSES = 4096


class LoginLimits:
    """Wrong tokens of the last five minutes; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_address: OrderedDict[str, dict[bytes, float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=OVER_ALL)

    def may_try(self, address: str) -> bool:
        """Whether a token from this address is looked at."""
        with self._lock:
            now = time.monotonic()
            tried = self._tried(_network(address), now)
            flooded = len(self._all) == OVER_ALL and now - self._all[0] < WINDOW_SECONDS
            return len(tried) < BY_ADDRESS and not (flooded and tried)

    def count_wrong(self, address: str, token: bytes) -> None:
        """Counts a wrong token."""
        with self._lock:
            now, name = time.monotonic(), _network(address)
            tried = self._tried(name, now)
            digest = hashlib.sha256(token).digest()[:8]
            if digest in tried:
                return
            tried[digest] = now
            self._by_address[name] = tried
            self._by_address.move_to_end(name)
            self._all.append(now)
            while len(self._by_address) > ADDRESSES:
                self._by_address.popitem(last=False)

    def _tried(self, name: str, now: float) -> dict[bytes, float]:
        tried = self._by_address.get(name, {})
        return {digest: at for digest, at in tried.items() if now - at < WINDOW_SECONDS}


def _network(address: str) -> str:
    """An IPv6 customer has a whole /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
