"""The sensors: what waits in the inbox becomes runs; pollers are started when their time has come.

What lives here: reading files and asking for runs. What does not: anything that waits for a network or takes time with
the number of repositories: a tick of 5,000 registered repositories without an event stays under 0.1 s of CPU.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg

from code_index_assets.assets.partitions import REPOSITORIES, repositories
from code_index_assets.index.published import PublishedIndex
from code_index_assets.records.failures import record_failure
from code_index_assets.triggers.inbox import Event, Inbox, latest
from code_index_assets.triggers.polling import poller_runs
from resources.code_index import CodeIndexResource

from .jobs import index_repository, refresh_catalog, retire_repository
from .priorities import PRIORITY_TAG, priority_tags

EVENTS_A_TICK = 500
PARTITIONS_A_TICK = 100
POLLER_STARTS_SECONDS = 30
_pollers: list[subprocess.Popen[bytes]] = []


@dg.sensor(
    jobs=[index_repository, retire_repository],
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Events of webhooks and polls become runs, one a repository.",
)
def inbox_events(context: dg.SensorEvaluationContext, code_index: CodeIndexResource) -> dg.SensorResult:
    """A tick first removes what the last one handled: by then its runs are recorded, as the cursor shows."""
    inbox = Inbox(code_index.layout())
    handled = json.loads(context.cursor) if context.cursor else []
    inbox.remove(handled)
    for event in inbox.give_back():
        lost = "the run worker of its run was killed, each time"
        record_failure(code_index.layout(), event.key, "repository", "RunWorkerError", lost, False, "")
    events, names = inbox.pending(EVENTS_A_TICK)
    first = set(list(latest(events))[:PARTITIONS_A_TICK])
    # A run worker may have taken one since.
    done = sorted(inbox.request(name for event, name in zip(events, names, strict=True) if event.key in first))
    chosen = latest(event for event in events if event.name in done)
    if not chosen:
        return dg.SensorResult(skip_reason="no events", cursor="[]" if handled else None)
    waiting = waiting_runs(context.instance, list(chosen))
    known = set(context.instance.get_dynamic_partitions(REPOSITORIES))
    requests = []
    new = []
    for key, event in chosen.items():
        if event.kind == "retired":
            config = {"ops": {"retire": {"config": {"key": key}}}}
            requests.append(
                dg.RunRequest(run_key=f"retire {event.name}", job_name=retire_repository.name, run_config=config)
            )
            continue
        tags = priority_tags(event.cause, event.host)
        # A run that still waits will look at the ref when it starts: one more would find nothing to do.
        if waiting.get(key, -1000) >= int(tags[PRIORITY_TAG]):
            continue
        if key not in known:
            new.append(key)
        requests.append(
            dg.RunRequest(run_key=run_key_of(event), job_name=index_repository.name, partition_key=key, tags=tags)
        )
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[repositories.build_add_request(new)] if new else [],
        cursor=json.dumps(done),
    )


def run_key_of(event: Event) -> str:
    """The run key of an event's run. Its name counts observations: the same commit pushed again is another event."""
    return f"{event.key}@{event.commit}#{event.name}"


def waiting_runs(instance: dg.DagsterInstance, keys: list[str]) -> dict[str, int]:
    """Highest priority of a queued run of the chain, by partition."""
    queued = instance.get_runs(
        dg.RunsFilter(
            job_name=index_repository.name, statuses=[dg.DagsterRunStatus.QUEUED], tags={"dagster/partition": keys}
        )
    )
    waiting: dict[str, int] = {}
    for run in queued:
        key = run.tags["dagster/partition"]
        waiting[key] = max(waiting.get(key, -1000), int(run.tags.get(PRIORITY_TAG, "0")))
    return waiting


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a poller, in a separate process, when it is time or a request waits.",
)
def repository_polls(context: dg.SensorEvaluationContext, code_index: CodeIndexResource) -> dg.SkipReason:
    """Starts a poller when its time has come."""
    layout = code_index.layout()
    if not code_index.settings().polling:
        return dg.SkipReason("polling is off (CODE_INDEX_POLLING)")
    _pollers[:] = [process for process in _pollers if process.poll() is None]
    requested = any(Inbox(layout).wanted.glob("*.json"))
    last = float(context.cursor or 0)
    if not requested and time.time() - last < POLLER_STARTS_SECONDS:
        return dg.SkipReason("not time yet")
    if _pollers or poller_runs(layout):
        return dg.SkipReason("a poller is at work")
    context.update_cursor(str(time.time()))
    _pollers.append(start_poller(code_index.settings().data, layout.root / "poller.log"))
    return dg.SkipReason("started a poller")


def start_poller(data: Path, log: Path) -> "subprocess.Popen[bytes]":
    """A poller of one pass, apart from this process: it outlives a tick that is cut off."""
    if log.exists() and log.stat().st_size > 1 << 20:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "code_index_assets.cli.main", "poll", "--quiet"],
            env={**os.environ, "CODE_INDEX_DATA": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


@dg.sensor(
    job=refresh_catalog,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the catalogue anew after publications: one run for all that came within a minute.",
)
def catalog_follows(context: dg.SensorEvaluationContext, code_index: CodeIndexResource) -> dg.SensorResult:
    """Asks for the catalogue after publications changed."""
    layout = code_index.layout()
    published = PublishedIndex(layout)
    state = published.state()
    failures = layout.root / "failures"
    state += f" {failures.stat().st_mtime_ns if failures.exists() else 0}"
    if not published.spaces or state == context.cursor:
        return dg.SensorResult(skip_reason="nothing published since")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=state)], cursor=state)
