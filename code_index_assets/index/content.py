"""What is handed to the publisher: one repository at one commit, as artifacts.

What lives here: `RepositoryContent` and its recipe. What does not: how its points are made (`documents.py`) and
published (`publish.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..storage.artifacts import Artifact
from ..storage.fingerprint import fingerprint
from .points import DOCUMENT_VERSION


@dataclass(frozen=True)
class RepositoryContent:
    """One repository and ref at one commit.

    `chunks` has the tables "chunks" and "symbols", `embeddings` the table "embeddings", both in the same buckets;
    `files` has the table "files". `observed_at` (Unix time) is when the ref was seen at this commit: what the
    publisher compares so that an older commit never replaces a newer one. Searches show `coverage` unchanged.
    """

    key: str
    repository: str
    ref: str
    default_ref: bool
    commit: str
    label: str
    committed_at: float | None
    observed_at: float
    space: str
    dimension: int
    chunks: Artifact
    embeddings: Artifact
    files: Artifact
    coverage: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""
    recipe: str = ""

    @property
    def artifacts(self) -> dict[str, str]:
        """Fingerprints by artifact kind: what a receipt names, and what a roll-back opens again."""
        return {
            "chunks": self.chunks.fingerprint,
            "embeddings": self.embeddings.fingerprint,
            "file_hashes": self.files.fingerprint,
        }


def recipe(*, rules: str, parser: str, space: str, suite: str) -> str:
    """The versions of everything that turns a repository into points: a new one means that its content is rebuilt."""
    return fingerprint({"rules": rules, "parser": parser, "space": space, "suite": suite, "document": DOCUMENT_VERSION})
