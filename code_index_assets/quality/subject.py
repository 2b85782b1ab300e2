"""The subject of a verdict: a digest over exactly the bytes that will be published.

What lives here: the digest, computed the same way by the gate (over what it checks) and by the publisher (over what
it writes). What does not: the checks (`suite.py`) and the refusal (`permit.py`).
"""

from __future__ import annotations

import polars as pl

from ..storage.fingerprint import digest
from ..storage.frame_digest import frame_digest
from .parts import parts_digest


def bucket_subject(chunks: pl.DataFrame, embeddings: pl.DataFrame, parts: dict[str, str]) -> str:
    """Digest of one bucket: its chunk rows (the payload), its embedding rows (keys and vector bytes), its named parts.

    Rows are put in a canonical order first, so the order they were stored in does not matter.
    """
    points = (
        frame_digest(chunks.sort("path", "ordinal", "chunk_id")),
        frame_digest(embeddings.sort("chunk_id", "part")),
    )
    return digest(*points, parts_digest(parts)) if parts else digest(*points)


def subject_digest(space: str, buckets: list[str]) -> str:
    """Digest of a whole repository in an embedding space, from its buckets' digests in bucket order."""
    return digest("subject", space, *buckets)
