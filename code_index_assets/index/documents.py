"""From rows to points: what one chunk becomes in the index.

What lives here: point ids, payloads, which text gets which lexical field, and the spill format of a bucket's points.
What does not: the analyser (`lexical.py`) and what is written where (`publish.py`, backends).

A point's payload holds all that an answer needs, so that the query path opens no other store.
"""

from __future__ import annotations

import json
import uuid
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..storage.fingerprint import digest
from .filters import filter_terms
from .lexical import document_vector
from .words import ANALYSER_VERSION

if TYPE_CHECKING:
    import polars as pl

# Part of every bucket's digest: a new number rewrites every point.
DOCUMENT_VERSION = f"1/{ANALYSER_VERSION}"
DOC_CHARS = 400
SIGNATURE_CHARS = 400
SYMBOLS_PER_CHUNK = 200


@dataclass(frozen=True)
class Point:
    """One point: a vector of a chunk, and the payload. Part 0 alone carries the lexical vector."""

    id: str
    dense: np.ndarray
    lexical: tuple[np.ndarray, np.ndarray] | None
    payload: dict[str, Any]


def point_id(key: str, chunk_id: str, part: int) -> str:
    """The point's id, a UUID: the same chunk of another partition is another point."""
    return str(uuid.UUID(hex=digest("point", key, chunk_id, str(part))))


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


def bucket_points(
    owner: Owner, chunks: pl.DataFrame, symbols: pl.DataFrame, embeddings: pl.DataFrame, roles: dict[str, str]
) -> Iterator[Point]:
    """The points of one bucket, in order of (path, ordinal, part). Memory: one chunk's beyond the frames."""
    inside = _symbols_by_chunk(chunks, symbols)
    vectors = embeddings.sort("chunk_id", "part")
    matrix = _matrix(vectors)
    rows: dict[str, list[tuple[int, int]]] = {}
    for at, (chunk_id, part) in enumerate(vectors.select("chunk_id", "part").iter_rows()):
        rows.setdefault(chunk_id, []).append((part, at))
    shared = owner.payload()
    for chunk in chunks.sort("path", "ordinal", "chunk_id").iter_rows(named=True):
        payload = shared | _payload(chunk, inside.get(chunk["chunk_id"], []), roles.get(chunk["path"], "source"))
        for part, at in rows.get(chunk["chunk_id"], []):
            lexical = _lexical(chunk, payload) if part == 0 else None
            yield Point(
                point_id(owner.key, chunk["chunk_id"], part), matrix[at], lexical, payload | {"part": int(part)}
            )


def _payload(chunk: dict[str, Any], symbols: list[dict[str, Any]], role: str) -> dict[str, Any]:
    path = chunk["path"]
    file_name = path.rsplit("/", 1)[-1]
    names = {symbol["name"].lower() for symbol in symbols} | {name.lower() for name in chunk["names"] or ()}
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
        "symbols": symbols,
        "text": chunk["text"],
        "text_hash": chunk["text_hash"],
    }


def _lexical(chunk: dict[str, Any], payload: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    names = [symbol["name"] for symbol in payload["symbols"]] or list(chunk["names"] or ())
    if chunk["name"] and chunk["name"] not in names:
        names.append(chunk["name"])
    return document_vector(names, chunk["path"], chunk["text"])


def _symbols_by_chunk(chunks: pl.DataFrame, symbols: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Each definition under the chunk it starts in: the last of the file's chunks that begins at or before it."""
    starts: dict[str, list[tuple[int, int, str]]] = {}
    for path, start, end, chunk_id in chunks.select("path", "start_line", "end_line", "chunk_id").iter_rows():
        starts.setdefault(path, []).append((start, end, chunk_id))
    for rows in starts.values():
        rows.sort()
    inside: dict[str, list[dict[str, Any]]] = {}
    columns = ("path", "name", "qualified_name", "kind", "start_line", "end_line", "signature")
    for row in symbols.select(columns).sort("path", "start_line", "end_line", "qualified_name").iter_rows():
        path, *rest = row
        candidates = starts.get(path)
        if not candidates:
            continue
        at = max(bisect_right(candidates, (rest[3], 1 << 60, "")) - 1, 0)
        into = inside.setdefault(candidates[at][2], [])
        if len(into) < SYMBOLS_PER_CHUNK:
            into.append(dict(zip(columns[1:], [*rest[:5], _cut(rest[5], SIGNATURE_CHARS)], strict=True)))
    return inside


def _matrix(embeddings: pl.DataFrame) -> np.ndarray:
    column = embeddings.get_column("vector")
    if not len(column):
        return np.empty((0, 0), np.float32)
    return np.ascontiguousarray(column.to_numpy(), dtype=np.float32).reshape(len(column), -1)


def _cut(text: str | None, limit: int) -> str | None:
    return text if text is None or len(text) <= limit else text[: limit - 1].rstrip() + "…"


# -- spill: the changed points of one bucket on disk, between verification and writing ---------------------------------


class SpillWriter:
    """Writes points of one bucket into a folder as they come; what is spilled is not published."""

    def __init__(self, folder: Path, name: str, dimension: int) -> None:
        self.stem = folder / name
        self._dense = self.stem.with_suffix(".dense").open("wb")
        self._lexical = self.stem.with_suffix(".lexical").open("wb")
        self._payload = self.stem.with_suffix(".jsonl").open("w", encoding="utf-8", errors="surrogatepass")
        self.dimension = dimension
        self.count = 0

    def add(self, point: Point, payload_json: str) -> None:
        """Appends one point and its payload."""
        self._dense.write(np.ascontiguousarray(point.dense, dtype="<f4").tobytes())
        terms = -1 if point.lexical is None else len(point.lexical[0])
        self._payload.write(f"{point.id} {terms} {payload_json}\n")
        if point.lexical is not None:
            self._lexical.write(point.lexical[0].astype("<u4").tobytes() + point.lexical[1].astype("<f4").tobytes())
        self.count += 1

    def close(self) -> None:
        """Closes the files."""
        for stream in (self._dense, self._lexical, self._payload):
            stream.close()


def read_spill(folder: Path, name: str, dimension: int, batch: int = 500) -> Iterator[list[Point]]:
    """The spilled points again, in batches."""
    stem = folder / name
    with (
        stem.with_suffix(".dense").open("rb") as dense,
        stem.with_suffix(".lexical").open("rb") as lexical,
        stem.with_suffix(".jsonl").open(encoding="utf-8", errors="surrogatepass") as payloads,
    ):
        points: list[Point] = []
        for line in payloads:
            identity, terms, raw = line.split(" ", 2)
            vector = np.frombuffer(dense.read(4 * dimension), dtype="<f4")
            n = int(terms)
            sparse = None
            if n >= 0:
                sparse = (np.frombuffer(lexical.read(4 * n), "<u4"), np.frombuffer(lexical.read(4 * n), "<f4"))
            points.append(Point(identity, vector, sparse, json.loads(raw)))
            if len(points) >= batch:
                yield points
                points = []
        if points:
            yield points
