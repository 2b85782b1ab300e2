"""Edges: the code graph of each published repository as a table, kept as a small artifact by what it was made from.

What lives here: making it within a time, its fingerprint, what it costs about. What does not: resolution (`graph/`),
when it is made (`load.py`, `catalog.py`), what is asked of it (the models `edges` and `edge_coverage`).
"""

from __future__ import annotations

import gc
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from ..errors import CorruptArtifactError
from ..graph.edges import EDGES_VERSION, Edge, Names, edges_of_file
from ..graph.opening import manifest_paths, manifest_texts, project_of, repository_of, with_precise
from ..graph.references import References
from ..graph.scip.overlay import Use, agreement_of
from ..index.manifest import Receipt
from ..index.precise import precise_fingerprint, precise_uses
from ..index.published_artifacts import published_artifact, table_parts
from ..index.reader import SnapshotGoneError
from ..progress import Stages
from ..settings import Settings
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactStore
from ..storage.fingerprint import fingerprint
from ..storage.layout import Layout
from .pending import pending_edges
from .sources import EDGE_COVERAGE, EDGES

KIND = "edges"
# Compressed facts that are resolved in a second: 60 to 250 KB were measured.
BYTES_PER_SECOND = 60_000
PASS_SECONDS = 60.0
CODE = ("source", "test")
_EDGES = pl.Schema({column.name: column.dtype for column in EDGES.columns if column.name != "partition"})
_COVERAGE = pl.Schema({column.name: column.dtype for column in EDGE_COVERAGE.columns if column.name != "partition"})


def edges_fingerprint(layout: Layout, receipt: Receipt, seconds: float) -> str:
    """Names the edges of a publication: equal where they would come out the same."""
    made_from = {kind: receipt.artifacts[kind] for kind in ("chunks", "file_hashes")}
    made_from["scip"] = precise_fingerprint(layout, receipt)
    return fingerprint({**made_from, "seconds": seconds, "version": EDGES_VERSION})


def expected_seconds(layout: Layout, receipt: Receipt) -> float:
    """How long making the edges takes about. Raises SnapshotGoneError, CorruptArtifactError."""
    parts = published_artifact(layout, receipt, "chunks").manifest.parts.values()
    return sum(part.size for part in parts if part.table == "code_facts") / BYTES_PER_SECOND


def make_edges(layout: Layout, receipt: Receipt, seconds: float) -> Artifact:
    """Makes the edges of a publication. Where that takes longer than `seconds` none are kept, and the coverage tells.

    Raises SnapshotGoneError, CorruptArtifactError.
    """
    with _without_collection():
        rows, coverage = _resolved(layout, receipt, seconds)
    store = ArtifactStore(layout)
    old = store.previous(KIND, receipt.key)
    # Not under the names of kinds: edges do not keep alive what they were made from.
    inputs = {"made_from": [receipt.artifacts["chunks"], receipt.artifacts["file_hashes"]], "seconds": seconds}
    spec = ArtifactSpec(KIND, receipt.key, inputs, EDGES_VERSION, name=edges_fingerprint(layout, receipt, seconds))
    with store.write(spec, run_id="") as writer:
        writer.write("edges", 0, rows)
        writer.write("edge_coverage", 0, pl.DataFrame([coverage], schema=_COVERAGE))
        writer.info.update(state=coverage["state"], seconds=coverage["seconds"])
    made = store.require(KIND, receipt.key)
    if old is not None and old.fingerprint != made.fingerprint:
        # Nothing but the catalogue's build reads it, and one build at a time makes them.
        shutil.rmtree(old.path, ignore_errors=True)
    return made


