"""What may be removed: artifacts that nothing names any more, and caches of content that is gone.

What lives here: working out what is still named, and removing the rest. What does not: generations of the index
(`index/maintenance.py`).

Named are: current artifacts, what kept publications were made from (and their parents and verdicts), what a run still
under way has pinned, and anything younger than the retention time.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .artifacts import ArtifactStore
from .index.manifest import PublicationManifest, PublicationStore
from .index.reader import published_spaces
from .layout import Layout, key_segment

KINDS = ("repository", "file_hashes", "chunks")
KINDS_BY_SPACE = ("embeddings", "quality")
PINNED_SECONDS = 86_400.0


@dataclass(frozen=True)
class Removed:
    """What a clean-up took away."""

    artifacts: int
    bytes: int


def remove_unnamed(layout: Layout, *, key: str | None = None, older_than: float = 0.0) -> Removed:
    """Removes artifact folders that nothing names, of one partition or all, older than so many seconds."""
    named = _named(layout)
    removed = size = 0
    for home in _homes(layout, key):
        current = layout.read_pointer(home / "CURRENT")
        for folder in [path for path in home.iterdir() if path.is_dir()]:
            if folder.name == current or folder in named:
                continue
            if time.time() - folder.stat().st_mtime < older_than:
                continue
            # Hard-linked parts are counted where their last name goes.
            size += sum(p.stat().st_size for p in folder.iterdir() if p.stat().st_nlink == 1)
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return Removed(removed, size)


def remove_partition(layout: Layout, key: str) -> None:
    """Removes every artifact of a partition (the index is left to `index.maintenance.remove`)."""
    for home in _homes(layout, key):
        shutil.rmtree(home, ignore_errors=True)


def vector_keys(layout: Layout, space: str, key: str | None = None) -> set[str]:
    """Vector keys named by any embeddings artifact of a space (of one partition, or of all)."""
    store = ArtifactStore(layout)
    keys: set[str] = set()
    for home in _homes(layout, key):
        if home.parent.name != space or home.parent.parent.name != "embeddings":
            continue
        for folder in [path for path in home.iterdir() if path.is_dir()]:
            artifact = store.open_folder(folder)
            if artifact is not None:
                keys |= set(artifact.read("embeddings", ["vector_key"]).get_column("vector_key"))
    return keys


def _homes(layout: Layout, key: str | None) -> list[Path]:
    bases = [layout.root / kind for kind in KINDS]
    for kind in KINDS_BY_SPACE:
        base = layout.root / kind
        bases += [path for path in base.iterdir() if path.is_dir()] if base.is_dir() else []
    wanted = key_segment(key) if key is not None else None
    return [
        home
        for base in bases
        if base.is_dir()
        for home in base.iterdir()
        if home.is_dir() and wanted in (None, home.name)
    ]


def _named(layout: Layout) -> set[Path]:
    """Folders of artifacts that publications or running runs name, with their ancestors and verdicts."""
    named: set[Path] = set()
    for space in published_spaces(layout):
        for manifest in PublicationStore(layout, space).history():
            named |= _of_publication(layout, space, manifest)
    for path in (layout.root / "pins").glob("*/*.json"):
        if time.time() - path.stat().st_mtime < PINNED_SECONDS:
            segment, _, kind = path.stem.rpartition(".")
            pin = json.loads(path.read_text())
            base = layout.root / kind / pin["space"] if pin["space"] else layout.root / kind
            named.add(base / segment / pin["fingerprint"])
    for folder in list(named):
        named |= _ancestors(layout, folder)
    return named


def _of_publication(layout: Layout, space: str, manifest: PublicationManifest) -> set[Path]:
    folders: set[Path] = set()
    for receipt in manifest.receipts.values():
        for kind, name in receipt.artifacts.items():
            in_space = space if kind in KINDS_BY_SPACE else None
            folders.add(layout.artifact_home(kind, receipt.key, in_space) / name)
        verdicts = layout.artifact_home("quality", receipt.key, space)
        for folder in verdicts.iterdir() if verdicts.is_dir() else []:
            if _inputs(folder).get("embeddings") == receipt.artifacts["embeddings"]:
                folders.add(folder)
    return folders


def _ancestors(layout: Layout, folder: Path) -> set[Path]:
    """Artifacts this one was made from, as far as they are there."""
    found: set[Path] = set()
    todo = [folder]
    while todo:
        for kind, name in _inputs(todo.pop()).items():
            if kind in KINDS:
                parent = layout.root / kind / folder.parent.name / str(name)
                if parent.is_dir() and parent not in found:
                    found.add(parent)
                    todo.append(parent)
    return found


def _inputs(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "manifest.json").read_bytes())["inputs"])
    except (OSError, ValueError, KeyError):
        return {}
