"""The catalogue after publications: built by a process of its own, so that no run waits for it.

What lives here: starting that process. What does not: the Dagster run that builds it (`chain_runs.py`), and the sensor
that does the same beside a daemon (`schedules/sensors.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys

from ..storage.layout import Layout

LOCK = "catalogue-follower"
# They outlive this process; kept, so that none is taken for a process that was forgotten.
_started: list[subprocess.Popen[bytes]] = []


def follow_catalogue(layout: Layout) -> bool:
    """Starts a process that brings the catalogue up to date; False if one is at work, or none can be started."""
    if layout.is_locked(LOCK):
        return False
    try:
        log = (layout.root / "catalogue.log").open("wb")
    except OSError:
        return False  # a data folder that this user may only read
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "code_index_assets.cli.main", "catalog"],
            env={**os.environ, "CODE_INDEX_DATA": str(layout.root)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        _started.append(process)
    return True
