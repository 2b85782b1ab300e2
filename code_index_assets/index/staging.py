"""Staging: one repository's changes worked out and verified, before anybody waits for the writer.

What lives here: reading artifacts bucket by bucket, recomputing the subject, comparing with the published ledger,
spilling changed points. What does not: writing to the index (`publish.py`).

A stage is a folder; it is complete when it has its final name. Staging is where the time goes (reading, analysing), so
it needs no writer lock; what is left for the lock is the engine's own work.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorruptArtifactError, GateRefusedError, SpaceMismatchError
from ..progress import Stages, Ticker
from ..quality.parts import PARTS, bucket_parts, part_digest
from ..quality.permit import Permit
from ..quality.subject import known_subjects, subject_digest
from ..storage.fingerprint import digest, digest_lines
from .content import RepositoryContent
from .documents import BucketPoints, BucketRows, Owner, PointSource, documents_of
from .lexical import merge_tables
from .manifest import Ledger, LedgerBucket, PublicationManifest, PublicationStore, PublishedPart, Receipt
from .points import DOCUMENT_VERSION, SpillWriter
from .tables import PointRow, ids_digest, load_table, point_rows, point_table, save_table

# A shard this much over its size has the buckets that change anyway moved out of it.
OVERFULL = 1.5


@dataclass(frozen=True)
class StagedBucket:
    """One bucket of a stage. `shard` "" means: to be placed. Names of tables are relative to the stage's folder if
    `fresh`, to the index folder otherwise."""

    digest: str
    subject: str
    parts: dict[str, str]
    shard: str
    points: int
    documents: int
    table: str
    frequencies: str
    fresh: bool
    spill: str = ""


@dataclass(frozen=True)
class Stage:
    """Everything the writer must do for one repository."""

    id: str
    key: str
    base_stage: str  # stage id of the receipt it was compared with
    receipt: dict[str, Any]
    buckets: tuple[StagedBucket, ...]
    removed_ids: dict[str, str] = field(default_factory=dict)  # shard -> file of 16-byte ids
    written: int = 0
    removed: int = 0
    unchanged: int = 0

    def save(self, folder: Path) -> None:
        """Writes the record into the folder of staged points."""
        (folder / "stage.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> Stage:
        """The record of a folder of staged points. Raises OSError, ValueError."""
        body = json.loads((folder / "stage.json").read_bytes())
        body["buckets"] = tuple(StagedBucket(**bucket) for bucket in body["buckets"])
        return cls(**body)


def stage_content(
    permit: Permit,
    content: RepositoryContent,
    store: PublicationStore,
    base: PublicationManifest | None,
    folder: Path,
    *,
    stage_id: str,
    shard_limit: int | None,
    closed: Collection[str],
    stages: Stages,
    rolled_back: bool = False,
) -> Stage:
    """Works out what publishing this content changes, into `folder`.

    `closed`: shards that take no more points. Raises GateRefusedError if the artifacts are not what the permit speaks
    of, CorruptArtifactError if their bytes are not what their manifests say, SpaceMismatchError if the vectors have
    another dimension.
    """
    stage = stage_changes(
        content, store, base, folder,
        stage_id=stage_id, shard_limit=shard_limit, closed=closed, stages=stages, suite=permit.suite,
        rolled_back=rolled_back,
    )  # fmt: skip
    subject = str(stage.receipt["subject"])
    if subject != permit.subject:
        raise GateRefusedError(
            f"{content.key} at {content.commit[:12]}: chunks and embeddings are not what the checks passed "
            f"(subject {subject[:12]}, verdict on {permit.subject[:12]})",
            remedy=f"run `code-index index {content.key}`: the checks and the publication run on the same artifacts",
        )
    return stage


def stage_changes(
    content: RepositoryContent,
    store: PublicationStore,
    base: PublicationManifest | None,
    folder: Path,
    *,
    stage_id: str,
    shard_limit: int | None,
    closed: Collection[str],
    stages: Stages,
    suite: str = "",
    rolled_back: bool = False,
) -> Stage:
    """`stage_content` of content that nothing has judged: it may be looked at, and not published."""
    before = base.receipts.get(content.key) if base else None
    ledger = store.ledger(before) if before else None
    work = _Staging(content, store, folder, base=base, before=before, ledger=ledger, shard_limit=shard_limit,
                    closed=closed)  # fmt: skip
    total = _common_buckets(content)
    with stages.stage("stage", total=content.embeddings.manifest.rows("embeddings"), unit="points") as ticker:
        buckets = [work.bucket(number, ticker) for number in range(total)]
        work.remove_rest()
        ticker.info["staged"] = work.analysed
    subject = subject_digest(content.space, [bucket.subject for bucket in buckets])
    receipt = work.receipt(buckets, subject, suite, rolled_back=rolled_back)
    stage = Stage(
        stage_id,
        content.key,
        before.stage_id if before else "",
        receipt,
        tuple(buckets),
        work.save_removed(),
        work.written,
        work.removed,
        sum(bucket.points for bucket in buckets) - work.written,
    )
    stage.save(folder)
    return stage


def _common_buckets(content: RepositoryContent) -> int:
    """The number of buckets of all artifacts. Raises GateRefusedError if they differ."""
    total = content.chunks.manifest.buckets
    for artifact in (content.embeddings, content.files):
        if artifact.manifest.buckets != total:
            raise GateRefusedError(
                f"chunks of {content.key} are in {total} buckets, {artifact.manifest.kind.replace('_', ' ')} in "
                f"{artifact.manifest.buckets}",
                remedy=f"run `code-index index {content.key}`: they must be of one run",
            )
    return total


class _Staging:
    """The state of staging one repository."""

    def __init__(
        self,
        content: RepositoryContent,
        store: PublicationStore,
        folder: Path,
        *,
        base: PublicationManifest | None,
        before: Receipt | None,
        ledger: Ledger | None,
        shard_limit: int | None,
        closed: Collection[str],
    ) -> None:
        self.before = before
        self.content, self.store, self.folder = content, store, folder
        self.owner = Owner(content.key, content.repository, content.ref, content.default_ref)
        self.buckets = content.chunks.manifest.buckets
        self.old = ledger.buckets if ledger else ()
        # With another number of buckets every path may be in another one: nothing is comparable.
        self.comparable = len(self.old) == self.buckets
        # Shards that are left by what changes: those too full, those of an earlier format.
        self.left = set(closed) | {
            name
            for name, state in (base.shards if base else {}).items()
            if shard_limit and state.points > OVERFULL * shard_limit
        }
        self.removed_ids: dict[str, list[bytes]] = {}
        self.artifacts = {"chunks": content.chunks, "file_hashes": content.files}
        self.written = self.removed = self.analysed = 0

    def bucket(self, number: int, ticker: Ticker) -> StagedBucket:
        old = self.old[number] if self.comparable else None
        parts = self._parts(number)
        if old is not None and {**old.parts, **parts} == old.parts:
            # The bytes are those published (verified just now), so their subject and roles are known.
            bucket_digest, subject = self._digest(old.subject, old.parts), old.subject
            if bucket_digest == old.digest:
                ticker.advance(old.points)
                return _kept(old, old.parts)
        roles = self._roles(number)
        parts["roles"] = digest_lines(text for item in roles.items() for text in item)
        chunks = self.content.chunks.read_bucket("chunks", number)
        embeddings = self.content.embeddings.read_bucket("embeddings", number)
        files = (parts["chunks"], parts["embeddings"])  # of bytes that `_parts` has just verified
        subject = known_subjects.of(files, chunks, embeddings, bucket_parts(number, self.artifacts))
        bucket_digest = self._digest(subject, parts)
        if old is not None and old.digest == bucket_digest:
            ticker.advance(old.points)
            return _kept(old, parts)
        symbols = self.content.chunks.read_bucket("symbols", number)
        width = getattr(embeddings.schema["vector"], "size", None)
        if width != self.content.dimension:
            raise SpaceMismatchError(
                f"vectors of {self.content.key} have {width} dimensions, the space has {self.content.dimension}",
                remedy=f"run `code-index index {self.content.key}` again",
            )
        if self.content.chunks.find_part("documents", number) is None:
            documents = documents_of(chunks, symbols)
        else:
            documents = self.content.chunks.read_bucket("documents", number)
        points = BucketPoints(self.owner, BucketRows(chunks, symbols, embeddings, documents, roles))
        if len(points.sources) != embeddings.height:
            raise GateRefusedError(
                f"{embeddings.height - len(points.sources)} vectors of {self.content.key} belong to no chunk of this "
                "commit",
                remedy=f"run `code-index index {self.content.key}` again",
            )
        bare = StagedBucket(bucket_digest, subject, parts, old.shard if old else "", 0, 0, "", "", fresh=True)
        return self._spill(number, points, old, bare, ticker)

    def _parts(self, number: int) -> dict[str, str]:
        """Digests of the bytes this bucket is made from; each part is verified."""
        found = {}
        for table, artifact in (
            ("chunks", self.content.chunks),
            ("embeddings", self.content.embeddings),
            *((spec.name, self.artifacts[spec.artifact]) for spec in PARTS),
        ):
            if artifact.find_part(table, number) is None:
                continue  # of before there was such a table
            name = artifact.verified_part(table, number).name
            found[table] = artifact.manifest.parts[name].digest
        return found

    def _roles(self, number: int) -> dict[str, str]:
        """Roles of the kept files of a bucket, by path."""
        rows = self.content.files.read_bucket("files", number, ["path", "role", "status"])
        return {path: role for path, role, status in rows.sort("path").iter_rows() if status == "kept"}

    def _digest(self, subject: str, parts: dict[str, str]) -> str:
        owner = self.owner
        return digest(
            DOCUMENT_VERSION, owner.key, owner.repository, owner.ref, str(owner.default_ref),
            subject, parts["symbols"], parts["roles"],
        )  # fmt: skip

    def _spill(
        self, number: int, points: BucketPoints, old: LedgerBucket | None, bare: StagedBucket, ticker: Ticker
    ) -> StagedBucket:
        """Writes the points of a bucket that are not published already, and its tables."""
        known: dict[bytes, PointRow] = {}
        shard = bare.shard
        if old is not None:
            known = point_rows(load_table(self.store.home / old.table))
            if shard in self.left:
                self._remove(shard, list(known))
                known, shard = {}, ""
        same = [_unchanged(known.get(source.id), source) for source in points.sources]
        rows = [row for row in same if row is not None]
        ticker.advance(len(rows))
        changed = [source for source, row in zip(points.sources, same, strict=True) if row is None]
        spill = SpillWriter(self.folder, f"b{number:03d}", self.content.dimension)
        try:
            for source, point in zip(changed, points.make(changed), strict=True):
                row = PointRow(source.id, point_digest(point.body, point.dense), source.digest)
                rows.append(row)
                before = known.get(source.id)
                if before is None or before.content != row.content:
                    spill.add(point)
                ticker.advance()
        finally:
            spill.close()
        self._remove(shard, list(known.keys() - {row.id for row in rows}))
        self.written += spill.count
        self.analysed += len(changed)
        table, frequencies = f"b{number:03d}.points.npy", f"b{number:03d}.frequencies.npy"
        save_table(self.folder / table, point_table(rows))
        save_table(self.folder / frequencies, points.frequencies())
        return replace(
            bare, shard=shard, points=len(rows), documents=points.documents, table=table, frequencies=frequencies,
            spill=f"b{number:03d}" if spill.count else "",
        )  # fmt: skip

    def receipt(self, buckets: list[StagedBucket], subject: str, suite: str, *, rolled_back: bool) -> dict[str, Any]:
        """The receipt of these buckets, without what only the writer knows."""
        content = self.content
        tables = [self.folder / b.table if b.fresh else self.store.home / b.table for b in buckets]
        return {
            "key": content.key,
            "repository": content.repository,
            "ref": content.ref,
            "default_ref": content.default_ref,
            "commit": content.commit,
            "label": content.label,
            "committed_at": content.committed_at,
            "observed_at": content.observed_at,
            "subject": subject,
            "suite": suite,
            "points": sum(bucket.points for bucket in buckets),
            "documents": sum(bucket.documents for bucket in buckets),
            "id_digest": ids_digest(load_table(path) for path in tables),
            "frequencies": self.total_frequencies(buckets),
            "artifacts": content.artifacts,
            "coverage": content.coverage,
            "run_id": content.run_id,
            "rolled_back": rolled_back,
            "recipe": content.recipe,
            "parts": {name: asdict(part) for name, part in self.published_parts().items()},
        }

    def published_parts(self) -> dict[str, PublishedPart]:
        """The named parts over all buckets, as a receipt lists them."""
        buckets = [bucket_parts(number, self.artifacts) for number in range(self.buckets)]
        found = {}
        for spec in PARTS:
            if all(spec.name in bucket for bucket in buckets):
                parts = [self.artifacts[spec.artifact].part(spec.name, number) for number in range(self.buckets)]
                rows, size = sum(part.rows for part in parts), sum(part.size for part in parts)
                found[spec.name] = PublishedPart(rows, size, part_digest(self.artifacts[spec.artifact], spec.name))
        return found

    def remove_rest(self) -> None:
        """Where buckets cannot be compared, all published points go: the new ones are written whole."""
        if not self.comparable:
            for old in self.old:
                self._remove(old.shard, [row.tobytes() for row in load_table(self.store.home / old.table)[:, :16]])

    def _remove(self, shard: str, ids: list[bytes]) -> None:
        if ids:
            self.removed_ids.setdefault(shard, []).extend(ids)
            self.removed += len(ids)

    def save_removed(self) -> dict[str, str]:
        files = {}
        for number, (shard, ids) in enumerate(sorted(self.removed_ids.items())):
            files[shard] = f"removed-{number}.bin"
            (self.folder / files[shard]).write_bytes(b"".join(ids))
        return files

    def total_frequencies(self, buckets: list[StagedBucket]) -> str:
        """The sum of the buckets' tables; its name in the stage's folder, or in the index folder if unchanged."""
        if self.before is not None and all(not bucket.fresh for bucket in buckets):
            return self.before.frequencies
        paths = [self.folder / b.frequencies if b.fresh else self.store.home / b.frequencies for b in buckets]
        save_table(self.folder / "total.npy", merge_tables([load_table(path) for path in paths]))
        return ""


def _unchanged(before: PointRow | None, source: PointSource) -> PointRow | None:
    """The published row of a point that is made from the same as then, else None."""
    return before if before is not None and before.source == source.digest else None


def point_digest(payload_json: str, dense: np.ndarray) -> bytes:
    """Digest of what a point holds: its payload and its vector's bytes. 16 bytes."""
    return bytes.fromhex(digest(payload_json, np.ascontiguousarray(dense, dtype="<f4").tobytes()))


