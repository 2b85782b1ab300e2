"""Announces the server of a data folder to command lines: `serve.json` in that folder.

What lives here: writing, reading and removing the file, and the settings an answer depends on. What does not: asking
the server (`cli/remote.py`). Imports nothing heavy: every `code-index search` reads this.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..storage.layout import Layout, write_atomically

if TYPE_CHECKING:
    from ..settings import Settings


@dataclass(frozen=True)
class Presence:
    """A running server. `instance` is what its /healthz says too; `token` begins the SHA-256 of one that it takes."""

    url: str
    pid: int
    build: str
    instance: str
    settings: str
    token: str = ""


def program_version() -> str:
    """The released version of the program."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("code-index")
    except PackageNotFoundError:
        return "0"


@lru_cache(maxsize=1)
def build() -> str:
    """The version and the newest change of the code that answers: a server of older code is not asked."""
    root = Path(__file__).parents[1]
    newest = max(path.stat().st_mtime_ns for room in ("search", "index") for path in (root / room).glob("*.py"))
    return f"{program_version()}+{newest:x}"


def settings_digest(settings: Settings) -> str:
    """Of the settings that an answer depends on: a command line with others must answer itself."""
    names = ("data", "model", "device", "max_tokens", "qdrant_url")
    text = json.dumps({name: str(getattr(settings, name)) for name in names}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def token_hint(token: str) -> str:
    """Eight characters by which a command line picks the token a server accepts."""
    return hashlib.sha256(token.encode()).hexdigest()[:8]


def presence_file(layout: Layout) -> Path:
    """The file that names the server of a data folder."""
    return layout.root / "serve.json"


def announce(layout: Layout, presence: Presence) -> None:
    """Writes where the server of this data folder listens."""
    write_atomically(presence_file(layout), json.dumps(asdict(presence)).encode())


def withdraw(layout: Layout, presence: Presence) -> None:
    """Removes the announcement, unless another server has put its own in its place."""
    if read_presence(layout) == presence:
        presence_file(layout).unlink(missing_ok=True)


def read_presence(layout: Layout) -> Presence | None:
    """The announced server, or None; whether it still runs is to be asked of it."""
    try:
        return Presence(**json.loads(presence_file(layout).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def new_instance() -> str:
    """A random name of one server process."""
    return os.urandom(8).hex()
