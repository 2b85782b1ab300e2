"""Places as callers know them: a checkout's folder, a `file://` address, separators of Windows.

What lives here: turning them into repository names and paths from a repository's root. What does not: matching paths
(`index/filters.py`), reading folders (`sources/`).

An agent knows its workspace by absolute paths, and `roots/list` of MCP gives `file://` addresses: answering "not
indexed" for a folder that is indexed under a name would be false.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

from ..errors import CodeIndexError
from ..settings import Settings
from ..storage.layout import Layout


@dataclass(frozen=True)
class Place:
    """A registered repository, and the path below its root ("" for the root)."""

    repository: str
    path: str


class Places:
    """The registered folders of one data folder. The registry is read when an absolute path is asked about."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        self._layout = layout
        self._settings = settings

    def repository(self, given: str) -> str:
        """The name of the repository that an absolute path or `file://` address lies in; anything else as it is."""
        place = self.find(given)
        return place.repository if place else given

    def paths(self, given: Iterable[str]) -> tuple[str, ...]:
        """Path entries of a filter, those below a registered folder from its root on."""
        return tuple(self.path(entry) for entry in given)

    def path(self, given: str) -> str:
        """A path from a repository's root on: absolute paths below a registered folder are shortened to that."""
        place = self.find(given)
        return (place.path or "**") if place else given

    def find(self, given: str) -> Place | None:
        """The registered place of an absolute path or `file://` address; None for other texts and other folders."""
        folder = local_path(given)
        if folder is None:
            return None
        places = [
            Place(name, "" if rest == "." else rest)
            for name, root in self._folders()
            for base in {root, os.path.realpath(root)}
            for one in {folder, os.path.realpath(folder)}
            if (rest := _below(one, base)) is not None
        ]
        return min(places, key=lambda place: (len(place.path), place.repository), default=None)

    def _folders(self) -> list[tuple[str, str]]:
        from ..sources.registry import Registry

        try:
            entries = Registry.load(self._settings.registry_file, self._layout).entries
        except CodeIndexError:
            return []
        return [(entry.name, str(entry.path)) for entry in entries if entry.path]


def local_path(given: str) -> str | None:
    """The path of an absolute path or `file://` address, with `/` between folders; None for anything else."""
    text = given.strip()
    if text.lower().startswith("file://"):
        address = urlsplit(text)
        return unquote(address.path) if address.netloc in ("", "localhost") else None
    if text.startswith("/"):
        return text
    return str(Path(text).expanduser()) if text.startswith("~/") else None


def _below(path: str, root: str) -> str | None:
    try:
        return PurePath(path).relative_to(root).as_posix()
    except ValueError:
        return None
