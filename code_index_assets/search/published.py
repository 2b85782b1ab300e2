"""The tables of the artifacts that a publication was made from, as Polars scans.

What lives here: finding and checking the Parquet parts that a publication's receipts name. What does not: points
(`index/`), what is asked of the tables (`references.py`), the artifacts that are current now (a later run may have
made newer ones that are not published: no query may see those).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CorruptArtifactError
from ..fingerprint import bucket_of, file_digest
from ..index.manifest import Receipt
from ..index.reader import SnapshotGoneError
from ..layout import Layout

if TYPE_CHECKING:
    import polars as pl

KIND_OF = {"files": "file_hashes"}  # all other tables are in "chunks"


class PublishedTables:
    """Scans over tables of some published keys. Every scan has the column `key` besides the table's own."""

    def __init__(self, layout: Layout, receipts: Mapping[str, Receipt]) -> None:
        self.layout = layout
        self.receipts = receipts

    def scan(self, table: str) -> pl.LazyFrame:
        """A whole table of all keys. Raises SnapshotGoneError, CorruptArtifactError."""
        return self._scan(table, dict.fromkeys(self.receipts))

    def scan_paths(self, table: str, paths: Iterable[tuple[str, str]]) -> pl.LazyFrame:
        """The rows of some files, given as (key, path)."""
        import polars as pl

        wanted: dict[str, set[str]] = defaultdict(set)
        for key, path in paths:
            wanted[key].add(path)
        named = pl.DataFrame(
            [(key, path) for key, several in wanted.items() for path in several],
            schema={"key": pl.String, "path": pl.String},
            orient="row",
        )
        everything = sorted(named.get_column("path").unique())
        frame = self._scan(table, wanted).filter(pl.col("path").is_in(everything))
        return frame.join(named.lazy(), on=["key", "path"], how="semi")

    def _scan(self, table: str, wanted: Mapping[str, set[str] | None]) -> pl.LazyFrame:
        import polars as pl

        parts: dict[str, str] = {}
        for key, paths in wanted.items():
            parts.update((str(path), key) for path in self._parts(table, key, paths))
        if not parts:
            raise CorruptArtifactError(
                f"no published artifact has the table {table!r}", remedy="run `code-index index --all` again"
            )
        keys = pl.LazyFrame({"part": list(parts), "key": list(parts.values())})
        frame = pl.scan_parquet(list(parts), include_file_paths="part", hive_partitioning=False, glob=False)
        return frame.join(keys, on="part").drop("part")

    def _parts(self, table: str, key: str, paths: set[str] | None) -> list[Path]:
        kind = KIND_OF.get(table, "chunks")
        folder = self.layout.artifact_home(kind, key) / self.receipts[key].artifacts[kind]
        try:
            manifest = _manifest(folder)
            buckets = int(manifest["buckets"])
            numbers = range(buckets) if paths is None else sorted({bucket_of(path, buckets) for path in paths})
            names = [f"{table}-{number:03d}.parquet" for number in numbers]
            found = [name for name in names if name in manifest["parts"]]
            for name in found:
                _check(folder / name, manifest["parts"][name]["digest"])
        except FileNotFoundError as error:
            raise SnapshotGoneError(
                f"the artifacts that {key} was published from are no longer kept",
                remedy="ask again: the current publication answers",
            ) from error
        return [folder / name for name in found]


@lru_cache(maxsize=8192)
def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an artifact; artifacts never change, so it is read once."""
    try:
        raw: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
        return {"buckets": raw["buckets"], "parts": raw["parts"]}
    except (ValueError, KeyError) as error:
        raise CorruptArtifactError(
            f"the manifest of {folder} cannot be read: {error}",
            remedy="remove that folder and run `code-index index` again",
        ) from error


@lru_cache(maxsize=65536)
def _digest(path: Path, size: int, changed: int) -> str:
    del size, changed
    return file_digest(path)


def _check(path: Path, expected: str) -> None:
    state = path.stat()
    if _digest(path, state.st_size, state.st_mtime_ns) != expected:
        raise CorruptArtifactError(
            f"{path} is not what its manifest says: the file was changed or damaged after it was written",
            remedy="run `code-index index` again: the damaged artifact is rebuilt",
        )
