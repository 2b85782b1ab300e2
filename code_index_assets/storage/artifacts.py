"""Immutable artifacts: a folder of Parquet parts and a manifest, named by the fingerprint of its inputs.

What lives here: writing, opening and verifying artifacts, part by part. What does not: where they are kept and
which is current (`store.py`), what their tables mean (`tables.py`).

An artifact's tables are split into **buckets** by a hash of the path, so that the cost of a change follows the
change: a bucket whose inputs equal the previous artifact's is hard-linked, not rewritten. The manifest is written
last and the folder renamed in: a folder that has its final name is whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import CorruptArtifactError, NotBuiltError
from .fingerprint import file_digest, fingerprint, sealed, unsealed
from .frame_digest import frame_digest
from .layout import FORMAT_VERSION, Layout
from .store import Home, LocalStore, Store

FILES_PER_BUCKET = 256
MAX_BUCKETS = 256
# Tables that are no Parquet: read by memory map, a piece at a time.
MAPPED_TABLES = frozenset({"texts", "trigrams"})
_DIGESTS_KEPT = 100_000
REMEDY = "run `code-index index` for that repository: the damaged artifact is made anew"
_digests: dict[tuple[int, int, int, int], str] = {}


def bucket_count(files: int, previous: int | None = None) -> int:
    """How many buckets a repository of so many files gets: a power of two.

    A repository keeps its previous count until it has grown or shrunk fourfold, so that one file more does not
    rewrite every bucket.
    """
    wanted = 1
    while wanted * FILES_PER_BUCKET < files and wanted < MAX_BUCKETS:
        wanted *= 2
    if previous and wanted // 4 < previous < wanted * 4:
        return previous
    return wanted


@dataclass(frozen=True)
class Part:
    """One file of an artifact: one bucket of one table."""

    table: str
    bucket: int
    size: int
    rows: int
    digest: str  # of the file's bytes
    content: str = ""  # of the values (`frame_digest`), the same whatever wrote the file


@dataclass(frozen=True)
class Manifest:
    """What an artifact was made from and what it holds."""

    kind: str
    key: str
    fingerprint: str
    inputs: dict[str, Any]
    code_version: str
    run_id: str
    created_at: float
    buckets: int
    parts: dict[str, Part] = field(default_factory=dict)
    bucket_inputs: dict[str, str] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT_VERSION

    def rows(self, table: str) -> int:
        """Rows of a table in all buckets."""
        return sum(part.rows for part in self.parts.values() if part.table == table)


@dataclass(frozen=True)
class ArtifactSpec:
    """Which artifact a step makes: its place, and everything that decides its content."""

    kind: str
    key: str
    inputs: dict[str, Any]
    code_version: str
    space: str | None = None
    name: str = ""  # of its folder, where it is not the fingerprint of the inputs

    @property
    def home(self) -> Home:
        """Where artifacts of this kind and key are."""
        return Home(self.kind, self.key, self.space)

    @property
    def fingerprint(self) -> str:
        """The name of the artifact: given, or a hash of its inputs."""
        return self.name or fingerprint(self.inputs)


class Artifact:
    """A finished artifact, opened for reading."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @property
    def fingerprint(self) -> str:
        """The name of the artifact's folder."""
        return self.manifest.fingerprint

    @property
    def info(self) -> dict[str, Any]:
        """What the step recorded beside its tables."""
        return self.manifest.info

    @classmethod
    def open(cls, path: Path) -> Artifact:
        """Raises NotBuiltError if there is no artifact, CorruptArtifactError if its manifest is unreadable."""
        try:
            raw = json.loads(unsealed((path / "manifest.json").read_bytes()))
            raw["parts"] = {name: Part(**part) for name, part in raw["parts"].items()}
            return cls(path, Manifest(**raw))
        except (FileNotFoundError, NotADirectoryError):
            raise NotBuiltError(f"there is no artifact at {path}", remedy="run `code-index index` again") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptArtifactError(
                f"the manifest of {path} cannot be read: {error}",
                remedy=REMEDY,
            ) from error

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A whole table, buckets in order. Every part's bytes are verified against the manifest first."""
        return self.read_buckets(table, range(self.manifest.buckets), columns)

    def read_buckets(self, table: str, buckets: Iterable[int], columns: list[str] | None = None) -> pl.DataFrame:
        """Some buckets of a table (at least one), in the order given, verified. Raises as `read_bucket`."""
        # In one call: a call each took four times as long, 0.13 s for the 256 buckets of 50,000 files.
        return pl.read_parquet([self.verified_part(table, bucket) for bucket in buckets], columns=columns)

    def read_split(self, table: str, columns: list[str] | None = None) -> list[pl.DataFrame]:
        """A whole table as `read` gives it, bucket by bucket."""
        rows = self.read(table, columns)
        counts = [self.part(table, bucket).rows for bucket in range(self.manifest.buckets)]
        if sum(counts) != rows.height:
            raise CorruptArtifactError(
                f"{self.path} holds {rows.height:,} rows of {table}, its manifest says {sum(counts):,}",
                remedy=REMEDY,
            )
        starts = accumulate(counts, initial=0)
        return [rows.slice(start, count) for start, count in zip(starts, counts, strict=False)]

    def read_bucket(self, table: str, bucket: int, columns: list[str] | None = None) -> pl.DataFrame:
        """One bucket of a table (verified). Raises CorruptArtifactError, NotBuiltError."""
        return pl.read_parquet(self.verified_part(table, bucket), columns=columns)

    def verified_part(self, table: str, bucket: int) -> Path:
        """The file of a bucket, its digest checked once a process. Raises CorruptArtifactError."""
        part = self.part(table, bucket)
        path = self.path / part_name(table, bucket)
        if _digest_of(path, part.size) != part.digest:
            raise CorruptArtifactError(
                f"{path} is not what its manifest says: the file was changed or damaged after it was written",
                remedy=REMEDY,
            )
        return path

    def find_part(self, table: str, bucket: int) -> Part | None:
        """What the manifest says of one bucket of a table, or None if the artifact has no such table."""
        return self.manifest.parts.get(part_name(table, bucket))

    def part(self, table: str, bucket: int) -> Part:
        """What the manifest says of one bucket of a table. Raises NotBuiltError."""
        part = self.find_part(table, bucket)
        if part is None:
            raise NotBuiltError(f"artifact {self.path} has no part {part_name(table, bucket)}")
        return part

    def rows_of(self, table: str) -> int:
        """Rows of a table in all buckets."""
        return self.manifest.rows(table)

    def verify(self) -> None:
        """Checks the bytes of every part. Raises CorruptArtifactError."""
        for part in self.manifest.parts.values():
            self.verified_part(part.table, part.bucket)


