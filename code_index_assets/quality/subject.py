"""The subject of a verdict: a digest over exactly the bytes that will be published.

What lives here: the digest, computed the same way by the gate (over what it checks) and by the publisher (over what
it writes). What does not: the checks (`suite.py`) and the refusal (`permit.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from ..fingerprint import digest


def frame_digest(frame: pl.DataFrame) -> str:
    """Digest of a frame's values: column names, types, and every value's bytes, in row order.

    Independent of how the frame is chunked in memory and of validity-bitmap padding.
    """
    parts: list[bytes] = [str(frame.height).encode()]
    for name in frame.columns:
        series = frame.get_column(name).rechunk()
        parts.append(f"{name}:{series.dtype}".encode())
        parts.extend(_series_bytes(series))
    return digest(*parts)


def bucket_subject(chunks: pl.DataFrame, embeddings: pl.DataFrame) -> str:
    """Digest of one bucket: its chunk rows (the payload) and its embedding rows (keys and vector bytes).

    Rows are put in a canonical order first, so the order they were stored in does not matter.
    """
    return digest(
        frame_digest(chunks.sort("path", "ordinal", "chunk_id")),
        frame_digest(embeddings.sort("chunk_id", "part")),
    )


def subject_digest(space: str, buckets: list[str]) -> str:
    """Digest of a whole repository in an embedding space, from its buckets' digests in bucket order."""
    return digest("subject", space, *buckets)


def _series_bytes(series: pl.Series) -> list[bytes]:
    parts = [np.packbits(series.is_null().to_numpy()).tobytes()]
    dtype = series.dtype
    if isinstance(dtype, pl.List):
        parts.append(series.list.len().fill_null(0).to_numpy().astype("<u4").tobytes())
        return parts + _series_bytes(series.explode(empty_as_null=False, keep_nulls=False))
    if isinstance(dtype, pl.Array):
        return parts + _series_bytes(series.explode())
    if dtype in (pl.String, pl.Binary):
        filled = series.fill_null("" if dtype == pl.String else b"")
        arrow = filled.to_arrow().cast(pa.large_binary())
        offsets = np.frombuffer(arrow.buffers()[1], dtype=np.int64)[arrow.offset : arrow.offset + len(arrow) + 1]
        data = arrow.buffers()[2]
        parts.append(np.diff(offsets).astype("<i8").tobytes())
        parts.append(bytes(memoryview(data)[offsets[0] : offsets[-1]]) if data is not None and len(offsets) else b"")
        return parts
    parts.append(series.fill_null(0 if dtype != pl.Boolean else False).to_numpy().tobytes())
    return parts
