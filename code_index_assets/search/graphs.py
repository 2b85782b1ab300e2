"""The code graphs of published repositories, opened from the facts stored with their chunks.

What lives here: `graph_of`, with the graphs opened last kept in this process. What does not: resolution (`graph/`),
the questions (`uses.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..chunking.context import ProjectContext
from ..errors import CorruptArtifactError
from ..graph.opening import manifest_paths, manifest_texts, project_of, repository_of, with_precise
from ..graph.references import References
from ..graph.repository import Repository
from ..index.manifest import Receipt
from ..index.precise import precise_fingerprint, precise_uses
from ..storage.layout import Layout
from .tables import PublishedTables

KEPT = 8


@dataclass(eq=False)
class CodeGraph:
    """The graph of one repository at its published commit."""

    references: References
    languages: dict[str, str]  # language by path, of files that have facts
    roles: dict[str, str]  # role by path, of kept files

    @property
    def complete(self) -> bool:
        """Whether the index has facts at all: one made by an earlier version has none."""
        return bool(self.languages)


_graphs: dict[tuple[Path, str, str], CodeGraph] = {}


def graph_of(layout: Layout, receipt: Receipt) -> CodeGraph:
    """The graph of a published repository. Raises SnapshotGoneError, CorruptArtifactError."""
    chunks = receipt.artifacts.get("chunks", "")
    name = (layout.root, receipt.key, f"{chunks} {precise_fingerprint(layout, receipt)}")
    graph = _graphs.pop(name, None) or _opened(layout, receipt)
    while len(_graphs) >= KEPT:
        _graphs.pop(next(iter(_graphs)))
    _graphs[name] = graph  # the last one used is the last to go
    return graph


def _opened(layout: Layout, receipt: Receipt) -> CodeGraph:
    import polars as pl

    tables = PublishedTables(layout, {receipt.key: receipt})
    files = tables.scan("files").filter(pl.col("status") == "kept").select("path", "role", "lines").collect()
    try:
        facts = tables.scan("code_facts").select("path", "language", "names", "facts").collect()
    except CorruptArtifactError:
        facts = None
    roles = dict(files.select("path", "role").iter_rows())
    if facts is None:
        return CodeGraph(References(Repository((), lambda path: None, lambda path, module: None)), {}, roles)
    uses = precise_uses(layout, receipt)
    if uses:
        symbols = tables.scan("symbols").select("path", "name", "kind", "start_line", "end_line").collect()
        facts = with_precise(facts, uses, symbols, dict(files.select("path", "lines").iter_rows()))
    languages: dict[str, str] = dict(facts.select("path", "language").iter_rows())
    return CodeGraph(References(repository_of(facts, _project(tables, list(roles))), uses), languages, roles)


def _project(tables: PublishedTables, paths: list[str]) -> ProjectContext:
    manifests = manifest_paths(paths)
    if not manifests:
        return project_of(paths, {})
    (key,) = tables.receipts
    rows = tables.scan_paths("chunks", [(key, path) for path in manifests]).select("path", "ordinal", "text")
    return project_of(paths, manifest_texts(rows.collect()))
