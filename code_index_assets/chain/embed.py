"""The `embeddings` step: vectors for the chunks of one partition, bucket by bucket.

What lives here: the step over artifacts. What does not: keys and reuse (`embedding/chunk_vectors.py`), models, Dagster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..embedding.cache.vectors import VectorCache, vectors_lock
from ..embedding.chunk_vectors import ChunkVectors, keyed_texts
from ..embedding.interface import Embedder
from ..embedding.loading import chosen_model, document_embedder, is_remote, query_embedder, space_of
from ..embedding.providers.spending import open_account
from ..embedding.space import EmbeddingSpace
from ..errors import EmbeddingError, SpaceMismatchError
from ..index.published import resolved
from ..records.run_log import RunLog
from ..storage.artifacts import Artifact, ArtifactWriter
from ..storage.fingerprint import fingerprint
from .run import StepContext, StepResult

KIND = "embeddings"
EMBEDDINGS_VERSION = "2"
# Texts held while a provider embeds them: 16 buckets are about 4,000 files, 50,000 chunks, 75 MB.
BUCKETS_BOUGHT_AT_ONCE = 16


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
    previous = context.store.previous(KIND, key, space.id)
    worker = vectors_of_run(context, space, embedder)
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
        try:
            plan = _write_buckets(worker, writer, chunks, previous)
            used = dict(worker.embedder.facts) if worker.remote and worker.embedder else {}
        finally:
            worker.close()
        _require_all(worker, context)
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
            **({"plan": plan} if plan else {}),
            **({"usage": used} if used else {}),
        )
    artifact = context.store.require(KIND, key, space.id)
    artifact = Artifact.open(artifact.path.parent / name)
    context.pin(artifact, space.id)
    if space.provider == "transformer" and embedder is None:
        with context.stages.stage("export for queries", unit="models"):
            query_embedder(settings, layout, context.stages.say)
    return StepResult(artifact, "built", commit, _facts(artifact, space, reused=False))


def vectors_of_run(context: StepContext, space: EmbeddingSpace, embedder: Embedder | None = None) -> ChunkVectors:
    """What computes and keeps the vectors of this run; a provider's requests go on the run's account."""
    layout = context.layout
    settings = resolved(context.settings, layout)
    model = chosen_model(settings)

    def load() -> Embedder:
        if embedder is not None:
            return embedder
        spending = None
        if is_remote(model):
            log = RunLog(layout)
            facts = {"partition": context.key, "space": space.id, "model": space.model}
            spending = open_account(settings, model, log, context.run_id, **facts)
        return document_embedder(settings, layout, context.stages.say, spending)

    cache = VectorCache(layout.vectors(space.id), space.dimension)
    remote = embedder.remote if embedder else is_remote(model)
    vectors = ChunkVectors(space, load, cache, context.stages, remote=remote)
    handed = _handed.pop(_handing(context, space), None)
    if handed is not None and embedder is None:
        vectors.embedder, vectors.ahead = handed.embedder, handed.ahead
        if handed.embedder is not None:
            vectors.counts.runtime = handed.embedder.runtime
    return vectors


@dataclass(frozen=True)
class Handed:
    """What the `chunks` step of a run has for its `embeddings` step: the model, and the keys it computed ahead."""

    embedder: Embedder | None
    ahead: set[str]


# At most one: both steps of a run happen in one process, one after the other; without it nothing is lost but time.
_handed: dict[tuple[str, str, str, str], Handed] = {}


def hand_over(context: StepContext, space: EmbeddingSpace, handed: Handed) -> None:
    """Leaves something for the `embeddings` step of this run; what an earlier run left is let go."""
    for left in _handed.values():
        if left.embedder is not None:
            left.embedder.close()
    _handed.clear()
    _handed[_handing(context, space)] = handed


def _handing(context: StepContext, space: EmbeddingSpace) -> tuple[str, str, str, str]:
    return str(context.layout.root), context.run_id, context.key, space.id


def _write_buckets(
    worker: ChunkVectors, writer: ArtifactWriter, chunks: Artifact, previous: Artifact | None
) -> dict[str, Any]:
    """Writes every bucket: unchanged ones are linked. Returns the plan of what had to be bought, if anything."""
    same_buckets = previous is not None and previous.manifest.buckets == chunks.manifest.buckets
    old = previous if same_buckets else None
    changed: list[int] = []
    for bucket in range(chunks.manifest.buckets):
        part = fingerprint({"chunks": chunks.part("chunks", bucket).digest, "version": EMBEDDINGS_VERSION})
        writer.bucket_inputs[str(bucket)] = part
        if old and old.manifest.bucket_inputs.get(str(bucket)) == part:
            rows = writer.link(old, KIND, bucket).rows
            worker.counts.vectors += rows
            worker.counts.from_previous += rows
        else:
            changed.append(bucket)
    plan = _buy(worker, chunks, old, changed) if worker.remote else {}
    for bucket in changed:
        before = old.read_bucket(KIND, bucket) if old else None
        writer.write(KIND, bucket, worker.embed(chunks.read_bucket("chunks", bucket), before))
    return plan


def _buy(worker: ChunkVectors, chunks: Artifact, previous: Artifact | None, buckets: list[int]) -> dict[str, Any]:
    """Has a provider embed what is not known yet, many buckets at a time so that its requests are full.

    What it will take is counted first, and refused if it is more than the run may spend. Raises BudgetError.
    """

    def unknown(bucket: int) -> dict[str, str]:
        _, wanted = keyed_texts(worker.space, chunks.read_bucket("chunks", bucket))
        known = set(previous.read_bucket(KIND, bucket, ["vector_key"])["vector_key"]) if previous else set()
        return worker.missing({key: text for key, text in wanted.items() if key not in known})

    texts = tokens = 0
    todo = []
    for bucket in buckets:
        if found := list(unknown(bucket).values()):
            todo.append(bucket)
            texts += len(found)
            tokens += worker.plan(found)
    if not todo:
        return {}
    plan = worker.require_budget(texts, tokens)
    for start in range(0, len(todo), BUCKETS_BOUGHT_AT_ONCE):
        wanted: dict[str, str] = {}
        for bucket in todo[start : start + BUCKETS_BOUGHT_AT_ONCE]:
            wanted |= unknown(bucket)
        worker.compute_ahead(wanted)
    return plan


def _require_all(worker: ChunkVectors, context: StepContext) -> None:
    """Raises EmbeddingError if the model refused texts: what it is about, and that the rest is kept."""
    if not worker.refused:
        return
    first = "; ".join(f"{r.path}:{r.start_line}-{r.end_line} ({r.reason})" for r in worker.refused[:10])
    more = f"; and {len(worker.refused) - 10} more" if len(worker.refused) > 10 else ""
    paths = ", ".join(f'"{path}"' for path in dict.fromkeys(r.path for r in worker.refused[:10]))
    raise EmbeddingError(
        f"{worker.space.model} refuses {len(worker.refused):,} of {context.key}'s chunks: {first}{more}. "
        f"The vectors of the other chunks are kept",
        remedy=f"leave these files out (exclude = [{paths}] for this repository in the registry) or change them; "
        "what was published before stays",
    )


def require_space(context: StepContext) -> EmbeddingSpace:
    """The space in force. Raises SpaceMismatchError if this partition has embeddings in another one only."""
    space = space_of(context.settings, context.layout, context.stages.say)
    if not context.store.has(KIND, context.key, space.id):
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
        **{name: info[name] for name in ("plan", "usage") if info.get(name) and not reused},
    }
