"""Making damaged parts of a published index anew, from the artifacts that it was published from.

What lives here: finding out what has to be made anew, and publishing it. What does not: noticing damage
(`index/backends/edge.py`, `tables.py`, `manifest.py` raise DamagedIndexError), publishing new content (`publish.py`).

A damaged shard takes every partition in it along, and those take their other shards along: what is left shares nothing
with what is made anew. So no list of points is needed of what is damaged, and all becomes visible in one publication.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import CorruptArtifactError, DamagedIndexError, GateRefusedError, LockedError, NotBuiltError
from ..progress import Stages
from ..quality.gate import read_verdict
from ..quality.permit import Permit, Verdict, issue_permit
from ..sources.snapshot import Snapshot, observed_snapshot
from ..storage.artifacts import Artifact, ArtifactStore
from ..storage.layout import Layout
from .apply import apply_stages
from .backends.edge import EdgeBackend
from .backends.interface import IndexBackend
from .content import RepositoryContent, recipe
from .coverage import coverage_of
from .locks import writer_lock
from .manifest import PublicationManifest, PublicationStore, Receipt
from .seal import broken
from .staging import Stage, stage_content
from .tables import load_table
from .verify import content_of, damaged_shards


@dataclass(frozen=True)
class Rebuilt:
    """What was made anew: partitions, points; `lost` are partitions whose artifacts are damaged or gone too, which are
    out of the index until they are indexed again; `why` is what was damaged."""

    keys: tuple[str, ...] = ()
    points: int = 0
    lost: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    def __str__(self) -> str:
        made = f"{self.points:,} points of {', '.join(self.keys) or 'no partition'} were made anew from artifacts"
        gone = f"; out of the index until they are indexed again: {', '.join(self.lost)}" if self.lost else ""
        return f"{'; '.join(self.why)}: {made}{gone}"


def index_damage(backend: IndexBackend, store: PublicationStore, manifest: PublicationManifest) -> dict[str, str]:
    """Damaged shards and partitions of a publication, by name ("shard …" or "partition …"), and what is wrong."""
    found = {f"shard {name}": error.message for name, error in damaged_shards(backend, manifest).items()}
    for name, state in manifest.shards.items():
        if isinstance(backend, EdgeBackend) and f"shard {name}" not in found:
            changed = broken(store.home / state.generation)
            if changed:
                told = f"{changed[0]}{f' and {len(changed) - 1} more files' if changed[1:] else ''}"
                found[f"shard {name}"] = f"the index shard {state.generation} is damaged: {told} changed after writing"
    for key, receipt in manifest.receipts.items():
        try:
            for bucket in store.ledger(receipt).buckets:
                load_table(store.home / bucket.table)
                load_table(store.home / bucket.frequencies)
            load_table(store.home / receipt.frequencies)
        except DamagedIndexError as error:
            found[f"partition {key}"] = error.message
    return found


def rebuild(
    backend: IndexBackend,
    layout: Layout,
    space: str,
    dimension: int,
    *,
    stages: Stages | None = None,
    suspected: tuple[str, ...] = (),
    lock_timeout: float = 1800.0,
) -> Rebuilt:
    """Finds what is damaged of a space's index and makes it anew. `suspected`: partitions to make anew in any case.

    Raises LockedError. Nothing is published if nothing is damaged.
    """
    stages = stages or Stages()
    store = PublicationStore(layout, space)
    with layout.lock(writer_lock(space), timeout=lock_timeout):
        adrift = store.is_adrift()
        try:
            base = store.mend()
        except DamagedIndexError as error:
            return _from_nothing(backend, layout, store, dimension, stages, error.message)
        if base is None:
            return Rebuilt()
        damage = index_damage(backend, store, base)
        damage |= {f"partition {key}": f"{key} is not in the index as it was published" for key in suspected}
        newer = _newer_than(base, layout, dimension) if adrift else {}
        told = {f"partition {key}": f"{key} was published later than what can be read" for key in newer}
        shards, keys = _reach(base, damage | {name: why for name, why in told.items() if name[10:] in base.receipts})
        damage |= told
        if not keys and not shards and not newer:
            return Rebuilt(why=("CURRENT named no publication that can be read",) if adrift else ())
        contents: list[tuple[RepositoryContent, Permit, bool]] = []
        lost = []
        for key in sorted(keys | newer.keys()):
            if key in newer:
                contents.append((*newer[key], False))
                continue
            receipt = base.receipts[key]
            try:
                contents.append((_sound(content_of(layout, space, dimension, receipt)), _again(receipt, space),
                                 receipt.rolled_back))  # fmt: skip
            except (NotBuiltError, CorruptArtifactError):
                lost.append(key)
        left = replace(
            base,
            shards={name: state for name, state in base.shards.items() if name not in shards},
            receipts={key: receipt for key, receipt in base.receipts.items() if key not in keys},
        )
        return _publish(backend, store, base, left, contents, stages, tuple(lost), tuple(damage.values()), keys)


def _reach(base: PublicationManifest, damage: dict[str, str]) -> tuple[set[str], set[str]]:
    """Shards and keys to be made anew: those damaged, and what shares a shard or a key with them."""
    named = [name.split(" ", 1) for name in damage]
    shards = {name for kind, name in named if kind == "shard"}
    keys = {name for kind, name in named if kind == "partition"}
    while True:
        more_keys = {key for key, receipt in base.receipts.items() if shards.intersection(receipt.shards)} | keys
        more_shards = shards.union(*(base.receipts[key].shards for key in more_keys))
        if (more_shards, more_keys) == (shards, keys):
            return shards, keys
        shards, keys = more_shards, more_keys


def _sound(content: RepositoryContent) -> RepositoryContent:
    for artifact in (content.chunks, content.embeddings, content.files):
        artifact.verify()
    return content


def _again(receipt: Receipt, space: str) -> Permit:
    """A permit for what a receipt proves to have passed: it speaks of that subject alone."""
    verdict = Verdict(receipt.key, space, receipt.subject, receipt.suite, True, receipt.commit, (), "", time.time())
    return issue_permit(verdict, key=receipt.key, suite=receipt.suite)


def _publish(
    backend: IndexBackend,
    store: PublicationStore,
    base: PublicationManifest | None,
    left: PublicationManifest | None,
    contents: list[tuple[RepositoryContent, Permit, bool]],
    stages: Stages,
    lost: tuple[str, ...],
    why: tuple[str, ...],
    keys: set[str],
) -> Rebuilt:
    staged: list[Stage] = []
    gone = list(lost)
    with contextlib.ExitStack() as stack:
        for content, permit, rolled_back in contents:
            folder = stack.enter_context(_folder(store))
            try:
                staged.append(
                    stage_content(
                        permit, content, store, left, folder,
                        stage_id=folder.name, shard_limit=backend.shard_limit, closed=backend.closed_shards(left),
                        stages=stages, rolled_back=rolled_back,
                    )
                )  # fmt: skip
            except (GateRefusedError, CorruptArtifactError, NotBuiltError):
                gone.append(content.key)
        dimension = contents[0][0].dimension if contents else base.dimension if base else 0
        with stages.stage("publish", total=sum(stage.written for stage in staged), unit="points") as ticker:
            manifest = apply_stages(
                store, backend, staged, dimension, base=base, left=left, emptied=keys, ticker=ticker
            )
    points = sum(manifest.receipts[stage.key].points for stage in staged)
    return Rebuilt(tuple(stage.key for stage in staged), points, tuple(gone), why)


@contextlib.contextmanager
def _folder(store: PublicationStore) -> Iterator[Path]:
    """A stage's folder, at its final place: the caller holds the writer lock, so no other publisher takes it."""
    folder = store.home / "staging" / os.urandom(8).hex()
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- without any publication that can be read ------------------------------------------------------------------------


