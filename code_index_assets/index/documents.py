"""From rows to points: what one chunk becomes in the index.

What lives here: payloads, lexical vectors, and which points of a bucket have to be made. What does not: a point
(`points.py`), terms (`chunking/terms.py`), their weights (`lexical.py`), what is written where (`publish.py`).

A point's payload holds all that an answer needs, so that the query path opens no other store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ..chunking.documents import (
    QUALIFIED_NAME,
    SYMBOL_END,
    SYMBOL_KIND,
    SYMBOL_NAME,
    SYMBOL_SIGNATURE,
    SYMBOL_START,
    Row,
    document_rows,
    symbols_by_chunk,
)
from ..errors import CorruptArtifactError
from ..storage.artifacts import REMEDY
from ..storage.fingerprint import digest
from ..tables import CHUNKS, DOCUMENTS, SYMBOLS
from .filters import filter_terms
from .lexical import frequency_table, term_weights
from .points import DOCUMENT_VERSION, Point, point_key
from .tables import id_text

DOC_CHARS = 400
SIGNATURE_CHARS = 400


@dataclass(frozen=True)
class Owner:
    """What all points of one partition share."""

    key: str
    repository: str
    ref: str
    default_ref: bool

    def payload(self) -> dict[str, Any]:
        """The payload fields that all points of a partition share."""
        return {"key": self.key, "repository": self.repository, "ref": self.ref, "default_ref": self.default_ref}


@dataclass(frozen=True)
class BucketRows:
    """The rows of one bucket that its points are made from; `roles` are those of its files, by path."""

    chunks: pl.DataFrame
    symbols: pl.DataFrame
    embeddings: pl.DataFrame
    documents: pl.DataFrame
    roles: dict[str, str]


@dataclass(frozen=True)
class PointSource:
    """What one point is made from: its id (16 bytes), its chunk, the row of its vector, and a digest of it all."""

    id: bytes
    chunk_id: str
    part: int
    row: int
    digest: bytes


class BucketPoints:
    """The points of one bucket: first what each is made from, then, of those that are asked for, the points.

    Making a point takes fifty times as long as the digest of what it is made from, so a run makes those that changed.
    """

    def __init__(self, owner: Owner, rows: BucketRows) -> None:
        """Raises CorruptArtifactError if a chunk has no document."""
        self.owner, self.rows = owner, rows
        vectors = rows.embeddings.sort("chunk_id", "part")
        self.matrix = _matrix(vectors)
        self._parts: dict[str, list[tuple[int, int]]] = {}
        for at, (chunk_id, part) in enumerate(vectors.select("chunk_id", "part").iter_rows()):
            self._parts.setdefault(chunk_id, []).append((part, at))
        self._documents = {chunk_id: at for at, chunk_id in enumerate(rows.documents.get_column("chunk_id"))}
        ends = np.cumsum(rows.documents.get_column("terms").list.len().to_numpy(), dtype=np.int64)
        self._bounds = np.concatenate([[0], ends])
        self._terms = _flat(rows.documents.get_column("terms"))
        counts = _flat(rows.documents.get_column("counts"))
        lengths = np.repeat(rows.documents.get_column("length").to_numpy(), np.diff(self._bounds))
        self._weights = term_weights(counts, lengths)
        self.sources = self._sources()

    def _sources(self) -> list[PointSource]:
        """In order of (path, ordinal, part)."""
        owner = self.owner
        digests = self.rows.documents.get_column("digest").to_list()
        shared = digest(DOCUMENT_VERSION, owner.key, owner.repository, owner.ref, str(owner.default_ref))
        sources = []
        ordered = self.rows.chunks.select("path", "ordinal", "chunk_id").sort("path", "ordinal", "chunk_id")
        for path, _, chunk_id in ordered.iter_rows():
            document = self._documents.get(chunk_id)
            if document is None:
                raise CorruptArtifactError(f"a chunk of {path} in {owner.key} has no document", remedy=REMEDY)
            role = self.rows.roles.get(path, "source")
            for part, row in self._parts.get(chunk_id, ()):
                made_from = digest(shared, digests[document], role, str(part), self.matrix[row].tobytes())
                identity = bytes.fromhex(point_key(owner.key, chunk_id, part))
                sources.append(PointSource(identity, chunk_id, int(part), row, bytes.fromhex(made_from)))
        return sources

    @property
    def documents(self) -> int:
        """Chunks that have a lexical vector: those with a first vector."""
        return sum(source.part == 0 for source in self.sources)

    def frequencies(self) -> np.ndarray:
        """The document frequencies of the bucket (`lexical.frequency_table`)."""
        return frequency_table([self._lexical(source)[0] for source in self.sources if source.part == 0])

    def make(self, sources: list[PointSource]) -> Iterator[Point]:
        """The points of some sources, in the order of `sources`."""
        wanted = {source.chunk_id for source in sources}
        chunks = self.rows.chunks
        if len(sources) < len(self.sources):
            paths = chunks.filter(pl.col("chunk_id").is_in(list(wanted))).get_column("path").unique().to_list()
            chunks = chunks.filter(pl.col("path").is_in(paths))
        symbols = self.rows.symbols.filter(pl.col("path").is_in(chunks.get_column("path").unique().to_list()))
        inside = symbols_by_chunk(chunks.select(list(CHUNKS.schema)).iter_rows(), symbols.iter_rows())
        by_id = {chunk["chunk_id"]: chunk for chunk in chunks.iter_rows(named=True) if chunk["chunk_id"] in wanted}
        shared = self.owner.payload()
        for source in sources:
            chunk = by_id[source.chunk_id]
            role = self.rows.roles.get(chunk["path"], "source")
            payload = shared | _payload(chunk, inside.get(source.chunk_id, []), role) | {"part": source.part}
            lexical = self._lexical(source) if source.part == 0 else None
            yield Point.of(id_text(source.id), self.matrix[source.row], lexical, payload)

    def _lexical(self, source: PointSource) -> tuple[np.ndarray, np.ndarray]:
        at = self._documents[source.chunk_id]
        span = slice(self._bounds[at], self._bounds[at + 1])
        return self._terms[span], self._weights[span]


def documents_of(chunks: pl.DataFrame, symbols: pl.DataFrame) -> pl.DataFrame:
    """The `documents` table of chunks from before it was stored with them."""
    rows = document_rows(chunks.select(list(CHUNKS.schema)).rows(), symbols.select(list(SYMBOLS.schema)).rows())
    return pl.DataFrame(rows, schema=DOCUMENTS.schema, orient="row")


def _payload(chunk: dict[str, Any], symbols: list[Row], role: str) -> dict[str, Any]:
    path = chunk["path"]
    file_name = path.rsplit("/", 1)[-1]
    inside = [_symbol(row) for row in symbols]
    names = {symbol["name"].lower() for symbol in inside} | {name.lower() for name in chunk["names"] or ()}
    return {
        "path": path,
        "file_name": file_name,
        "language": chunk["language"],
        "kind": chunk["kind"],
        "role": role,
        "name": chunk["name"],
        "qualified_name": chunk["qualified_name"],
        "local_name": chunk["local_name"],
        "signature": _cut(chunk["signature"], SIGNATURE_CHARS),
        "doc": _cut(chunk["doc"], DOC_CHARS),
        "start_line": chunk["start_line"],
        "end_line": chunk["end_line"],
        "ordinal": chunk["ordinal"],
        "blob": chunk["blob"],
        "chunk_id": chunk["chunk_id"],
        "names": sorted(names),
        "terms": filter_terms(path, chunk["language"], chunk["kind"], role, names),
        "symbols": inside,
        "text": chunk["text"],
        "text_hash": chunk["text_hash"],
    }


def _symbol(row: Row) -> dict[str, Any]:
    """What a payload holds of one row of `symbols`."""
    return {
        "name": row[SYMBOL_NAME],
        "qualified_name": row[QUALIFIED_NAME],
        "kind": row[SYMBOL_KIND],
        "start_line": row[SYMBOL_START],
        "end_line": row[SYMBOL_END],
        "signature": _cut(row[SYMBOL_SIGNATURE], SIGNATURE_CHARS),
    }


def _flat(column: pl.Series) -> np.ndarray:
    """The values of a list column, end to end (uint32)."""
    values: np.ndarray = column.explode(empty_as_null=False, keep_nulls=False).to_numpy().astype(np.uint32, copy=False)
    return values


def _matrix(embeddings: pl.DataFrame) -> np.ndarray:
    column = embeddings.get_column("vector")
    if not len(column):
        return np.empty((0, 0), np.float32)
    # As the index stores them: what is compared with the published point is what can be read of it.
    return column.to_numpy().astype(np.float16).astype(np.float32).reshape(len(column), -1)


def _cut(text: str | None, limit: int) -> str | None:
    return text if text is None or len(text) <= limit else text[: limit - 1].rstrip() + "…"
