"""Comparing what four places say of the same: receipts, artifacts, the index, the catalogue, id by id.

What lives here: `reconcile`, and what repairs each difference. What does not: damaged bytes (`doctor/`), whose repair
comes first. Every comparison is with what one publication names, and that never changes: runs may publish meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..analytics.catalog import build_catalog
from ..analytics.query import open_catalog
from ..errors import CodeIndexError, NotBuiltError
from ..index.backends.interface import View
from ..index.manifest import PublicationManifest, Receipt
from ..index.points import point_id
from ..index.published import PublishedIndex
from ..index.rebuild import rebuild
from ..progress import Say, Stages
from ..settings import Settings
from ..sources.registry import Registry
from ..storage.artifacts import Artifact, ArtifactStore
from ..storage.layout import Layout
from .retention import KINDS_BY_SPACE

SHOWN = 10
# Catalogue table, artifact kind, artifact table, and the columns that name a row of both.
_TABLES = (
    ("raw.files", "file_hashes", "files", ("path", "hash")),
    ("raw.chunks", "chunks", "chunks", ("chunk_id",)),
    ("raw.symbols", "chunks", "symbols", ("symbol_id",)),
    ("raw.embeddings", "embeddings", "embeddings", ("chunk_id", "part", "vector_key")),
)


@dataclass(frozen=True)
class Difference:
    """Two places that disagree on a partition; `ids` are the first that differ. `command` repairs it, where one does;
    `repair` is what that command calls, where it is not an index run."""

    key: str
    between: str
    what: str
    count: int = 0
    ids: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    repair: Callable[[], str] | None = field(default=None, compare=False)
    repair_name: str = ""

    def to_json(self) -> dict[str, Any]:
        """The difference as `--json` prints it."""
        return {
            "key": self.key, "between": self.between, "what": self.what, "count": self.count, "ids": list(self.ids),
            "command": list(self.command),
        }  # fmt: skip


@dataclass(frozen=True)
class Reconciled:
    """What a comparison found and did: how much was compared, what was repaired, what is left."""

    partitions: int
    compared: int
    repaired: tuple[str, ...]
    left: tuple[Difference, ...]


def reconcile(layout: Layout, settings: Settings, *, repair: bool = False, say: Say = lambda line: None) -> Reconciled:
    """Compares everything, and with `repair` repairs what can be repaired without an index run; then compares again.

    Raises LockedError, DamagedIndexError if no publication can be read.
    """
    comparison = _Comparison(layout, settings)
    found = list(comparison.differences())
    done: dict[str, str] = {}
    if repair:
        # Points first: the catalogue is compared with the same artifacts, and built once.
        for difference in found:
            if difference.repair is None or difference.repair_name in done:
                continue
            say(f"{difference.key}: {difference.what}")
            done[difference.repair_name] = difference.repair()
        if done:
            if "catalogue" not in done and layout.catalog.exists():
                build_catalog(layout, settings, Stages())  # points that were made anew are another publication
            comparison = _Comparison(layout, settings)
            found = list(comparison.differences())
    return Reconciled(comparison.partitions, comparison.compared, tuple(done.values()), tuple(found))


class _Comparison:
    """One comparison of a data folder; `compared` counts the ids."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        self.layout, self.settings = layout, settings
        self.store = ArtifactStore(layout)
        self.published = PublishedIndex(layout)
        self.partitions = self.compared = 0

    def differences(self) -> Iterator[Difference]:
        """Everything that differs, points before the catalogue."""
        manifests = list(self.published.publications())
        keys = {key for manifest in manifests for key in manifest.receipts}
        self.partitions = len(keys)
        yield from self._registry(keys)
        for manifest in manifests:
            yield from self._points(manifest)
        yield from self._catalogue(manifests)

    # -- registry ------------------------------------------------------------------------------------------------

    def _registry(self, published: set[str]) -> Iterator[Difference]:
        entries = Registry.load(self.settings.registry_file, self.layout).entries
        named = {entry.name for entry in entries if entry.enabled}
        for key in sorted(published):
            if key.partition("@")[0] not in named:
                what = "it is published, and no entry of the registry names it"
                yield Difference(key, "registry, index", what, command=("code-index", "prune", "--retired"))
        for entry in entries:
            for key in entry.keys if entry.enabled else ():
                if key not in published:
                    what = "the registry names it, and nothing of it is published"
                    yield Difference(key, "registry, index", what, command=("code-index", "index", key))

    # -- artifacts and points --------------------------------------------------------------------------------------

    def _points(self, manifest: PublicationManifest) -> Iterator[Difference]:
        backend = self.published.backend(manifest, self.settings)
        view = backend.view(manifest)
        expected_by_shard: dict[str, int] = dict.fromkeys(manifest.shards, 0)
        whole = True
        try:
            for key, receipt in sorted(manifest.receipts.items()):
                found = list(self._partition(view, manifest, key, receipt, expected_by_shard))
                whole = whole and not found
                yield from found
            for shard, expected in expected_by_shard.items() if whole else ():
                there = view.count(shard, None, ())
                if there != expected:
                    what = (
                        f"shard {shard} of {manifest.space} has {there - expected:+,} points beside those of receipts"
                    )
                    keys = tuple(key for key, receipt in manifest.receipts.items() if shard in receipt.shards)
                    count = abs(there - expected)
                    yield self._of_points(keys[0] if keys else "", manifest, "receipts, index", what, count, (), keys)
        finally:
            view.close()

    def _partition(
        self, view: View, manifest: PublicationManifest, key: str, receipt: Receipt, by_shard: dict[str, int]
    ) -> Iterator[Difference]:
        for kind, name in receipt.artifacts.items():
            space = manifest.space if kind in KINDS_BY_SPACE else None
            if self.store.whole_named(kind, key, name, space) is None:
                what = f"its {kind.replace('_', ' ')} artifact {name[:12]} is damaged or gone"
                yield Difference(key, "receipts, artifacts", what, 1, (name,), ("code-index", "index", key))
                return
        rows = self._opened("embeddings", key, receipt, manifest.space).read("embeddings", ["chunk_id", "part"])
        expected = {point_id(key, chunk, part) for chunk, part in rows.iter_rows()}
        found: set[str] = set()
        try:
            for shard in receipt.shards:
                ids = set(view.ids(shard, key))
                by_shard[shard] = by_shard.get(shard, 0) + len(ids)
                found |= ids
        except (CodeIndexError, FileNotFoundError) as error:
            yield self._of_points(
                key, manifest, "receipts, index", f"its points cannot be read: {error}", 0, (), (key,)
            )
            return
        self.compared += len(expected)
        for ids, where in ((expected - found, "are missing in the index"), (found - expected, "are in no artifact")):
            if ids:
                what = f"{len(ids):,} of {len(expected):,} points {where}"
                yield self._of_points(key, manifest, "artifacts, index", what, len(ids), ids, (key,))

    def _of_points(
        self, key: str, manifest: PublicationManifest, between: str, what: str, count: int,
        ids: Sequence[str] | set[str], suspected: tuple[str, ...],
    ) -> Difference:  # fmt: skip
        backend = self.published.backend(manifest, self.settings)
        again = partial(
            rebuild, backend, self.layout, manifest.space, manifest.dimension, suspected=suspected,
            lock_timeout=self.settings.lock_timeout_seconds,
        )  # fmt: skip
        return Difference(
            key, between, what, count, tuple(sorted(ids)[:SHOWN]), ("code-index", "reconcile", "--repair"),
            lambda: str(again()), f"{manifest.space} {suspected}",
        )  # fmt: skip

    # -- catalogue -------------------------------------------------------------------------------------------------

    def _catalogue(self, manifests: list[PublicationManifest]) -> Iterator[Difference]:
        receipts = {(m.space, key): receipt for m in manifests for key, receipt in m.receipts.items()}
        try:
            with open_catalog(self.layout) as connection:
                held = {
                    (space, key): (commit, subject, published_at, latest)
                    for space, key, commit, subject, published_at, latest in connection.execute(
                        'SELECT space, "partition", "commit", subject, published_at, latest FROM raw.repositories'
                    ).fetchall()
                }
                yield from self._rows_of(connection, receipts, held)
        except NotBuiltError:
            if receipts:
                yield self._of_catalogue("", "there is no catalogue", len(receipts), ())
        except CodeIndexError as error:
            yield self._of_catalogue("", error.message, 0, ())

    def _rows_of(
        self, connection: Any, receipts: dict[tuple[str, str], Receipt], held: dict[tuple[str, str], tuple[Any, ...]]
    ) -> Iterator[Difference]:
        for space, key in sorted(held.keys() - receipts.keys()):
            yield self._of_catalogue(key, f"the catalogue has it in {space}, where it is not published", 1, ())
        for (space, key), receipt in sorted(receipts.items()):
            row = held.get((space, key))
            if row is None or row[1:3] != (receipt.subject, receipt.published_at):
                yield self._of_catalogue(key, f"the catalogue lacks its publication in {space}", 1, (receipt.commit,))
                continue
            if row[0] != receipt.commit:
                yield self._of_catalogue(key, f"the catalogue has it at {row[0]}", 1, (receipt.commit,))
            for table, kind, name, columns in _TABLES:
                if kind in KINDS_BY_SPACE or row[3]:
                    yield from self._table(connection, space, receipt, table, kind, name, columns)

    def _table(
        self, connection: Any, space: str, receipt: Receipt, table: str, kind: str, name: str, columns: tuple[str, ...]
    ) -> Iterator[Difference]:
        key = receipt.key
        try:
            rows = self._opened(kind, key, receipt, space).read(name, list(columns))
        except CodeIndexError:
            return  # told with the points
        expected = {"/".join(map(str, row)) for row in rows.iter_rows()}
        of_space = " AND space = ?" if kind in KINDS_BY_SPACE else ""
        found = {
            "/".join(map(str, row))
            for row in connection.execute(
                f'SELECT {", ".join(columns)} FROM {table} WHERE "partition" = ?{of_space}',  # noqa: S608
                [key, space] if of_space else [key],
            ).fetchall()
        }
        self.compared += len(expected)
        for ids, where in ((expected - found, "are missing in"), (found - expected, "are in no artifact but in")):
            if ids:
                yield self._of_catalogue(
                    key, f"{len(ids):,} of {len(expected):,} {name} {where} {table}", len(ids), ids
                )

    def _of_catalogue(self, key: str, what: str, count: int, ids: Sequence[str] | set[str]) -> Difference:
        def again() -> str:
            build_catalog(self.layout, self.settings, Stages(), full=True)
            return f"built {self.layout.catalog} anew"

        command = ("code-index", "reconcile", "--repair")
        shown = tuple(sorted(ids)[:SHOWN])
        return Difference(key, "artifacts, catalogue", what, count, shown, command, again, "catalogue")

    def _opened(self, kind: str, key: str, receipt: Receipt, space: str) -> Artifact:
        return self.store.named(kind, key, receipt.artifacts[kind], space if kind in KINDS_BY_SPACE else None)
