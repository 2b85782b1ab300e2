"""Point tables: ids, content digests and source digests of a ledger's bucket, as (points, 48) uint8 arrays.

What lives here: their form, loading, the digest over ids. What does not: what a ledger is (`manifest.py`).
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DamagedIndexError
from ..storage.fingerprint import digest
from .manifest import REBUILD_REMEDY

# After the array, where NumPy does not look: what its bytes were.
_SEAL = b"code-index-seal:"
_SEALED_BYTES = len(_SEAL) + 16


def row_id(identity: str) -> bytes:
    """An id as its 16 bytes."""
    return uuid.UUID(identity).bytes


def id_text(raw: bytes) -> str:
    """The text of a 16-byte id."""
    return str(uuid.UUID(bytes=raw))


@dataclass(frozen=True)
class PointRow:
    """One point as published: digests of what it holds and of what it was made from, 16 bytes each.

    Tables of before source digests were kept have none: `source` is empty.
    """

    id: bytes
    content: bytes
    source: bytes


def point_table(rows: Iterable[PointRow]) -> np.ndarray:
    """A table, ascending by id: columns 0 to 15 the id, 16 to 31 the content digest, 32 to 47 the source digest."""
    ordered = sorted(rows, key=lambda row: row.id)
    joined = b"".join(row.id + row.content + row.source for row in ordered)
    return np.frombuffer(joined, np.uint8).reshape(len(ordered), 48)


def point_rows(table: np.ndarray) -> dict[bytes, PointRow]:
    """The rows of a table by id."""
    width = table.shape[1]
    raw = table.tobytes()
    found = {}
    for at in range(0, len(raw), width):
        row = PointRow(raw[at : at + 16], raw[at + 16 : at + 32], raw[at + 32 : at + width])
        found[row.id] = row
    return found


def save_table(path: Path, table: np.ndarray) -> None:
    """Writes a table with the digest of its bytes."""
    stream = io.BytesIO()
    np.save(stream, table)
    body = stream.getvalue()
    path.write_bytes(body + _SEAL + bytes.fromhex(digest(body)))


def load_table(path: Path) -> np.ndarray:
    """A table, verified where it was written with a digest. Raises DamagedIndexError."""
    try:
        raw = path.read_bytes()
        if raw[-_SEALED_BYTES:-16] == _SEAL:
            body = raw[:-_SEALED_BYTES]
            if bytes.fromhex(digest(body)) != raw[-16:]:
                raise ValueError("its bytes are not those that were written")
            raw = body
        table: np.ndarray = np.load(io.BytesIO(raw), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        told = "is gone" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise DamagedIndexError(f"the table {path} of the index {told}", remedy=REBUILD_REMEDY) from error
    return table


def ids_digest(tables: Iterable[np.ndarray]) -> str:
    """Digest over all ids in ascending order."""
    parts = [table[:, :16] for table in tables if len(table)]
    if not parts:
        return digest("ids")
    ids = np.ascontiguousarray(np.concatenate(parts)).view(">u8")
    order = np.lexsort((ids[:, 1], ids[:, 0]))
    return digest("ids", ids[order].tobytes())
