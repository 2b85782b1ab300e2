"""Which addresses may be given by those who reach the server over HTTP, and holding git to what was checked.

What lives here: the policy for such addresses, and pins. What does not: addresses of the command line and of a registry
that people edit (those may be anything `location.py` understands), running git (`sources/git/process.py`).

A name is looked up when it is registered and again whenever it is fetched, and git connects only to the addresses that
were checked: a name that resolves to another address a moment later leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import ConfigurationError, SourceUnavailableError
from .location import parse_url

SCHEMES = ("https", "http", "ssh")
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>\d{1,5}))?")
# IPv6 addresses that hold an IPv4 address which a router on the way takes out again.
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_REMEDY = "the administrator can allow it in CODE_INDEX_ALLOWED_ADDRESSES, or register it with `code-index add`"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Pin:
    """A host and the addresses that were checked for it: git connects to these and follows nothing elsewhere."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def git_options(self) -> tuple[str, ...]:
        """Options of git (2.37 or newer) that hold an HTTP transfer to it."""
        addresses = ",".join(f"[{one}]" if ":" in one else one for one in self.addresses)
        return ("http.followRedirects=false", f"http.curloptResolve={self.host}:{self.port}:{addresses}")

    @property
    def ssh_options(self) -> str:
        """Options of OpenSSH that do the same; the key is looked up under the name."""
        return f" -o HostName={self.addresses[0]} -o HostKeyAlias={self.host} -o ProxyCommand=none -o ProxyJump=none"


def pin(url: str, allowed: Iterable[str] = ()) -> Pin:
    """Checks an address that came over HTTP, and pins it.

    `allowed`: hosts (`git.example.org`, `.example.org` for all below), addresses and networks that are fine though they
    are not public. Raises ConfigurationError for what may not be used; its message never repeats a secret.
    SourceUnavailableError if the host's name cannot be resolved.
    """
    _require_no_secrets(url)
    location = parse_url(url)
    if location.scheme not in SCHEMES:
        raise ConfigurationError(
            "files of the server cannot be named from here", remedy="`code-index index PATH` on the server"
        )
    match = _HOST_AND_PORT.fullmatch(location.host)
    host = (match["v6"] or match["host"] or "").lower() if match else ""
    port = int(match["port"]) if match and match["port"] else _PORTS[location.scheme]
    if not host or not 0 < port < 65536 or not _is_host(host):
        raise ConfigurationError(
            "the address names no host that can be looked up", remedy="write https://host.example/owner/name"
        )
    entries = tuple(entry.strip().lower() for entry in allowed if entry.strip())
    resolved = _resolved(host, port)
    named = any(host.rstrip(".") == entry or (entry[0] == "." and host.endswith(entry)) for entry in entries)
    refused = [one for one in resolved if not (named or is_public(one) or _is_in(one, entries))]
    if refused or not resolved:
        raise ConfigurationError(
            f"{host} is not a public address, and addresses that arrive over HTTP must be", remedy=_REMEDY
        )
    return Pin(location.scheme, host, port, tuple(str(one) for one in resolved))


def _require_no_secrets(url: str) -> None:
    """A user name of ssh is none; anything before an '@' elsewhere, and any query, can be one."""
    scheme, separator, rest = url.partition("://")
    authority = rest.partition("/")[0] if separator else url.partition(":")[0]
    user = authority.rpartition("@")[0]
    is_ssh = not separator or scheme.lower() == "ssh"
    hidden = re.search(r"[?#]|%(3f|23|40)", url, re.IGNORECASE)
    if (user and not is_ssh) or ":" in user or hidden:
        raise ConfigurationError(
            "the address holds a user, a password or a query, which can be secrets",
            remedy="write it without, as https://host/owner/name; the server reads private repositories with "
            "CODE_INDEX_GIT_TOKEN_<HOST>. Revoke what was written down",
        )


def _is_host(host: str) -> bool:
    """A name, or an address as everybody writes it: not `0x7f.1`, `2130706433`, `127.1` or `fe80::1%eth0`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return bool(_NAME.fullmatch(host)) and len(host) < 254 and not re.fullmatch(r"\d+|0x[0-9a-f]*", last)
    return address.version == 4 or "%" not in host


def _resolved(host: str, port: int) -> list[Address]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceUnavailableError(
            f"the name {host} could not be looked up", remedy="check the name, or try again"
        ) from None
    return list(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows))


def is_public(address: Address) -> bool:
    """Whether an address is one of the public Internet, by itself and by the IPv4 address in it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if any(address in network for network in _TRANSLATED):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _is_in(address: Address, entries: Iterable[str]) -> bool:
    plain = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
    for entry in entries:
        try:
            if plain in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False
