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


class KnownSubjects:
    """Subjects by the digests of the files they were computed from, for one process.

    The gate and the publisher each check the bytes of the files that they read; a digest of the same bytes is the same.
    Computing it is 60 µs a chunk, so the publisher takes what the gate has computed in the same process.
    """

    AT_MOST = 10_000

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], str] = {}

    def of(self, files: tuple[str, str], chunks: pl.DataFrame, embeddings: pl.DataFrame, parts: dict[str, str]) -> str:
        """The subject of a bucket whose chunks and embeddings were read from files of these digests, just verified."""
        name = (*files, parts_digest(parts) if parts else "")
        subject = self._known.get(name)
        if subject is None:
            subject = bucket_subject(chunks, embeddings, parts)
            if len(self._known) >= self.AT_MOST:
                self._known.clear()
            self._known[name] = subject
        return subject


known_subjects = KnownSubjects()


def subject_digest(space: str, buckets: list[str]) -> str:
    """Digest of a whole repository in an embedding space, from its buckets' digests in bucket order."""
    return digest("subject", space, *buckets)
