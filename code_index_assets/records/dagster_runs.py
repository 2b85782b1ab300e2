"""Runs that Dagster's own records name as waiting or at work, read without Dagster.

What lives here: the partitions such runs are for, whether the process of a run still lives. What does not: what runs
did (`run_log.py`), everything that writes those records (`assets/instance.py`, the daemon).

Only the SQLite records of a data folder (or of DAGSTER_HOME) are seen; of a Postgres storage nothing is known here.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from ..storage.layout import Layout

HOST_TAG = "code_index/host"
PROCESS_TAG = "code_index/process"
# Which run worker has a launched run: the run's id and the worker's process.
WORKER_TAG = "code_index/run_worker"
RunState = Literal["queued", "starting", "running"]

_STATES: dict[str, RunState] = {"STARTED": "running", "STARTING": "starting", "QUEUED": "queued"}
_WAIT_SECONDS = 0.2
_RUNS = """
SELECT runs.partition, runs.status, host.value, process.value, parent.value IS NOT NULL FROM runs
LEFT JOIN run_tags host ON host.run_id = runs.run_id AND host.key = ?
LEFT JOIN run_tags process ON process.run_id = runs.run_id AND process.key = ?
LEFT JOIN run_tags parent ON parent.run_id = runs.run_id AND parent.key = 'dagster/parent_run_id'
WHERE runs.status IN ('STARTED', 'STARTING', 'QUEUED') AND runs.partition IS NOT NULL
"""


def runs_at_work(layout: Layout) -> dict[str, RunState]:
    """Partition keys that an unfinished run is for, and how far it is; of several runs the one furthest on."""
    home = Path(os.environ.get("DAGSTER_HOME") or layout.dagster_home)
    records = home / "history" / "runs.db"
    if not records.exists():
        return {}
    try:
        uri = f"{records.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)) as connection:
            rows = connection.execute(_RUNS, (HOST_TAG, PROCESS_TAG)).fetchall()
    except sqlite3.Error:
        return {}  # being made, or of another version: locks and events alone then show what goes on
    states: dict[str, RunState] = {}
    order = list(_STATES.values())
    for key, status, host, process, again in rows:
        # A re-execution from the UI has the tags of the command line's run, and runs in a separate process.
        if not again and host == socket.gethostname() and not is_alive(process or ""):
            continue  # a killed command line: the next one marks its run as failed
        state = _STATES[status]
        if key not in states or order.index(state) < order.index(states[key]):
            states[key] = state
    return states


def this_process() -> str:
    """Names this process such that a later one with the same id has another name."""
    return f"{os.getpid()}-{_start_time(os.getpid())}"


def worker_of(run_id: str) -> str:
    """The value of WORKER_TAG of a run that this process executes."""
    return f"{run_id} {socket.gethostname()} {this_process()}"


def worker_is_alive(run_id: str, tag: str | None) -> bool | None:
    """Whether the run worker that a tag names still lives; None if it names none for this run, or one elsewhere."""
    told = (tag or "").split(" ")
    if len(told) != 3 or told[0] != run_id or told[1] != socket.gethostname():
        return None
    return is_alive(told[2])


def is_alive(process: str) -> bool:
    """Whether the process of this name (`this_process`) still lives on this host."""
    pid, _, started = process.partition("-")
    return pid.isdigit() and _start_time(int(pid)) == started


def _start_time(pid: int) -> str:
    """Start time of a process in clock ticks since boot, "" if there is none: process ids are used again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
