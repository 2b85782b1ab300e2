"""What may be removed: unreferenced artifacts, and caches of content that is gone.

What lives here: working out what is still named, and removing the rest. What does not: generations of the index
(`index/maintenance.py`).

Named are: current artifacts, what kept publications were made from (and their parents and verdicts), what a run still
under way has pinned, and anything younger than the retention time.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from ..chain.run import remove_old_pins
from ..embedding.cache.vectors import VectorCache, vectors_lock
from ..errors import ConfigurationError, LockedError, NotIndexedError
from ..index.backends.choice import make_backend
from ..index.generations import Retention, prune_generations
from ..index.maintenance import compact, remove
from ..index.manifest import PublicationManifest
from ..index.published import PublishedIndex
from ..progress import Say
from ..records.run_log import RunLog
from ..settings import Settings
from ..storage.artifacts import ArtifactStore
from ..storage.layout import Layout, key_segment, segment_key
from ..storage.store import LocalStore
from ..triggers.inbox import Inbox

KINDS = ("repository", "file_hashes", "chunks", "history", "edges", "scip")
KINDS_BY_SPACE = ("embeddings", "quality")
PINNED_SECONDS = 86_400.0


@dataclass(frozen=True)
class Removed:
    """What a clean-up took away."""

    artifacts: int
    bytes: int


def remove_unnamed(layout: Layout, *, key: str | None = None, older_than: float = 0.0) -> Removed:
    """Removes unreferenced artifact folders of one partition or all, older than so many seconds."""
    named = named_artifacts(layout)
    removed = size = 0
    for home in artifact_homes(layout, key):
        try:
            # A step that is at work may be about to make an old artifact current again: it holds this lock.
            with layout.lock(f"partition-{_key_of(home)}", timeout=0):
                for folder in _old_folders(layout, home, named, older_than):
                    # Hard-linked parts are counted where their last name goes.
                    size += sum(p.stat().st_size for p in folder.iterdir() if p.stat().st_nlink == 1)
                    shutil.rmtree(folder, ignore_errors=True)
                    removed += 1
        except LockedError:
            continue
    return Removed(removed, size)


def _key_of(home: Path) -> str:
    """The key of a home of artifacts; for a key too long for a folder's name, its content names it."""
    if "~" in home.name:
        for folder in home.iterdir():
            if key := _manifest(folder).get("key"):
                return str(key)
    return segment_key(home.name)


def _old_folders(layout: Layout, home: Path, named: set[Path], older_than: float) -> list[Path]:
    now = time.time()
    old = [
        path
        for path in home.iterdir()
        if path.is_dir() and path not in named and now - path.stat().st_mtime >= older_than
    ]
    # What a run has made current or pinned since `named` was worked out stays.
    held = {home / (layout.read_pointer(home / "CURRENT") or "-")} | (_pinned(layout) if old else set())
    return [path for path in old if path not in held]


def compact_everything(layout: Layout, settings: Settings, say: Say = lambda line: None) -> dict[str, int]:
    """The weekly upkeep: removes unreferenced data whose retention time is over, and rewrites files that have holes.

    Returns what was removed or compacted, by kind. Safe beside runs and searches: whatever a pointer, a kept
    publication or a running run names stays; a cache that a run is using is left to the next time.
    """
    done: dict[str, int] = {"leftovers": layout.remove_leftovers() + layout.remove_half_written()}
    remove_old_pins(layout)
    shards = generations = 0
    published = PublishedIndex(layout)
    for manifest in published.publications():
        space, backend = manifest.space, published.backend(manifest, settings)
        retention = Retention(settings.keep_generations, settings.keep_seconds)
        generations += prune_generations(backend, layout, space, retention)[0]
        # Afterwards: it publishes too, and its publications would push out the one to roll back to.
        shards += compact(backend, layout, space)
    removed = remove_unnamed(layout, older_than=settings.keep_artifacts_seconds)
    done |= {"shards": shards, "publications": generations, "artifacts": removed.artifacts, "bytes": removed.bytes}
    say(f"removed {removed.artifacts:,} artifacts ({removed.bytes / 1e6:,.1f} MB) and {generations:,} publications")
    done["vectors"] = sum(compact_vectors(layout, home.name, settings.spare_vectors) for home in _spaces(layout))
    done["run_log_days"] = remove_old_run_log(layout, settings.keep_run_days)
    done["deliveries"] = Inbox(layout).forget_old()
    record_sizes(layout)
    return done


def record_sizes(layout: Layout) -> dict[str, int]:
    """Writes the size of every part of the data folder to the run log, for the question what grows; returns them.

    A file with several names (hard links) counts once, in the first part that has it.
    """
    sizes: dict[str, int] = {}
    counted: set[int] = set()
    for part in sorted(layout.root.iterdir()):
        total = 0
        for path in [part, *(part.rglob("*") if part.is_dir() and not part.is_symlink() else ())]:
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if status.st_ino not in counted and not S_ISDIR(status.st_mode):
                    counted.add(status.st_ino)
                    total += status.st_blocks * 512
        sizes[part.name] = total
    records = [{"store": name, "bytes": size} for name, size in sizes.items()]
    RunLog(layout).append("size", f"sizes-{int(time.time())}", records)
    return sizes


