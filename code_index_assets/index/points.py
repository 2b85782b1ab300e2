"""A point: its id, what it holds, and how points wait on disk between their making and their writing.

What lives here: `Point`, point ids, the version of their form, the spill format. What does not: making points from rows
(`documents.py`) and writing them (`apply.py`, `index/backends/`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..chunking.words import ANALYSER_VERSION
from ..storage.fingerprint import digest
from .filters import INDEXED_FIELDS

# Part of every bucket's digest: a new number rewrites every point.
DOCUMENT_VERSION = f"2/{ANALYSER_VERSION}"
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Point:
    """One point: a vector of a chunk, rounded to 16-bit numbers, and the payload. Part 0 alone carries the lexical
    vector.

    `body` is the payload as JSON: it is written once, digested, kept on disk and stored by the engine as it is.
    `filtered` are the fields of it that the engine filters by.
    """

    id: str
    dense: np.ndarray
    lexical: tuple[np.ndarray, np.ndarray] | None
    body: str
    filtered: dict[str, Any]

    @classmethod
    def of(
        cls, identity: str, dense: np.ndarray, lexical: tuple[np.ndarray, np.ndarray] | None, payload: dict[str, Any]
    ) -> Point:
        """The point of a payload."""
        filtered = {name: payload[name] for name in INDEXED_FIELDS if name in payload}
        return cls(identity, dense, lexical, _CANONICAL.encode(payload), filtered)

    @property
    def payload(self) -> dict[str, Any]:
        """The payload, read anew."""
        return dict(json.loads(self.body))


def point_id(key: str, chunk_id: str, part: int) -> str:
    """The point's id, a UUID: the same chunk of another partition is another point."""
    return str(uuid.UUID(hex=point_key(key, chunk_id, part)))


def point_key(key: str, chunk_id: str, part: int) -> str:
    """The 32 hex digits of a point's id."""
    return digest("point", key, chunk_id, str(part))


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

    def add(self, point: Point) -> None:
        """Appends one point."""
        self._dense.write(np.ascontiguousarray(point.dense, dtype="<f4").tobytes())
        terms = -1 if point.lexical is None else len(point.lexical[0])
        self._payload.write(f"{point.id} {terms} {_CANONICAL.encode(point.filtered)}\n{point.body}\n")
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
            identity, terms, filtered = line.split(" ", 2)
            vector = np.frombuffer(dense.read(4 * dimension), dtype="<f4")
            n = int(terms)
            sparse = None
            if n >= 0:
                sparse = (np.frombuffer(lexical.read(4 * n), "<u4"), np.frombuffer(lexical.read(4 * n), "<f4"))
            body = next(payloads).removesuffix("\n")
            points.append(Point(identity, vector, sparse, body, json.loads(filtered)))
            if len(points) >= batch:
                yield points
                points = []
        if points:
            yield points