def _kept(old: LedgerBucket, parts: dict[str, str]) -> StagedBucket:
    return StagedBucket(
        old.digest, old.subject, parts, old.shard, old.points, old.documents, old.table, old.frequencies, False
    )


def move_tables(stage: Stage, folder: Path, store: PublicationStore, shards: list[str]) -> tuple[Receipt, Ledger]:
    """Gives a stage's tables their final names and returns its receipt and ledger (published_at is the caller's)."""
    from ..storage.layout import key_segment

    segment = key_segment(stage.key)
    buckets = []
    for bucket, shard in zip(stage.buckets, shards, strict=True):
        table, frequencies = bucket.table, bucket.frequencies
        if bucket.fresh:
            table, frequencies = f"points/{segment}/{bucket.digest}.npy", f"frequencies/{segment}/{bucket.digest}.npy"
            for source, target in ((bucket.table, table), (bucket.frequencies, frequencies)):
                _take(folder / source, store.home / target)
        buckets.append(
            LedgerBucket(
                bucket.digest, bucket.subject, bucket.parts, shard, bucket.points, bucket.documents, table, frequencies
            )
        )
    body = dict(stage.receipt)
    if not body["frequencies"]:
        body["frequencies"] = f"frequencies/{segment}/total-{stage.id}.npy"
        _take(folder / "total.npy", store.home / body["frequencies"])
    ledger = Ledger(stage.key, tuple(buckets))
    body["ledger"] = store.write_ledger(ledger, stage.id)
    body["parts"] = {name: PublishedPart(**part) for name, part in body["parts"].items()}
    body["shards"] = tuple(dict.fromkeys(b.shard for b in buckets if b.points))
    return Receipt(**body, published_at=0.0, stage_id=stage.id), ledger


def _take(source: Path, target: Path) -> None:
    # Copied beside its place and renamed, so that applying the same stage twice finds its source again.
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    try:
        shutil.copyfile(source, beside)
        beside.replace(target)
    except FileNotFoundError as error:
        raise CorruptArtifactError(f"the stage lost {source.name}", remedy="run it again") from error
