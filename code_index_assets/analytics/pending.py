"""Which repositories lack their edges in the live catalogue.

What lives here: asking it. What does not: making edges (`edges.py`). Imports little: command lines ask.
"""

from __future__ import annotations

from ..storage.layout import Layout


def pending_edges(layout: Layout) -> list[str]:
    """Partitions whose edges are not made yet, in order; none where there is no catalogue, or one without edges."""
    import duckdb

    try:
        with duckdb.connect(str(layout.catalog), read_only=True) as connection:
            query = "SELECT \"partition\" FROM raw.edge_coverage WHERE state = 'pending' ORDER BY 1"
            return [str(row[0]) for row in connection.execute(query).fetchall()]
    except duckdb.Error:
        return []
