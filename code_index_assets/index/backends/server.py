"""The server backend: one Qdrant collection a space, points in versions, publications by number.

What lives here: translating to `qdrant_client`, and the version fields. What does not: the publication protocol
(`index/publish.py`); the pointer and its manifests stay in the data folder, as for the embedded backend.

A point version carries `from_pub` and `to_pub`. Publication S + 1 writes versions with from = S + 1 and sets to = S + 1
on those it replaces; a reader pinned to S asks for from ≤ S < to, so it sees exactly S before, during and after.
What a killed writer left has numbers beyond the pointer's; the next writer clears it before it writes.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigurationError
from ...progress import Say
from ...storage.fingerprint import digest
from ...storage.layout import Layout
from ..filters import INDEXED_FIELDS, PATH_PREFIX, Conditions
from ..manifest import PublicationManifest, ShardState
from .interface import Scored, ShardWriter, View

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from ..points import Point

DENSE, LEXICAL = "dense", "lex"
SHARD = "server"
OPEN_END = 2**53  # to_pub of a version that no later publication has replaced; exact in JSON
BATCH = 256
# Candidates by 8-bit vectors for each hit, scored again by the vectors as they are stored.
OVERSAMPLING = 2.0
_VERSION_FIELDS = ("point", "from_pub", "to_pub")


class ServerBackend:
    """A Qdrant server (or the client's in-memory mode, for tests)."""

    name = "server"
    shard_limit: int | None = None

    def __init__(
        self,
        layout: Layout,
        space: str,
        dimension: int,
        client: QdrantClient,
        *,
        quantized: bool = True,
        rescore: bool = True,
    ) -> None:
        """`quantized` is for a collection that is not there yet: `CODE_INDEX_QDRANT_QUANTIZED`."""
        self.layout = layout
        self.space = space
        self.dimension = dimension
        self.client = client
        self.quantized = quantized
        # The client's in-memory mode searches exactly, and warns about such parameters.
        self.rescore = quantized and rescore
        self._collection: str | None = None

    @classmethod
    def connect(
        cls, layout: Layout, space: str, dimension: int, url: str, api_key: str | None, *, quantized: bool = True
    ) -> ServerBackend:
        """Raises ConfigurationError if the server cannot be reached."""
        from qdrant_client import QdrantClient

        client = QdrantClient(url=url, api_key=api_key, timeout=60) if url != ":memory:" else QdrantClient(":memory:")
        try:
            client.get_collections()
        except Exception as error:
            raise ConfigurationError(
                f"the Qdrant server at {url} does not answer: {error}",
                remedy="start it, correct CODE_INDEX_QDRANT_URL and CODE_INDEX_QDRANT_API_KEY, or unset them to use "
                "the embedded index",
            ) from error
        return cls(layout, space, dimension, client, quantized=quantized, rescore=url != ":memory:")

    @property
    def collection(self) -> str:
        """The collection of this data folder and space: two data folders may share one server."""
        if self._collection is None:
            pointer = self.layout.index(self.space) / "COLLECTION"
            pointer.parent.mkdir(parents=True, exist_ok=True)
            while (name := self.layout.read_pointer(pointer)) is None:
                self.layout.swap(pointer, None, f"code_index_{digest(self.space)[:12]}_{os.urandom(4).hex()}")
            self._collection = name
        return self._collection

    def view(self, manifest: PublicationManifest) -> View:
        """See `IndexBackend.view`."""
        return ServerView(self.client, self.collection, manifest.sequence, rescore=self.rescore)

    @contextlib.contextmanager
    def writer(self, base: PublicationManifest | None, following: PublicationManifest) -> Iterator[ShardWriter]:
        """See `IndexBackend.writer`."""
        self._create()
        self._clear_beyond(base.sequence if base else 0)
        yield ServerWriter(self, base, following)

    def closed_shards(self, manifest: PublicationManifest | None) -> frozenset[str]:
        """See `IndexBackend.closed_shards`: a server converts by itself."""
        return frozenset()

    def inventory(self, state: ShardState) -> str:
        """See `IndexBackend.inventory`: a server has none."""
        return ""

    def prune(self, kept: Sequence[PublicationManifest]) -> int:
        """See `IndexBackend.prune`; counts points."""
        from qdrant_client import models as m

        if not kept or not self.client.collection_exists(self.collection):
            return 0
        gone = m.Filter(must=[m.FieldCondition(key="to_pub", range=m.Range(lte=min(k.sequence for k in kept)))])
        count = self.client.count(self.collection, count_filter=gone, exact=True).count
        if count:
            self.client.delete(self.collection, points_selector=m.FilterSelector(filter=gone), wait=True)
        return count

    def optimized(self, manifest: PublicationManifest, shard: str) -> ShardState | None:
        """See `IndexBackend.optimized`: a server optimizes by itself."""
        return None

    def _create(self) -> None:
        from qdrant_client import models as m

        if self.client.collection_exists(self.collection):
            return
        self.client.create_collection(
            self.collection,
            vectors_config={DENSE: self._dense_config()},
            sparse_vectors_config={LEXICAL: m.SparseVectorParams()},
            on_disk_payload=self.quantized,
        )
        import warnings

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Payload indexes have no effect")
            for field in INDEXED_FIELDS:
                keyword = m.KeywordIndexParams(
                    type=m.KeywordIndexType.KEYWORD,
                    is_tenant=True if field == "key" else None,
                    prefix=True if field == "terms" else None,
                    # Sub-graphs for thousands of paths and names cost most of an optimize; tenants keep theirs.
                    enable_hnsw=False if field == "terms" else None,
                )
                self.client.create_payload_index(self.collection, field, field_schema=keyword, wait=True)
            self.client.create_payload_index(self.collection, "point", m.PayloadSchemaType.KEYWORD, wait=True)
            for field in ("from_pub", "to_pub"):
                self.client.create_payload_index(self.collection, field, m.PayloadSchemaType.INTEGER, wait=True)

    def _dense_config(self) -> Any:
        from qdrant_client import models as m

        if not self.quantized:
            return m.VectorParams(size=self.dimension, distance=m.Distance.DOT)
        int8 = m.ScalarQuantizationConfig(type=m.ScalarType.INT8, always_ram=True)
        return m.VectorParams(
            size=self.dimension,
            distance=m.Distance.DOT,
            on_disk=True,
            datatype=m.Datatype.FLOAT16,  # points are rounded to it already
            quantization_config=m.ScalarQuantization(scalar=int8),
        )

    def _clear_beyond(self, sequence: int) -> None:
        """Undoes what a killed writer left: versions of the future go, versions it closed are open again."""
        from qdrant_client import models as m

        future = m.Filter(must=[m.FieldCondition(key="from_pub", range=m.Range(gt=sequence))])
        self.client.delete(self.collection, points_selector=m.FilterSelector(filter=future), wait=True)
        closed = m.Filter(must=[m.FieldCondition(key="to_pub", range=m.Range(gt=sequence, lt=OPEN_END))])
        self.client.set_payload(
            self.collection, {"to_pub": OPEN_END}, points=m.FilterSelector(filter=closed), wait=True
        )


class ServerWriter:
    """Writes one publication's versions."""

    def __init__(
        self, backend: ServerBackend, base: PublicationManifest | None, following: PublicationManifest
    ) -> None:
        self._backend = backend
        self._base = base
        self._sequence = following.sequence

    def upsert(self, shard: str, points: list[Point]) -> None:
        """See `ShardWriter.upsert`."""
        from qdrant_client import models as m

        for at in range(0, len(points), BATCH):
            batch = points[at : at + BATCH]
            if self._base is not None:
                self.remove(shard, [point.id for point in batch])
            self._backend.client.upsert(
                self._backend.collection, [self._version(point, m) for point in batch], wait=True
            )

    def remove(self, shard: str, ids: Sequence[str]) -> None:
        """See `ShardWriter.remove`."""
        from qdrant_client import models as m

        for at in range(0, len(ids), 1000):
            replaced = m.Filter(
                must=[
                    m.FieldCondition(key="point", match=m.MatchAny(any=list(ids[at : at + 1000]))),
                    m.FieldCondition(key="from_pub", range=m.Range(lt=self._sequence)),
                    m.FieldCondition(key="to_pub", range=m.Range(gt=self._sequence)),
                ]
            )
            self._backend.client.set_payload(
                self._backend.collection,
                {"to_pub": self._sequence},
                points=m.FilterSelector(filter=replaced),
                wait=True,
            )

    def finish(self, say: Say | None = None) -> dict[str, ShardState]:
        """See `ShardWriter.finish`."""
        view = ServerView(self._backend.client, self._backend.collection, self._sequence)
        points = view.count(SHARD, None, ())
        return {SHARD: ShardState("", points)} if points else {}

    def _version(self, point: Point, m: Any) -> Any:
        vector: dict[str, Any] = {DENSE: point.dense.tolist()}
        if point.lexical is not None and len(point.lexical[0]):
            vector[LEXICAL] = m.SparseVector(indices=point.lexical[0].tolist(), values=point.lexical[1].tolist())
        version = str(uuid.UUID(hex=digest("version", point.id, str(self._sequence))))
        fields = {"point": point.id, "from_pub": self._sequence, "to_pub": OPEN_END}
        return m.PointStruct(id=version, vector=vector, payload=point.payload | fields)


class ServerView:
    """The versions one publication sees."""

    def __init__(self, client: QdrantClient, collection: str, sequence: int, *, rescore: bool = False) -> None:
        """`rescore`: candidates found by 8-bit vectors are scored again by the stored ones."""
        self._rescore = rescore
        self._client = client
        self._collection = collection
        self._sequence = sequence

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
        return self._query(keys, where, np.asarray(vector, np.float32).tolist(), DENSE, limit)

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
        from qdrant_client import models as m

        sparse = m.SparseVector(indices=list(weights), values=[float(value) for value in weights.values()])
        return self._query(keys, where, sparse, LEXICAL, limit)

    def scan(self, shard: str, keys: Sequence[str] | None, where: Conditions, limit: int) -> list[Scored]:
        """See `View.scan`."""
        return [_scored(record) for record in self._scroll(self._filter(keys, where), limit, payload=True)]

    def count(self, shard: str, keys: Sequence[str] | None, where: Conditions) -> int:
        """See `View.count`."""
        return int(self._client.count(self._collection, count_filter=self._filter(keys, where), exact=True).count)

    def paths(self, shard: str, keys: Sequence[str] | None) -> list[str]:
        """See `View.paths`."""
        answer = self._client.facet(
            self._collection, key="terms", facet_filter=self._filter(keys, ()), limit=10_000_000, exact=True
        )
        values = (str(hit.value) for hit in answer.hits)
        return [value.removeprefix(PATH_PREFIX) for value in values if value.startswith(PATH_PREFIX)]

    def get(self, shard: str, ids: Sequence[str]) -> list[Scored]:
        """See `View.get`."""
        from qdrant_client import models as m

        wanted = [m.FieldCondition(key="point", match=m.MatchAny(any=list(ids)))]
        return [_scored(record) for record in self._scroll(self._filter(None, (), wanted), len(ids), payload=True)]

    def vectors(self, shard: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """See `View.vectors`."""
        from qdrant_client import models as m

        wanted = self._filter(None, (), [m.FieldCondition(key="point", match=m.MatchAny(any=list(ids)))])
        return {
            record.payload["point"]: np.asarray(record.vector[DENSE], np.float32)
            for record in self._scroll(wanted, len(ids), payload=["point"], vectors=[DENSE])
        }

    def ids(self, shard: str, key: str) -> Iterator[str]:
        """See `View.ids`."""
        for record in self._scroll(self._filter([key], ()), None, payload=["point"]):
            yield record.payload["point"]

    def warm(self, shard: str) -> None:
        """A server keeps itself warm."""

    def close(self) -> None:
        """The client belongs to the backend."""

    def _query(self, keys: Sequence[str] | None, where: Conditions, query: Any, using: str, limit: int) -> list[Scored]:
        from qdrant_client import models as m

        again = None
        if using == DENSE and self._rescore:  # of no effect where a collection is not quantized
            again = m.SearchParams(quantization=m.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING))
        answer = self._client.query_points(
            self._collection,
            query=query,
            using=using,
            search_params=again,
            query_filter=self._filter(keys, where),
            limit=limit,
            with_payload=True,
        )
        return [_scored(hit, hit.score) for hit in answer.points]

    def _scroll(
        self, wanted: Any, limit: int | None, *, payload: bool | list[str], vectors: bool | list[str] = False
    ) -> Iterator[Any]:
        offset = None
        left = limit if limit is not None else 2**62
        while left > 0:
            records, offset = self._client.scroll(
                self._collection,
                scroll_filter=wanted,
                limit=min(left, 1000),
                offset=offset,
                with_payload=payload,
                with_vectors=vectors,
            )
            yield from records
            left -= len(records)
            if offset is None:
                return

    def _filter(self, keys: Sequence[str] | None, where: Conditions, more: Sequence[Any] = ()) -> Any:
        from qdrant_client import models as m

        must: list[Any] = [
            m.FieldCondition(key="from_pub", range=m.Range(lte=self._sequence)),
            m.FieldCondition(key="to_pub", range=m.Range(gt=self._sequence)),
            *more,
        ]
        if keys is not None:
            must.append(m.FieldCondition(key="key", match=m.MatchAny(any=list(keys))))
        for alternatives in where:
            fields: list[Any] = [
                m.FieldCondition(
                    key="terms", match=m.MatchPrefix(prefix=c.term_prefix) if c.prefix else m.MatchAny(any=c.terms)
                )
                for c in alternatives
            ]
            must.append(fields[0] if len(fields) == 1 else m.Filter(should=fields))
        return m.Filter(must=must)


def _scored(record: Any, score: float = 0.0) -> Scored:
    payload = dict(record.payload or {})
    identity = payload.pop("point", str(record.id))
    for field in _VERSION_FIELDS:
        payload.pop(field, None)
    return Scored(identity, score, payload)
