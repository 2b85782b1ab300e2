"""Addresses of repositories, commits and files on the code host that a repository was fetched from.

What lives here: how each kind of host writes them, by the host's name. What does not: git URLs (`location.py`).
"""

from __future__ import annotations

import re
from urllib.parse import quote

from ..errors import ConfigurationError
from .location import is_url, parse_url

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def repository_page(location: str) -> str | None:
    """The repository's page, for a URL of a host that has them."""
    try:
        if not is_url(location):
            return None
        address = parse_url(location)
    except ConfigurationError:
        return None
    if address.scheme not in ("https", "http", "ssh") or not address.host or _kind(address.host) is None:
        return None
    # An ssh port says nothing of where the pages are.
    host = address.host if address.scheme != "ssh" else address.host.partition(":")[0]
    scheme = "http" if address.scheme == "http" else "https"
    path = address.path.strip("/").removesuffix(".git").strip("/")
    return f"{scheme}://{quote(host, safe=':.-[]')}/{quote(path, safe='/~')}"


def file_page(location: str, commit: str, path: str, start: int | None = None, end: int | None = None) -> str | None:
    """The page of a file at a commit, at its lines; None where the host is not known or it is no commit of a host."""
    base = repository_page(location)
    if base is None or not _COMMIT.fullmatch(commit):
        return None
    kind = _kind(base.split("/")[2])
    where = quote(path, safe="/")
    last = end if end and start and end > start else None
    if kind == "gitlab":
        lines = f"#L{start}" + (f"-{last}" if last else "") if start else ""
        return f"{base}/-/blob/{commit}/{where}{lines}"
    if kind == "bitbucket":
        lines = f"#lines-{start}" + (f":{last}" if last else "") if start else ""
        return f"{base}/src/{commit}/{where}{lines}"
    lines = f"#L{start}" + (f"-L{last}" if last else "") if start else ""
    return f"{base}/{'src/commit' if kind == 'gitea' else 'blob'}/{commit}/{where}{lines}"


def commit_page(location: str, commit: str) -> str | None:
    """The page of a commit; None where the host is not known or it is no commit of a host."""
    base = repository_page(location)
    if base is None or not _COMMIT.fullmatch(commit):
        return None
    kind = _kind(base.split("/")[2])
    where = {"gitlab": "-/commit", "bitbucket": "commits"}.get(kind or "", "commit")
    return f"{base}/{where}/{commit}"


def _kind(host: str) -> str | None:
    for kind, names in _NAMES.items():
        if any(name in host for name in names):
            return kind
    return None


_NAMES = {
    "github": ("github",),
    "gitlab": ("gitlab",),
    "gitea": ("gitea", "forgejo", "codeberg.org"),
    "bitbucket": ("bitbucket.org",),
}
