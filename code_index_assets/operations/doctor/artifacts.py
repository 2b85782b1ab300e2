"""Damage of artifacts and their pointers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from ...errors import CorruptArtifactError, NotBuiltError
from ...storage.artifacts import Artifact
from ...storage.layout import Layout, segment_key
from ..retention import KINDS_BY_SPACE
from .findings import Finding, damage

KINDS = ("repository", "file_hashes", "chunks", "history", "edges", "scip")
GROUP = "artifacts"


def check_artifacts(layout: Layout) -> Iterator[Finding]:
    """Every artifact's bytes, and every CURRENT pointer, of all kinds and spaces."""
    for kind, home in _homes(layout):
        yield from _home(layout, kind, home)


def _homes(layout: Layout) -> Iterator[tuple[str, Path]]:
    for kind in KINDS:
        for home in layout.keys(kind):
            yield kind, home
    for kind in KINDS_BY_SPACE:
        for space in layout.keys(kind):
            for home in layout.keys(kind, space.name):
                yield kind, home


def _home(layout: Layout, kind: str, home: Path) -> Iterator[Finding]:
    folders = [path for path in home.iterdir() if path.is_dir()]
    whole: dict[str, Artifact] = {}
    damaged: dict[str, str] = {}
    for folder in folders:
        try:
            artifact = Artifact.open(folder)
            artifact.verify()
            whole[folder.name] = artifact
        except (CorruptArtifactError, NotBuiltError) as error:
            damaged[folder.name] = error.message
    current = layout.read_pointer(home / "CURRENT")
    key = next((artifact.manifest.key for artifact in whole.values()), segment_key(home.name))
    for name, what in damaged.items():
        if name == current and kind not in ("history", "edges", "scip"):
            yield Finding(
                "fail", "artifact", what, f"code-index index {key} (it is made anew)", ("code-index", "index", key)
            )
        else:
            yield damage("artifact", GROUP, what, lambda folder=home / name: _remove(folder))  # type: ignore[misc]
    pointer = home / "CURRENT"
    if (folders or pointer.exists()) and current not in whole and current not in damaged:
        fault = "is gone" if not pointer.exists() else f"names {current}, which is gone" if current else "holds no name"
        yield damage("pointer", GROUP, f"the pointer {pointer} {fault}", lambda: _point(layout, home, whole))


def _remove(folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    return f"removed the damaged artifact {folder}"


def _point(layout: Layout, home: Path, whole: dict[str, Artifact]) -> str:
    pointer = home / "CURRENT"
    newest = max(whole.values(), key=lambda artifact: artifact.manifest.created_at, default=None)
    name = newest.fingerprint if newest else None
    layout.swap(pointer, layout.read_pointer(pointer), name)
    return f"{pointer} names {name or 'nothing: the next run makes it anew'}"
