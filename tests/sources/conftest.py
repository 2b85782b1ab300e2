"""Real git repositories, folders and registries for the tests of the sources room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from code_index_assets.settings import Settings
from code_index_assets.sources.open_source import open_source
from code_index_assets.sources.registry import RepositoryEntry
from code_index_assets.sources.selection import Selection, select_files
from code_index_assets.sources.snapshot import Snapshot, Source
from code_index_assets.storage.layout import Layout

# A source of any kind: each has more than what is common to all.
Open = Callable[..., Any]
Select = Callable[..., tuple[Any, Snapshot, Selection]]
AT = "2024-05-01T12:00:00 +0000"


class Repo:
    """A git repository on disk that tests write into."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *init)

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.path.parent), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": AT,
            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_COMMITTER_DATE": AT,
        }  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=environment, input=stdin, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, files: Mapping[Any, str | bytes]) -> Repo:
        for name, content in files.items():
            target = os.path.join(os.fsencode(self.path), os.fsencode(name))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as stream:
                stream.write(content.encode() if isinstance(content, str) else content)
        return self

    def commit(self, files: Mapping[Any, str | bytes] | None = None, message: str = "change") -> str:
        self.write(files or {})
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "data").create()


@pytest.fixture
def settings(layout: Layout) -> Settings:
    return Settings(data=layout.root)


@pytest.fixture
def opened(layout: Layout, settings: Settings) -> Open:
    """opened(path_or_url, ref=None, **entry fields) → an open source."""

    def open_(place: Path | str, ref: str | None = None, **fields: Any) -> Source:
        kind = "url" if "://" in str(place) else "path"
        known: dict[str, Any] = {"name": "x", "id": "1", kind: str(place), **fields}
        entry = RepositoryEntry(**known)
        return open_source(entry, ref, layout, settings)

    return open_


@pytest.fixture
def selected(opened: Open, settings: Settings) -> Select:
    """selected(place, **options) → (source, snapshot, Selection) of a place as it is now."""

    def select(
        place: Path | str, previous: Selection | None = None, settings: Settings = settings, **fields: Any
    ) -> tuple[Source, Snapshot, Selection]:
        source = opened(place, **fields)
        snapshot = source.observe()
        selection = select_files(
            source, snapshot, source.entries(snapshot), settings, entry=source.entry,
            previous=previous.files if previous else None, previous_findings=previous.findings if previous else None,
        )  # fmt: skip
        return source, snapshot, selection

    return select


def reasons(selection: Selection) -> dict[str, str]:
    """path → reason, or "kept"."""
    rows = selection.files.select("path", "status", "reason").iter_rows()
    return {path: reason or status for path, status, reason in rows}
