"""The catalogue after publications: built by a process of its own, so that no run waits for it.

What lives here: starting that process. What does not: the Dagster run that builds it (`chain_runs.py`), and the sensor
that does the same beside a daemon (`schedules/sensors.py`).
"""

from __future__ import annotations

import os
import sys

from ..storage.layout import Layout
from .detached import start_detached

LOCK = "catalogue-follower"
EDGES_LOCK = "edges-follower"


def follow_catalogue(layout: Layout) -> bool:
    """Starts a process that brings the catalogue up to date; False if one is at work, or none can be started."""
    return _start(layout, LOCK, "catalogue.log")


def follow_edges(layout: Layout) -> bool:
    """Starts a process that makes edges which the catalogue lacks, once no run has published for a while."""
    return _start(layout, EDGES_LOCK, "edges.log")


def _start(layout: Layout, lock: str, log_name: str) -> bool:
    if layout.is_locked(lock):
        return False
    try:
        log = (layout.root / log_name).open("wb")
    except OSError:
        return False  # a data folder that this user may only read
    with log:
        environment = {**os.environ, "CODE_INDEX_DATA": str(layout.root)}
        start_detached(
            [sys.executable, "-m", "code_index_assets.cli.main", "catalog", "--background"], log, environment
        )
    return True
