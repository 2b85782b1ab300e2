"""Events of the inbox, made runs by a run worker at once: the sensor need not come round to them.

What lives here: taking the events of one partition and running the chain for it. What does not: the inbox
(`triggers/inbox.py`) and the sensor (`schedules/sensors.py`), which asks for runs of what no worker takes.

One event leads to one run: it is taken by renaming its file, and the run has the run key that the sensor would give it.
"""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg

from schedules.jobs import index_repository
from schedules.priorities import PRIORITY_TAG, priority_tags
from schedules.sensors import inbox_events, run_key_of, waiting_runs

from ..records.failures import record_failure
from ..settings import Settings
from ..triggers.inbox import Claim, Inbox
from .chain_runs import Loaded, run_partitions


def run_next(ready: Loaded, settings: Settings, at: Callable[[str], None]) -> bool:
    """Runs the chain for the partition whose event waits longest; whether another one waits.

    Raises KeyboardInterrupt.
    """
    del settings
    inbox = Inbox(ready.layout)
    for event in inbox.give_back():
        lost = "the run worker of its run was killed, each time"
        record_failure(ready.layout, event.key, "repository", "RunWorkerError", lost, False, "")
    claim = inbox.claim()
    if claim is None:
        return False
    try:
        _run(ready, claim, at)
    finally:
        inbox.release(claim)
    return inbox.waiting_new() > 0


def _run(ready: Loaded, claim: Claim, at: Callable[[str], None]) -> None:
    event = claim.event
    tags = priority_tags(event.cause, event.host)
    # A run that still waits in Dagster's queue will look at the ref when it starts.
    if waiting_runs(ready.instance, [event.key]).get(event.key, -1000) >= int(tags[PRIORITY_TAG]):
        return
    tags |= {"dagster/run_key": run_key_of(event), "dagster/sensor_name": inbox_events.name}
    same = dg.RunsFilter(job_name=index_repository.name, tags={"dagster/run_key": tags["dagster/run_key"]})
    if not ready.instance.get_runs(same, limit=1):
        run_partitions(ready, [event.key], lambda line: None, at=at, tags=tags)
