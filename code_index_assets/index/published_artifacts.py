"""The artifacts that a publication names, for readers: what a point was made from, never a newer version of it.

What lives here: opening them. What does not: the index itself (`reader.py`) and what is read of them (`search/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorruptArtifactError, NotBuiltError
from ..quality.parts import PARTS, part_digest
from ..storage.layout import Layout
from .manifest import Receipt
from .reader import SnapshotGoneError

if TYPE_CHECKING:
    from ..storage.artifacts import Artifact

# Which kind of artifact has a table; all others are in "chunks".
_KIND_OF = {"entries": "repository"} | {part.name: part.artifact for part in PARTS}
_OPENED_KEPT = 4096
# Artifacts never change: the manifest of each is read once a process.
_opened: dict[tuple[Path, str, str, str], Artifact] = {}


def published_artifact(layout: Layout, receipt: Receipt, kind: str) -> Artifact:
    """The artifact of a kind ("chunks", "file_hashes") that a receipt names.

    Raises SnapshotGoneError if it was pruned since the receipt was read, CorruptArtifactError.
    """
    from ..storage.artifacts import ArtifactStore

    try:
        return ArtifactStore(layout).named(kind, receipt.key, receipt.artifacts[kind])
    except (NotBuiltError, KeyError) as error:
        raise SnapshotGoneError(
            f"the {kind.replace('_', ' ')} that {receipt.key} was published from are no longer kept",
            remedy=f"ask again; if it stays so, run `code-index index {receipt.key}`",
        ) from error


def bucket_file(artifact: Artifact, table: str, path: str) -> Path:
    """The Parquet file, verified, that holds a table's rows of one source file.

    Raises SnapshotGoneError if it was pruned meanwhile, CorruptArtifactError.
    """
    from ..storage.fingerprint import bucket_of

    try:
        return artifact.verified_part(table, bucket_of(path, artifact.manifest.buckets))
    except NotBuiltError as error:
        raise SnapshotGoneError(f"{artifact.path} has no {table}", remedy="ask again") from error


def table_parts(layout: Layout, receipt: Receipt, table: str, paths: Iterable[str] | None = None) -> list[Path]:
    """The Parquet files, verified, of a table; with `paths`, those that hold the rows of these source files.

    Raises SnapshotGoneError if they were pruned since the receipt was read, CorruptArtifactError.
    """
    from ..storage.fingerprint import bucket_of

    artifact = _open(layout, receipt, _KIND_OF.get(table, "chunks"))
    buckets = artifact.manifest.buckets
    numbers = range(buckets) if paths is None else sorted({bucket_of(path, buckets) for path in paths})
    there = {part.bucket for part in artifact.manifest.parts.values() if part.table == table}
    try:
        return [artifact.verified_part(table, number) for number in numbers if number in there]
    except CorruptArtifactError:
        if (artifact.path / "manifest.json").exists():
            raise
        raise SnapshotGoneError(
            f"the artifacts that {receipt.key} was published from are no longer kept",
            remedy="ask again: the current publication answers",
        ) from None


def mapped_parts(layout: Layout, receipt: Receipt, table: str, *, verified: bool) -> list[Path]:
    """The files of a table that is read by memory map, bucket by bucket; not `verified`, their sizes alone are checked.

    Raises SnapshotGoneError if they were pruned since the receipt was read, CorruptArtifactError.
    """
    from ..storage.artifacts import part_name

    if verified:
        return table_parts(layout, receipt, table)
    artifact = _open(layout, receipt, _KIND_OF.get(table, "chunks"))
    paths = []
    for number in range(artifact.manifest.buckets):
        part = artifact.part(table, number)
        path = artifact.path / part_name(table, number)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            size = -1
        if size < 0 and not (artifact.path / "manifest.json").exists():
            raise SnapshotGoneError(
                f"the artifacts that {receipt.key} was published from are no longer kept",
                remedy="ask again: the current publication answers",
            )
        if size != part.size:
            raise CorruptArtifactError(
                f"{path} is not as long as it was", remedy=f"run `code-index index {receipt.key}`"
            )
        paths.append(path)
    return paths


def _open(layout: Layout, receipt: Receipt, kind: str) -> Artifact:
    name = (layout.root, kind, receipt.key, receipt.artifacts.get(kind, ""))
    artifact = _opened.get(name)
    if artifact is None:
        artifact = published_artifact(layout, receipt, kind)
        _check_parts(artifact, receipt, kind)
        if len(_opened) >= _OPENED_KEPT:
            _opened.clear()
        _opened[name] = artifact
    return artifact


def _check_parts(artifact: Artifact, receipt: Receipt, kind: str) -> None:
    """Raises CorruptArtifactError if a named part is not the one that was published."""
    for spec in PARTS:
        published = receipt.parts.get(spec.name)
        if published is not None and spec.artifact == kind and part_digest(artifact, spec.name) != published.digest:
            raise CorruptArtifactError(
                f"{spec.name} in {artifact.path} are not those that {receipt.key} was published with",
                remedy=f"run `code-index index {receipt.key}`",
            )
