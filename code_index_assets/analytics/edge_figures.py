"""The code graph in figures: edges by kind and grade, and which folders hang together, as people look at them.

What lives here: `EdgeFigures` of a catalogue and its Markdown. What does not: the edges (`edges.py`), Dagster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

GRADES = ("proven", "inferred", "textual")
ARROWS = 15
_COUNTS = "SELECT kind, grade, count(*) FROM staging.stg_edges GROUP BY ALL ORDER BY ALL"
_FOLDERS = """
    SELECT regexp_replace(path, '/?[^/]*$', '') AS f, regexp_replace(target_path, '/?[^/]*$', '') AS t, count(*) AS n
    FROM staging.stg_edges
    WHERE "partition" = (SELECT "partition" FROM staging.stg_edge_coverage ORDER BY edges DESC, "partition" LIMIT 1)
        AND kind IN ('calls', 'instantiates', 'inherits', 'implements') AND f != t
    GROUP BY ALL ORDER BY n DESC, f, t LIMIT ?
"""


@dataclass(frozen=True)
class EdgeFigures:
    """Edges by (kind, grade), and of the largest repository the folders that use each other most."""

    counts: dict[tuple[str, str], int]
    largest: str
    folders: Sequence[tuple[str, str, int]]

    @property
    def numbers(self) -> dict[str, int]:
        """Edges of each grade and each kind, by a name that a plot can be made of."""
        found = {f"edges_{grade}": 0 for grade in GRADES}
        for (kind, grade), count in self.counts.items():
            found[f"edges_{grade}"] += count
            found[f"edges_{kind}"] = found.get(f"edges_{kind}", 0) + count
        return found

    def table(self) -> str:
        """Kinds by grades, as a Markdown table."""
        kinds = sorted({kind for kind, _ in self.counts})
        rows = [
            f"| {kind} | " + " | ".join(f"{self.counts.get((kind, grade), 0):,}" for grade in GRADES) + " |"
            for kind in kinds
        ]
        return "\n".join([f"| kind | {' | '.join(GRADES)} |", "|---|---:|---:|---:|", *rows])

    def picture(self) -> str:
        """The folders of the largest repository that use each other most, as a Mermaid drawing in Markdown."""
        names = dict.fromkeys(name for source, target, _ in self.folders for name in (source, target))
        number = {name: f"n{position}" for position, name in enumerate(names)}
        shown = [f'  {number[name]}["{_label(name)}"]' for name in names]
        arrows = [f"  {number[source]} -->|{count:,}| {number[target]}" for source, target, count in self.folders]
        return "\n".join([f"{self.largest}: who uses whom", "```mermaid", "flowchart LR", *shown, *arrows, "```"])


def edge_figures(connection: duckdb.DuckDBPyConnection) -> EdgeFigures:
    """The figures of an open catalogue."""
    counts = {(kind, grade): int(count) for kind, grade, count in connection.execute(_COUNTS).fetchall()}
    largest = connection.execute(
        'SELECT "partition" FROM staging.stg_edge_coverage ORDER BY edges DESC, "partition" LIMIT 1'
    ).fetchone()
    folders = [(str(f), str(t), int(n)) for f, t, n in connection.execute(_FOLDERS, [ARROWS]).fetchall()]
    return EdgeFigures(counts, str(largest[0]) if largest else "", folders)


def _label(folder: str) -> str:
    return (folder or "/").replace('"', "'").replace("[", "(").replace("]", ")")
