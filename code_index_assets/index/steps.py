"""The `search_index` step: publishing a partition's judged embeddings.

What lives here: the step over artifacts, and what the gate may compare a new version with. What does not: the
publication itself (`publish.py`), Dagster.
"""

from __future__ import annotations

from typing import Any

from ..artifacts import Artifact
from ..embedding.steps import KIND as EMBEDDINGS
from ..embedding.steps import require_space
from ..errors import GateRefusedError
from ..quality.gate import permit_for
from ..quality.profile import Baseline
from ..sources.snapshot import Snapshot
from ..sources.steps import observed_snapshot
from ..steps import Outcome, StepContext, StepResult
from .backend import make_backend
from .content import RepositoryContent
from .manifest import PublicationStore
from .publish import publish


def baseline_of(context: StepContext) -> Baseline | None:
    """What the partition's last publication held, or None if it has none."""
    space = require_space(context)
    current = PublicationStore(context.layout, space.id).current()
    receipt = current.receipts.get(context.key) if current else None
    if receipt is None:
        return None
    coverage = receipt.coverage
    return Baseline(
        receipt.artifacts["embeddings"], int(coverage.get("chunks", 0)), dict(coverage.get("chunk_languages", {}))
    )


def publish_partition(context: StepContext) -> StepResult:
    """Publishes the embeddings this run made, else the current ones. Raises GateRefusedError; all stays as it was."""
    space = require_space(context)
    embeddings = context.input(EMBEDDINGS, space.id)
    permit = permit_for(context.store, context.key, space.id, space.dimension, context.settings)
    chunks = context.parent(embeddings, "chunks")
    files = context.parent(chunks, "file_hashes")
    quality = context.store.require("quality", context.key, space.id)
    if quality.manifest.inputs.get("embeddings") != embeddings.fingerprint:
        raise GateRefusedError(
            f"the verdict on {context.key} speaks of other embeddings than the current ones",
            remedy=f"materialize `index_quality` for this partition, or run `code-index index {context.key}`",
        )
    repository = context.parent(files, "repository")
    snapshot = observed_snapshot(repository, context.layout)
    content = content_of(context, snapshot, files, chunks, embeddings, space.dimension)
    backend = make_backend(context.layout, context.settings, space.id, space.dimension)
    result = publish(permit, content, backend, context.layout, context.stages)
    facts: dict[str, Any] = {
        "points": result.receipt.points,
        "written": result.written,
        "removed": result.removed,
        "unchanged": result.unchanged,
        "subject": permit.subject,
        "space": space.id,
        "label": snapshot.label,
        "coverage": {name: content.coverage[name] for name in ("files", "kept", "skipped", "chunk_languages")},
    }
    outcome: Outcome = "reused" if result.outcome == "reused" else "built"
    return StepResult(embeddings, outcome, snapshot.commit, facts, permit.subject)


def content_of(
    context: StepContext, snapshot: Snapshot, files: Artifact, chunks: Artifact, embeddings: Artifact, dimension: int
) -> RepositoryContent:
    """What is published: the artifacts, and the coverage that answers tell."""
    languages: dict[str, int] = {}
    for bucket in range(chunks.manifest.buckets):
        counts = (
            chunks.read_bucket("chunks", bucket, ["language"]).get_column("language").fill_null("text").value_counts()
        )
        for name, count in counts.iter_rows():
            languages[name] = languages.get(name, 0) + count
    coverage = {
        "files": files.info["files"],
        "kept": files.info["kept"],
        "skipped": files.info["left_out"],
        "secrets": files.info["secrets"],
        "lines": files.info["lines"],
        "chunks": chunks.rows_of("chunks"),
        "chunk_languages": dict(sorted(languages.items())),
        "diagnosed": chunks.info["diagnosed"],
    }
    return RepositoryContent(
        key=context.key,
        repository=snapshot.repository,
        ref=snapshot.ref,
        default_ref=snapshot.default_ref,
        commit=snapshot.commit,
        label=snapshot.label,
        committed_at=snapshot.committed_at,
        observed_at=snapshot.observed_at,
        space=str(embeddings.info["space"]),
        dimension=dimension,
        chunks=chunks,
        embeddings=embeddings,
        files=files,
        coverage=coverage,
        run_id=context.run_id,
    )