def make_pending_edges(layout: Layout, settings: Settings, stages: Stages, newest: Mapping[str, Receipt]) -> int:
    """Makes edges that the live catalogue lacks, for about a minute; returns of how many repositories."""
    made = 0
    until = time.monotonic() + PASS_SECONDS
    for key in pending_edges(layout):
        receipt = newest.get(key)
        if receipt is None or time.monotonic() > until:
            continue
        with stages.stage(f"edges of {key}", unit="edges") as ticker:
            try:
                artifact = make_edges(layout, receipt, settings.edges_seconds)
            except (CorruptArtifactError, SnapshotGoneError):
                continue  # the run that makes its artifacts anew publishes again, and the catalogue follows
            ticker.advance(artifact.manifest.rows("edges"))
        made += 1
    return made


@contextmanager
def _without_collection() -> Iterator[None]:
    """No search for circles of objects: facts have none, and it takes half of the time while millions are made."""
    enabled, limit = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)  # resolvers raise it
        if enabled:
            gc.enable()


def _resolved(layout: Layout, receipt: Receipt, seconds: float) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The edges, and the row that says what they cover."""
    started = time.monotonic()
    roles, facts = _tables(layout, receipt)
    uses = precise_uses(layout, receipt)
    if uses and facts is not None:
        facts = _with_precise(layout, receipt, facts, uses)
    resolved = facts.height if facts is not None else 0
    languages = set(facts.get_column("path")) if facts is not None else set()
    coverage = {
        "state": "none" if not resolved else "made" if seconds else "off",
        "files": resolved,
        "files_without": sum(role in CODE and path not in languages for path, role in roles.items()),
        "edges": 0,
        "seconds": 0.0,
        "scip_edges": 0,
        "scip_recall": None,
        "scip_precision": None,
    }
    rows: list[Edge] = []
    if facts is not None and resolved and seconds:
        repository = repository_of(facts, project_of(roles, _manifests(layout, receipt, list(roles))))
        references = References(repository, uses)
        for found in _by_file(references):
            rows.extend(found)
            if time.monotonic() - started > seconds:
                coverage["state"] = "too_large"
                rows = []
                break
        if uses and rows:
            agreement = agreement_of(
                references.precise, repository, lambda f, n: references.resolver(f).resolve(f, n), repository.paths
            )
            coverage.update(scip_edges=agreement.seen, scip_recall=agreement.recall, scip_precision=agreement.precision)
    coverage.update(edges=len(rows), seconds=round(time.monotonic() - started, 3))
    return pl.DataFrame(rows, schema=_EDGES, orient="row"), coverage


def _by_file(references: References) -> Iterator[list[Edge]]:
    names = Names()
    for path in references.repository.paths:
        file = references.repository.file(path)
        if file is not None:
            yield list(edges_of_file(references, file, names))


def _tables(layout: Layout, receipt: Receipt) -> tuple[dict[str, str], pl.DataFrame | None]:
    """Roles of kept files by path, and facts; None for an index of before there were any."""
    files = pl.scan_parquet(table_parts(layout, receipt, "files"), glob=False)
    roles = dict(files.filter(pl.col("status") == "kept").select("path", "role").collect().iter_rows())
    parts = table_parts(layout, receipt, "code_facts")
    facts = pl.scan_parquet(parts, glob=False).select("path", "language", "names", "facts") if parts else None
    return roles, facts.collect() if facts is not None else None


def _with_precise(layout: Layout, receipt: Receipt, facts: pl.DataFrame, uses: list[Use]) -> pl.DataFrame:
    symbols = pl.scan_parquet(table_parts(layout, receipt, "symbols"), glob=False)
    files = pl.scan_parquet(table_parts(layout, receipt, "files"), glob=False).filter(pl.col("status") == "kept")
    return with_precise(
        facts, uses, symbols.select("path", "name", "kind", "start_line", "end_line").collect(),
        dict(files.select("path", "lines").collect().iter_rows()),
    )  # fmt: skip


def _manifests(layout: Layout, receipt: Receipt, paths: list[str]) -> dict[str, str]:
    wanted = manifest_paths(paths)
    if not wanted:
        return {}
    chunks = pl.scan_parquet(table_parts(layout, receipt, "chunks", wanted), glob=False)
    return manifest_texts(chunks.filter(pl.col("path").is_in(wanted)).select("path", "ordinal", "text").collect())
