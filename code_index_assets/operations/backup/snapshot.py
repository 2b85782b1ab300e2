"""One consistent state of a data folder, beside everything that runs: hard links in a temporary folder.

What lives here: what belongs into a backup, and holding it. What does not: copying it anywhere (`make.py`).

Published files, artifacts and small files are replaced by renames and never change, so a hard link holds what a name
meant at one moment, whatever is removed later. Three things change in place: logs are append-only, and taken up to
their last whole line; Dagster's SQLite files and the vector caches are copied by their own engines when they are
stored.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import DamagedIndexError, LockedError, NotBuiltError
from ...index.backends.shard_files import copy_shard
from ...index.manifest import PublicationManifest, PublicationStore
from ...index.published import PublishedIndex
from ...storage.layout import Layout, segment_key
from ..retention import KINDS, KINDS_BY_SPACE, artifact_homes, named_artifacts

# Made again by themselves, or true of one machine only.
_NOT_KEPT = {"tmp", "locks", "pins", "run_workers", "index_runs", "hash_cache", "serve.json", "dagster", "vectors"}
_APART = {"index", "mirrors", *KINDS, *KINDS_BY_SPACE}
_ATTEMPTS = 5


@dataclass
class DataSnapshot:
    """A held state: `folder` has its files under their paths; `engines` are files that their engine copies."""

    folder: Path
    publications: dict[str, PublicationManifest] = field(default_factory=dict)
    engines: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def take_snapshot(layout: Layout, folder: Path, *, mirrors: bool = True) -> DataSnapshot:
    """Holds the data folder's present state in an empty folder of the same file system.

    Raises DamagedIndexError if no publication of a space can be read.
    """
    held = DataSnapshot(folder)
    # The index first: artifacts that a publication names are kept for as long as the publication is.
    for space in PublishedIndex(layout).spaces:
        manifest = _index_space(layout, space, folder)
        if manifest is not None:
            held.publications[space] = manifest
            if any(not state.generation for state in manifest.shards.values()):
                held.left_out.append(f"points of {space}: a Qdrant server holds them (code-index repair index)")
    _link_files(layout.root / "index", folder / "index", deep=False)
    _artifacts(layout, held)
    for path in sorted(layout.root.iterdir()):
        if path.name in _NOT_KEPT | _APART:
            continue
        if path.is_dir():
            _link_tree(path, folder / path.name)
        else:
            _link(path, folder / path.name)
    if mirrors:
        _mirrors(layout, held)
    else:
        held.left_out.append("mirrors: they are fetched again")
    held.engines += sorted((layout.root / "vectors").glob("*/data.mdb"))
    held.engines += sorted(layout.dagster_home.rglob("*.db"))
    _link(layout.dagster_home / "dagster.yaml", folder / "dagster" / "dagster.yaml")
    return held


def _index_space(layout: Layout, space: str, folder: Path) -> PublicationManifest | None:
    """Holds the current publication of a space; publishing and pruning may go on."""
    store = PublicationStore(layout, space)
    target = folder / "index" / space
    for _ in range(_ATTEMPTS):
        manifest = store.current()
        if manifest is None:
            return None
        try:
            _hold_publication(store, manifest, target)
        except FileNotFoundError:
            shutil.rmtree(target, ignore_errors=True)
            continue
        return manifest
    raise DamagedIndexError(
        f"files that the current publication of {space} names are gone", remedy="code-index repair index"
    )


def _hold_publication(store: PublicationStore, manifest: PublicationManifest, target: Path) -> None:
    named = {f"publications/{manifest.name}.json"}
    for receipt in manifest.receipts.values():
        named |= {receipt.ledger, receipt.frequencies}
        for bucket in store.ledger(receipt).buckets:
            named |= {bucket.table, bucket.frequencies}
    for name in sorted(named - {""}):
        _link_or_raise(store.home / name, target / name)
    for state in manifest.shards.values():
        if state.generation:
            if not (store.home / state.generation).is_dir():
                raise FileNotFoundError(state.generation)
            copy_shard(store.home / state.generation, target / state.generation, share=True)
    known = {"publications", "ledgers", "points", "frequencies", "shards"}
    for path in store.home.iterdir():
        if path.is_dir() and path.name not in known:
            _link_tree(path, target / path.name)
        elif path.is_file() and path.name != "CURRENT":
            _link(path, target / path.name)
    (target / "CURRENT").write_text(f"{manifest.name}\n")


def _artifacts(layout: Layout, held: DataSnapshot) -> None:
    """Holds the artifacts that pointers and publications name, with what these were made from."""
    named = named_artifacts(layout)
    for home in artifact_homes(layout):
        target = held.folder / home.relative_to(layout.root)
        _link_files(home, target, deep=False)
        for _ in range(_ATTEMPTS):
            current = layout.read_pointer(home / "CURRENT")
            if current is None or _link_whole(home / current, target / current):
                break
            current = None
        (target / "CURRENT").unlink(missing_ok=True)
        if current is not None:
            (target / "CURRENT").write_text(f"{current}\n")
        for folder in sorted(path for path in named if path.parent == home and path.name != current):
            _link_whole(folder, target / folder.name)
    for space, manifest in held.publications.items():
        for receipt in manifest.receipts.values():
            for kind, name in receipt.artifacts.items():
                home = layout.artifact_home(kind, receipt.key, space if kind in KINDS_BY_SPACE else None)
                if not (held.folder / home.relative_to(layout.root) / name).is_dir():
                    held.left_out.append(f"{kind} of {receipt.key}, {name}: not kept any more (code-index repair)")


def _mirrors(layout: Layout, held: DataSnapshot) -> None:
    """Holds each mirror under its lock, so that no fetch or repack is under way: linking takes milliseconds."""
    base = layout.root / "mirrors"
    for mirror in sorted(base.iterdir()) if base.is_dir() else []:
        try:
            with layout.lock(f"mirror-{segment_key(mirror.name.removesuffix('.git'))}", timeout=20):
                _link_tree(mirror, held.folder / "mirrors" / mirror.name)
        except LockedError:
            held.left_out.append(
                f"mirror {mirror.name}: a fetch was under way; it is fetched again where it is missing"
            )


def _link_whole(folder: Path, target: Path) -> bool:
    """Holds a folder that never changes; nothing of it where it is removed meanwhile."""
    try:
        if not (folder / "manifest.json").exists():
            raise NotBuiltError(str(folder))
        for path in folder.rglob("*"):
            if path.is_file():
                _link_or_raise(path, target / path.relative_to(folder))
    except (FileNotFoundError, NotBuiltError):
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True


def _link_files(folder: Path, target: Path, *, deep: bool) -> None:
    for path in _files(folder, deep):
        _link(path, target / path.relative_to(folder))


def _link_tree(folder: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    _link_files(folder, target, deep=True)


def _files(folder: Path, deep: bool) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(folders) if deep else []
        yield from (Path(base) / name for name in sorted(names) if not name.endswith(".lock"))


def _link(path: Path, target: Path) -> None:
    """Holds a file; one that is gone by now is not part of this state."""
    try:
        _link_or_raise(path, target)
    except FileNotFoundError:
        return


def _link_or_raise(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = path.resolve() if path.is_symlink() else path
    if not source.is_file():
        raise FileNotFoundError(path)
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)  # a file system without hard links, or with no room for another one
