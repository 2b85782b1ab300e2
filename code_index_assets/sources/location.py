"""Where a repository is: URLs and paths as users write them.

What lives here: telling URLs from paths, their parts, refusing credentials in them, the form shown to people, the
default name. What does not: the registry file (`registry.py`) and talking to the place (`sources/git/source.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ..errors import ConfigurationError

SCHEMES = ("https", "http", "ssh", "file")
_URL = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://(.*)$", re.DOTALL)
_SCP = re.compile(r"^(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[^\]]+\]|[^@/:\s\[\]]+):(?P<path>(?!//|:)[^\s].*)$", re.DOTALL)
_TOKEN_PREFIX = re.compile(r"^(gh[pousr]_|github_pat_|glpat-|oauth2|x-access-token|x-token-auth)", re.IGNORECASE)


# Hosts that serve every repository over https and ssh under one path, whatever its case.
_FORGES = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})
_SAME_HOSTS = {
    "www.github.com": "github.com", "ssh.github.com:443": "github.com", "altssh.gitlab.com:443": "gitlab.com",
    "altssh.bitbucket.org:443": "bitbucket.org",
}  # fmt: skip
_DEFAULT_PORTS = {"https": ":443", "http": ":80", "ssh": ":22"}


@dataclass(frozen=True)
class Location:
    """The parts of a git URL; `host` (with a port, if one is given) is empty for file URLs."""

    scheme: str
    user: str
    host: str
    path: str


def is_url(text: str) -> bool:
    """Whether this is a git URL (also the `git@host:path` form) rather than a local path."""
    if _URL.match(text):
        return True
    # "C:\\x" is no host, and an existing path is a path.
    return bool(_SCP.match(text)) and not re.match(r"^[A-Za-z]:[\\/]", text) and not Path(text).exists()


def parse_url(url: str) -> Location:
    """The parts of a git URL. Raises ConfigurationError for what is none, a protocol not spoken, and credentials."""
    if any(ord(c) < 32 or ord(c) == 127 for c in url) or url != url.strip() or not url:
        raise ConfigurationError(f"{url!r} is not a git URL", remedy="write it without spaces or control characters")
    if url.startswith("-"):
        raise ConfigurationError(f"a URL may not begin with '-': {url!r}", remedy="check the URL")
    match = _URL.match(url)
    if match is None:
        scp = _SCP.match(url)
        if scp is None:
            raise ConfigurationError(
                f"{url!r} is not a git URL", remedy="use https://host/owner/name or git@host:owner/name"
            )
        location = Location("ssh", scp["user"] or "", scp["host"], scp["path"])
    else:
        location = _parts(match[1].lower(), match[2], url)
    if location.scheme != "file" and (location.host.startswith("-") or location.path.startswith("-")):
        raise ConfigurationError(f"{display_location(url)!r} is not a git URL", remedy="check the URL")
    return location


def _parts(scheme: str, rest: str, url: str) -> Location:
    if scheme not in SCHEMES:
        raise ConfigurationError(
            f"git over {scheme}:// is not supported: {display_location(url)}",
            remedy=f"use one of: {', '.join(SCHEMES)}",
        )
    authority, slash, path = rest.partition("/")
    user, _, host = authority.rpartition("@")
    if any(c.isspace() for c in authority):
        raise ConfigurationError(f"{url!r} is not a git URL", remedy="write it without spaces")
    if scheme == "file":
        return Location(scheme, "", "", slash + path)
    # GitHub takes a token in place of the user name; Azure DevOps writes plain user names into the URLs it offers.
    if ":" in user or (scheme in {"https", "http"} and (len(user) >= 20 or _TOKEN_PREFIX.match(user))):
        host_only = host.split(":")[0].lower()
        raise ConfigurationError(
            f"the URL of {host}/{path} holds a password or token",
            remedy=f"write it without ({scheme}://{host}/{path}) and use a git credential helper, an ssh agent, or the "
            f"environment variable {token_variable(host_only)}; and revoke the one that was written down",
        )
    if not host or not path.strip("/"):
        raise ConfigurationError(f"{display_location(url)!r} names no repository", remedy="use https://host/owner/name")
    return Location(scheme, user, host.lower(), path)


def identity_of(text: str) -> str:
    """A word that two URLs or paths share exactly if they certainly are the same repository.

    Paths: with links followed, without `.git` at the end, and as `file://` URLs. URLs: without `.git`, a user and the
    default port; on hosts known to serve one repository over both, https and ssh are one, and letter case is nothing.
    """
    if not is_url(text):
        return f"file://{_real_folder(Path(text).expanduser())}"
    try:
        location = parse_url(text)
    except ConfigurationError:
        return text
    if location.scheme == "file":
        return f"file://{_real_folder(Path('/' + unquote(location.path).lstrip('/')))}"
    host = _SAME_HOSTS.get(location.host, location.host)
    host = host.removesuffix(_DEFAULT_PORTS[location.scheme])
    path = location.path.rstrip("/").removesuffix(".git").rstrip("/")
    if host in _FORGES:
        return f"https://{host}/{path.strip('/').casefold()}"
    if location.scheme == "ssh" and location.user not in ("git", ""):
        # A login of a person: `host:path` is below the home folder, `ssh://host/path` is not.
        relative = "://" not in text and not path.startswith("/")
        return f"ssh://{location.user}@{host}/{'~/' if relative else ''}{path.strip('/')}"
    return f"{location.scheme}://{host}/{path.strip('/')}"


def _real_folder(path: Path) -> Path:
    """The folder that git would open: links followed, `.git` left out or, where only that is there, added."""
    if not path.exists() and path.with_name(f"{path.name}.git").exists():
        path = path.with_name(f"{path.name}.git")
    real = path.resolve()
    return real.parent if real.name == ".git" and real != real.parent else real


def host_of(url: str) -> str | None:
    """Host (with the port, if given) of a URL; None for files and for what cannot be read as a URL."""
    try:
        return parse_url(url).host or None
    except ConfigurationError:
        return None


def token_variable(host: str) -> str:
    """The variable that holds the token of a host: `git.example.com` → CODE_INDEX_GIT_TOKEN_GIT_EXAMPLE_COM.

    A port is part of the name only where one is given in the URL.
    """
    return "CODE_INDEX_GIT_TOKEN_" + re.sub(r"[^A-Za-z0-9]", "_", host).upper()


def display_location(text: str) -> str:
    """A URL or path without any credentials, for people and logs."""
    without = re.sub(r"^(\w[\w+.-]*://)[^/@]*@", r"\1", text) if not text.lower().startswith("ssh://") else text
    without = re.sub(r"^(ssh://[^/@:]*):[^/@]*@", r"\1@", without, flags=re.IGNORECASE)
    return re.sub(r"(?<=[?&])([^=&]*(?:token|secret|password)[^=&]*)=[^&]*", r"\1=…", without, flags=re.IGNORECASE)


def default_name(url_or_path: str, taken: Collection[str] = ()) -> str:
    """The name a repository gets when none is given.

    A URL gives its path without `.git` (owner/name, GitLab subgroups kept), with the host in front where that is
    taken. A local path gives the folder's name — what people see in their shell — with the parent folder in front
    where that is taken, then a number. Names are compared without regard to case, as code hosts do.
    """
    used = {name.casefold() for name in taken}
    if is_url(url_or_path):
        location = parse_url(url_or_path)
        # A query or fragment is no part of a name, and may hold a secret.
        bare = re.split(r"[?#]", location.path, maxsplit=1)[0] if location.scheme != "file" else location.path
        path = unquote(bare) if "://" in url_or_path else bare
        parts = [part for part in path.removesuffix("/").removesuffix(".git").split("/") if part and part != "~"]
        if location.scheme == "file":
            candidates = ["/".join(parts[-1:]), "/".join(parts[-2:])]
        else:
            candidates = ["/".join(parts), "/".join([location.host.replace(":", "-"), *parts])]
    else:
        folder = Path(url_or_path).expanduser().absolute()
        parts = [part for part in folder.parts if part != "/"]
        if parts and parts[-1] == ".git":
            parts = parts[:-1]
        if parts:
            parts[-1] = parts[-1].removesuffix(".git") or parts[-1]
        candidates = ["/".join(parts[-1:]), "/".join(parts[-2:])]
    names = [_usable(candidate) or "repository" for candidate in candidates]
    names += [f"{names[-1]}-{number}" for number in range(2, len(used) + 3)]
    return next(name for name in names if name.casefold() not in used)


def _usable(name: str) -> str:
    """The name with what may not stand in one replaced by '-'."""
    clean = "".join("-" if not c.isprintable() or c.isspace() or c in "@,|\"'`\\*?<>:" else c for c in name)
    clean = re.sub(r"\.\.+", "-", clean)
    parts = [part.strip(".").lstrip("-") for part in clean.split("/")]
    joined = "/".join(part for part in parts if part)
    return joined.encode("utf-8", "replace")[:120].decode("utf-8", "ignore").strip("/")
