"""A digest over the values of a Polars frame, the same on every machine.

What lives here: the bytes of a frame's columns. What does not: which frames make a verdict's subject
(`quality/subject.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from .fingerprint import digest


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