def compact_vectors(layout: Layout, space: str, spare: float) -> int:
    """Removes unreferenced cached vectors, if they exceed this share of the referenced ones; returns how many.

    Never waits: while a run embeds in this space the cache is left as it is.
    """
    folder = layout.vectors(space)
    manifest = PublishedIndex(layout).publication(space)
    if manifest is None or not (folder / "data.mdb").exists():
        return 0
    try:
        with layout.lock(vectors_lock(space), timeout=0):
            cache = VectorCache(folder, manifest.dimension)
            named = vector_keys(layout, space)
            unnamed = cache.keys() - named
            if len(unnamed) <= spare * len(named):
                return 0
            removed = cache.remove(unnamed)
            cache.compact()
            return removed
    except LockedError:
        return 0


def remove_old_run_log(layout: Layout, days: int) -> int:
    """Removes the run log's folders of days longer ago than this; returns how many."""
    last = datetime.fromtimestamp(time.time() - days * 86_400, UTC).strftime("%Y-%m-%d")
    old = [folder for folder in layout.run_log.glob("????-??-??") if folder.name < last]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _spaces(layout: Layout) -> list[Path]:
    base = layout.root / "vectors"
    return [path for path in base.iterdir() if path.is_dir()] if base.is_dir() else []


def remove_partition(layout: Layout, key: str) -> None:
    """Removes every artifact of a partition (the index is left to `index.maintenance.remove`)."""
    for home in artifact_homes(layout, key):
        shutil.rmtree(home, ignore_errors=True)


def remove_space(layout: Layout, settings: Settings, space: str, *, vectors: bool) -> int:
    """Takes an embedding space out of the index and removes its artifacts, and with `vectors` its cache.

    Returns how many points went. Raises ConfigurationError for the space that serves, NotIndexedError if it is not
    published.
    """
    if space == PublishedIndex(layout).serving:
        raise ConfigurationError(
            f"searches use {space}", remedy="switch first: code-index use SPACE, then remove the other one"
        )
    manifest = PublishedIndex(layout).publication(space)
    if manifest is None:
        raise NotIndexedError(f"nothing is published in the embedding space {space}", remedy="code-index spaces")
    backend = make_backend(layout, settings, space, manifest.dimension)
    points = sum(remove(key, backend, layout, space) for key in manifest.receipts)
    with layout.temporary("space") as folder:
        # In one move: of a folder that lost its pointer alone the publications would be found, and taken for damaged.
        layout.index(space).rename(folder / "index")
    for kind in KINDS_BY_SPACE:
        shutil.rmtree(layout.root / kind / space, ignore_errors=True)
    if vectors:
        with layout.lock(vectors_lock(space), timeout=settings.lock_timeout_seconds):
            shutil.rmtree(layout.vectors(space), ignore_errors=True)
    return points


def vector_keys(layout: Layout, space: str, key: str | None = None) -> set[str]:
    """Vector keys named by any embeddings artifact of a space (of one partition, or of all)."""
    store = ArtifactStore(layout)
    keys: set[str] = set()
    for home in artifact_homes(layout, key):
        if home.parent.name != space or home.parent.parent.name != "embeddings":
            continue
        for folder in [path for path in home.iterdir() if path.is_dir()]:
            artifact = store.whole(folder)
            if artifact is not None:
                keys |= set(artifact.read("embeddings", ["vector_key"]).get_column("vector_key"))
    return keys


def artifact_homes(layout: Layout, key: str | None = None) -> list[Path]:
    """The homes of all artifacts, or of those of one partition."""
    bases = [layout.root / kind for kind in KINDS]
    for kind in KINDS_BY_SPACE:
        base = layout.root / kind
        bases += [path for path in base.iterdir() if path.is_dir()] if base.is_dir() else []
    segment = key_segment(key) if key is not None else None
    return [
        home
        for base in bases
        if base.is_dir()
        for home in base.iterdir()
        if home.is_dir() and segment in (None, home.name)
    ]


def named_artifacts(layout: Layout) -> set[Path]:
    """Folders that pointers, publications or running runs name, with their ancestors and verdicts.

    Ancestors count for pointers too: the chunks of a run that stopped there are compared with the files they came from.
    """
    named = {home / name for home in artifact_homes(layout) if (name := layout.read_pointer(home / "CURRENT"))}
    published = PublishedIndex(layout)
    for space in published.spaces:
        for manifest in published.store(space).history():
            named |= _of_publication(layout, space, manifest)
    named |= _pinned(layout)
    for folder in list(named):
        named |= _ancestors(layout, folder)
    return named


def _pinned(layout: Layout) -> set[Path]:
    return set(LocalStore(layout).pins(PINNED_SECONDS))


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
    ancestors: set[Path] = set()
    todo = [folder]
    while todo:
        for kind, name in _inputs(todo.pop()).items():
            if kind in KINDS:
                parent = layout.root / kind / folder.parent.name / str(name)
                if parent.is_dir() and parent not in ancestors:
                    ancestors.add(parent)
                    todo.append(parent)
    return ancestors


def _inputs(folder: Path) -> dict[str, Any]:
    return dict(_manifest(folder).get("inputs", {}))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
