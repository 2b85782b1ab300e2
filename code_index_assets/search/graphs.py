"""The code graphs of published repositories, opened from the facts stored with their chunks.

What lives here: `graph_of`, with the graphs opened last kept in this process. What does not: resolution (`graph/`),
the questions (`uses.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..chunking import grammars
from ..chunking.code_facts.model import FileFacts
from ..chunking.context import MANIFESTS, ProjectContext, project_context
from ..chunking.plugins import FACTS
from ..errors import CorruptArtifactError
from ..graph.references import References
from ..graph.repository import Repository
from ..index.manifest import Receipt
from ..storage.layout import Layout
from .tables import PublishedTables

if TYPE_CHECKING:
    import polars as pl

KEPT = 8


@dataclass
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
    name = (layout.root, receipt.key, receipt.artifacts.get("chunks", ""))
    graph = _graphs.pop(name, None) or _opened(layout, receipt)
    while len(_graphs) >= KEPT:
        _graphs.pop(next(iter(_graphs)))
    _graphs[name] = graph  # the last one used is the last to go
    return graph


def _opened(layout: Layout, receipt: Receipt) -> CodeGraph:
    import polars as pl

    tables = PublishedTables(layout, {receipt.key: receipt})
    files = tables.scan("files").filter(pl.col("status") == "kept").select("path", "role").collect()
    try:
        facts = tables.scan("code_facts").select("path", "language", "names", "facts").collect()
    except CorruptArtifactError:
        facts = None
    roles = dict(files.iter_rows())
    if facts is None:
        return CodeGraph(References(Repository((), lambda path: None, lambda path, module: None)), {}, roles)
    languages: dict[str, str] = dict(facts.select("path", "language").iter_rows())
    texts: dict[str, str] = dict(facts.select("path", "facts").iter_rows())
    mentions = _Mentions(facts)
    project = _project(tables, list(roles))

    def load(path: str) -> FileFacts | None:
        text = texts.get(path)
        return FileFacts.from_json(path, languages[path], text) if text is not None else None

    @cache
    def resolve(path: str, module: str) -> str | None:
        rules = FACTS.get(grammars.canonical(languages.get(path, "")))
        return rules.resolve(path, module, project) if rules is not None and rules.resolve is not None else None

    return CodeGraph(References(Repository(texts, load, resolve, mentions)), languages, roles)


class _Mentions:
    """Which files mention a name."""

    def __init__(self, facts: pl.DataFrame) -> None:
        exploded = facts.select("path", "names").explode("names").drop_nulls().sort("names", "path")
        self._names = exploded.get_column("names")
        self._paths = exploded.get_column("path")

    def __call__(self, name: str) -> Iterable[str]:
        first = int(self._names.search_sorted(name, "left"))
        last = int(self._names.search_sorted(name, "right"))
        return self._paths.slice(first, last - first).to_list()


def _project(tables: PublishedTables, paths: list[str]) -> ProjectContext:
    """What languages need to know of the repository: paths, and names from manifests as they were indexed."""
    manifests = [path for path in paths if path.rpartition("/")[2] in MANIFESTS]
    texts: dict[str, str] = {}
    if manifests:
        (key,) = tables.receipts
        rows = tables.scan_paths("chunks", [(key, path) for path in manifests]).select("path", "ordinal", "text")
        for path, parts in rows.collect().sort("path", "ordinal").group_by("path", maintain_order=True):
            texts[str(path[0])] = "\n".join(parts.get_column("text").to_list())
    return project_context(paths, texts.get)
