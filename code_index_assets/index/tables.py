"""Point tables: the ids and content digests a ledger's bucket holds, as (points, 32) uint8 arrays.

What lives here: their form, loading, the digest over ids. What does not: what a ledger is (`manifest.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..fingerprint import digest


def row_id(identity: str) -> bytes:
    return uuid.UUID(identity).bytes


def id_text(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw))


def point_rows(rows: list[tuple[bytes, bytes]]) -> np.ndarray:
    """A table, ascending by id: columns 0 to 15 the id, 16 to 31 the content digest."""
    joined = b"".join(identity + content for identity, content in sorted(rows))
    return np.frombuffer(joined, np.uint8).reshape(len(rows), 32)


def load_table(path: Path) -> np.ndarray:
    table: np.ndarray = np.load(path, allow_pickle=False)
    return table


def ids_digest(tables: Iterable[np.ndarray]) -> str:
    """Digest over all ids in ascending order."""
    parts = [table[:, :16] for table in tables if len(table)]
    if not parts:
        return digest("ids")
    ids = np.ascontiguousarray(np.concatenate(parts)).view(">u8")
    order = np.lexsort((ids[:, 1], ids[:, 0]))
    return digest("ids", ids[order].tobytes())
