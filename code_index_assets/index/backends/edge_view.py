"""Reading shards of the embedded engine.

What lives here: loading a generation once, and `EdgeView`. What does not: opening a shard's files (`edge_engine.py`),
changing shards (`edge_writer.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DamagedIndexError
from ..filters import PATH_PREFIX, Conditions
from ..manifest import REBUILD_REMEDY, PublicationManifest
from .edge_engine import BODY, DENSE, LEXICAL, load_shard
from .interface import Scored
from .shard_files import copy_shard

if TYPE_CHECKING:
    import qdrant_edge as qe


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

    def __init__(self, loaded: Callable[[str], LoadedShard], manifest: PublicationManifest) -> None:
        """`loaded` gives a generation, loaded."""
        self._loaded = loaded
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
        return self._query(shard, filter_of(keys, where), nearest, limit, bare=bare)

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
        return self._query(shard, filter_of(keys, where), qe.Query.Nearest(sparse, using=LEXICAL), limit, bare=bare)

    def scan(self, shard: str, keys: Sequence[str] | None, where: Conditions, limit: int) -> list[Scored]:
        """See `View.scan`."""
        import qdrant_edge as qe

        request = qe.ScrollRequest(limit=limit, filter=filter_of(keys, where), with_payload=True)
        records, _ = self._shard(shard).scroll(request)
        return [Scored(str(record.id), 0.0, payload_of(record.payload)) for record in records]

    def count(self, shard: str, keys: Sequence[str] | None, where: Conditions) -> int:
        """See `View.count`."""
        import qdrant_edge as qe

        return int(self._shard(shard).count(qe.CountRequest(exact=True, filter=filter_of(keys, where))))

    def paths(self, shard: str, keys: Sequence[str] | None) -> list[str]:
        """See `View.paths`."""
        import qdrant_edge as qe

        request = qe.FacetRequest("terms", limit=10_000_000, exact=True, filter=filter_of(keys, ()))
        values = (str(hit.value) for hit in self._shard(shard).facet(request).hits)
        return [value.removeprefix(PATH_PREFIX) for value in values if value.startswith(PATH_PREFIX)]

    def get(self, shard: str, ids: Sequence[str]) -> list[Scored]:
        """See `View.get`."""
        records = self._shard(shard).retrieve(list(ids), with_payload=True, with_vector=False)
        return [Scored(str(record.id), 0.0, payload_of(record.payload)) for record in records]

    def vectors(self, shard: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """See `View.vectors`."""
        records = self._shard(shard).retrieve(list(ids), with_payload=False, with_vector=[DENSE])
        return {str(record.id): np.asarray(record.vector[DENSE], np.float32) for record in records}

    def ids(self, shard: str, key: str) -> Iterator[str]:
        """See `View.ids`."""
        import qdrant_edge as qe

        offset = None
        while True:
            request = qe.ScrollRequest(offset=offset, limit=10_000, filter=filter_of([key], ()), with_payload=False)
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
        return [Scored(str(hit.id), hit.score, payload_of(hit.payload), shard if bare else "") for hit in hits]

    def _shard(self, name: str) -> Guarded:
        if name not in self._shards:
            self._shards[name] = self._loaded(self._manifest.shards[name].generation)
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


def payload_of(stored: dict[str, Any] | None) -> dict[str, Any]:
    """The payload of a point. Points of before 0.3 hold it field by field."""
    body = (stored or {}).get(BODY)
    return dict(json.loads(body)) if body is not None else stored or {}


def filter_of(keys: Sequence[str] | None, where: Conditions) -> qe.Filter | None:
    """Conditions in the engine's own types."""
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
