"""The `embeddings` step: vectors for the chunks of one partition, bucket by bucket.

What lives here: the step over artifacts. What does not: keys and reuse (`embedding/chunk_vectors.py`), models, Dagster.
"""

from __future__ import annotations

from typing import Any

from ..embedding.cache.vectors import VectorCache, vectors_lock
from ..embedding.chunk_vectors import ChunkVectors, keyed_texts
from ..embedding.interface import Embedder
from ..embedding.loading import document_embedder, query_embedder
from ..embedding.providers.spending import open_account
from ..embedding.space import EmbeddingSpace
from ..errors import EmbeddingError, SpaceMismatchError
from ..records.run_log import RunLog
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactWriter
from ..storage.fingerprint import fingerprint
from .run import ChainRun, Outcome, StepResult

KIND = "embeddings"
EMBEDDINGS_VERSION = "2"
# Texts held while a provider embeds them: 16 buckets are about 4,000 files, 50,000 chunks, 75 MB.
BUCKETS_BOUGHT_AT_ONCE = 16


def embed_chunks(run: ChainRun, embedder: Embedder | None = None) -> StepResult:
    """Makes the embeddings artifact of the partition's chunks. `embedder` replaces the configured one (tests)."""
    with run.stages.stage("embedding space", unit="models"):
        space = embedder.space if embedder else run.space
    chunks = run.input("chunks")
    commit = str(chunks.info.get("commit", ""))
    inputs = {"chunks": chunks.fingerprint, "space": space.id, "version": EMBEDDINGS_VERSION}

    def embed(writer: ArtifactWriter, previous: Artifact | None) -> None:
        with run.layout.lock(vectors_lock(space.id), shared=True):
            worker = vectors_of_run(run, space, embedder)
            try:
                plan = _write_buckets(worker, writer, chunks, previous)
                used = dict(worker.embedder.facts) if worker.remote and worker.embedder else {}
            finally:
                worker.close()
        _require_all(worker, run)
        bought = {name: facts for name, facts in (("plan", plan), ("usage", used)) if facts}
        writer.info.update(_info(worker, commit), **bought)

    spec = ArtifactSpec(KIND, run.key, inputs, EMBEDDINGS_VERSION, space.id)
    built = run.build(spec, embed, buckets=chunks.manifest.buckets)
    if not built.reused and space.provider == "transformer" and embedder is None:
        with run.stages.stage("export for queries", unit="models"):
            query_embedder(run.settings, run.layout, run.stages.say)
    outcome: Outcome = "reused" if built.reused else "built"
    return StepResult(built.artifact, outcome, commit, _facts(built.artifact, space, reused=built.reused))


def _info(worker: ChunkVectors, commit: str) -> dict[str, Any]:
    """What the artifact's manifest says of how its vectors came about."""
    counts = worker.counts
    return {
        "commit": commit,
        "model": worker.space.model,
        "space": worker.space.id,
        "dimension": worker.space.dimension,
        "runtime": counts.runtime,
        "vectors": counts.vectors,
        "computed": counts.computed,
        "reused": counts.vectors - counts.computed,
        "from_cache": counts.from_cache,
    }


def vectors_of_run(run: ChainRun, space: EmbeddingSpace, embedder: Embedder | None = None) -> ChunkVectors:
    """What computes and keeps the vectors of this run; a provider's requests go on the run's account."""
    model = run.model

    def load() -> Embedder:
        if embedder is not None:
            return embedder
        spending = None
        if model.is_remote:
            facts = {"partition": run.key, "space": space.id, "model": space.model}
            spending = open_account(run.settings, model, RunLog(run.layout), run.run_id, **facts)
        return document_embedder(run.settings, run.layout, run.stages.say, spending)

    cache = VectorCache(run.layout.vectors(space.id), space.dimension)
    remote = embedder.remote if embedder else model.is_remote
    vectors = ChunkVectors(space, load, cache, run.stages, remote=remote)
    ahead = run.take_ahead(space.id) if embedder is None else None
    if ahead is not None:
        vectors.embedder, vectors.ahead = ahead.embedder, ahead.keys
        if ahead.embedder is not None:
            vectors.counts.runtime = ahead.embedder.runtime
    return vectors


def _write_buckets(
    worker: ChunkVectors, writer: ArtifactWriter, chunks: Artifact, previous: Artifact | None
) -> dict[str, Any]:
    """Writes every bucket: unchanged ones are linked. Returns the plan of what had to be bought, if anything."""

    def inputs_of(bucket: int) -> str:
        return fingerprint({"chunks": chunks.part("chunks", bucket).digest, "version": EMBEDDINGS_VERSION})

    def reuse(before: Artifact, bucket: int) -> None:
        rows = writer.link(before, KIND, bucket).rows
        worker.counts.vectors += rows
        worker.counts.from_previous += rows

    changed = writer.reuse_buckets(previous, inputs_of, reuse)
    old = previous if previous is not None and previous.manifest.buckets == writer.buckets else None
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


def _require_all(worker: ChunkVectors, run: ChainRun) -> None:
    """Raises EmbeddingError if the model refused texts: what it is about, and that the rest is kept."""
    if not worker.refused:
        return
    first = "; ".join(f"{r.path}:{r.start_line}-{r.end_line} ({r.reason})" for r in worker.refused[:10])
    more = f"; and {len(worker.refused) - 10} more" if len(worker.refused) > 10 else ""
    paths = ", ".join(f'"{path}"' for path in dict.fromkeys(r.path for r in worker.refused[:10]))
    raise EmbeddingError(
        f"{worker.space.model} refuses {len(worker.refused):,} of {run.key}'s chunks: {first}{more}. "
        f"The vectors of the other chunks are kept",
        remedy=f"leave these files out (exclude = [{paths}] for this repository in the registry) or change them; "
        "what was published before stays",
    )


def require_space(run: ChainRun) -> EmbeddingSpace:
    """The space in force. Raises SpaceMismatchError if this partition has embeddings in another one only."""
    space = run.space
    if not run.store.has(KIND, run.key, space.id):
        others = [
            home.parent.name
            for home in (run.layout.root / KIND).glob(f"*/{run.layout.artifact_home('x', run.key).name}")
        ]
        if others:
            raise SpaceMismatchError(
                f"{run.key} has embeddings in {', '.join(others)}, none in {space.id}",
                remedy=f"run `code-index index {run.key}`, or set CODE_INDEX_MODEL back",
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
