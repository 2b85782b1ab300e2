"""Publication manifests, receipts and ledgers: what is published, in plain JSON, and the pointer to the current one.

What lives here: their shapes, reading and writing them, the kept history. What does not: points and shards
(`index/backends/edge.py`, `index/backends/server.py`) and the steps of a publication (`publish.py`). Reading needs
neither Polars nor Qdrant.

- A **manifest** is everything a reader must know of one publication: shards with their generations, a receipt for
  each key. It is immutable; `CURRENT` names one of them.
- A **receipt** is what was published of one key.
- A **ledger** belongs to a receipt and is read by writers only: bucket by bucket, the points and what they were made
  from. It names tables of points and document frequencies, which are shared by later publications that do not
  change the bucket.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import DamagedIndexError, SpaceMismatchError
from ..storage.fingerprint import sealed, unsealed
from ..storage.layout import FORMAT_VERSION, Layout, key_segment, write_atomically

REBUILD_REMEDY = "run `code-index repair`, or any index run: points are made anew from the artifacts, which are kept"


@dataclass(frozen=True)
class PublishedPart:
    """A named part (`quality/parts.py`) of one key: its rows, its bytes on disk, the digest of its values."""

    rows: int
    bytes: int
    digest: str


@dataclass(frozen=True)
class Receipt:
    """What is published of one partition key."""

    key: str
    repository: str
    ref: str
    default_ref: bool
    commit: str
    label: str
    committed_at: float | None
    observed_at: float
    published_at: float
    subject: str
    suite: str
    points: int
    documents: int
    id_digest: str
    shards: tuple[str, ...]
    frequencies: str  # document-frequency table, relative to the index folder
    ledger: str  # relative to the index folder
    artifacts: dict[str, str]
    coverage: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""
    stage_id: str = ""
    rolled_back: bool = False
    recipe: str = ""  # what it was made by (`content.recipe`)
    parts: dict[str, PublishedPart] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardState:
    """One shard of a publication: the folder of its generation (relative; "" on a server) and its points."""

    generation: str
    points: int
    # Points written since the last optimize: what `compact` looks at.
    unoptimized: int = 0


@dataclass(frozen=True)
class PublicationManifest:
    """One publication: what every reader pinned to it sees."""

    name: str
    sequence: int
    space: str
    dimension: int
    published_at: float
    previous: str | None
    shards: dict[str, ShardState] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    format: int = FORMAT_VERSION

    @property
    def points(self) -> int:
        """Points of all partitions."""
        return sum(receipt.points for receipt in self.receipts.values())

    def to_json(self) -> bytes:
        """The manifest as JSON with its digest."""
        return sealed(json.dumps(asdict(self), separators=(",", ":"), sort_keys=True).encode())

    @classmethod
    def from_json(cls, raw: bytes) -> PublicationManifest:
        """The manifest of such JSON. Raises DamagedIndexError."""
        body = json.loads(unsealed(raw))
        body["shards"] = {name: ShardState(**state) for name, state in body["shards"].items()}
        body["receipts"] = {key: _receipt(receipt) for key, receipt in body["receipts"].items()}
        return cls(**body)


def _receipt(body: dict[str, Any]) -> Receipt:
    parts = {name: PublishedPart(**part) for name, part in body.get("parts", {}).items()}
    return Receipt(**{**body, "shards": tuple(body["shards"]), "parts": parts})


@dataclass(frozen=True)
class LedgerBucket:
    """One bucket as published: its inputs, where its points are, and the tables that list them.

    `digest` covers everything its points are made from: equal digests mean equal points. `parts` are the digests of
    the artifact parts it was read from, by table name.
    """

    digest: str
    subject: str
    parts: dict[str, str]
    shard: str
    points: int
    documents: int
    table: str  # .npy of ids and digests (`tables.py`), relative to the index folder
    frequencies: str  # .npy of document frequencies, relative


@dataclass(frozen=True)
class Ledger:
    """The buckets of one receipt, in order."""

    key: str
    buckets: tuple[LedgerBucket, ...]

    def to_json(self) -> bytes:
        """The ledger as JSON with its digest."""
        return sealed(json.dumps(asdict(self), separators=(",", ":"), sort_keys=True).encode())

    @classmethod
    def from_json(cls, raw: bytes) -> Ledger:
        """The ledger of such JSON. Raises DamagedIndexError."""
        body = json.loads(unsealed(raw))
        return cls(body["key"], tuple(LedgerBucket(**bucket) for bucket in body["buckets"]))


class PublicationStore:
    """Reads and writes the publications of one space."""

    def __init__(self, layout: Layout, space: str) -> None:
        self.layout = layout
        self.space = space
        self.home = layout.index(space)
        self.pointer = self.home / "CURRENT"

    def current_name(self) -> str | None:
        """The name of the current publication; None before the first."""
        return self.layout.read_pointer(self.pointer)

    def current(self) -> PublicationManifest | None:
        """The publication CURRENT names, or None before the first.

        Where CURRENT or its manifest is damaged, the newest publication that can be read answers (`mend` makes it the
        current one). Raises DamagedIndexError if there are publications and none can be read.
        """
        # The pointer can move and its old manifest be pruned between the two reads: read it again.
        for _ in range(5):
            name = self.current_name()
            if name is None:
                break
            try:
                return self.read(name)
            except FileNotFoundError:
                time.sleep(0.01)
            except DamagedIndexError:
                break
        return self._last_good()

    def names(self) -> list[str]:
        """Names of the publications that are there, newest first."""
        return sorted((path.stem for path in (self.home / "publications").glob("p*.json")), reverse=True)

    def _last_good(self) -> PublicationManifest | None:
        names = self.names()
        for name in names:
            try:
                return self.read(name)
            except (DamagedIndexError, FileNotFoundError):
                continue
        if not names and not self.pointer.exists():
            return None
        raise DamagedIndexError(f"no publication in {self.home} can be read", remedy=REBUILD_REMEDY)

    def mend(self) -> PublicationManifest | None:
        """`current`, and CURRENT names it afterwards; for who holds the writer lock. Raises DamagedIndexError."""
        manifest = self.current()
        if manifest is not None:
            pointed = self.current_name()
            if pointed != manifest.name and not self._is_readable(pointed):
                self.layout.swap(self.pointer, pointed, manifest.name)
        return manifest

    def is_adrift(self) -> bool:
        """Whether CURRENT names no publication that can be read though there were some: `rebuild` has to come first."""
        name = self.current_name()
        if name is None:
            return self.pointer.exists() or bool(self.names())
        return not self._is_readable(name) and self.current_name() == name

    def _is_readable(self, name: str | None) -> bool:
        try:
            return name is not None and self.read(name) is not None
        except (DamagedIndexError, FileNotFoundError):
            return False

    def read(self, name: str) -> PublicationManifest:
        """The publication of a name. Raises DamagedIndexError."""
        path = self.manifest_path(name)
        raw = path.read_bytes()
        try:
            return PublicationManifest.from_json(raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedIndexError(
                f"the publication manifest {path} cannot be read: {error}", remedy=REBUILD_REMEDY
            ) from error

    def manifest_path(self, name: str) -> Path:
        """The file of a publication."""
        return self.home / "publications" / f"{name}.json"

    def history(self, limit: int | None = None) -> Iterator[PublicationManifest]:
        """Kept publications, newest (the current one) first."""
        manifest = self.current()
        count = 0
        while manifest is not None and (limit is None or count < limit):
            yield manifest
            count += 1
            try:
                manifest = self.read(manifest.previous) if manifest.previous else None
            except (FileNotFoundError, DamagedIndexError):
                return

    def ledger(self, receipt: Receipt) -> Ledger:
        """The ledger of a receipt. Raises DamagedIndexError."""
        path = self.home / receipt.ledger
        try:
            return Ledger.from_json(path.read_bytes())
        except (OSError, ValueError, TypeError, KeyError) as error:
            told = "is gone" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
            raise DamagedIndexError(f"the ledger {path} {told}", remedy=REBUILD_REMEDY) from error

    def write_ledger(self, ledger: Ledger, name: str) -> str:
        """Writes a ledger; returns its file name."""
        relative = f"ledgers/{key_segment(ledger.key)}/{name}.json"
        write_atomically(self.home / relative, ledger.to_json())
        return relative

    def move(self, expected: PublicationManifest | None, new: PublicationManifest) -> bool:
        """Writes a manifest and makes it current; False if CURRENT no longer names `expected`."""
        write_atomically(self.manifest_path(new.name), new.to_json())
        return self.layout.swap(self.pointer, expected.name if expected else None, new.name)

    def successor(self, base: PublicationManifest | None, dimension: int) -> PublicationManifest:
        """An unpublished copy of the base with the next sequence number and a name of its own."""
        if base is not None and base.dimension != dimension:
            raise SpaceMismatchError(
                f"the published index has vectors of {base.dimension} dimensions, this has {dimension}",
                remedy="the embedding space's id must change with its dimension",
            )
        sequence = (base.sequence if base else 0) + 1
        # The suffix keeps the name apart from that of a killed attempt at the same number.
        name = f"p{sequence:08d}-{os.urandom(4).hex()}"
        blank = PublicationManifest(name, sequence, self.space, dimension, time.time(), base.name if base else None)
        return blank if base is None else replace(blank, shards=dict(base.shards), receipts=dict(base.receipts))
