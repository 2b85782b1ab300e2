"""Runs that Dagster launched (UI, sensors, schedules, backfills), executed in this process.

What lives here: executing one, and recording that the process of one is gone. What does not: handing it over
(`launcher.py`).
"""

from __future__ import annotations

import contextlib

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.events import EngineEventData
from dagster._core.origin import JobPythonOrigin
from dagster._grpc.impl import core_execute_run
from dagster._utils.hosted_user_process import recon_job_from_origin
from dagster._utils.interrupts import capture_interrupts

from ..errors import CodeIndexError
from ..records.dagster_runs import WORKER_TAG, worker_of
from .chain_runs import Loaded


def execute(ready: Loaded, run_id: str) -> None:
    """Executes a run that is recorded as starting. What becomes of it is in its record, failures included."""
    instance = ready.instance
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return  # deleted or cancelled while it waited
    # With its own id: a re-execution inherits this tag from its parent.
    instance.add_run_tags(run_id, {WORKER_TAG: worker_of(run_id)})
    if run.job_code_origin is None:
        raise CodeIndexError(f"the run {run_id} does not say which code it is of")
    with capture_interrupts():
        instance.report_engine_event("Began in a run worker", run, EngineEventData())
        try:
            for _ in core_execute_run(_job(run.job_code_origin), run, instance, inject_env_vars=False):
                pass
        except dg.DagsterExecutionInterruptedError as error:
            raise KeyboardInterrupt from error


# By the ids of their origins, with the definitions loaded once for all runs of this process.
_jobs: dict[str, ReconstructableJob] = {}


def _job(origin: JobPythonOrigin) -> ReconstructableJob:
    """A job by its origin."""
    known = origin.get_id()
    if known not in _jobs:
        found = recon_job_from_origin(origin)
        assert isinstance(found, ReconstructableJob)
        _jobs[known] = found
    return _jobs[known]


def record_lost(instance: dg.DagsterInstance, run_id: str) -> None:
    """Records a run as failed because the worker that had it is gone. Dagster may run it once more."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "the run worker was ended, because the run did not stop by itself")
    else:
        instance.report_run_failed(run, "the run worker that had this run is gone: it was killed, or memory ran out")
    with contextlib.suppress(NotImplementedError):
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
