"""The artifacts that a publication names, for readers: what a point was made from, never a newer version of it.

What lives here: opening them. What does not: the index itself (`reader.py`) and what is read of them (`search/`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NotBuiltError
from ..layout import Layout
from .manifest import Receipt
from .reader import SnapshotGoneError

if TYPE_CHECKING:
    from ..artifacts import Artifact


def published_artifact(layout: Layout, receipt: Receipt, kind: str) -> Artifact:
    """The artifact of a kind ("chunks", "file_hashes") that a receipt names.

    Raises SnapshotGoneError if it was pruned since the receipt was read, CorruptArtifactError.
    """
    from ..artifacts import Artifact

    try:
        return Artifact.open(layout.artifact_home(kind, receipt.key) / receipt.artifacts[kind])
    except (NotBuiltError, KeyError) as error:
        raise SnapshotGoneError(
            f"the {kind.replace('_', ' ')} that {receipt.key} was published from are no longer kept",
            remedy=f"ask again; if it stays so, run `code-index index {receipt.key}`",
        ) from error


def bucket_file(artifact: Artifact, table: str, path: str) -> Path:
    """The Parquet file, verified, that holds a table's rows of one source file.

    Raises SnapshotGoneError if it was pruned meanwhile, CorruptArtifactError.
    """
    from ..fingerprint import bucket_of

    try:
        return artifact.verified_part(table, bucket_of(path, artifact.manifest.buckets))
    except NotBuiltError as error:
        raise SnapshotGoneError(f"{artifact.path} has no {table}", remedy="ask again") from error