def _from_nothing(
    backend: IndexBackend, layout: Layout, store: PublicationStore, dimension: int, stages: Stages, why: str
) -> Rebuilt:
    """Publishes, of every partition with artifacts, the newest that passed its checks."""
    contents, lost = [], []
    for home in layout.keys("quality", store.space):
        try:
            content, permit = _newest_passed(layout, home, store.space, dimension)
        except (NotBuiltError, CorruptArtifactError) as error:
            lost.append(_key_of(home) or error.message)
            continue
        contents.append((content, permit, False))
    store.pointer.unlink(missing_ok=True)
    for name in store.names():
        store.manifest_path(name).unlink(missing_ok=True)
    if not contents:
        raise LockedError(
            f"{why}, and no artifact that could be published is left", remedy="run `code-index index --all`"
        )
    return _publish(backend, store, None, None, contents, stages, tuple(lost), (why,), set())


def _newer_than(
    base: PublicationManifest, layout: Layout, dimension: int
) -> dict[str, tuple[RepositoryContent, Permit]]:
    """What passed its checks after it was published in the base, or is not in it: publications since were lost."""
    found = {}
    for home in layout.keys("quality", base.space):
        with contextlib.suppress(NotBuiltError, CorruptArtifactError):
            content, permit = _newest_passed(layout, home, base.space, dimension)
            receipt = base.receipts.get(content.key)
            if receipt is None or (permit.verdict_at > receipt.published_at and content.artifacts != receipt.artifacts):
                found[content.key] = (content, permit)
    return found


def _key_of(home: Path) -> str | None:
    for folder in home.iterdir():
        with contextlib.suppress(NotBuiltError, CorruptArtifactError):
            return Artifact.open(folder).manifest.key
    return None


def _newest_passed(layout: Layout, home: Path, space: str, dimension: int) -> tuple[RepositoryContent, Permit]:
    store = ArtifactStore(layout)
    verdicts = [found for folder in home.iterdir() if folder.is_dir() and (found := store.open_folder(folder))]
    for quality in sorted(verdicts, key=lambda artifact: read_verdict(artifact).at, reverse=True):
        verdict = read_verdict(quality)
        if not verdict.passed:
            continue
        key = quality.manifest.key
        inputs = quality.manifest.inputs
        embeddings = store.whole(layout.artifact_home("embeddings", key, space) / inputs["embeddings"])
        chunks = store.whole(layout.artifact_home("chunks", key) / inputs["chunks"])
        files = store.whole(layout.artifact_home("file_hashes", key) / inputs["files"])
        if embeddings is None or chunks is None or files is None:
            continue
        repository = store.whole(layout.artifact_home("repository", key) / files.manifest.inputs["repository"])
        if repository is None:
            continue
        snapshot: Snapshot = observed_snapshot(repository, layout)
        made_by = recipe(
            rules=str(files.manifest.inputs["rules"]), parser=str(chunks.manifest.inputs["parser"]), space=space,
            suite=verdict.suite,
        )  # fmt: skip
        content = RepositoryContent(
            key=key, repository=snapshot.repository, ref=snapshot.ref, default_ref=snapshot.default_ref,
            commit=snapshot.commit, label=snapshot.label, committed_at=snapshot.committed_at,
            observed_at=snapshot.observed_at, space=space, dimension=dimension, chunks=chunks, embeddings=embeddings,
            files=files, coverage=coverage_of(files, chunks), run_id=verdict.run_id, recipe=made_by,
        )  # fmt: skip
        return content, issue_permit(verdict, key=key, suite=verdict.suite)
    raise NotBuiltError(f"nothing that passed its checks is kept of {home.name}")
