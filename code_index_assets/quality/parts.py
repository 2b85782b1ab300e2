"""The named parts of a publication: the tables that answers are made from, beside chunks and vectors.

What lives here: their names, where each is found, their content digests. What does not: opening them
(`index/published_artifacts.py`) and the subject that includes them (`subject.py`).

A part is added here: the gate's verdict, the publisher's check and the receipt include it from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..storage.fingerprint import digest

if TYPE_CHECKING:
    from ..storage.artifacts import Artifact


@dataclass(frozen=True)
class PartSpec:
    """One named part: a table of the artifact of a kind."""

    name: str
    artifact: str


PARTS = (
    PartSpec("symbols", "chunks"),
    PartSpec("imports", "chunks"),
    PartSpec("references", "chunks"),
    PartSpec("documents", "chunks"),
    PartSpec("code_facts", "chunks"),
    PartSpec("texts", "chunks"),
    PartSpec("trigrams", "chunks"),
    PartSpec("files", "file_hashes"),
    PartSpec("findings", "file_hashes"),
)


def bucket_parts(number: int, artifacts: dict[str, Artifact]) -> dict[str, str]:
    """Content digests of one bucket's parts, by name.

    The digests are those of the values when they were written. What the bytes are now, `Artifact.verified_part` says.
    Chunks from before there were parts have none: verdicts on them do not include any.
    """
    if artifacts["chunks"].find_part("documents", number) is None:
        return {}
    found = {}
    for spec in PARTS:
        part = artifacts[spec.artifact].find_part(spec.name, number)
        if part is not None:
            found[spec.name] = part.content or part.digest
    return found


def part_digest(artifact: Artifact, name: str) -> str:
    """Digest over the content digests of a named part's buckets: what a receipt lists."""
    parts = [artifact.part(name, number) for number in range(artifact.manifest.buckets)]
    return digest(*(part.content or part.digest for part in parts))


def parts_digest(parts: dict[str, str]) -> str:
    """Digest over the content digests of one bucket's parts."""
    return digest(*(text for name in sorted(parts) for text in (name, parts[name])))
