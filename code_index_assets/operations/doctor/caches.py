"""Damage of what can be computed again: the vector cache, hashes of files, the catalogue."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ...analytics.catalog import build_catalog
from ...analytics.query import list_tables, verified_tables
from ...embedding.cache.vectors import VectorCache, data_file, forget, is_sound, vectors_lock
from ...errors import CodeIndexError
from ...progress import Stages
from ...settings import Settings
from ...sources.hashing import is_sound_cache
from ...storage.artifacts import ArtifactStore
from ...storage.layout import Layout
from .findings import Finding, damage

GROUP = "caches"


def check_caches(layout: Layout, settings: Settings, *, deep: bool = True) -> Iterator[Finding]:
    """Findings in the vector caches, the hash caches and the catalogue."""
    for folder in layout.keys("vectors"):
        what = _vector_damage(folder) if deep or not is_sound(folder) else ""
        if what:
            yield damage("vectors", GROUP, what, _refill_of(layout, folder))
    hashes = layout.root / "hash_cache"
    for file in sorted(hashes.glob("*.parquet")) if hashes.is_dir() else []:
        if not is_sound_cache(file):
            yield damage("hash_cache", GROUP, f"{file} is damaged", _remove_of(file))
    what = _catalogue_damage(layout, deep)
    if what:
        yield damage("catalogue", GROUP, what, lambda: _rebuild(layout, settings))


def _vector_damage(folder: Path) -> str:
    """What is wrong with a vector cache. In a separate process: a damaged file can end the one that maps it."""
    if not data_file(folder).exists():
        return ""
    command = [sys.executable, "-m", "code_index_assets.embedding.cache.check", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    lines = done.stdout.strip().splitlines()
    return f"the vector cache {folder} is damaged: {lines[-1] if lines else 'it cannot be read'}"


def _refill_of(layout: Layout, folder: Path) -> Callable[[], str]:
    def refill() -> str:
        """A new cache with every vector that an embeddings artifact of the space has."""
        count = 0
        with layout.lock(vectors_lock(folder.name), timeout=60):
            forget(folder)
            cache = None
            store = ArtifactStore(layout)
            for home in layout.keys("embeddings", folder.name):
                for artifact in [store.whole(path) for path in home.iterdir() if path.is_dir()]:
                    if artifact is None:
                        continue
                    cache = cache or VectorCache(folder, int(artifact.info["dimension"]))
                    for rows in artifact.read_split("embeddings", ["vector_key", "vector"]):
                        cache.put(rows.get_column("vector_key").to_list(), rows.get_column("vector").to_numpy())
            count = len(cache) if cache else 0
        return f"made the vector cache {folder} anew with {count:,} vectors of artifacts; others are computed again"

    return refill


def _remove_of(file: Path) -> Callable[[], str]:
    def remove() -> str:
        file.unlink(missing_ok=True)
        return f"removed {file}: the next run hashes every file"

    return remove


def _catalogue_damage(layout: Layout, deep: bool) -> str:
    if not layout.catalog.exists():
        return ""
    try:
        tables = verified_tables(layout) if deep else list_tables(layout)
        return "" if tables else f"the catalogue {layout.catalog} has no tables"
    except CodeIndexError as error:
        return error.message
    except Exception as error:  # what is damaged can fail in any way
        return f"the catalogue {layout.catalog} cannot be read: {str(error).splitlines()[0]}"


def _rebuild(layout: Layout, settings: Settings) -> str:
    build_catalog(layout, settings, Stages(), full=True)
    return f"built {layout.catalog} anew"
