"""Coverage: what answers tell of how much of a commit is in the index."""

from __future__ import annotations

from typing import Any

from ..storage.artifacts import Artifact


def coverage_of(files: Artifact, chunks: Artifact) -> dict[str, Any]:
    """The coverage of the files and chunks of one commit. Raises CorruptArtifactError."""
    languages = chunks.read("chunks", ["language"]).get_column("language").fill_null("text").value_counts()
    return {
        "files": files.info["files"],
        "kept": files.info["kept"],
        "skipped": files.info["left_out"],
        "secrets": files.info["secrets"],
        "lines": files.info["lines"],
        "chunks": chunks.rows_of("chunks"),
        "chunk_languages": dict(sorted(languages.iter_rows())),
        "diagnosed": chunks.info["diagnosed"],
    }
