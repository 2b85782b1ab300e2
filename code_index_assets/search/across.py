"""Who uses a repository's definitions in the other registered repositories, by version where it is pinned.

What lives here: which repositories are asked, and which version of the package each uses. What does not: what an import
means (`graph/across.py`), manifests (`graph/pins.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..graph.across import Provider, uses_elsewhere
from ..graph.opening import manifest_texts
from ..graph.pins import is_manifest, own_names, packages
from ..graph.references import Found
from ..graph.repository import Place
from ..index.manifest import Receipt
from ..storage.layout import Layout
from .graphs import CodeGraph, graph_of
from .tables import PublishedTables

KEPT = 512
DEFINITIONS = 200  # of which uses elsewhere are looked up in one question


@dataclass(frozen=True)
class Elsewhere:
    """One use in another repository; `pinned`: the version of the package that it asks for, "" if none exactly."""

    receipt: Receipt
    graph: CodeGraph
    use: Found
    pinned: str


def elsewhere(
    layout: Layout, home: Receipt, graph: CodeGraph, places: Iterable[Place], receipts: Mapping[str, Receipt]
) -> Iterator[Elsewhere]:
    """Uses of some definitions of a repository in the default refs of the others.

    One that is pinned to a version that is indexed as another ref uses that one's definitions, not these. Raises
    SnapshotGoneError, CorruptArtifactError, OutOfTimeError.
    """
    wanted = list(dict.fromkeys(places))[:DEFINITIONS]
    if not wanted:
        return
    provider = Provider(graph.references, graph.roles)
    names = own_names(_manifests(layout, home))
    versions = {receipt.ref.removeprefix("v") for receipt in receipts.values() if receipt.repository == home.repository}
    for receipt in receipts.values():
        if receipt.repository == home.repository or not receipt.default_ref:
            continue
        asked = packages(_manifests(layout, receipt))
        pinned = next((asked[name] for name in sorted(names) if name in asked), "")
        if pinned in versions and pinned != home.ref.removeprefix("v"):
            continue
        other = graph_of(layout, receipt)
        for found in uses_elsewhere(provider, wanted, other.references):
            use = found.use
            if pinned:
                use = replace(use, why=f"{use.why}, pinned to {pinned}")
            yield Elsewhere(receipt, other, use, pinned)


_texts: dict[tuple[str, str, str], dict[str, str]] = {}


def _manifests(layout: Layout, receipt: Receipt) -> dict[str, str]:
    """The texts of a repository's manifests by path, read once a process for each version of its chunks."""
    name = (str(layout.root), receipt.key, receipt.artifacts["chunks"])
    if name not in _texts:
        if len(_texts) >= KEPT:
            _texts.clear()
        _texts[name] = _read(layout, receipt)
    return _texts[name]


def _read(layout: Layout, receipt: Receipt) -> dict[str, str]:
    import polars as pl

    tables = PublishedTables(layout, {receipt.key: receipt})
    files = tables.scan("files").filter(pl.col("status") == "kept").select("path").collect()
    paths = [path for path in files.get_column("path") if is_manifest(path)]
    if not paths:
        return {}
    rows = tables.scan_paths("chunks", [(receipt.key, path) for path in paths]).select("path", "ordinal", "text")
    return manifest_texts(rows.collect())
