"""The catalogue after publications: built by a process of its own, so that no run waits for it.

What lives here: who builds it, and that one process does. What does not: how it is built (`analytics/catalog.py`), and the
sensor that does the same beside a daemon (`schedules/sensors.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys

from ..analytics.lag import CatalogueLag, catalogue_lag
from ..errors import LockedError
from ..progress import Say
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


def bring_up_to_date(layout: Layout, say: Say) -> CatalogueLag:
    """Builds the catalogue until it holds all that is published, unless another process does; returns what it lacks.

    A publication that comes while the catalogue is built is seen afterwards, by this process or the next one: the lock is
    free again before the last look. Raises CodeIndexError if it cannot be built.
    """
    from .chain_runs import loaded, run_catalogue

    while True:
        try:
            with layout.lock(LOCK, timeout=0):
                if catalogue_lag(layout).behind_publications or not layout.catalog.exists():
                    with loaded(layout) as ready:
                        run_catalogue(ready, say)
        except LockedError:
            return catalogue_lag(layout)
        lag = catalogue_lag(layout)
        if not lag.behind_publications:
            return lag
