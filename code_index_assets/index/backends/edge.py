"""The embedded backend: Qdrant Edge shards of bounded size, one folder a generation.

What lives here: `EdgeBackend`: the generations of an index folder. What does not: the engine's settings
(`edge_engine.py`), changing shards (`edge_writer.py`), asking them (`edge_view.py`), their files (`shard_files.py`),
which points go where and when a generation becomes visible (`index/publish.py`).

A published generation never changes. The writer copies it, changes the copy, closes it and renames it in under a new
name. Shards are made without a write-ahead log: with one, a second reader is refused; crash safety comes from the
copy. Loading rewrites some files with the bytes they have (msync, and a configuration file by rename), so many
processes may load one generation, but it must be writable: where it is not, a reader takes a private copy.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import weakref
from collections.abc import Iterator, Sequence

from ...storage.layout import Layout, require_space
from ..manifest import PublicationManifest, ShardState
from . import edge_engine, shard_files
from .edge_view import EdgeView, LoadedShard
from .edge_writer import RESERVE_BYTES, EdgeWriter, Optimizer, adopt
from .interface import ShardWriter, View


class EdgeBackend:
    """Qdrant in this process. Writers must hold the writer lock; any number of processes may read."""

    name = "embedded"

    def __init__(self, layout: Layout, space: str, dimension: int, *, shard_points: int = 100_000) -> None:
        self.layout = layout
        self.space = space
        self.dimension = dimension
        self.shard_limit: int | None = shard_points
        self.home = layout.index(space)
        # Shards that some view of this process has loaded: the next publication changes few of them.
        self._loaded: weakref.WeakValueDictionary[str, LoadedShard] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def view(self, manifest: PublicationManifest) -> View:
        """See `IndexBackend.view`."""
        return EdgeView(self.loaded, manifest)

    def loaded(self, generation: str) -> LoadedShard:
        """A generation loaded for reading. Raises FileNotFoundError if it was pruned, DamagedIndexError."""
        with self._lock:
            shard = self._loaded.get(generation)
            if shard is None:
                shard = LoadedShard(self.home / generation)
                self._loaded[generation] = shard
            return shard

    @contextlib.contextmanager
    def writer(self, base: PublicationManifest | None, following: PublicationManifest) -> Iterator[ShardWriter]:
        """See `IndexBackend.writer`."""
        with self.layout.temporary("shards") as folder:
            writer = EdgeWriter(self.home, self.dimension, folder, base, following)
            try:
                yield writer
            finally:
                writer.close()

    def inventory(self, state: ShardState) -> str:
        """See `IndexBackend.inventory`: a digest of the shard's files."""
        return shard_files.inventory(self.home / state.generation)

    def prune(self, kept: Sequence[PublicationManifest]) -> int:
        """See `IndexBackend.prune`; counts shards."""
        named = {state.generation for manifest in kept for state in manifest.shards.values()}
        removed = 0
        shards = self.home / "shards"
        for folder in list(shards.glob("*/*")) if shards.is_dir() else []:
            if folder.relative_to(self.home).as_posix() not in named:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        for folder in list(shards.iterdir()) if shards.is_dir() else []:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if empty
        return removed

    def optimized(self, manifest: PublicationManifest, shard: str) -> ShardState | None:
        """See `IndexBackend.optimized`."""
        state = manifest.shards[shard]
        with self.layout.temporary("optimize") as folder:
            source = self.home / state.generation
            require_space(folder, shard_files.copied_bytes(source) + RESERVE_BYTES, "optimizing a shard")
            shard_files.copy_sound(source, folder / "shard")
            Optimizer(folder / "shard").wait()
            return ShardState(adopt(self.home, folder / "shard", shard, manifest.sequence, source), state.points, 0)

    def closed_shards(self, manifest: PublicationManifest | None) -> frozenset[str]:
        """See `IndexBackend.closed_shards`."""
        shards = manifest.shards if manifest else {}
        return frozenset(
            name for name, state in shards.items() if not edge_engine.takes_points(self.home / state.generation)
        )
