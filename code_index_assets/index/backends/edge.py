"""The embedded backend: Qdrant Edge shards of bounded size, one folder a generation.

What lives here: making, copying, changing and loading shards. What does not: which points go where and when a
generation becomes visible (`index/publish.py`).

A published generation never changes. The writer copies it, changes the copy, closes it and renames it in under a new
name. Shards are made without a write-ahead log: with one, a second reader is refused; crash safety comes from the
copy. Loading rewrites some files with the bytes they have (msync, and a configuration file by rename), so many
processes may load one generation, but it must be writable: where it is not, a reader takes a private copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CodeIndexError, DamagedIndexError
from ...storage.fingerprint import digest, file_digest
from ...storage.layout import Layout, allocated, require_space
from ..filters import INDEXED_FIELDS, PATH_PREFIX, Conditions
from ..manifest import REBUILD_REMEDY, PublicationManifest, ShardState
from ..seal import broken, seal
from .interface import Scored, ShardWriter, View

if TYPE_CHECKING:
    import qdrant_edge as qe

    from ..points import Point

DENSE, LEXICAL = "dense", "lex"
# The whole payload as JSON: the engine takes 7 µs for each string of a payload, 330 µs for a mean one, and 25 µs so.
BODY = "body"
# Points in one update call: the engine holds the GIL for it, 250 points are about 20 ms.
UPDATE_BATCH = 500
# A scan of 100,000 vectors of 256 dimensions takes 4 ms and is exact, so a graph pays only in shards beyond it
# (KB of vectors; building one costs 47 s for 100,000 points on two cores).
INDEXING_THRESHOLD_KB = 200_000


# Files up to this size are in the inventory with their bytes. Of 220 MB of 100,000 points 35 MB, 30 ms; loading: 0.6 s.
INVENTORY_BYTES = 4 << 20
# Free on the disk while the engine writes: it maps pages of 32 MB, and a write into a mapped hole of a full disk is a
# SIGBUS. A batch of 500 points takes 3 MB or so.
RESERVE_BYTES = 48 << 20


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
        return EdgeView(self, manifest)

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
            writer = EdgeWriter(self, folder, base, following)
            try:
                yield writer
            finally:
                writer.close()

    def inventory(self, state: ShardState) -> str:
        """See `IndexBackend.inventory`: a digest of the shard's files."""
        return inventory(self.home / state.generation)

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
            # The copy, and what it is written anew to.
            require_space(folder, 2 * allocated(self.home / state.generation) + RESERVE_BYTES, "optimizing a shard")
            copy_sound(self.home / state.generation, folder / "shard")
            # Optimizing holds the GIL for its whole length (minutes), and a forked child of a process with an open
            # shard hangs: hence a new interpreter.
            done = subprocess.run(
                [sys.executable, "-m", "code_index_assets.index.optimize", str(folder / "shard")],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise CodeIndexError(
                    f"shard {shard} could not be optimized: {done.stderr.strip()[-500:]}",
                    remedy="the published index is not affected; try again, or look for a full disk",
                )
            return ShardState(self.adopt(folder / "shard", shard, manifest.sequence), state.points, 0)

    def adopt(self, folder: Path, shard: str, sequence: int) -> str:
        """Renames a finished shard folder in as a new generation; returns its name relative to the index folder."""
        generation = f"shards/{shard}/g{sequence:08d}-{os.urandom(4).hex()}"
        target = self.home / generation
        target.parent.mkdir(parents=True, exist_ok=True)
        seal(folder)
        folder.rename(target)
        return generation


class EdgeWriter:
    """Copies of the shards that change. A shard is copied when its first change comes."""

    def __init__(
        self, backend: EdgeBackend, folder: Path, base: PublicationManifest | None, following: PublicationManifest
    ) -> None:
        self._backend = backend
        self._folder = folder
        self._base = base
        self._following = following
        self._open: dict[str, qe.EdgeShard] = {}
        self._written: dict[str, int] = {}

    def upsert(self, shard: str, points: list[Point]) -> None:
        """See `ShardWriter.upsert`."""
        import qdrant_edge as qe

        target = self._shard(shard)
        for at in range(0, len(points), UPDATE_BATCH):
            self._require_space()
            batch = [_edge_point(point) for point in points[at : at + UPDATE_BATCH]]
            target.update(qe.UpdateOperation.upsert_points(batch))
        self._written[shard] += len(points)

    def remove(self, shard: str, ids: Sequence[str]) -> None:
        """See `ShardWriter.remove`."""
        import qdrant_edge as qe

        target = self._shard(shard)
        for at in range(0, len(ids), 10_000):
            self._require_space()
            target.update(qe.UpdateOperation.delete_points(list(ids[at : at + 10_000])))
        self._written[shard] += len(ids)

    def finish(self) -> dict[str, ShardState]:
        """See `ShardWriter.finish`."""
        import qdrant_edge as qe

        states: dict[str, ShardState] = {}
        for name, shard in list(self._open.items()):
            self._require_space()
            shard.flush()
            points = shard.count(qe.CountRequest(exact=True))
            shard.close()
            del self._open[name]
            if not points:
                continue
            before = self._base.shards[name].unoptimized if self._base and name in self._base.shards else 0
            generation = self._backend.adopt(self._folder / name, name, self._following.sequence)
            states[name] = ShardState(generation, points, before + self._written[name])
        return states

    def _require_space(self, more: int = 0) -> None:
        require_space(self._folder, more + RESERVE_BYTES, "writing the index")

    def close(self) -> None:
        """Closes the open shards."""
        for shard in self._open.values():
            with contextlib.suppress(Exception):
                shard.close()
        self._open.clear()

    def _shard(self, name: str) -> qe.EdgeShard:
        import qdrant_edge as qe

        if name in self._open:
            return self._open[name]
        folder = self._folder / name
        state = self._base.shards.get(name) if self._base else None
        source = self._backend.home / state.generation if state is not None else None
        self._require_space(allocated(source) if source is not None and source.is_dir() else 0)
        if state is not None:
            copy_sound(self._backend.home / state.generation, folder)
            shard = load_shard(folder)
        else:
            shard = qe.EdgeShard.create(str(folder), _config(self._backend.dimension))
            for field in INDEXED_FIELDS:
                # With the graph on, each payload index builds sub-graphs: 167 s in place of 24 s for 50,000 points.
                index = qe.KeywordIndexParams(enable_hnsw=False, prefix=field == "terms")
                shard.update(qe.UpdateOperation.create_field_index(field, index))
        self._open[name] = shard
        self._written[name] = 0
        return shard


class LoadedShard:
    """One generation, loaded; from a private copy where its folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        if folder.is_dir() and not os.access(folder, os.W_OK):
            private = Path(tempfile.mkdtemp(prefix="code-index-shard-"))
            weakref.finalize(self, shutil.rmtree, private, ignore_errors=True)
            copy_shard(folder, private / folder.name)
            folder = private / folder.name
        self.shard = load_shard(folder)
        self._cold_files: Path | None = folder

    def warm(self) -> None:
        """Has the operating system keep the shard's files in memory; done once.

        Scrolling over the payloads instead held the GIL for 6 s at 120,000 points, and first queries were no faster.
        """
        if self._cold_files is not None:
            folder, self._cold_files = self._cold_files, None
            block = bytearray(1 << 20)
            for path in folder.rglob("*"):
                if path.is_file():
                    with path.open("rb", buffering=0) as stream:
                        while stream.readinto(block):
                            pass


class EdgeView:
    """The shards of one publication, each loaded when first asked."""

    def __init__(self, backend: EdgeBackend, manifest: PublicationManifest) -> None:
        self._backend = backend
        self._manifest = manifest
        self._shards: dict[str, LoadedShard] = {}

    def search_dense(
        self,
        shard: str,
        keys: Sequence[str] | None,
        where: Conditions,
        vector: np.ndarray,
        limit: int,
        *,
        bare: bool = False,
    ) -> list[Scored]:
        """See `View.search_dense`."""
        import qdrant_edge as qe

        nearest = qe.Query.Nearest(np.asarray(vector, np.float32).tolist(), using=DENSE)
        return self._query(shard, _filter(keys, where), nearest, limit, bare=bare)

    def search_lexical(
        self,
        shard: str,
        keys: Sequence[str] | None,
        where: Conditions,
        weights: dict[int, float],
        limit: int,
        *,
        bare: bool = False,
    ) -> list[Scored]:
        """See `View.search_lexical`."""
        import qdrant_edge as qe

        sparse = qe.SparseVector(list(weights), [float(value) for value in weights.values()])
        return self._query(shard, _filter(keys, where), qe.Query.Nearest(sparse, using=LEXICAL), limit, bare=bare)

    def scan(self, shard: str, keys: Sequence[str] | None, where: Conditions, limit: int) -> list[Scored]:
        """See `View.scan`."""
        import qdrant_edge as qe

        request = qe.ScrollRequest(limit=limit, filter=_filter(keys, where), with_payload=True)
        records, _ = self._shard(shard).scroll(request)
        return [Scored(str(record.id), 0.0, _payload(record.payload)) for record in records]

    def count(self, shard: str, keys: Sequence[str] | None, where: Conditions) -> int:
        """See `View.count`."""
        import qdrant_edge as qe

        return int(self._shard(shard).count(qe.CountRequest(exact=True, filter=_filter(keys, where))))

    def paths(self, shard: str, keys: Sequence[str] | None) -> list[str]:
        """See `View.paths`."""
        import qdrant_edge as qe

        request = qe.FacetRequest("terms", limit=10_000_000, exact=True, filter=_filter(keys, ()))
        values = (str(hit.value) for hit in self._shard(shard).facet(request).hits)
        return [value.removeprefix(PATH_PREFIX) for value in values if value.startswith(PATH_PREFIX)]

    def get(self, shard: str, ids: Sequence[str]) -> list[Scored]:
        """See `View.get`."""
        records = self._shard(shard).retrieve(list(ids), with_payload=True, with_vector=False)
        return [Scored(str(record.id), 0.0, _payload(record.payload)) for record in records]

    def vectors(self, shard: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """See `View.vectors`."""
        records = self._shard(shard).retrieve(list(ids), with_payload=False, with_vector=[DENSE])
        return {str(record.id): np.asarray(record.vector[DENSE], np.float32) for record in records}

    def ids(self, shard: str, key: str) -> Iterator[str]:
        """See `View.ids`."""
        import qdrant_edge as qe

        offset = None
        while True:
            request = qe.ScrollRequest(offset=offset, limit=10_000, filter=_filter([key], ()), with_payload=False)
            records, offset = self._shard(shard).scroll(request)
            yield from (str(record.id) for record in records)
            if offset is None:
                return

    def warm(self, shard: str) -> None:
        """See `View.warm`."""
        self._shard(shard)
        self._shards[shard].warm()

    def close(self) -> None:
        """Lets the open shards go."""
        self._shards.clear()

    def _query(self, shard: str, wanted: qe.Filter | None, query: Any, limit: int, *, bare: bool) -> list[Scored]:
        import qdrant_edge as qe

        request = qe.QueryRequest(limit=limit, query=query, filter=wanted, with_payload=not bare)
        hits = self._shard(shard).query(request)
        # A payload costs 60 µs while its page is cold, as a scan of 1,200 vectors: lanes read each once.
        return [Scored(str(hit.id), hit.score, _payload(hit.payload), shard if bare else "") for hit in hits]

    def _shard(self, name: str) -> Guarded:
        if name not in self._shards:
            self._shards[name] = self._backend.loaded(self._manifest.shards[name].generation)
        return Guarded(self._shards[name].shard, self._manifest.shards[name].generation)


class Guarded:
    """A loaded shard that raises DamagedIndexError for panics, which no `except Exception` sees."""

    def __init__(self, shard: qe.EdgeShard, generation: str) -> None:
        self._loaded = shard
        self._generation = generation

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._loaded, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except BaseException as error:
                if type(error).__name__ == "PanicException" or (name == "retrieve" and isinstance(error, Exception)):
                    raise DamagedIndexError(
                        f"the index shard {self._generation} cannot be read: {error}", remedy=REBUILD_REMEDY
                    ) from error
                raise

        return call


def load_shard(folder: Path) -> qe.EdgeShard:
    """Opens a shard. Raises DamagedIndexError if it cannot be, FileNotFoundError if it is not there."""
    import qdrant_edge as qe

    if not folder.is_dir():
        raise FileNotFoundError(folder)
    try:
        return qe.EdgeShard.load(str(folder))
    except BaseException as error:
        if not is_of_engine(error):
            raise
        if not folder.is_dir():
            raise FileNotFoundError(folder) from error
        raise DamagedIndexError(
            f"the index shard {folder} cannot be loaded: {error}",
            remedy=REBUILD_REMEDY,
        ) from error


def is_of_engine(error: BaseException) -> bool:
    """Whether an error may come from the engine: a panic of it is no `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def copy_sound(source: Path, target: Path) -> None:
    """Copies a published generation to change the copy. Raises DamagedIndexError if its bytes are not those that were
    published: the copy would be sealed with the damage in it."""
    if not source.is_dir():
        raise DamagedIndexError(f"the index shard {source} is gone", remedy=REBUILD_REMEDY)
    if changed := broken(source):
        raise DamagedIndexError(
            f"the index shard {source} is damaged: {changed[0]} is not what was written", remedy=REBUILD_REMEDY
        )
    copy_shard(source, target)


def copy_shard(source: Path, target: Path) -> None:
    """Copies a shard folder, holes kept: the engine's files are mostly preallocated (336 MB long, 112 MB on disk)."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(source):
        if entry.name.startswith("."):
            continue  # a reader's temporary file
        if entry.is_dir(follow_symlinks=False):
            copy_shard(Path(entry.path), target / entry.name)
        else:
            _copy_sparse(entry.path, str(target / entry.name))


def _copy_sparse(source: str, target: str) -> None:
    reading = os.open(source, os.O_RDONLY)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            size = os.fstat(reading).st_size
            os.truncate(writing, size)
            at = 0
            while at < size:
                try:
                    start = os.lseek(reading, at, os.SEEK_DATA)
                except OSError:
                    break  # only a hole is left
                at = os.lseek(reading, start, os.SEEK_HOLE)
                _copy_range(reading, writing, start, at)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_range(reading: int, writing: int, start: int, end: int) -> None:
    # In the kernel where it can: a third less work, and no copy at all on a file system that shares extents.
    in_kernel = hasattr(os, "copy_file_range")
    while start < end:
        if in_kernel:
            try:
                done = os.copy_file_range(reading, writing, end - start, start, start)
            except OSError:  # what is really wrong, writing it says below
                in_kernel = False
                continue
        else:
            block = os.pread(reading, min(end - start, 8 << 20), start)
            done = os.pwrite(writing, block, start)
        if not done:
            break
        start += done


def inventory(folder: Path) -> str:
    """Digest of a shard's files: their names and sizes, and the bytes of those that loading goes through.

    Larger ones hold vectors and payloads, are mapped into memory, and would be most of the time. Once a shard has been
    loaded, loading it again changes none of them. Another version of the engine gives another digest.
    """
    parts = [version("qdrant-edge-py")]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            size = path.stat().st_size
            content = file_digest(path) if size <= INVENTORY_BYTES else ""
            parts += (path.relative_to(folder).as_posix(), str(size), content)
    return digest(*parts)


def _config(dimension: int) -> qe.EdgeConfig:
    import qdrant_edge as qe

    return qe.EdgeConfig(
        vectors={DENSE: qe.EdgeVectorParams(size=dimension, distance=qe.Distance.Dot)},
        sparse_vectors={LEXICAL: qe.EdgeSparseVectorParams()},
        optimizers=qe.EdgeOptimizersConfig(indexing_threshold=INDEXING_THRESHOLD_KB),
        wal_enabled=False,
    )


def _edge_point(point: Point) -> qe.Point:
    import qdrant_edge as qe

    vector: dict[str, Any] = {DENSE: point.dense.tolist()}
    if point.lexical is not None and len(point.lexical[0]):
        vector[LEXICAL] = qe.SparseVector(point.lexical[0].tolist(), point.lexical[1].tolist())
    fields = {name: point.payload[name] for name in INDEXED_FIELDS if name in point.payload}
    body = json.dumps(point.payload, separators=(",", ":"), ensure_ascii=False)
    return qe.Point(point.id, vector, fields | {BODY: body})


def _payload(stored: dict[str, Any] | None) -> dict[str, Any]:
    """The payload of a point. Points of before 0.3 hold it field by field."""
    body = (stored or {}).get(BODY)
    return dict(json.loads(body)) if body is not None else stored or {}


def _filter(keys: Sequence[str] | None, where: Conditions) -> qe.Filter | None:
    import qdrant_edge as qe

    must: list[Any] = []
    if keys is not None:
        must.append(qe.FieldCondition("key", match=qe.MatchAny(list(keys))))
    for alternatives in where:
        fields: list[Any] = [
            qe.FieldCondition("terms", match=qe.MatchPrefix(c.term_prefix) if c.prefix else qe.MatchAny(c.terms))
            for c in alternatives
        ]
        must.append(fields[0] if len(fields) == 1 else qe.Filter(should=fields))
    return qe.Filter(must=must) if must else None
