"""Precise indexes (SCIP) of published repositories: taken in, kept as an artifact by commit, given to the code graph.

What lives here: `add_precise`, which refuses an index of another commit, and reading what is kept. What does not: the
format and what it means for names (`graph/scip/`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, CorruptArtifactError, NotBuiltError, NotIndexedError
from ..graph.scip.model import Document, Encoding, Occurrence, ScipIndex, read_index, symbol_name
from ..graph.scip.overlay import Use
from ..graph.scip.wire import MalformedError
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactStore
from ..storage.fingerprint import digest, fingerprint
from ..storage.layout import Layout
from .manifest import Receipt
from .published import PublishedIndex
from .published_artifacts import table_parts

if TYPE_CHECKING:
    import polars as pl

KIND = "scip"
PRECISE_VERSION = "1"
# Of the definitions of an index, so many must stand where it says: fewer, and it is one of another commit.
FITS = 0.95


@dataclass(frozen=True)
class Added:
    """What was taken from an index. `elsewhere`: documents of files that the publication does not hold."""

    repository: str
    tool: str
    documents: int
    occurrences: int
    elsewhere: int
    commit: str


def published_receipt(layout: Layout, repository: str, ref: str | None) -> Receipt:
    """The newest publication of a repository, of its default ref without one. Raises NotIndexedError."""
    found = [
        receipt
        for manifest in PublishedIndex(layout).publications()
        for receipt in manifest.receipts.values()
        if repository in (receipt.repository, receipt.key)
        and (receipt.ref == ref if ref else receipt.default_ref or repository == receipt.key)
    ]
    if not found:
        at = f" at {ref}" if ref else ""
        raise NotIndexedError(f"{repository}{at} is not indexed", remedy="code-index list shows what is")
    return max(found, key=lambda receipt: receipt.published_at)


def add_precise(layout: Layout, receipt: Receipt, raw: bytes, commit: str | None = None) -> Added:
    """Takes a SCIP index for what is published; documents of the same files replace those taken before.

    `commit` is the commit that it was made from, where its maker knows; without it the places of its definitions
    decide. Raises ConfigurationError (no index, or of another commit), SnapshotGoneError, CorruptArtifactError.
    """
    if commit and not receipt.commit.startswith(commit):
        raise ConfigurationError(
            f"the index is of commit {commit[:12]}, and {receipt.key} is published at {receipt.label[:18]}",
            remedy="make the index from the published commit, or index the repository at the index's commit first",
        )
    try:
        index = read_index(raw)
    except MalformedError as error:
        raise ConfigurationError(
            f"this is not a SCIP index: {error}", remedy="give the file that scip-python, scip-typescript, … wrote"
        ) from error
    lines = _Lines(layout, receipt, [document.path for document in index.documents])
    known = [document for document in index.documents if document.path in lines.of]
    _require_fit(index, known, lines, receipt)
    rows = [row for document in known for row in _rows(document, lines)]
    _write(layout, receipt, index, known, rows)
    return Added(
        receipt.repository, index.tool, len(known), len(rows), len(index.documents) - len(known), receipt.commit
    )


def precise_artifact(layout: Layout, receipt: Receipt) -> Artifact | None:
    """What is kept for a publication; None if nothing is, or only for another commit."""
    try:
        artifact = ArtifactStore(layout).current(KIND, receipt.key)
    except (NotBuiltError, CorruptArtifactError):
        return None
    fits = artifact is not None and artifact.manifest.inputs.get("commit") == receipt.commit
    return artifact if fits else None


def precise_uses(layout: Layout, receipt: Receipt) -> list[Use]:
    """The occurrences that are kept for a publication."""
    artifact = precise_artifact(layout, receipt)
    if artifact is None:
        return []
    rows = artifact.read("occurrences", ["path", "line", "column", "symbol", "roles"])
    return [Use(*row) for row in rows.iter_rows()]


def forget_precise(layout: Layout, key: str) -> bool:
    """Removes what is kept for a partition, of every commit; returns whether there was anything."""
    home = layout.artifact_home(KIND, key)
    there = home.exists()
    shutil.rmtree(home, ignore_errors=True)
    return there


def precise_fingerprint(layout: Layout, receipt: Receipt) -> str:
    """Names what is kept for a publication; "" for nothing."""
    artifact = precise_artifact(layout, receipt)
    return artifact.fingerprint if artifact is not None else ""


class _Lines:
    """The lines of some published files, put together from their chunks."""

    def __init__(self, layout: Layout, receipt: Receipt, paths: Iterable[str]) -> None:
        import polars as pl

        wanted = sorted(set(paths))
        chunks = pl.scan_parquet(table_parts(layout, receipt, "chunks", wanted or [""]), glob=False)
        rows = chunks.filter(pl.col("path").is_in(wanted)).select("path", "start_line", "text").collect()
        self.of: dict[str, dict[int, str]] = {}
        for path, start, text in rows.iter_rows():
            lines = self.of.setdefault(path, {})
            for offset, line in enumerate(text.split("\n")):
                if len(line) >= len(lines.get(start + offset, "")):
                    lines[start + offset] = line

    def column(self, document: Document, occurrence: Occurrence) -> int:
        """The byte of the line at which an occurrence starts."""
        line = self.of[document.path].get(occurrence.line + 1, "")
        if document.encoding == Encoding.UTF8 or line.isascii():
            return occurrence.column
        points = document.encoding == Encoding.UTF32 or (
            document.encoding == Encoding.UNSPECIFIED and document.language.lower() == "python"
        )
        if points:
            return len(line[: occurrence.column].encode())
        return len(line.encode("utf-16-le")[: 2 * occurrence.column].decode("utf-16-le", "ignore").encode())

    def holds(self, path: str, line: int, column: int, name: str) -> bool:
        """Whether a name stands at a place."""
        return self.of[path].get(line, "").encode()[column:].startswith(name.encode())


def _require_fit(index: ScipIndex, documents: list[Document], lines: _Lines, receipt: Receipt) -> None:
    checked = right = 0
    for document in documents:
        for one in document.occurrences:
            name = symbol_name(one.symbol) if one.defines else ""
            if name.isidentifier() and one.end - one.column == len(name):
                checked += 1
                right += lines.holds(document.path, one.line + 1, lines.column(document, one), name)
    if not documents:
        raise ConfigurationError(
            f"none of the {len(index.documents):,} files of the index is in {receipt.key} at {receipt.label[:18]}",
            remedy="paths in the index must be relative to the root of the repository",
        )
    if right < FITS * checked:
        raise ConfigurationError(
            f"at {right:,} of {checked:,} definitions of the index stands their name in {receipt.key} at "
            f"{receipt.label[:18]}: it was made from another commit",
            remedy="make the index from the published commit, or index the repository at the index's commit first",
        )


def _rows(document: Document, lines: _Lines) -> Iterator[dict[str, Any]]:
    for one in document.occurrences:
        if not one.symbol.startswith("local "):
            yield {
                "path": document.path, "line": one.line + 1, "column": lines.column(document, one),
                "symbol": one.symbol, "roles": one.roles, "name": symbol_name(one.symbol),
            }  # fmt: skip


def _schema() -> dict[str, pl.DataType]:
    import polars as pl

    return {"path": pl.String(), "line": pl.Int32(), "column": pl.Int32(), "symbol": pl.String(),
            "roles": pl.Int32(), "name": pl.String()}  # fmt: skip


def _write(
    layout: Layout, receipt: Receipt, index: ScipIndex, documents: list[Document], rows: list[dict[str, Any]]
) -> None:
    import polars as pl

    store = ArtifactStore(layout)
    with layout.lock(f"scip-{receipt.key}", timeout=60):
        before = precise_artifact(layout, receipt)
        frame = pl.DataFrame(rows, schema=_schema())
        replaced = [document.path for document in documents]
        if before is not None:
            kept = before.read("occurrences").filter(~pl.col("path").is_in(replaced))
            frame = pl.concat([kept, frame])
        frame = frame.sort("path", "line", "column", "symbol")
        inputs = {"commit": receipt.commit, "rows": digest(*map(repr, frame.iter_rows()))}
        name = fingerprint({**inputs, "version": PRECISE_VERSION})
        spec = ArtifactSpec(KIND, receipt.key, inputs, PRECISE_VERSION, name=name)
        with store.write(spec, run_id="") as writer:
            writer.write("occurrences", 0, frame)
            writer.info.update(tool=index.tool, version=index.version, at=time.time())