def _digest_of(path: Path, size: int) -> str | None:
    """The digest of a file of this size, None if it is not there or has another one.

    A step verifies what it links, the next one what it reads: one file four times a run. A file that this process has
    digested is not read again while inode, size and modification time are the same.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if found.st_size != size:
        return None
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    known = _digests.get(state)
    if known is None:
        if len(_digests) > _DIGESTS_KEPT:
            _digests.clear()
        known = _digests[state] = file_digest(path)
    return known


class ArtifactWriter:
    """An artifact being made, in a temporary folder. `ArtifactStore.write` gives one."""

    def __init__(self, folder: Path, buckets: int) -> None:
        self.folder = folder
        self.buckets = buckets
        self.parts: dict[str, Part] = {}
        self.bucket_inputs: dict[str, str] = {}
        self.info: dict[str, Any] = {}

    def write(self, table: str, bucket: int, frame: pl.DataFrame) -> Part:
        """Writes one bucket of a table."""
        name = part_name(table, bucket)
        path = self.folder / name
        frame.write_parquet(path, compression="zstd", compression_level=1, statistics=True)
        part = Part(table, bucket, path.stat().st_size, frame.height, file_digest(path), frame_digest(frame))
        self.parts[name] = part
        return part

    def write_mapped(self, table: str, bucket: int, data: bytes, rows: int, content: str = "") -> Part:
        """Writes one bucket of a table of `MAPPED_TABLES`; `content` is a digest of its values."""
        name = part_name(table, bucket)
        path = self.folder / name
        path.write_bytes(data)
        part = self.parts[name] = Part(table, bucket, len(data), rows, file_digest(path), content)
        return part

    def link(self, previous: Artifact, table: str, bucket: int) -> Part:
        """Takes over one bucket of a previous artifact of the same bucket count, without copying its bytes."""
        name = part_name(table, bucket)
        source = previous.verified_part(table, bucket)
        try:
            os.link(source, self.folder / name)
        except OSError:
            (self.folder / name).write_bytes(source.read_bytes())
        part = previous.manifest.parts[name]
        self.parts[name] = part
        return part

    def reuse_buckets(
        self,
        previous: Artifact | None,
        inputs_of: Callable[[int], str],
        reuse: Callable[[Artifact, int], None],
    ) -> list[int]:
        """Records what each bucket is made from, and has `reuse` take over those that were made from the same before.

        Returns the buckets that have to be written. An artifact with another number of buckets has none to take over.
        """
        comparable = previous if previous is not None and previous.manifest.buckets == self.buckets else None
        changed = []
        for bucket in range(self.buckets):
            inputs = inputs_of(bucket)
            self.bucket_inputs[str(bucket)] = inputs
            if comparable is not None and comparable.manifest.bucket_inputs.get(str(bucket)) == inputs:
                reuse(comparable, bucket)
            else:
                changed.append(bucket)
        return changed


@dataclass(frozen=True)
class Built:
    """The artifact of a spec, and whether it was there before."""

    artifact: Artifact
    reused: bool


# Writes the parts and facts of an artifact; the second argument is the previous artifact, to take over from.
Make = Callable[[ArtifactWriter, Artifact | None], None]


class ArtifactStore:
    """Opens, makes and points at artifacts of one data folder."""

    def __init__(self, layout: Layout, store: Store | None = None, *, only_existing: bool = False) -> None:
        """`only_existing`: `build` takes what is there and raises NotBuiltError where it would make something."""
        self.layout = layout
        self.store = store or LocalStore(layout)
        self.only_existing = only_existing
        # What was found damaged and is made anew, in words: steps report it.
        self.damaged: list[str] = []

    def previous(self, kind: str, key: str, space: str | None = None) -> Artifact | None:
        """The current artifact, to take over from what has not changed; None if there is none that is whole.

        This is where damage of what was made before ends: a damaged artifact counts as none, is noted in `damaged`, and
        the caller makes everything anew. Every part is digested, which steps would do as they link the parts.
        """
        home = Home(kind, key, space)
        name = self.store.current(home)
        if name is None:
            if self.store.has_damaged_pointer(home):
                self._note(f"the pointer to the {kind.replace('_', ' ')} of {key} held no name")
            return None
        return self.whole_named(kind, key, name, space)

    def damaged_current(self, kind: str, key: str, space: str | None = None) -> Path | None:
        """The folder of the current artifact if it is there and damaged, else None."""
        home = Home(kind, key, space)
        name = self.store.current(home)
        if name is None or name not in self.store.list(home) or self.whole_named(kind, key, name, space) is not None:
            return None
        return self.store.open(home, name)

    def named(self, kind: str, key: str, name: str, space: str | None = None) -> Artifact:
        """The artifact of a fingerprint. Raises NotBuiltError, CorruptArtifactError."""
        return Artifact.open(self.store.open(Home(kind, key, space), name))

    def whole_named(self, kind: str, key: str, name: str, space: str | None = None) -> Artifact | None:
        """The artifact of a fingerprint, every part verified; None, noted in `damaged`, if it is damaged or gone."""
        try:
            return self.whole(self.store.open(Home(kind, key, space), name))
        except NotBuiltError as error:
            self._note(error.message)
            return None

    def every(self, kind: str, key: str, space: str | None = None) -> list[Artifact]:
        """All artifacts of a kind and key that can be read."""
        home = Home(kind, key, space)
        found = []
        for name in self.store.list(home):
            with contextlib.suppress(NotBuiltError, CorruptArtifactError):
                found.append(Artifact.open(self.store.open(home, name)))
        return found

    def whole(self, folder: Path) -> Artifact | None:
        """The artifact in a folder, every part verified; None, noted in `damaged`, if it is damaged or gone."""
        try:
            artifact = Artifact.open(folder)
            artifact.verify()
        except (NotBuiltError, CorruptArtifactError) as error:
            self._note(error.message)
            return None
        return artifact

    def _note(self, what: str) -> None:
        if what not in self.damaged:
            self.damaged.append(what)

    def current(self, kind: str, key: str, space: str | None = None) -> Artifact | None:
        """The current artifact, or None if there is none."""
        name = self.store.current(Home(kind, key, space))
        try:
            return None if name is None else self.named(kind, key, name, space)
        except NotBuiltError:
            return None

    def has(self, kind: str, key: str, space: str | None = None) -> bool:
        """Whether a kind of artifact was ever made of a key, damaged or not."""
        home = Home(kind, key, space)
        return self.store.current(home) is not None or self.store.has_damaged_pointer(home)

    def open_folder(self, folder: Path) -> Artifact | None:
        """The artifact in a folder, or None if there is none that can be read."""
        try:
            return Artifact.open(folder)
        except (NotBuiltError, CorruptArtifactError):
            return None

    def require(self, kind: str, key: str, space: str | None = None) -> Artifact:
        """The current artifact; raises NotBuiltError with the remedy if there is none."""
        artifact = self.current(kind, key, space)
        if artifact is None:
            raise NotBuiltError(
                f"{key} has no {kind.replace('_', ' ')} yet",
                remedy=f"run `code-index index {key}`, or materialize `{kind}` for this partition first",
            )
        return artifact

    def existing(self, kind: str, key: str, name: str, space: str | None = None) -> Artifact | None:
        """The finished and undamaged artifact of a fingerprint, if it is there."""
        home = Home(kind, key, space)
        try:
            folder = self.store.open(home, name)
        except NotBuiltError:
            return None
        return self.whole(folder)

    def point(self, artifact: Artifact, space: str | None = None) -> None:
        """Makes an artifact the current one of its kind and key."""
        home = Home(artifact.manifest.kind, artifact.manifest.key, space)
        while not self.store.swap(home, self.store.current(home), artifact.fingerprint):
            continue

    def build(
        self,
        spec: ArtifactSpec,
        run_id: str,
        make: Make,
        *,
        buckets: int = 1,
        equivalent: Callable[[], Artifact | None] = lambda: None,
    ) -> Built:
        """The artifact of a spec, which is current afterwards: the one that is there, else what `make` writes.

        `equivalent` may name another artifact that stands for it. `make` may change the writer's number of buckets
        before it writes. Raises what `make` raises; then nothing is left behind and the current artifact stays.
        """
        known = self.existing(spec.kind, spec.key, spec.fingerprint, spec.space) or equivalent()
        if known is not None:
            self.point(known, spec.space)
            return Built(known, reused=True)
        if self.only_existing:
            raise NotBuiltError(f"{spec.kind} of {spec.key} would be made anew")
        previous = self.previous(spec.kind, spec.key, spec.space)
        with self.write(spec, run_id, buckets) as writer:
            make(writer, previous)
        return Built(self.named(spec.kind, spec.key, spec.fingerprint, spec.space), reused=False)

    @contextmanager
    def write(self, spec: ArtifactSpec, run_id: str, buckets: int = 1) -> Iterator[ArtifactWriter]:
        """Makes an artifact: parts are written inside the block; at its end it is renamed in and made current.

        Nothing is left behind if the block raises. A damaged artifact of the same fingerprint is replaced.
        """
        kind, key, space, name = spec.kind, spec.key, spec.space, spec.fingerprint
        with self.store.temporary(kind) as folder:
            writer = ArtifactWriter(folder, buckets)
            yield writer
            manifest = Manifest(
                kind=kind,
                key=key,
                fingerprint=name,
                inputs=spec.inputs,
                code_version=spec.code_version,
                run_id=run_id,
                created_at=time.time(),
                buckets=writer.buckets,
                parts=writer.parts,
                bucket_inputs=writer.bucket_inputs,
                info=writer.info,
            )
            body = json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()
            (folder / "manifest.json").write_bytes(sealed(body))
            damaged = name in self.store.list(spec.home) and self.existing(kind, key, name, space) is None
            self.store.put(spec.home, name, folder, replace=damaged)
            self.point(self.named(kind, key, name, space), space)


def part_name(table: str, bucket: int) -> str:
    """The file name of one bucket of a table."""
    return f"{table}-{bucket:03d}.{'mapped' if table in MAPPED_TABLES else 'parquet'}"
