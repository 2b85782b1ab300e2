"""The `embeddings` step: vectors for the chunks of one partition, bucket by bucket.

What lives here: the step over artifacts. What does not: keys and reuse (`chunk_vectors.py`), models, Dagster.
"""

from __future__ import annotations

from ..artifacts import Artifact
from ..errors import SpaceMismatchError
from ..fingerprint import fingerprint
from ..steps import StepContext, StepResult
from .chunk_vectors import ChunkVectors
from .embedder import Embedder
from .models import document_embedder, query_embedder, space_of
from .space import EmbeddingSpace
from .vector_cache import VectorCache, vectors_lock

KIND = "embeddings"
EMBEDDINGS_VERSION = "1"


def embed_chunks(context: StepContext, embedder: Embedder | None = None) -> StepResult:
    """Makes the embeddings artifact of the partition's chunks. `embedder` replaces the configured one (tests)."""
    settings, layout, key = context.settings, context.layout, context.key
    chunks = context.input("chunks")
    with context.stages.stage("embedding space", unit="models"):
        space = embedder.space if embedder else space_of(settings, layout, context.stages.say)
    inputs = {"chunks": chunks.fingerprint, "space": space.id, "version": EMBEDDINGS_VERSION}
    name = fingerprint(inputs)
    commit = str(chunks.info.get("commit", ""))
    known = context.store.existing(KIND, key, name, space.id)
    if known is not None:
        context.store.point(known, space.id)
        context.pin(known, space.id)
        return StepResult(known, "reused", commit, _facts(known, space, reused=True))
    previous = context.store.current(KIND, key, space.id)
    with (
        layout.lock(vectors_lock(space.id), shared=True),
        context.store.write(
            KIND,
            key,
            name,
            inputs=inputs,
            code_version=EMBEDDINGS_VERSION,
            run_id=context.run_id,
            buckets=chunks.manifest.buckets,
            space=space.id,
        ) as writer,
    ):
        worker = ChunkVectors(
            space,
            lambda: embedder or document_embedder(settings, layout, context.stages.say),
            VectorCache(layout.vectors(space.id), space.dimension),
            context.stages,
        )
        same_buckets = previous is not None and previous.manifest.buckets == chunks.manifest.buckets
        for bucket in range(chunks.manifest.buckets):
            part = fingerprint({"chunks": chunks.part("chunks", bucket).digest, "version": EMBEDDINGS_VERSION})
            writer.bucket_inputs[str(bucket)] = part
            if previous and same_buckets and previous.manifest.bucket_inputs.get(str(bucket)) == part:
                rows = writer.link(previous, KIND, bucket).rows
                worker.counts.vectors += rows
                worker.counts.from_previous += rows
                continue
            old = previous.read_bucket(KIND, bucket) if previous and same_buckets else None
            writer.write(KIND, bucket, worker.embed(chunks.read_bucket("chunks", bucket), old))
        worker.close()
        counts = worker.counts
        writer.info.update(
            commit=commit,
            model=space.model,
            space=space.id,
            dimension=space.dimension,
            runtime=counts.runtime,
            vectors=counts.vectors,
            computed=counts.computed,
            reused=counts.vectors - counts.computed,
            from_cache=counts.from_cache,
        )
    artifact = context.store.require(KIND, key, space.id)
    artifact = Artifact.open(artifact.path.parent / name)
    context.pin(artifact, space.id)
    if space.provider == "transformer" and embedder is None:
        with context.stages.stage("export for queries", unit="models"):
            query_embedder(settings, layout, context.stages.say)
    return StepResult(artifact, "built", commit, _facts(artifact, space, reused=False))


def require_space(context: StepContext) -> EmbeddingSpace:
    """The space in force. Raises SpaceMismatchError if this partition has embeddings in another one only."""
    space = space_of(context.settings, context.layout, context.stages.say)
    if context.store.current(KIND, context.key, space.id) is None:
        others = [
            home.parent.name
            for home in (context.layout.root / KIND).glob(f"*/{context.layout.artifact_home('x', context.key).name}")
        ]
        if others:
            raise SpaceMismatchError(
                f"{context.key} has embeddings in {', '.join(others)}, none in {space.id}",
                remedy=f"run `code-index index {context.key}`, or set CODE_INDEX_MODEL back",
            )
    return space


def _facts(artifact: Artifact, space: EmbeddingSpace, *, reused: bool) -> dict[str, object]:
    info = artifact.info
    vectors = int(info.get("vectors", 0))
    computed = 0 if reused else int(info.get("computed", 0))
    return {
        "model": space.model,
        "space": space.id,
        "dimension": space.dimension,
        "runtime": info.get("runtime", ""),
        "vectors": vectors,
        "computed": computed,
        "reused": vectors - computed,
        "reuse_rate": round(1 - computed / vectors, 4) if vectors else 1.0,
    }
