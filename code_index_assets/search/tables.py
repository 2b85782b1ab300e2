"""The tables of the artifacts that a publication was made from, as Polars scans.

What lives here: scans over the Parquet parts that a publication's receipts name. What does not: opening artifacts
(`index/published_artifacts.py`), points (`index/`), what is asked of the tables (`references.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import CorruptArtifactError
from ..index.manifest import Receipt
from ..index.published_artifacts import table_parts
from ..storage.layout import Layout

if TYPE_CHECKING:
    import polars as pl


class PublishedTables:
    """Scans over tables of some published keys. Every scan has the column `key` besides the table's own."""

    def __init__(self, layout: Layout, receipts: Mapping[str, Receipt]) -> None:
        self.layout = layout
        self.receipts = receipts

    def scan(self, table: str) -> pl.LazyFrame:
        """A whole table of all keys. Raises SnapshotGoneError, CorruptArtifactError."""
        return self._scan(table, dict.fromkeys(self.receipts))

    def scan_paths(self, table: str, paths: Iterable[tuple[str, str]]) -> pl.LazyFrame:
        """The rows of some files, given as (key, path): only the buckets that hold them are read."""
        import polars as pl

        paths_of: dict[str, set[str]] = defaultdict(set)
        for key, path in paths:
            paths_of[key].add(path)
        named = pl.DataFrame(
            [(key, path) for key, several in paths_of.items() for path in several],
            schema={"key": pl.String, "path": pl.String},
            orient="row",
        )
        everything = sorted(named.get_column("path").unique())
        frame = self._scan(table, paths_of).filter(pl.col("path").is_in(everything))
        return frame.join(named.lazy(), on=["key", "path"], how="semi")

    def _scan(self, table: str, paths_of: Mapping[str, set[str] | None]) -> pl.LazyFrame:
        import polars as pl

        parts: dict[str, str] = {}
        for key, paths in paths_of.items():
            parts.update((str(part), key) for part in table_parts(self.layout, self.receipts[key], table, paths))
        if not parts:
            raise CorruptArtifactError(
                f"no published artifact has the table {table!r}", remedy="run `code-index index --all` again"
            )
        keys = pl.LazyFrame({"part": list(parts), "key": list(parts.values())})
        frame = pl.scan_parquet(list(parts), include_file_paths="part", hive_partitioning=False, glob=False)
        return frame.join(keys, on="part").drop("part")
