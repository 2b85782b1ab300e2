"""The `search_index` step: publishing a partition's judged embeddings.

What lives here: the step over artifacts, and what the gate may compare a new version with. What does not: the
publication itself (`index/publish.py`), Dagster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import (
    CodeIndexError,
    ConfigurationError,
    CorruptArtifactError,
    DamagedIndexError,
    GateRefusedError,
    NotBuiltError,
    StalePublicationError,
)
from ..index.backends.choice import make_backend
from ..index.backends.interface import IndexBackend
from ..index.content import RepositoryContent, recipe
from ..index.coverage import coverage_of
from ..index.generations import Retention
from ..index.manifest import PublicationStore, Receipt
from ..index.precise import add_precise
from ..index.publish import PublicationResult, is_receipt_of, publish
from ..index.published import PublishedIndex
from ..index.read_back import readable_points
from ..index.rebuild import rebuild
from ..quality.gate import permit_for
from ..quality.permit import Permit
from ..sources.registry import Registry, parse_partition_key
from ..sources.snapshot import Snapshot, observed_snapshot
from ..storage.artifacts import Artifact
from .embed import KIND as EMBEDDINGS
from .embed import require_space
from .run import ChainRun, Outcome, StepResult

if TYPE_CHECKING:
    from ..embedding.space import EmbeddingSpace


def publish_partition(run: ChainRun) -> StepResult:
    """Publishes the embeddings this run made, else the current ones.

    A run that was overtaken, whose commit was observed before the published one, changes nothing and says
    `superseded`. Raises GateRefusedError; all stays as it was.
    """
    ready = _ready(run)
    space, permit, content, backend = ready.space, ready.permit, ready.content, ready.backend
    retention = Retention(run.settings.keep_generations, run.settings.keep_seconds)
    try:
        result = publish(permit, content, backend, run.layout, run.stages, retention=retention)
    except StalePublicationError as stale:
        # Another run has published a newer commit meanwhile: this one has nothing left to do, and nobody has.
        run.stages.say(stale.message)
        told = {"superseded": stale.message, "space": space.id, "label": content.label}
        return StepResult(content.embeddings, "superseded", content.commit, told, permit.subject)
    run.store.damaged.extend(result.mended)
    if result.outcome == "reused":
        _require_readable(run, backend, result.receipt, space.id)
    PublishedIndex(run.layout).note(space, run.settings)
    done = _result(ready, result)
    done.info.update(_precise_of_registry(run, result.receipt))
    return done


@dataclass(frozen=True)
class _Ready:
    """What this run would publish, and where."""

    space: EmbeddingSpace
    permit: Permit
    content: RepositoryContent
    backend: IndexBackend


def _ready(run: ChainRun) -> _Ready:
    """Raises GateRefusedError."""
    space = require_space(run)
    embeddings = run.input(EMBEDDINGS, space.id)
    quality = _verdict_of_run(run, space.id)
    permit = permit_for(quality, run.key, space.dimension, run.settings)
    chunks = run.parent(embeddings, "chunks")
    files = run.parent(chunks, "file_hashes")
    if quality is None or quality.manifest.inputs.get("embeddings") != embeddings.fingerprint:
        raise GateRefusedError(
            f"the verdict on {run.key} speaks of other embeddings than the current ones",
            remedy=f"materialize `index_quality` for this partition, or run `code-index index {run.key}`",
        )
    repository = run.parent(files, "repository")
    snapshot = observed_snapshot(repository, run.layout)
    content = content_of(run, snapshot, files, chunks, embeddings, space.dimension)
    content = replace(
        content,
        recipe=recipe(
            rules=str(files.manifest.inputs["rules"]),
            parser=str(chunks.manifest.inputs["parser"]),
            space=space.id,
            suite=permit.suite,
        ),
    )
    backend = make_backend(run.layout, run.settings, space.id, space.dimension)
    return _Ready(space, permit, content, backend)


def published_already(run: ChainRun) -> StepResult | None:
    """The step's result if what this run would publish is what is published, whole and readable; else None.

    It changes nothing. Raises GateRefusedError, NotBuiltError, DamagedIndexError.
    """
    ready = _ready(run)
    store = PublicationStore(run.layout, ready.space.id)
    manifest = store.current()
    receipt = manifest.receipts.get(run.key) if manifest else None
    if manifest is None or receipt is None or store.is_adrift():
        return None
    if not is_receipt_of(receipt, ready.content, ready.permit) or _precise_files(run):
        return None
    store.ledger(receipt)
    with run.stages.stage("read back", unit="points") as ticker:
        found = readable_points(ready.backend, store, manifest, run.key)
        ticker.advance(found)
    if found != receipt.points:
        return None
    return _result(ready, PublicationResult(receipt, 0, 0, receipt.points, "reused"))


def _result(ready: _Ready, result: PublicationResult) -> StepResult:
    content, permit = ready.content, ready.permit
    facts: dict[str, Any] = {
        "points": result.receipt.points,
        "written": result.written,
        "removed": result.removed,
        "unchanged": result.unchanged,
        "subject": permit.subject,
        "space": content.space,
        "label": content.label,
        "coverage": {name: content.coverage[name] for name in ("files", "kept", "skipped", "chunk_languages")},
    }
    outcome: Outcome = "reused" if result.outcome == "reused" else "built"
    return StepResult(content.embeddings, outcome, content.commit, facts, permit.subject)


def _precise_files(run: ChainRun) -> tuple[str, ...]:
    """The files of precise indexes that the registry names."""
    try:
        entry, _ = parse_partition_key(run.key, Registry.load(run.settings.registry_file, run.layout))
    except ConfigurationError:
        return ()
    return tuple(entry.scip)


def _precise_of_registry(run: ChainRun, receipt: Receipt) -> dict[str, Any]:
    """Takes in the precise indexes that the registry names. The run reports one that does not fit; the
    publication stands."""
    taken: list[str] = []
    for path in _precise_files(run):
        try:
            added = add_precise(run.layout, receipt, Path(path).read_bytes())
            taken.append(f"{path}: {added.occurrences:,} occurrences in {added.documents:,} files")
        except (CodeIndexError, OSError) as error:
            said = error.message if isinstance(error, CodeIndexError) else str(error)
            taken.append(f"{path}: not taken: {said}")
        run.stages.say(taken[-1])
    return {"scip": taken} if taken else {}


def _require_readable(run: ChainRun, backend: IndexBackend, receipt: Receipt, space: str) -> None:
    """What is called published unchanged can be read, or is made anew: a damaged shard would fail every search after a
    run that says all is well. Raises CorruptArtifactError if the artifacts are damaged too."""
    store = PublicationStore(run.layout, space)
    manifest = store.current()
    if manifest is None or manifest.receipts.get(run.key) != receipt:
        return  # published anew meanwhile
    try:
        with run.stages.stage("read back", unit="points") as ticker:
            found = readable_points(backend, store, manifest, run.key)
            ticker.advance(found)
    except (FileNotFoundError, DamagedIndexError):
        found = -1
    current = store.current()
    if found == receipt.points or current is None or current.name != manifest.name:
        return  # whole, or replaced and pruned meanwhile
    done = rebuild(
        backend, run.layout, space, manifest.dimension, stages=run.stages, suspected=(run.key,),
        lock_timeout=run.settings.lock_timeout_seconds,
    )  # fmt: skip
    run.store.damaged.append(str(done))
    if run.key in done.lost:
        raise CorruptArtifactError(
            f"the index of {run.key} is damaged and its artifacts are too", remedy="run the same again"
        )


def _verdict_of_run(run: ChainRun, space: str) -> Artifact | None:
    """The verdict this run gave, else the current one: another run may have judged newer embeddings since."""
    try:
        return run.input("quality", space)
    except NotBuiltError:
        return None


def content_of(
    run: ChainRun, snapshot: Snapshot, files: Artifact, chunks: Artifact, embeddings: Artifact, dimension: int
) -> RepositoryContent:
    """What is published: the artifacts, and the coverage that answers tell."""
    coverage = coverage_of(files, chunks)
    return RepositoryContent(
        key=run.key,
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
        run_id=run.run_id,
    )
